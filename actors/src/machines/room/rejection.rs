//! Why a room's rules said no. Each has a stable code that clients may rely on.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::words::{Word, word};
use crate::ids::Sequence;

/// A rule said no; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum RoomRejection {
    /// No such room.
    #[error("there is no such room")]
    RoomNotFound,
    /// The id belongs to a room of someone else, or of another kind.
    #[error("a room with this id exists already")]
    RoomExists,
    /// Only members may do this.
    #[error("only members of the room may do this")]
    NotAMember,
    /// The role does not suffice.
    #[error("your role in the room does not allow this: {0}")]
    Forbidden(#[serde(deserialize_with = "word")] Word),
    /// No message there.
    #[error("there is no message at sequence {0}")]
    MessageNotFound(Sequence),
    /// It was deleted.
    #[error("the message at sequence {0} was deleted")]
    MessageDeleted(Sequence),
    /// The time to edit is over.
    #[error("a message can be edited for {minutes} minutes after it was sent")]
    EditWindowClosed {
        /// Length of the window.
        minutes: u64,
    },
    /// The same message id was used with other content.
    #[error("the message id was used before with another content")]
    IdReused,
    /// Something in the input is out of bounds; `field` is the wire name.
    #[error("{field} {problem}")]
    Invalid {
        /// Which part.
        #[serde(deserialize_with = "word")]
        field: Word,
        /// What is wrong with it.
        problem: String,
    },
    /// The room has as many members as it may have.
    #[error("the room has its {0} members already")]
    RoomFull(usize),
    /// The user is not a member.
    #[error("that user is not a member of the room")]
    MemberNotFound,
    /// Too many messages in too short a time.
    #[error("too many messages, retry after {retry_after_ms} ms")]
    RateLimited {
        /// When to try again.
        retry_after_ms: u64,
    },
    /// The dedupe index is full.
    #[error("the room is overloaded, retry after {retry_after_ms} ms")]
    Overloaded {
        /// When to try again.
        retry_after_ms: u64,
    },
}

impl RoomRejection {
    /// The stable code in front of the text on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            RoomRejection::RoomNotFound => "room_not_found",
            RoomRejection::RoomExists => "room_exists",
            RoomRejection::NotAMember => "not_a_member",
            RoomRejection::Forbidden(_) => "forbidden",
            RoomRejection::MessageNotFound(_) => "message_not_found",
            RoomRejection::MessageDeleted(_) => "message_deleted",
            RoomRejection::EditWindowClosed { .. } => "edit_window_closed",
            RoomRejection::IdReused => "message_id_reused",
            RoomRejection::Invalid { .. } => "invalid_argument",
            RoomRejection::RoomFull(_) => "room_full",
            RoomRejection::MemberNotFound => "member_not_found",
            RoomRejection::RateLimited { .. } => "rate_limited",
            RoomRejection::Overloaded { .. } => "overloaded",
        }
    }
}
