//! Seeded clients: they connect, join, send, repeat, edit, read slowly, leave, and write down all they see.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::runtime::Handle;

use super::oracle::{Outcome, SharedHistory, View, Wish, fact};
use super::reader::{Positions, Reader};
use crate::delivery::Shown;
use crate::hub::{HistoryPage, Hub, HubError, HubSession};
use crate::ids::{MessageId, RoomId, Sequence, UserId};
use crate::machines::room::{Content, MessageKind, Role, RoomCommand, RoomKind, RoomReply};
use crate::runtime::AskError;

/// A hub that clients may connect to.
pub struct Site<'a> {
    /// Its number.
    pub node: usize,
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
            runtime: site.runtime.clone(),
            session: Arc::new(session),
            reader,
        });
        for (room, _) in self.habits.rooms.clone() {
            self.join(site, &room);
        }
    }

    /// Creates a room with everybody in it.
    pub fn create(&mut self, site: &Site<'_>, room: &RoomId, kind: RoomKind) {
        let others = self.habits.users.iter().filter(|user| **user != self.user);
        let members = match kind {
            RoomKind::Direct => self.habits.users[..2]
                .iter()
                .filter(|user| **user != self.user)
                .cloned()
                .collect(),
            _ => others.cloned().collect(),
        };
        let command = RoomCommand::Create {
            by: self.user.clone(),
            kind,
            name: None,
            members,
        };
        self.ask(site, room, Wish::Other("create"), command, None);
    }

    /// Sends a new message.
    pub fn send(&mut self, site: &Site<'_>, room: &RoomId) {
        self.sent += 1;
        let id = format!("{}-{}", self.user, self.sent);
        let text = format!("text of {id}");
        if let Ok(id) = MessageId::parse(&id) {
            self.send_as(site, (room.clone(), id, text));
        }
    }

    fn send_again(&mut self, site: &Site<'_>) {
        let again = {
            let mut unsure = self.unsure.lock();
            if unsure.is_empty() {
                return;
            }
            let index = self.rng.random_range(0..unsure.len());
            let Some(message) = unsure.iter().nth(index).cloned() else {
                return;
            };
            unsure.remove(&message);
            message
        };
        self.send_as(site, again);
    }

    fn send_as(&mut self, site: &Site<'_>, message: Message) {
        let (room, id, text) = message.clone();
        // The same for every repeat, for it is part of what the message says.
        let reply_to = text.len().is_multiple_of(5).then_some(Sequence(5));
        let command = RoomCommand::Send {
            by: self.user.clone(),
            id: id.clone(),
            content: Content {
                kind: MessageKind::Text,
                text: text.clone(),
                metadata: None,
            },
            reply_to,
        };
        self.ask(site, &room, Wish::Send { id, text }, command, Some(message));
    }

    fn change(&mut self, site: &Site<'_>, room: &RoomId) {
        let known = self.positions.lock().get(room).map_or(1, |s| s.0.max(1));
        // Mostly something recent, sometimes something that must be loaded.
        let back = match self.rng.random_range(0..3) {
            0 => self.rng.random_range(0..known),
            _ => self.rng.random_range(0..known.min(8)),
        };
        let target = Sequence(known - back);
        let by = self.user.clone();
        self.sent += 1;
        let (wish, command) = match self.rng.random_range(0..10) {
            0..5 => {
                let text = format!("edit {} of {}", self.sent, self.user);
                let wish = Wish::Edit {
                    target,
                    text: text.clone(),
                };
                (wish, RoomCommand::Edit { by, target, text })
            }
            5..6 => (Wish::Other("delete"), RoomCommand::Delete { by, target }),
            kind => (
                Wish::Other("react"),
                RoomCommand::React {
                    by,
                    target,
                    emoji: "♫".into(),
                    add: kind < 9,
                },
            ),
        };
        self.ask(site, room, wish, command, None);
    }

    fn look(&mut self, site: &Site<'_>, room: &RoomId) {
        let command = RoomCommand::View {
            by: self.user.clone(),
        };
        self.ask(site, room, Wish::Look, command, None);
    }

    /// Reads a page of history, marks something as read, lists the rooms, types.
    fn browse(&mut self, site: &Site<'_>, room: &RoomId) {
        let Some(connection) = &self.connection else {
            return;
        };
        let session = connection.session.clone();
        let (user, room, history) = (self.user.clone(), room.clone(), self.history.clone());
        let known = self
            .positions
            .lock()
            .get(&room)
            .copied()
            .unwrap_or_default();
        let page = match self.rng.random_range(0..3) {
            0 => HistoryPage::Before(None),
            1 => HistoryPage::Before(Some(known)),
            _ => HistoryPage::After(Sequence(known.0 / 2)),
        };
        site.runtime.spawn(async move {
            let hub = session.hub();
            if let Ok(page) = hub.history(&room, &user, page, 10, None).await {
                let mut history = history.lock();
                for entry in page.messages {
                    let fact = fact(&Shown::Message(entry.view));
                    history.glimpses.push((room.clone(), entry.sequence, fact));
                }
            }
            // Answers of these are judged by nobody here; they must not fail in any other way.
            let _ = session.typing(&room, true).await;
            let _ = hub.mark_read(&room, &user, known).await;
            let _ = hub.my_rooms(&user, None, 10).await;
        });
    }

    fn manage(&mut self, site: &Site<'_>, room: &RoomId) {
        let by = self.user.clone();
        let user = self.habits.users[self.rng.random_range(0..self.habits.users.len())].clone();
        let (word, command) = match self.rng.random_range(0..8) {
            0 => ("remove", RoomCommand::Remove { by, user }),
            1 => (
                "rename",
                RoomCommand::Rename {
                    by,
                    name: format!("room {}", self.sent),
                },
            ),
            2 => {
                let role = Role::Moderator;
                ("role", RoomCommand::SetRole { by, user, role })
            }
            3 => ("quit", RoomCommand::Quit { by }),
            _ => ("invite", RoomCommand::Invite { by, user }),
        };
        self.ask(site, room, Wish::Other(word), command, None);
    }

    fn ask(
        &mut self,
        site: &Site<'_>,
        room: &RoomId,
        wish: Wish,
        command: RoomCommand,
        message: Option<Message>,
    ) {
        let attempt = self.history.lock().begin(&self.user, room, site.node, wish);
        let (hub, room, history) = (site.hub.clone(), room.clone(), self.history.clone());
        let (unsure, under_way) = (self.unsure.clone(), self.under_way.clone());
        *under_way.lock() += 1;
        site.runtime.spawn(async move {
            // A runtime that dies with the command in hand leaves no answer, but must free its place.
            let mut place = Place(under_way, message.map(|message| (unsure, message)));
            let outcome = outcome(hub.room(&room, command).await);
            if matches!(outcome, Outcome::Ok(_)) {
                place.1 = None;
            }
            history.lock().answer(attempt, outcome);
        });
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
            let from = after.is_none().then_some(joined.view.head);
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

/// A command under way; when it ends without success, its message is to be sent again.
struct Place(Arc<Mutex<usize>>, Option<(Unsure, Message)>);

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        if let Some((unsure, message)) = self.1.take() {
            unsure.lock().insert(message);
        }
    }
}

/// What an answer means to a client.
pub fn outcome(answer: Result<RoomReply, HubError>) -> Outcome {
    match answer {
        Ok(RoomReply::Sent(sent)) => Outcome::Ok(sent.sequence),
        Ok(RoomReply::Room(view)) => Outcome::Ok(view.head),
        Ok(RoomReply::Done { sequence }) => Outcome::Ok(sequence),
        Ok(RoomReply::Members(_)) => Outcome::Ok(Sequence::ZERO),
        Err(HubError::Room(AskError::OutcomeUnknown)) => Outcome::Unknown,
        Err(HubError::Room(AskError::Rejected(rejection))) => {
            Outcome::Refused(rejection.code().to_owned())
        }
        Err(other) => Outcome::Refused(other.to_string()),
    }
}
