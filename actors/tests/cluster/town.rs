//! Hubs as nodes of one cluster on one store, and short ways to ask them.

use std::sync::Arc;

use actors::bus::{BusLimits, Exchange, LocalBus};
use actors::clock::Clock;
use actors::cluster::PeerParts;
use actors::cluster::placement::Placement;
use actors::hub::{Hub, HubError, HubLimits, HubParts, HubSession};
use actors::ids::{EntityId, NodeId, Sequence, Timestamp};
use actors::journal::memory::MemoryJournal;
use actors::journal::{Journal, PageLimit, Range};
use actors::machines::room::{RoomCommand, RoomKind, RoomReply};

use actors::testing::words::Paused;
pub use actors::testing::words::{message, pass, room, user};

use super::ear::Ear;
use super::wire::{Switches, Wire};

pub struct Town {
    pub exchange: Arc<Exchange>,
    pub journal: Arc<MemoryJournal>,
    store: Arc<dyn Journal>,
    limits: BusLimits,
    clock: Arc<dyn Clock>,
    nodes: Vec<Option<Node>>,
    lives: u64,
}

struct Node {
    hub: Hub,
    switches: Arc<Switches>,
}

pub fn node(number: usize) -> NodeId {
    NodeId::parse(&format!("hub-{number}")).expect("a node id")
}

impl Town {
    /// So many nodes that know each other.
    pub async fn new(nodes: usize) -> Self {
        Self::with(nodes, BusLimits::default(), |journal| journal).await
    }

    /// The same with these paces, on a store that is reached in this way.
    pub async fn with(
        nodes: usize,
        limits: BusLimits,
        way: impl FnOnce(Arc<MemoryJournal>) -> Arc<dyn Journal>,
    ) -> Self {
        let journal = Arc::new(MemoryJournal::new());
        let mut town = Self {
            exchange: Exchange::new(),
            store: way(journal.clone()),
            journal,
            limits,
            clock: Arc::new(Paused::default()),
            nodes: Vec::new(),
            lives: 0,
        };
        for number in 0..nodes {
            town.nodes.push(None);
            town.start(number).await;
        }
        // They have heard of each other and taken their parts.
        pass(1_000).await;
        town
    }

    pub async fn start(&mut self, number: usize) {
        self.lives += 1;
        let switches = Arc::new(Switches::default());
        let limits = self.limits.clone();
        let bus = Wire {
            inner: LocalBus::new(self.exchange.clone(), node(number), limits.clone()),
            switches: switches.clone(),
        };
        let mut rules = HubLimits::default();
        rules.room.sends_per_second = 0;
        let parts = HubParts {
            journal: self.store.clone(),
            wakeups: self.journal.clone(),
            clock: self.clock.clone(),
            limits: rules,
            salt: self.lives,
        };
        let peers = PeerParts {
            bus: Arc::new(bus),
            node: node(number),
            incarnation: self.lives,
            limits,
        };
        let hub = Hub::start_among(parts, peers).await.expect("a hub starts");
        self.nodes[number] = Some(Node { hub, switches });
    }

    /// The time of day at which a town begins, about.
    pub fn now() -> Timestamp {
        Paused::default().now()
    }

    /// The process is gone: nobody hears or answers in its name, and its connections have ended.
    pub fn kill(&mut self, number: usize) {
        self.exchange.forget(&node(number));
        self.nodes[number] = None;
    }

    pub fn hub(&self, number: usize) -> &Hub {
        &self.nodes[number].as_ref().expect("a living node").hub
    }

    pub fn switches(&self, number: usize) -> &Switches {
        &self.nodes[number].as_ref().expect("a living node").switches
    }

    /// Which of the living nodes owns a room.
    pub fn owner(&self, name: &str) -> usize {
        self.owner_of(&EntityId::room(&room(name)))
    }

    /// Which of the living nodes owns an entity.
    pub fn owner_of(&self, entity: &EntityId) -> usize {
        let living = (0..self.nodes.len()).filter(|n| self.nodes[*n].is_some());
        let placement = Placement::new(living.clone().map(node));
        let owner = placement.owner(entity).cloned();
        living
            .into_iter()
            .find(|n| Some(node(*n)) == owner)
            .expect("an owner")
    }

    /// A name of a room that this node owns.
    pub fn room_of(&self, number: usize) -> String {
        let mut names = (0..).map(|n| format!("room-{n}"));
        names
            .find(|name| self.owner(name) == number)
            .expect("one of many")
    }

    /// `ada` creates a group room with `members`, on a node.
    pub async fn create(&self, on: usize, name: &str, members: &[&str]) {
        let command = RoomCommand::Create {
            by: user("ada"),
            kind: RoomKind::Group,
            name: None,
            members: members.iter().map(|name| user(name)).collect(),
        };
        let created = self.hub(on).room(&room(name), command).await;
        created.expect("created");
    }

    pub async fn send(
        &self,
        on: usize,
        to: &str,
        by: &str,
        id: &str,
    ) -> Result<Sequence, HubError> {
        match self.hub(on).room(&room(to), message(by, id)).await? {
            RoomReply::Sent(sent) => Ok(sent.sequence),
            other => panic!("not an answer to a message: {other:?}"),
        }
    }

    /// A connection of `name` to a node, subscribed to a room from its head.
    pub async fn join(&self, on: usize, name: &str, to: &str) -> (HubSession, Arc<Ear>) {
        let (session, ear) = self.connect(on, name);
        let joined = session.join(&room(to), None).await.expect("joined");
        joined.starting.begin();
        (session, ear)
    }

    pub fn connect(&self, on: usize, name: &str) -> (HubSession, Arc<Ear>) {
        let ear = Arc::new(Ear::default());
        (self.hub(on).connect(user(name), ear.clone()), ear)
    }

    /// The last sequence of a room in the store.
    pub async fn head(&self, name: &str) -> u64 {
        let head = self.journal.head(&EntityId::room(&room(name))).await;
        head.expect("readable").sequence.0
    }

    /// Rows of a room in the store; more than one record may share a row.
    pub async fn records(&self, name: &str) -> usize {
        let all = PageLimit {
            records: 1 << 20,
            bytes: 1 << 30,
        };
        let entity = EntityId::room(&room(name));
        let rows = self
            .journal
            .read(&entity, Range::After(Sequence::ZERO), all);
        let rows = rows.await.expect("readable");
        rows.iter().map(|row| row.records.len()).sum()
    }
}
