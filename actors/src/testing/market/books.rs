//! A history read: what each row says, in the order in which rows landed, and what each entity has come to.

use std::collections::BTreeMap;

use super::history::History;
use crate::ids::{EntityId, EntityKind, RequestId, RoomId, Sequence, Timestamp, UserId};
use crate::journal::{Head, Row, Table};
use crate::machines::errand::{Errand, Outbox};
use crate::machines::inbox::{Inbox, InboxEntry};
use crate::machines::request::{Request, RequestEntry};
use crate::machines::room::{Room, RoomEntry};
use crate::machines::user::{User, UserEvent};
use crate::machines::{Machine, inbox, request, user};
use crate::runtime::pipeline::chores::done_key;
use crate::runtime::recovery::check_chain;

/// What a history comes to.
pub struct Books<'a> {
    /// What it was made of.
    pub history: &'a History,
    /// What landed at once, in order.
    pub moments: Vec<Moment>,
    /// Requests.
    pub requests: BTreeMap<RequestId, Book<Request>>,
    /// Users.
    pub users: BTreeMap<UserId, Book<User>>,
    /// Inboxes, by their owners.
    pub inboxes: BTreeMap<UserId, Book<Inbox>>,
    /// Rooms.
    pub rooms: BTreeMap<RoomId, Book<Room>>,
}

/// One row: it lands as a whole or not at all.
pub enum Moment {
    /// Of a request.
    Request(RequestId, Vec<RequestEntry>),
    /// Of a user.
    User(UserId, Vec<UserEvent>),
    /// Of an inbox.
    Inbox(UserId, Vec<InboxEntry>),
    /// Of a room.
    Room(RoomId, Vec<RoomEntry>),
}

/// One journal.
pub struct Book<M: Machine> {
    /// The entity as its journal leaves it; its outbox holds what nobody has noted as done.
    pub last: M,
    /// All events; the first is at sequence 1.
    pub events: Vec<M::Event>,
    /// All errands that it ever had, with their numbers.
    pub errands: Vec<(u64, Errand)>,
    head: Head,
}

impl<M: Machine> Book<M> {
    fn new(entity: &EntityId) -> Self {
        Self {
            last: M::new(entity),
            events: Vec::new(),
            errands: Vec::new(),
            head: Head::default(),
        }
    }

    /// That of an entity, new if there is none yet.
    fn of<'a, K: Ord + Clone>(
        shelf: &'a mut BTreeMap<K, Self>,
        id: &K,
        entity: &EntityId,
    ) -> &'a mut Self {
        let book = shelf.entry(id.clone());
        book.or_insert_with(|| Self::new(entity))
    }

    /// The last sequence.
    pub fn head(&self) -> Sequence {
        self.head.sequence
    }

    /// All events with their sequences.
    pub fn entries(&self) -> impl Iterator<Item = (Sequence, &M::Event)> {
        (1..).map(Sequence).zip(&self.events)
    }

    /// What is noted as done does not wait any more.
    fn forget_done(&mut self, history: &History, entity: &EntityId) {
        let row = history.rows.get(&(Table::ErrandsDone, done_key(entity)));
        if let (Some(row), Some(outbox)) = (row, self.last.outbox_mut()) {
            outbox.done_up_to(row.rank);
        }
    }

    fn read(
        &mut self,
        entity: &EntityId,
        row: &Row,
        sound: fn(&M) -> Option<&'static str>,
    ) -> Result<Vec<M::Event>, String> {
        check_chain(entity, self.head, row).map_err(|error| format!("chain_verifies: {error}"))?;
        let mut events = Vec::new();
        for (sequence, record) in row.entries() {
            let event = M::decode(record).map_err(|error| format!("chain_verifies: {error}"))?;
            self.last.apply(sequence, &event);
            if let Some(broken) = sound(&self.last) {
                return Err(format!(
                    "machines_are_sound: {entity} at {sequence}: {broken}"
                ));
            }
            if let Some(outbox) = self.last.outbox() {
                let new = outbox
                    .waiting()
                    .filter(|(number, _)| Outbox::event_of(*number) == sequence);
                let new: Vec<_> = new
                    .map(|(number, errand)| (number, errand.clone()))
                    .collect();
                self.errands.extend(new);
            }
            self.events.push(event.clone());
            events.push(event);
        }
        self.head = row.head();
        Ok(events)
    }
}

impl<'a> Books<'a> {
    /// Reads all rows; the answer to one that cannot be read, or after which a machine is not sound, begins with a name like
    /// those of checks.
    pub fn of(history: &'a History) -> Result<Self, String> {
        let mut books = Self {
            history,
            moments: Vec::new(),
            requests: BTreeMap::new(),
            users: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            rooms: BTreeMap::new(),
        };
        for (entity, row) in &history.log {
            let moment = books.read(entity, row)?;
            books.moments.push(moment);
        }
        for (id, book) in &mut books.requests {
            book.forget_done(history, &EntityId::request(id));
        }
        for (id, book) in &mut books.users {
            book.forget_done(history, &EntityId::user(id));
        }
        Ok(books)
    }

    fn read(&mut self, entity: &EntityId, row: &Row) -> Result<Moment, String> {
        let unreadable = || format!("chain_verifies: {entity} is no entity of a market");
        Ok(match entity.kind {
            EntityKind::Request => {
                let id = entity.as_request().ok_or_else(unreadable)?;
                let book = Book::of(&mut self.requests, &id, entity);
                Moment::Request(id, book.read(entity, row, request::invariants::violated)?)
            }
            EntityKind::User => {
                let id = entity.as_user().ok_or_else(unreadable)?;
                let book = Book::of(&mut self.users, &id, entity);
                Moment::User(id, book.read(entity, row, user::invariants::violated)?)
            }
            EntityKind::Inbox => {
                let id = entity.as_user().ok_or_else(unreadable)?;
                let book = Book::of(&mut self.inboxes, &id, entity);
                Moment::Inbox(id, book.read(entity, row, inbox::invariants::violated)?)
            }
            EntityKind::Room => {
                let id = entity.as_room().ok_or_else(unreadable)?;
                let book = Book::of(&mut self.rooms, &id, entity);
                Moment::Room(id, book.read(entity, row, |_| None)?)
            }
        })
    }

    /// Whether something that came about at a time has had so long that all that follows from it must have come about too.
    pub fn is_due(&self, at: Timestamp) -> bool {
        at.plus_millis(SLACK_MS + self.history.skew_ms) <= self.history.ended
    }
}

/// What follows from anything must have come about within this time after all faults.
pub const SLACK_MS: u64 = 20_000;
