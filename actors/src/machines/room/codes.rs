//! Numbers for the words of a room, as they are stored.

use super::{MessageKind, Role, RoomKind};
use crate::machines::DecodeError;
pub(super) use crate::machines::bricks::{failed, open, read, seal, write};

pub(super) fn kind_code(kind: RoomKind) -> u8 {
    match kind {
        RoomKind::Direct => 1,
        RoomKind::Group => 2,
        RoomKind::Public => 3,
    }
}

pub(super) fn kind_of(code: u8) -> Result<RoomKind, DecodeError> {
    match code {
        1 => Ok(RoomKind::Direct),
        2 => Ok(RoomKind::Group),
        3 => Ok(RoomKind::Public),
        _ => Err(failed("a kind of room", format!("{code} is unknown"))),
    }
}

pub(super) fn role_code(role: Role) -> u8 {
    match role {
        Role::Member => 1,
        Role::Moderator => 2,
        Role::Owner => 3,
    }
}

pub(super) fn role_of(code: u8) -> Result<Role, DecodeError> {
    match code {
        1 => Ok(Role::Member),
        2 => Ok(Role::Moderator),
        3 => Ok(Role::Owner),
        _ => Err(failed("a role", format!("{code} is unknown"))),
    }
}

pub(super) fn message_kind_code(kind: MessageKind) -> u8 {
    match kind {
        MessageKind::Text => 1,
        MessageKind::Image => 2,
        MessageKind::Audio => 3,
        MessageKind::File => 4,
        MessageKind::Location => 5,
    }
}

pub(super) fn message_kind_of(code: u8) -> Result<MessageKind, DecodeError> {
    match code {
        1 => Ok(MessageKind::Text),
        2 => Ok(MessageKind::Image),
        3 => Ok(MessageKind::Audio),
        4 => Ok(MessageKind::File),
        5 => Ok(MessageKind::Location),
        _ => Err(failed("a kind of message", format!("{code} is unknown"))),
    }
}
