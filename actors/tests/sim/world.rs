//! A whole run: nodes, store, bus and clients, stepped from one seed; first with faults, then healed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::ids::{EntityId, RoomId, Sequence, UserId};
use actors::journal::{Journal, Table};
use actors::machines::room::{RoomKind, cards};
use actors::testing::oracle::{Awaited, History, Outcome, SharedHistory, Stored};
use actors::testing::workload::{Client, Habits, Site};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::bus::Bus;
use super::clock::Now;
use super::faults::Faults;
use super::node::Node;
use super::store::{Store, done};
use super::trace::{Counters, Trace};

const FAULTY_MS: u64 = 20_000;
/// Every live subscriber reaches the head, and every command is answered, within this time.
const HEALED_MS: u64 = 5_000;
/// Alarms of lost side writes are due at last by then.
const SETTLED_MS: u64 = 50_000;

pub struct Outcomes {
    pub history: History,
    pub trace: Trace,
    pub faults: Faults,
}

pub struct World {
    rng: StdRng,
    now: Now,
    store: Arc<Store>,
    bus: Arc<Bus>,
    nodes: Vec<Node>,
    lives: u64,
    clients: Vec<Client>,
    habits: Habits,
    /// Chance that a client does something in a step, in thousandths.
    eagerness: u32,
    history: SharedHistory,
    trace: Trace,
}

/// Runs one seed.
pub fn run(seed: u64, verbose: bool) -> Outcomes {
    let now = Now::default();
    let trace = Trace::new(now.clone(), verbose);
    metrics::with_local_recorder(&Counters(trace.clone()), || {
        let mut world = World::new(seed, now, trace.clone());
        let faults = world.store.faults.lock().clone();
        trace.note(|| format!("{faults:?}"));
        world.faulty();
        world.healed();
        world.finish(faults)
    })
}

