//! What nodes tell each other, as bytes: format, kind, fields as compact MessagePack.
//!
//! A node reads the previous and the next format and writes the one that its cluster is set to, so that
//! both an upgrade and a rollback can go node by node. Format 2 adds the sender to every message.
//!
//! Within a format a later version may append fields to a message, add kinds of messages and add outcomes: fields that a
//! node does not know it passes over, a hint of an unknown kind it counts and drops, a request of an unknown kind it
//! answers with "not understood", which tells the asker that nothing was begun.

mod codec;

use bytes::Bytes;
use thiserror::Error;

pub use self::codec::{decode, encode};
use crate::ids::{EntityId, NodeId, RoomId, Sequence, UserId};
use crate::journal::{Head, Record};

/// The oldest format that is read and written.
pub const OLDEST: u8 = 1;
/// The newest one.
pub const NEWEST: u8 = 2;

/// A message between nodes.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// A row became durable.
    Row {
        /// Of which journal.
        entity: EntityId,
        /// Sequence of the first record.
        first: Sequence,
        /// The head with it.
        head: Head,
        /// The records.
        records: Vec<Record>,
    },
    /// A journal reaches at least that far.
    Head {
        /// Which.
        entity: EntityId,
        /// How far.
        head: Head,
    },
    /// Someone read a room up to a sequence.
    Read {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
        /// Up to here.
        up_to: Sequence,
    },
    /// Someone begins or ends typing.
    Typing {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
        /// Begins, or ends.
        typing: bool,
    },
    /// Who is present in a room on the sending node.
    Present {
        /// The room.
        room: RoomId,
        /// The state.
        here: Here,
    },
    /// Someone became a member of a room.
    Added {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
    },
    /// A node is there.
    Beat(Beat),
    /// A wish for an entity that the addressed node is believed to own.
    Command {
        /// Which entity.
        entity: EntityId,
        /// The wish, in the entity's own form.
        command: Bytes,
    },
    /// What became of a wish.
    Answer(Outcome),
    /// Entities that the addressed node is about to own: it may read them already.
    Warm {
        /// Which.
        entities: Vec<EntityId>,
    },
    /// Which of some users are subscribed to a room on the addressed node?
    Who {
        /// The room.
        room: RoomId,
        /// The users.
        users: Vec<UserId>,
    },
    /// How is the addressed node, and this room there?
    Report {
        /// The room.
        room: Option<RoomId>,
    },
    /// A node is about to take entities: what will be its own may be made ready there.
    Coming {
        /// Which.
        node: NodeId,
    },
}

/// Who is present in a room on one node: the whole state, so that the newest one is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// The node.
    pub node: NodeId,
    /// Which life of it.
    pub incarnation: u64,
    /// The greater one is the newer.
    pub version: u64,
    /// Users present there.
    pub count: u64,
    /// By name, if they are few.
    pub users: Option<Vec<UserId>>,
    /// Whether the sender wants to know the same of others.
    pub ask: bool,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// The node.
    pub node: NodeId,
    /// Which life of it: greater after every start.
    pub incarnation: u64,
    /// It takes nothing: it is about to end, or has only begun.
    pub draining: bool,
    /// The format that it writes.
    pub writes: u8,
    /// The newest format that it reads.
    pub reads: u8,
    /// Entities awake there.
    pub awake: u64,
}

/// What became of a forwarded wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Carried out or refused by a rule: the entity's own answer.
    Answered(Bytes),
    /// The node takes nothing new: nothing was begun.
    Draining,
    /// The node does not understand the wish: nothing was begun.
    NotUnderstood,
    /// Entities were made ready.
    Noted,
    /// Those of the users asked about who are there.
    Present(Vec<UserId>),
    /// What the node says of itself, in the report's own form.
    Report(Bytes),
}

/// Bytes that are no message of a known format.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// A format that this version cannot read.
    #[error("format {0} is unknown, this node reads {OLDEST} to {NEWEST}")]
    Format(u8),
    /// A kind that came later.
    #[error("kind {0} is unknown")]
    Kind(u8),
    /// Damaged.
    #[error("it cannot be read: {0}")]
    Damaged(String),
}
