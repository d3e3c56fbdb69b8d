//! The room: members, messages, reactions, dedupe. Types here; rules in the files beside.

pub mod command;
pub mod content;
pub mod event;
pub mod limits;
pub mod rejection;
pub mod view;

pub use command::{RoomCommand, RoomReply, Sent};
pub use content::{Content, Location, Media, MessageKind, Metadata};
pub use event::{Message, ReplySnapshot, RoomEvent};
pub use limits::RoomLimits;
pub use rejection::RoomRejection;
pub use view::{MemberView, MessageState, RoomView};

use serde::{Deserialize, Serialize};

/// The three sorts of room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoomKind {
    /// Exactly two fixed members; id derived from the pair; no roles, no name.
    Direct,
    /// Members by invitation.
    Group,
    /// Anyone may read and send without being a member.
    Public,
}

impl RoomKind {
    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            RoomKind::Direct => "direct",
            RoomKind::Group => "group",
            RoomKind::Public => "public",
        }
    }
}

/// What a member may do, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also deletes others' messages, invites and removes members.
    Moderator,
    /// Also renames and gives roles. There is always exactly one owner; giving the role hands it over.
    Owner,
}

impl Role {
    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Member => "member",
            Role::Moderator => "moderator",
            Role::Owner => "owner",
        }
    }
}