impl World {
    fn new(seed: u64, now: Now, trace: Trace) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let faults = Faults::draw(&mut rng);
        let store = Store::new(rng.random(), faults.clone(), now.clone(), trace.clone());
        let bus = Bus::new(rng.random(), now.clone(), store.clone());
        let user = |number: usize| UserId::parse(&format!("u{number}")).expect("a user id");
        let users: Vec<UserId> = (0..faults.clients).map(user).collect();
        let room = |name: &str| RoomId::parse(name).expect("a room id");
        let habits = Habits {
            rooms: vec![
                (room("band"), RoomKind::Group),
                (room("stage"), RoomKind::Public),
                (RoomId::direct(&users[0], &users[1]), RoomKind::Direct),
            ],
            users: users.clone(),
            queue: faults.queue,
            at_once: 4,
        };
        let history = SharedHistory::default();
        let mut client = |user| Client::new(user, rng.random(), habits.clone(), history.clone());
        let clients = users.into_iter().map(&mut client).collect();
        Self {
            nodes: (0..faults.nodes).map(Node::new).collect(),
            lives: 0,
            eagerness: [30, 100, 300][rng.random_range(0..3)],
            rng,
            now,
            store,
            bus,
            clients,
            habits,
            history,
            trace,
        }
    }

    fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    fn chance(&mut self, thousandths: u32) -> bool {
        self.rng.random_range(0..1_000) < thousandths
    }

    fn faulty(&mut self) {
        self.hurt_nodes();
        self.found_rooms();
        while self.now() < FAULTY_MS {
            self.hurt_nodes();
            self.act();
            let millis = self.rng.random_range(1..10);
            self.step(millis);
        }
    }

    /// The first client tries to create all rooms; should that fail, others try later.
    fn found_rooms(&mut self) {
        let sites = Self::sites(&self.nodes);
        for (room, kind) in self.habits.rooms.clone() {
            self.clients[0].create(&sites[0], &room, kind);
        }
    }

    fn hurt_nodes(&mut self) {
        let faults = self.store.faults.lock().clone();
        let now = self.now();
        for number in 0..self.nodes.len() {
            let up = self.nodes[number].hub().is_some();
            if !up && self.nodes[number].down_until <= now {
                self.start(number);
            } else if up && self.chance(faults.crash) {
                self.crash(number);
            } else if up && self.chance(faults.pause) {
                self.trace.hit("node paused");
                self.nodes[number].paused_until = now + self.rng.random_range(50..4_000);
            }
        }
    }

    fn start(&mut self, number: usize) {
        self.lives += 1;
        self.trace.note(|| format!("node {number} starts"));
        self.nodes[number].start(self.lives, &self.now, &self.store, &self.bus);
    }

    fn crash(&mut self, number: usize) {
        self.trace.note(|| format!("node {number} crashes"));
        self.trace.hit("node crashed");
        for client in self.clients.iter_mut().filter(|c| c.node() == Some(number)) {
            client.disconnect();
        }
        self.nodes[number].crash();
        let mut history = self.history.lock();
        for attempt in 0..history.attempts.len() {
            if history.attempts[attempt].node == number {
                history.answer(attempt, Outcome::Unknown);
            }
        }
        drop(history);
        let down = self.rng.random_range(20..2_000);
        self.nodes[number].down_until = self.now() + down;
        self.nodes[number].paused_until = 0;
    }

    fn sites(nodes: &[Node]) -> Vec<Site<'_>> {
        let up = nodes
            .iter()
            .filter_map(|node| Some((node.number, node.hub()?)));
        up.map(|(node, (hub, runtime))| Site { node, hub, runtime })
            .collect()
    }

    fn act(&mut self) {
        let reading = self.store.faults.lock().reading;
        let sites = Self::sites(&self.nodes);
        for client in &mut self.clients {
            if self.rng.random_range(0..1_000) < self.eagerness {
                client.act(&sites);
            }
            if self.rng.random_range(0..1_000) < 300 {
                client.read(&sites, reading);
            }
        }
    }

    /// Lets time pass for all: the store first, then the bus, then the nodes in an order drawn anew.
    fn step(&mut self, millis: u64) {
        let now = self.now.fetch_add(millis, Ordering::Relaxed) + millis;
        self.store.run();
        while let Some(hint) = self.bus.next() {
            if let Some((hub, runtime)) = self.nodes[hint.to].hub() {
                let _context = runtime.enter();
                hub.hear(&hint.entity, hint.first, &hint.events);
            }
        }
        let first = self.rng.random_range(0..self.nodes.len());
        for index in 0..self.nodes.len() {
            let number = (first + index) % self.nodes.len();
            self.nodes[number].step(millis, now);
            self.store.run();
            self.measure(number);
        }
    }

    fn measure(&self, number: usize) {
        if let Some((hub, _)) = self.nodes[number].hub() {
            let (awake, feeds, bytes) = hub.load();
            let mut history = self.history.lock();
            let rooms = self.habits.rooms.len();
            history.gauge("entities awake", awake, rooms);
            history.gauge("feeds", feeds, rooms);
            history.gauge("bytes of waiting commands", bytes, 256 * 1_024 * 1_024);
        }
    }

    /// Ends all faults and waits for everything to come about.
    fn healed(&mut self) {
        self.trace.note(|| "healed".into());
        self.store.faults.lock().heal();
        self.store.settle();
        for number in 0..self.nodes.len() {
            self.nodes[number].paused_until = 0;
            if self.nodes[number].hub().is_none() {
                self.start(number);
            }
        }
        let (healed, before) = (self.now(), self.history.lock().attempts.len());
        let mut greetings = [300, 1_500].into_iter().peekable();
        while self.now() < healed + HEALED_MS {
            let since = self.now() - healed;
            let greet = greetings.next_if(|due| *due <= since).is_some();
            let sites = Self::sites(&self.nodes);
            for client in &mut self.clients {
                client.read(&sites, 8);
                if since < 2_000 && self.rng.random_range(0..50) == 0 {
                    client.resume(&sites);
                }
                if greet {
                    client.greet(&sites);
                }
            }
            self.step(2);
        }
        self.judge(before);
    }

    /// Whether everything has come about that had to.
    fn judge(&self, before: usize) {
        let mut awaited = Vec::new();
        let mut wait =
            |what: String, missed: Option<String>| awaited.push(Awaited { what, missed });
        let archive = self.store.archive.lock();
        let mut history = self.history.lock();
        for client in &self.clients {
            for (room, position) in client.subscribed() {
                let rows = archive.get(&EntityId::room(&room));
                let head = rows
                    .and_then(|rows| rows.last())
                    .map_or(0, |row| row.last().0);
                let missed = (position.0 != head).then(|| format!("at {position} of {head}"));
                wait(
                    format!("{} reaches the head of {room}", client.user()),
                    missed,
                );
            }
        }
        let open = history.unanswered();
        wait(
            "all commands are answered".into(),
            (open > 0).then(|| format!("{open} are not")),
        );
        for attempt in &history.attempts[before..] {
            let unknown = *attempt.outcome() == Outcome::Unknown;
            let missed = unknown.then(|| "nobody knows".to_owned());
            wait(format!("{attempt:?} has an outcome"), missed);
        }
        history.awaited = awaited;
    }

    fn finish(mut self, faults: Faults) -> Outcomes {
        for client in &mut self.clients {
            client.disconnect();
        }
        if !faults.atomic {
            let end = self.now() + SETTLED_MS;
            while self.now() < end {
                self.step(250);
            }
        }
        self.drain();
        for node in &mut self.nodes {
            node.crash();
        }
        let mut history = std::mem::take(&mut *self.history.lock());
        history.deletes_at_once = faults.nodes == 1 && faults.atomic;
        for (room, _) in &self.habits.rooms {
            history.rooms.insert(room.clone(), self.stored(room));
        }
        for attempt in &history.attempts {
            self.trace.hit(match attempt.outcome() {
                Outcome::Ok(_) => "command done",
                Outcome::Unknown => "command unknown",
                Outcome::Refused(why) if why.starts_with("overloaded") => "command overloaded",
                Outcome::Refused(why) if why.starts_with("unavailable") => "command unavailable",
                Outcome::Refused(_) => "command refused by a rule",
            });
            self.trace.note(|| format!("{attempt:?}"));
        }
        for view in &history.views {
            self.trace.note(|| format!("{view:?}"));
        }
        Outcomes {
            history,
            trace: self.trace,
            faults,
        }
    }

    /// Every node goes to sleep in order.
    fn drain(&mut self) {
        let sites = Self::sites(&self.nodes);
        let drains = sites.iter().map(|site| {
            let hub = site.hub.clone();
            site.runtime.spawn(async move { hub.drain().await })
        });
        let drains: Vec<_> = drains.collect();
        for _ in 0..400 {
            self.step(5);
        }
        let open = drains.iter().filter(|drain| !drain.is_finished()).count();
        self.history.lock().awaited.push(Awaited {
            what: "all nodes drain".into(),
            missed: (open > 0).then(|| format!("{open} do not")),
        });
    }

    fn stored(&self, room: &RoomId) -> Stored {
        let inner = &self.store.inner;
        let entity = EntityId::room(room);
        let get = |table, key| {
            let rows = done(inner.get_rows(table, vec![key])).expect("readable");
            rows.into_iter().next().flatten()
        };
        let rows = self
            .store
            .archive
            .lock()
            .get(&entity)
            .cloned()
            .unwrap_or_default();
        let last = rows.last().map(|row| row.last()).unwrap_or_default();
        let trims = self.store.trims.lock().get(&entity).cloned();
        let memberships = self.habits.users.iter().filter_map(|user| {
            let row = get(Table::RoomsOfUser, cards::rooms_of_user_key(user, room))?;
            Some((user.clone(), row))
        });
        Stored {
            first_retained: done(inner.first_retained(&entity)).expect("readable"),
            retained: trims.into_iter().flatten().chain([Sequence(1)]).collect(),
            overlays: done(inner.overlays(&entity, Sequence(1), last)).expect("readable"),
            card: get(Table::RoomCards, cards::room_card_key(room)),
            memberships: memberships.collect(),
            rows,
        }
    }
}
