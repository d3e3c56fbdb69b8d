//! What clients did and saw, and what the journal holds: the material that checks judge.
//!
//! Clients may rely on three answers: *ok* (durable at that sequence), *refused* (did not and will not
//! happen) and *unknown* (either). An attempt without an answer counts as unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::delivery::Shown;
use crate::ids::{MessageId, RoomId, Sequence, UserId};
use crate::journal::{OverlayWrite, Row, TableRow};
use crate::machines::room::RoomEvent;

/// A history that many clients write.
pub type SharedHistory = Arc<Mutex<History>>;

/// Everything observed in one run.
#[derive(Debug, Default)]
pub struct History {
    /// Commands, in the order in which they were begun.
    pub attempts: Vec<Attempt>,
    /// Subscriptions, in the order in which they were answered.
    pub views: Vec<View>,
    /// Messages as pages of history showed them.
    pub glimpses: Vec<Glimpse>,
    /// Read marks, in the order in which they were answered.
    pub marks: Vec<Mark>,
    /// Who was present in the end by the word of each node.
    pub rolls: Vec<Roll>,
    /// Lives of nodes that were there until the end and ended in order.
    pub ended: BTreeSet<u64>,
    /// What the store holds in the end.
    pub rooms: BTreeMap<RoomId, Stored>,
    /// Highest values of things that have a bound.
    pub gauges: Vec<Gauge>,
    /// What had to come about within a time after all faults were healed.
    pub awaited: Vec<Awaited>,
    /// Deleting was one step for all readers: one node served them, and side data was written with its row.
    pub deletes_at_once: bool,
    moments: u64,
}

/// One command of one client.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who.
    pub user: UserId,
    /// In which room.
    pub room: RoomId,
    /// On which node.
    pub node: usize,
    /// What was asked.
    pub wish: Wish,
    /// Moment at which it was begun.
    pub begun: u64,
    /// Moment and content of the answer.
    pub answer: Option<(u64, Outcome)>,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// A new message, or a repeat of one. Texts differ between ids.
    Send {
        /// Idempotency key.
        id: MessageId,
        /// Text.
        text: String,
    },
    /// A new text, unlike any other.
    Edit {
        /// The message.
        target: Sequence,
        /// The text.
        text: String,
    },
    /// The room's head.
    Look,
    /// Anything else; judged by its answers only.
    Other(&'static str),
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable at this sequence; for [`Wish::Look`] the head.
    Ok(Sequence),
    /// It did not and will not happen.
    Refused(String),
    /// It may have happened or may yet.
    Unknown,
}

/// One subscription as its reader saw it.
#[derive(Debug, Clone)]
pub struct View {
    /// Who.
    pub user: UserId,
    /// Which room.
    pub room: RoomId,
    /// The position asked for.
    pub after: Option<Sequence>,
    /// The head that the answer told.
    pub head: Sequence,
    /// What was shown, in order.
    pub seen: Vec<Seen>,
}

/// A message on a page of history.
#[derive(Debug, Clone)]
pub struct Glimpse {
    /// Which room.
    pub room: RoomId,
    /// Where.
    pub sequence: Sequence,
    /// Its identity, see [`fact`].
    pub fact: String,
    /// Its text, see [`text`].
    pub text: Option<String>,
}

/// A user said how far a room was read, and was told where the mark stands.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Who.
    pub user: UserId,
    /// Which room.
    pub room: RoomId,
    /// Moment at which the connection was made.
    pub connection: u64,
    /// The life of the node that was told.
    pub life: u64,
    /// The sequence that was asked for.
    pub asked: Sequence,
    /// The sequence that was told.
    pub told: Sequence,
    /// Moments of question and answer.
    pub moments: (u64, u64),
}

/// Who is present in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roll {
    /// Which room.
    pub room: RoomId,
    /// By the word of this node.
    pub node: usize,
    /// Who, by its word.
    pub told: BTreeSet<UserId>,
    /// Who is.
    pub present: BTreeSet<UserId>,
}

/// Something shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// An event.
    Event {
        /// Where.
        sequence: Sequence,
        /// Its identity, see [`fact`].
        fact: String,
        /// Its text, see [`text`].
        text: Option<String>,
    },
    /// `StreamReset`.
    Reset {
        /// The sequence that follows.
        from: Sequence,
    },
}

