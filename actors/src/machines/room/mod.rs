//! The room: members, messages, reactions, dedupe. Types here; rules in the files beside.

mod apply;
mod arrange;
pub mod cards;
pub mod codec;
mod codes;
pub mod command;
pub mod content;
mod decide_members;
mod decide_messages;
mod dedupe;
mod draft;
mod effects;
pub mod event;
pub mod invariants;
pub mod latest;
pub mod limits;
mod machine;
mod peek;
mod rate;
pub mod rejection;
mod snapshot;
mod state;
mod validate;
pub mod view;
mod words;
mod working_set;

pub use command::{RoomCommand, RoomReply, Sent};
pub use content::{Content, Location, Media, MessageKind, Metadata};
pub use event::{Message, ReplySnapshot, RoomEntry, RoomEvent};
pub use limits::RoomLimits;
pub use rejection::RoomRejection;
pub use state::Room;
pub use view::{MemberView, MessageState, MessageView, RoomView};

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
    /// Reads, writes and invites.
    Member,
    /// Also renames the room, deletes others' messages and removes plain members.
    Moderator,
    /// Also removes moderators and gives roles. A room with members has exactly one owner; giving the role
    /// hands it over.
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
