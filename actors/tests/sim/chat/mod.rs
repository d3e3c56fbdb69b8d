//! Worlds of people who talk in rooms.

mod finish;
mod heal;

use actors::hub::{Hub, HubLimits};
use actors::ids::{RoomId, UserId};
use actors::machines::room::RoomKind;
use actors::testing::checks::{all_violations, violations};
use actors::testing::oracle::{History, Outcome, SharedHistory};
use actors::testing::workload::{Client, Habits};
use rand::Rng;
use rand::rngs::StdRng;

use super::faults::Fault;
use super::options::Options;
use super::shrink::Run;
use super::trace::Trace;
use super::world::{self, Crowd};

const FAULTY_MS: u64 = 20_000;

/// A world with rooms.
type World = world::World<Chat>;

pub struct Chat {
    clients: Vec<Client>,
    habits: Habits,
    history: SharedHistory,
}

/// Runs one seed; with `kept`, only these of its faults happen.
pub fn run(seed: u64, verbose: bool, kept: Option<&[Fault]>) -> (History, Trace) {
    world::live(seed, verbose, kept, Chat::new, |mut world| {
        world.faulty();
        world.healed();
        world.finish()
    })
}

/// The same, judged by all that the checks say.
pub fn judged(seed: u64, verbose: bool, kept: Option<&[Fault]>) -> Run {
    let (history, trace) = run(seed, verbose, kept);
    (all_violations(&history), trace)
}

/// The same for a run with a mistake in it: by what is checked here, and not by what other suites have in common with it.
pub fn tried(seed: u64) -> Vec<String> {
    violations(&run(seed, false, None).0)
}

impl Chat {
    fn new(rng: &mut StdRng, options: &Options) -> Self {
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
        Self {
            clients,
            habits,
            history,
        }
    }
}

impl Crowd for Chat {
    fn limits(&self, options: &Options) -> HubLimits {
        options.hub_limits()
    }

    fn cut_off(&mut self, node: usize) {
        let mut clients = self.clients.iter_mut();
        clients
            .by_ref()
            .filter(|client| client.node() == Some(node))
            .for_each(Client::disconnect);
        let mut history = self.history.lock();
        for attempt in 0..history.attempts.len() {
            if history.attempts[attempt].node == node {
                history.answer(attempt, Outcome::Unknown);
            }
        }
    }

    fn measure(&mut self, hub: &Hub) {
        let (awake, feeds, bytes) = hub.load();
        let mut history = self.history.lock();
        let rooms = self.habits.rooms.len();
        history.gauge("entities awake", awake, rooms);
        history.gauge("feeds", feeds, rooms);
        history.gauge("bytes of waiting commands", bytes, 256 * 1_024 * 1_024);
    }
}

impl World {
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
        for (room, kind) in self.crowd.habits.rooms.clone() {
            self.crowd.clients[0].create(&sites[0], &room, kind);
        }
    }

    fn act(&mut self) {
        let Options {
            reading, eagerness, ..
        } = *self.options;
        let sites = Self::sites(&self.nodes);
        for client in &mut self.crowd.clients {
            if self.rng.random_range(0..1_000) < eagerness {
                client.act(&sites);
            }
            if self.rng.random_range(0..1_000) < 300 {
                client.read(&sites, reading);
            }
        }
    }
}