/// A room in the store.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// Every row ever appended, also those trimmed since, with their bodies.
    pub rows: Vec<Row>,
    /// First sequence that can be read.
    pub first_retained: Sequence,
    /// Every sequence that was the first to be read at some time, the 1 of the beginning included.
    pub retained: BTreeSet<Sequence>,
    /// Overlays.
    pub overlays: Vec<OverlayWrite>,
    /// The room's card, if any.
    pub card: Option<TableRow>,
    /// Memberships, by user.
    pub memberships: BTreeMap<UserId, TableRow>,
    /// How far each user has read.
    pub read: BTreeMap<UserId, Sequence>,
}

/// The highest value of something bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauge {
    /// What.
    pub name: &'static str,
    /// Highest value seen.
    pub highest: usize,
    /// Its bound.
    pub bound: usize,
}

/// Something that had to come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// What.
    pub what: String,
    /// Why it did not come about in time; `None` if it did.
    pub missed: Option<String>,
}

impl History {
    /// A moment later than all before.
    pub fn moment(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }

    /// A command is begun; answers its number.
    pub fn begin(&mut self, user: &UserId, room: &RoomId, node: usize, wish: Wish) -> usize {
        let begun = self.moment();
        self.attempts.push(Attempt {
            user: user.clone(),
            room: room.clone(),
            node,
            wish,
            begun,
            answer: None,
        });
        self.attempts.len() - 1
    }

    /// A command is answered.
    pub fn answer(&mut self, attempt: usize, outcome: Outcome) {
        let moment = self.moment();
        if let Some(attempt) = self.attempts.get_mut(attempt) {
            attempt.answer.get_or_insert((moment, outcome));
        }
    }

    /// Commands without an answer.
    pub fn unanswered(&self) -> usize {
        self.attempts.iter().filter(|a| a.answer.is_none()).count()
    }

    /// The highest value of something is at least this.
    pub fn gauge(&mut self, name: &'static str, value: usize, bound: usize) {
        match self.gauges.iter_mut().find(|gauge| gauge.name == name) {
            Some(gauge) => gauge.highest = gauge.highest.max(value),
            None => self.gauges.push(Gauge {
                name,
                highest: value,
                bound,
            }),
        }
    }
}

impl Attempt {
    /// What was told, unknown if nothing was.
    pub fn outcome(&self) -> &Outcome {
        self.answer.as_ref().map_or(&Outcome::Unknown, |(_, o)| o)
    }
}

/// The identity of a shown event: what never changes, whatever happens to its text later.
pub fn fact(shown: &Shown) -> String {
    match shown {
        Shown::Message(view) => fact_of(&RoomEvent::MessageSent(view.message.clone())),
        Shown::Other(event) => fact_of(event),
        Shown::Notice(shown) => format!("{:?}", shown.event),
        Shown::Step(step) => format!("{step:?}"),
    }
}

/// The identity of a journaled event.
pub fn fact_of(event: &RoomEvent) -> String {
    match event {
        RoomEvent::MessageSent(m) => {
            format!(
                "message {} of {} by {} at {}",
                m.number, m.id, m.sender, m.sent_at.0
            )
        }
        RoomEvent::MessageEdited { target, by, at, .. } => {
            format!("edit of {target} by {by} at {}", at.0)
        }
        other => format!("{other:?}"),
    }
}

/// The text of a shown message or edit, unless it was deleted.
pub fn text(shown: &Shown) -> Option<String> {
    match shown {
        Shown::Message(view) => text_of(&RoomEvent::MessageSent(view.message.clone())),
        Shown::Other(event) => text_of(event),
        Shown::Notice(_) | Shown::Step(_) => None,
    }
}

/// The text of a journaled message or edit, unless it was erased.
pub fn text_of(event: &RoomEvent) -> Option<String> {
    match event {
        RoomEvent::MessageSent(m) => m.content.as_ref().map(|content| content.text.clone()),
        RoomEvent::MessageEdited { text, .. } => text.clone(),
        _ => None,
    }
}
