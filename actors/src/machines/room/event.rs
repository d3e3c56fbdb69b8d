//! Durable facts of a room, one per sequence.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Content, MessageKind, Role, RoomKind};
use crate::ids::{MessageId, Sequence, Timestamp, UserId};

/// An entry of a room's journal: the event and the room's tally after it, so that any single entry tells
/// which message number a sequence has reached.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomEntry {
    /// What happened.
    pub event: RoomEvent,
    /// Messages sent so far, this one included; the number of the newest one.
    pub message_count: u64,
    /// Sequence of the newest message, this one included; zero when there is none.
    pub last_message: Sequence,
}

/// A durable fact. Whoever did it and when is part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RoomEvent {
    /// Always sequence 1. The creator becomes owner (of a direct room: plain member, as is the other).
    Created {
        /// Kind.
        kind: RoomKind,
        /// Name; none for direct rooms.
        name: Option<String>,
        /// Creator.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// A new name.
    Renamed {
        /// The name.
        name: String,
        /// Who.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// The hub itself arranges who is in the room; the changes of members follow.
    Arranged {
        /// Which arrangement: the greatest one counts.
        number: u64,
        /// On whose behalf.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// Someone became a member.
    MemberAdded {
        /// The new member.
        user: UserId,
        /// With this role.
        role: Role,
        /// Who added.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// Someone is no longer a member: `by` is the user for a quit.
    MemberRemoved {
        /// The former member.
        user: UserId,
        /// Who.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// A member's role changed.
    RoleChanged {
        /// The member.
        user: UserId,
        /// The new role.
        role: Role,
        /// Who.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// A message.
    MessageSent(Arc<Message>),
    /// New text for an older message.
    MessageEdited {
        /// The message.
        target: Sequence,
        /// New text; `None` when erased by a later deletion.
        text: Option<String>,
        /// Who.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// An older message is gone; its body is physically erased.
    MessageDeleted {
        /// The message.
        target: Sequence,
        /// Who.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// A reaction was added to an older message.
    ReactionAdded {
        /// The message.
        target: Sequence,
        /// The emoji.
        emoji: String,
        /// Who.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// A reaction was taken back.
    ReactionRemoved {
        /// The message.
        target: Sequence,
        /// The emoji.
        emoji: String,
        /// Who.
        by: UserId,
        /// When.
        at: Timestamp,
    },
}

impl RoomEvent {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            RoomEvent::MessageSent(message) => message.sent_at,
            RoomEvent::Created { at, .. }
            | RoomEvent::Renamed { at, .. }
            | RoomEvent::Arranged { at, .. }
            | RoomEvent::MemberAdded { at, .. }
            | RoomEvent::MemberRemoved { at, .. }
            | RoomEvent::RoleChanged { at, .. }
            | RoomEvent::MessageEdited { at, .. }
            | RoomEvent::MessageDeleted { at, .. }
            | RoomEvent::ReactionAdded { at, .. }
            | RoomEvent::ReactionRemoved { at, .. } => *at,
        }
    }
}

/// A message as journaled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Dense number among the room's messages, from 1; unread is a subtraction.
    pub number: u64,
    /// Idempotency key.
    pub id: MessageId,
    /// Sender.
    pub sender: UserId,
    /// Kind, known even when the content is erased.
    pub kind: MessageKind,
    /// Text and metadata; `None` once erased.
    pub content: Option<Content>,
    /// What it answers.
    pub reply_to: Option<ReplySnapshot>,
    /// When it was accepted.
    pub sent_at: Timestamp,
    /// Identity of kind, text, metadata and reply target, by which a repeat is told from another
    /// message with the same id; outlives the content.
    pub fingerprint: u64,
}

/// The replied message as it was then. The text is part of this message's body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplySnapshot {
    /// The replied message.
    pub sequence: Sequence,
    /// Its id.
    pub id: MessageId,
    /// Its sender.
    pub sender: UserId,
    /// Its kind.
    pub kind: MessageKind,
    /// The beginning of its text, or `None` if it was deleted or this body is erased.
    pub text: Option<String>,
}
