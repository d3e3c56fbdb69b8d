//! The smallest machine beside rooms that nodes can run and people can listen to: notes with numbers, and how many.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::cluster::Listened;
use crate::delivery::Shown;
use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{Record, SideWrites};
use crate::machines::{Context, Decision, DecodeError, Machine, Wish, bricks};

/// A wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotesCommand {
    /// Takes a note down, once for each number.
    Add(u64),
    /// The same of a note that may be there any number of times.
    AddAgain(u64),
    /// Query: how many there are.
    Count,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotesReply {
    /// To `Add` and `AddAgain`: where it stands.
    At(Sequence),
    /// To `Count`.
    Count(usize),
}

/// A note was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("the greatest number is {greatest}")]
pub struct TooGreat {
    /// The greatest number that is taken.
    pub greatest: u64,
}

/// A note and when it was taken.
pub type Note = (u64, Timestamp);

/// All notes, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notes(Vec<u64>);

impl Wish for NotesCommand {
    fn weight(&self) -> usize {
        64
    }

    fn is_query(&self) -> bool {
        matches!(self, NotesCommand::Count)
    }

    fn has_id(&self) -> bool {
        matches!(self, NotesCommand::Add(_))
    }
}

impl Listened for Notes {
    fn show(event: &Note) -> Shown {
        Shown::Raw(Self::encode(event))
    }
}

impl Machine for Notes {
    const KIND: EntityKind = EntityKind::Inbox;
    type Command = NotesCommand;
    type Event = Note;
    type Reply = NotesReply;
    type Rejection = TooGreat;
    /// The greatest number.
    type Limits = u64;

    fn new(_: &EntityId) -> Self {
        Self(Vec::new())
    }

    fn decide(
        &self,
        context: &Context<'_, Self>,
        command: &NotesCommand,
    ) -> Result<Decision<Self>, TooGreat> {
        let (number, known) = match command {
            NotesCommand::Count => {
                let reply = NotesReply::Count(self.0.len());
                let events = Vec::new();
                return Ok(Decision { events, reply });
            }
            NotesCommand::Add(number) => {
                let known = self.0.iter().position(|note| note == number);
                (*number, known)
            }
            NotesCommand::AddAgain(number) => (*number, None),
        };
        let greatest = *context.limits;
        if number > greatest {
            return Err(TooGreat { greatest });
        }
        let at = known.unwrap_or(self.0.len()) as u64 + 1;
        let event = known.is_none().then_some((number, context.now));
        Ok(Decision {
            events: event.into_iter().collect(),
            reply: NotesReply::At(Sequence(at)),
        })
    }

    fn apply(&mut self, _: Sequence, (number, _): &Note) {
        self.0.push(*number);
    }

    fn effects(&self, _: Sequence, _: &Note) -> SideWrites {
        SideWrites::default()
    }

    fn happened_at((_, at): &Note) -> Timestamp {
        *at
    }

    fn encode(event: &Note) -> Record {
        Record::new(bricks::seal(1, event), None)
    }

    fn decode(record: &Record) -> Result<Note, DecodeError> {
        bricks::open("a note", 1, &record.header)
    }

    fn snapshot(&self) -> Bytes {
        bricks::seal(1, &self.0)
    }

    fn restore(_: &EntityId, state: &Bytes) -> Result<Self, DecodeError> {
        bricks::open("notes", 1, state).map(Self)
    }

    fn sweep(&mut self, _: &Context<'_, Self>) {}
}
