//! The people of an evening: where each is, what each has said and seen.

use protocol::Encoding;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::books::Books;
use super::cast::Cast;
use super::curve::Curve;
use super::outbox::Outbox;
use super::people::People;
use super::spec::EveningSpec;
use crate::hub::SendTemplate;
use crate::run::log::Log;
use crate::wire::Scanner;

/// Every stamp of an evening is of this trial.
pub const TRIAL: u16 = 1;

/// Most sends of which it is remembered that they came late by the plan.
const MOST_EXCUSED: usize = 1 << 20;

/// "Is typing" of one person in one room.
#[derive(Clone, Copy, Debug, Default)]
pub struct Typing {
    /// It was told, and not yet ended.
    pub on: bool,
    /// When it was last intended, plus one; 0 for never.
    pub since_ns: u64,
}

/// Everybody.
pub struct Crowd<'a> {
    /// Who is in which room.
    pub cast: &'a Cast,
    /// What arrived.
    pub books: Books<'a>,
    /// When what was due.
    pub curve: &'a dyn Curve,
    /// The connections to the hub for chat, by user, and behind them those to the hub for notifications.
    pub people: People<'a>,
    /// What everybody still has to say.
    pub outboxes: Vec<Outbox>,
    /// Pages of history that are under way, by user: since when, and of which slot.
    pub histories: Vec<Option<(u64, u32)>>,
    /// What comes next in the inboxes of those; 0 before the first time.
    pub inboxes: Vec<u64>,
    /// By slot.
    pub typing: Vec<Typing>,
    /// Sends that the hub wants once more, and whose they are.
    pub again: Vec<(u32, u32)>,
    /// Sends that came late by the plan, because whoever made them was away: they say nothing of latency.
    pub excused: HashSet<u32>,
    /// What can be set.
    pub spec: &'a EveningSpec,
    /// Names of the rooms.
    pub names: &'a [String],
    /// By user their line to the hub for notifications, if there is one.
    pub second: &'a [Option<usize>],
    /// What is sent to each room: in JSON, and in MessagePack.
    pub templates: Vec<[SendTemplate; 2]>,
    /// Frames that are being made.
    pub frame: Vec<u8>,
    /// Rooms by name.
    pub rooms: HashMap<Vec<u8>, u32>,
    /// Users by name.
    pub users: HashMap<String, u32>,
    /// What each line speaks.
    pub speaks: Vec<Encoding>,
    /// Recognise records in JSON, and in MessagePack.
    pub scanners: [Rc<Scanner>; 2],
}

/// What a crowd begins with.
pub struct Begin<'a> {
    /// What can be set.
    pub spec: &'a EveningSpec,
    /// Who is in which room.
    pub cast: &'a Cast,
    /// What it takes.
    pub log: &'a mut Log,
    /// When what is due.
    pub curve: &'a dyn Curve,
    /// Names of the rooms.
    pub rooms: &'a [String],
    /// Names of the users.
    pub users: &'a [String],
    /// By user their line to the hub for notifications.
    pub second: &'a [Option<usize>],
    /// What each line speaks, those to the hub for notifications last.
    pub speaks: Vec<Encoding>,
    /// What is sent to each room.
    pub templates: Vec<[SendTemplate; 2]>,
}

impl<'a> Crowd<'a> {
    /// Nobody is there yet.
    pub fn new(begin: Begin<'a>) -> Self {
        let (users, lines) = (begin.users.len(), begin.speaks.len());
        let rooms = begin.rooms.iter().map(|name| name.clone().into_bytes());
        let encodings = [Encoding::Json, Encoding::MessagePack];
        Self {
            books: Books::new(begin.cast),
            cast: begin.cast,
            curve: begin.curve,
            people: People::new(lines, begin.log),
            outboxes: (0..users).map(|_| Outbox::default()).collect(),
            histories: vec![None; users],
            inboxes: vec![0; lines - users],
            typing: vec![Typing::default(); begin.cast.slots() as usize],
            again: Vec::new(),
            excused: HashSet::new(),
            spec: begin.spec,
            names: begin.rooms,
            second: begin.second,
            templates: begin.templates,
            frame: Vec::new(),
            rooms: rooms.zip(0..).collect(),
            users: begin.users.iter().cloned().zip(0..).collect(),
            speaks: begin.speaks,
            scanners: encodings.map(|encoding| Rc::new(Scanner::new(encoding))),
        }
    }

    /// A send comes late by the plan.
    pub fn excuse(&mut self, n: u32) {
        if self.excused.len() < MOST_EXCUSED {
            self.excused.insert(n);
        }
    }

    /// The line of a person's inbox, by the order of those lines.
    pub fn inbox_of(&self, line: usize) -> Option<usize> {
        line.checked_sub(self.users.len())
    }

    /// Somebody's slot in a room by its name, once it was joined.
    pub fn slot(&self, user: usize, room: &[u8]) -> Option<u32> {
        let room = self.rooms.get(room)?;
        self.cast
            .slot(user as u32, *room)
            .filter(|slot| self.books.position(*slot).is_some())
    }
}
