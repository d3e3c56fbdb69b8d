//! A whole run: nodes, store, bus and clients, stepped from one seed; first with faults, then healed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::ids::{RoomId, UserId};
use actors::machines::room::RoomKind;
use actors::testing::oracle::{History, Outcome, SharedHistory};
use actors::testing::workload::{Client, Habits, Site};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::clock::{NodeClock, Now};
use super::fate::Turn;
use super::faults::{Fault, Faults};
use super::net::Net;
use super::node::Node;
use super::options::Options;
use super::store::Store;
use super::trace::{Counters, Trace};

const FAULTY_MS: u64 = 20_000;

pub struct Outcomes {
    pub history: History,
    pub trace: Trace,
}

pub struct World {
    pub(super) rng: StdRng,
    pub(super) now: Now,
    pub(super) store: Arc<Store>,
    pub(super) net: Arc<Net>,
    pub(super) nodes: Vec<Node>,
    lives: u64,
    pub(super) clients: Vec<Client>,
    pub(super) habits: Habits,
    pub(super) history: SharedHistory,
    pub(super) trace: Trace,
    pub(super) options: Arc<Options>,
    /// What happens when, in order.
    pub(super) plan: BTreeMap<(u64, u64), Turn>,
}

/// What a seed has in store.
pub fn drawn(seed: u64) -> (Options, Faults) {
    let mut rng = StdRng::seed_from_u64(seed);
    let options = Options::draw(&mut rng);
    let faults = Faults::draw(&mut rng, &options);
    (options, faults)
}

/// Runs one seed; with `kept`, only these of its faults happen.
pub fn run(seed: u64, verbose: bool, kept: Option<&[Fault]>) -> Outcomes {
    let now = Now::default();
    let trace = Trace::new(now.clone(), verbose);
    metrics::with_local_recorder(&Counters(trace.clone()), || {
        let mut rng = StdRng::seed_from_u64(seed);
        let options = Arc::new(Options::draw(&mut rng));
        let mut faults = Faults::draw(&mut rng, &options);
        if let Some(kept) = kept {
            faults.keep(kept);
        }
        trace.note(|| format!("{options:?}"));
        trace.note(|| format!("{faults:?}"));
        let mut world = World::new(rng, now, trace.clone(), options, &faults);
        world.faulty();
        world.healed();
        Outcomes {
            history: world.finish(),
            trace,
        }
    })
}

impl World {
    fn new(
        mut rng: StdRng,
        now: Now,
        trace: Trace,
        options: Arc<Options>,
        faults: &Faults,
    ) -> Self {
        let rates = Arc::new(Mutex::new(faults.rates));
        let store = Store::new(
            rng.random(),
            options.capabilities(),
            rates.clone(),
            now.clone(),
            trace.clone(),
        );
        let net = Net::new(
            rng.random(),
            now.clone(),
            trace.clone(),
            options.clone(),
            rates,
        );
        if faults.strangers {
            net.estrange();
        }
        let user = |number: usize| UserId::parse(&format!("u{number}")).expect("a user id");
        let users: Vec<UserId> = (0..options.clients).map(user).collect();
        let room = |name: &str| RoomId::parse(name).expect("a room id");
        let habits = Habits {
            rooms: vec![
                (room("band"), RoomKind::Group),
                (room("stage"), RoomKind::Public),
                (RoomId::direct(&users[0], &users[1]), RoomKind::Direct),
            ],
            users: users.clone(),
            queue: options.queue,
            at_once: 4,
        };
        let history = SharedHistory::default();
        let twin = options.twin.then(|| users[0].clone());
        let mut client = |user| Client::new(user, rng.random(), habits.clone(), history.clone());
        let mut clients: Vec<Client> = users.into_iter().map(&mut client).collect();
        clients.extend(twin.map(|user| client(user).second_device()));
        let mut plan = BTreeMap::new();
        for (number, incident) in (0..).zip(&faults.incidents) {
            plan.insert((incident.at, number), Turn::Happens(incident.what));
        }
        let node = |number| {
            let clock = NodeClock {
                now: now.clone(),
                ..NodeClock::default()
            };
            clock.skew.store(options.skews[number], Ordering::Relaxed);
            Node::new(number, clock)
        };
        Self {
            nodes: (0..options.nodes).map(node).collect(),
            lives: 0,
            rng,
            now,
            store,
            net,
            clients,
            habits,
            history,
            trace,
            options,
            plan,
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    fn faulty(&mut self) {
        self.raise();
        self.found_rooms();
        while self.now() < FAULTY_MS {
            self.happen();
            self.raise();
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

    /// Starts what is down and may come back, and ends what has come to its end.
    fn raise(&mut self) {
        let now = self.now();
        for number in 0..self.nodes.len() {
            let node = &self.nodes[number];
            if node.hub().is_none() && node.down_until <= now {
                self.start(number);
            } else if node.fuse().is_some_and(super::fuse::Fuse::is_burnt) {
                let down = self.rng.random_range(20..2_500);
                self.crash(number, down);
            } else if let Some(down) = node.drained() {
                self.trace.hit("node drained");
                self.end(number, down);
            }
        }
    }

    pub(super) fn start(&mut self, number: usize) {
        self.lives += 1;
        self.trace.note(|| format!("node {number} starts"));
        self.nodes[number].start(self.lives, &self.store, &self.net);
    }

    pub(super) fn crash(&mut self, number: usize, down: u64) {
        self.trace.note(|| format!("node {number} crashes"));
        self.trace.hit("node crashed");
        self.end(number, down);
    }

    fn end(&mut self, number: usize, down: u64) {
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
        self.nodes[number].down_until = self.now() + down;
    }

    pub(super) fn sites(nodes: &[Node]) -> Vec<Site<'_>> {
        let up = nodes
            .iter()
            .filter_map(|node| Some((node.number, node.life()?, node.hub()?)));
        let sites = up.map(|(node, life, (hub, runtime))| Site {
            node,
            life,
            hub,
            runtime,
        });
        sites.collect()
    }

    fn act(&mut self) {
        let Options {
            reading, eagerness, ..
        } = *self.options;
        let sites = Self::sites(&self.nodes);
        for client in &mut self.clients {
            if self.rng.random_range(0..1_000) < eagerness {
                client.act(&sites);
            }
            if self.rng.random_range(0..1_000) < 300 {
                client.read(&sites, reading);
            }
        }
    }

    /// Lets time pass for all: the store first, then the nodes in an order drawn anew, each with what has arrived at it.
    pub(super) fn step(&mut self, millis: u64) {
        self.now.fetch_add(millis, Ordering::Relaxed);
        self.store.run();
        let first = self.rng.random_range(0..self.nodes.len());
        for index in 0..self.nodes.len() {
            let number = (first + index) % self.nodes.len();
            self.nodes[number].step(millis);
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

    /// Ends all faults: what was cut is joined, what was down or stood still goes on.
    pub(super) fn heal(&mut self) {
        self.trace.note(|| "healed".into());
        self.plan.clear();
        *self.store.rates.lock() = super::faults::Rates::default();
        self.store.settle();
        self.net.heal();
        for number in 0..self.nodes.len() {
            let node = &mut self.nodes[number];
            // A lit fuse goes out unless it has burnt down.
            let burnt = node.fuse().is_some_and(|fuse| !fuse.put_out());
            if node.paused_until > 0 {
                node.paused_until = 1;
            }
            if burnt || node.is_draining() || self.options.deserted {
                self.end(number, 0);
            }
            if self.nodes[number].hub().is_none() {
                self.start(number);
            }
        }
    }
}
