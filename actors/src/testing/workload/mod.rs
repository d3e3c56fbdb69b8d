//! Seeded clients: they connect, join, send, repeat, edit, read slowly, leave, and write down all they see.

mod wishes;

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::runtime::Handle;

use super::oracle::{SharedHistory, View};
use super::reader::{Positions, Reader};
use crate::hub::{Hub, HubSession};
use crate::ids::{MessageId, RoomId, Sequence, UserId};
use crate::machines::room::RoomKind;

pub use wishes::outcome;

/// A hub that clients may connect to.
pub struct Site<'a> {
    /// Its number.
    pub node: usize,
    /// Which life of it.
    pub life: u64,
    /// The hub.
    pub hub: &'a Hub,
    /// The runtime it lives on.
    pub runtime: &'a Handle,
}

/// How clients behave in a run.
#[derive(Debug, Clone)]
pub struct Habits {
    /// The rooms there are, each with its kind.
    pub rooms: Vec<(RoomId, RoomKind)>,
    /// All users.
    pub users: Vec<UserId>,
    /// Deliveries that a send queue holds.
    pub queue: usize,
    /// Most commands of a client under way at once.
    pub at_once: usize,
}

/// Messages of a second device are numbered from here.
const SECOND_DEVICE: u64 = 1_000_000;

type Message = (RoomId, MessageId, String);
/// Ordered, for the commands of a node that dies end in no particular order.
type Unsure = Arc<Mutex<BTreeSet<Message>>>;

/// One user with at most one connection.
pub struct Client {
    user: UserId,
    habits: Habits,
    rng: StdRng,
    history: SharedHistory,
    positions: Positions,
    /// Messages whose fate is not known for sure: to be sent again under the same id.
    unsure: Unsure,
    under_way: Arc<Mutex<usize>>,
    sent: u64,
    connection: Option<Connection>,
}

struct Connection {
    node: usize,
    life: u64,
    /// Moment at which it was made.
    made: u64,
    runtime: Handle,
    session: Arc<HubSession>,
    reader: Arc<Reader>,
}

impl Client {
    /// A client that is not connected yet.
    pub fn new(user: UserId, seed: u64, habits: Habits, history: SharedHistory) -> Self {
        Self {
            user,
            habits,
            rng: StdRng::seed_from_u64(seed),
            history,
            positions: Positions::default(),
            unsure: Arc::default(),
            under_way: Arc::default(),
            sent: 0,
            connection: None,
        }
    }

    /// Another device of a user who has one already: its messages have ids of their own.
    pub fn second_device(mut self) -> Self {
        self.sent = SECOND_DEVICE;
        self
    }

    /// Does one thing, drawn from the seed.
    pub fn act(&mut self, sites: &[Site<'_>]) {
        let Some(connection) = &self.connection else {
            return self.connect(sites);
        };
        let Some(site) = sites.iter().find(|site| site.node == connection.node) else {
            return;
        };
        if *self.under_way.lock() >= self.habits.at_once {
            return;
        }
        let room = self.habits.rooms[self.rng.random_range(0..self.habits.rooms.len())].clone();
        match self.rng.random_range(0..100) {
            0..40 => self.send(site, &room.0),
            40..55 => self.send_again(site),
            55..68 => self.change(site, &room.0),
            68..74 => self.look(site, &room.0),
            74..78 => self.browse(site, &room.0),
            78..88 => self.join(site, &room.0),
            88..92 => self.manage(site, &room.0),
            92..94 => {
                connection.session.leave(&room.0);
            }
            94..97 => self.create(site, &room.0, room.1),
            _ => self.disconnect(),
        }
    }

    /// Connects to any hub and resumes all rooms.
    pub fn connect(&mut self, sites: &[Site<'_>]) {
        if sites.is_empty() {
            return;
        }
        let site = &sites[self.rng.random_range(0..sites.len())];
        let reader = Reader::new(
            self.history.clone(),
            self.positions.clone(),
            self.habits.queue,
        );
        let session = site.hub.connect(self.user.clone(), reader.clone());
        self.connection = Some(Connection {
            node: site.node,
            life: site.life,
            made: self.history.lock().moment(),
            runtime: site.runtime.clone(),
            session: Arc::new(session),
            reader,
        });
        for (room, _) in self.habits.rooms.clone() {
            self.join(site, &room);
        }
    }

    /// Joins a room at a position drawn from the seed: mostly where it was, sometimes elsewhere.
    pub fn join(&mut self, site: &Site<'_>, room: &RoomId) {
        let known = self.positions.lock().get(room).copied();
        let after = match (self.rng.random_range(0..20), known) {
            (0, _) => None,
            (1, _) => Some(Sequence::ZERO),
            (2, Some(known)) => Some(Sequence(known.0 + 1_000)),
            (3, Some(known)) => Some(Sequence(known.0 / 2)),
            (_, known) => known.or(Some(Sequence::ZERO)),
        };
        let Some(connection) = &self.connection else {
            return;
        };
        let (session, reader) = (connection.session.clone(), connection.reader.clone());
        let (history, room, user) = (self.history.clone(), room.clone(), self.user.clone());
        site.runtime.spawn(async move {
            let Ok(joined) = session.join(&room, after).await else {
                return;
            };
            let view = {
                let mut history = history.lock();
                history.views.push(View {
                    user,
                    room: room.clone(),
                    after,
                    head: joined.view.head,
                    seen: Vec::new(),
                });
                history.views.len() - 1
            };
            // Whoever asked for what is not there yet is told where to begin.
            let head = joined.view.head;
            let from = Some(after.unwrap_or(head)).filter(|from| *from <= head);
            reader.joined(room, view, from);
            joined.starting.begin();
        });
    }

    /// Connects if need be and joins every room that it is not subscribed to.
    pub fn resume(&mut self, sites: &[Site<'_>]) {
        let Some(connection) = &self.connection else {
            return self.connect(sites);
        };
        let session = connection.session.session().clone();
        let Some(site) = sites.iter().find(|site| site.node == connection.node) else {
            return;
        };
        for (room, _) in self.habits.rooms.clone() {
            if !session.is_subscribed(&room) {
                self.join(site, &room);
            }
        }
    }

    /// Says something in every room.
    pub fn greet(&mut self, sites: &[Site<'_>]) {
        let node = self.node();
        if let Some(site) = sites.iter().find(|site| Some(site.node) == node) {
            for (room, _) in self.habits.rooms.clone() {
                self.send(site, &room);
            }
        }
    }

    /// Reads at most `count` of what has come.
    pub fn read(&mut self, sites: &[Site<'_>], count: usize) {
        let Some(connection) = &self.connection else {
            return;
        };
        if let Some(site) = sites.iter().find(|site| site.node == connection.node) {
            let _context = site.runtime.enter();
            connection.reader.read(count);
        }
    }

    /// Rooms in which this client is subscribed, with the last sequence read.
    pub fn subscribed(&self) -> Vec<(RoomId, Sequence)> {
        let Some(connection) = &self.connection else {
            return Vec::new();
        };
        let rooms = self.habits.rooms.iter().map(|(room, _)| room);
        let rooms = rooms.filter(|room| connection.session.session().is_subscribed(room));
        let positions = self.positions.lock();
        rooms
            .map(|room| {
                (
                    room.clone(),
                    positions.get(room).copied().unwrap_or_default(),
                )
            })
            .collect()
    }

    /// Whose client.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The node it is connected to.
    pub fn node(&self) -> Option<usize> {
        self.connection.as_ref().map(|connection| connection.node)
    }

    /// Ends the connection.
    pub fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _context = connection.runtime.enter();
            connection.reader.close();
        }
    }
}
