//! The bricks of stored bytes: numbers for words, and MessagePack behind a version byte.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{MessageKind, Role, RoomKind};
use crate::machines::DecodeError;

/// Appends fields as compact MessagePack.
pub(super) fn write(out: &mut Vec<u8>, fields: &impl Serialize) {
    rmp_serde::encode::write(out, fields)
        .expect("writing to memory cannot fail, and all lengths are known");
}

/// Reads fields; allocates no more than the bytes can hold.
pub(super) fn read<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, DecodeError> {
    rmp_serde::from_slice(bytes).map_err(|error| failed(what, error.to_string()))
}

/// Fields behind a version byte.
pub(super) fn seal(version: u8, fields: &impl Serialize) -> Bytes {
    let mut out = Vec::with_capacity(64);
    out.push(version);
    write(&mut out, fields);
    out.into()
}

/// Reads [`seal`]'s result.
pub(super) fn open<T: DeserializeOwned>(
    what: &'static str,
    version: u8,
    bytes: &[u8],
) -> Result<T, DecodeError> {
    match bytes.split_first() {
        Some((found, fields)) if *found == version => read(what, fields),
        Some((found, _)) => Err(failed(what, format!("format {found} is unknown"))),
        None => Err(failed(what, "it is empty")),
    }
}

pub(super) fn failed(what: &'static str, reason: impl Into<String>) -> DecodeError {
    DecodeError {
        what,
        reason: reason.into(),
    }
}

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
