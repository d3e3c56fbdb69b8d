//! Small rows for readers that do not want to wake a room: a user's memberships and each room's card.

use bytes::Bytes;

use super::codes::{kind_code, kind_of, open, role_code, role_of, seal};
use super::{Role, RoomKind};
use crate::ids::{RoomId, Timestamp, UserId};
use crate::machines::DecodeError;

/// Format of both rows.
const VERSION: u8 = 1;

/// Someone's place in a room: the value of a row of [`Table::RoomsOfUser`](crate::journal::Table).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Role.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// What changes only with settings and members: the value of a row of
/// [`Table::RoomCards`](crate::journal::Table).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomCard {
    /// Kind.
    pub kind: RoomKind,
    /// Name, if it has one.
    pub name: Option<String>,
    /// Members.
    pub member_count: usize,
    /// Creator.
    pub created_by: UserId,
    /// When it was created.
    pub created_at: Timestamp,
    /// The two members of a direct room.
    pub pair: Option<(UserId, UserId)>,
}

impl Membership {
    /// Byte form.
    pub fn encode(&self) -> Bytes {
        seal(VERSION, &(role_code(self.role), self.joined_at))
    }

    /// Reads [`Membership::encode`]'s result.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (role, joined_at) = open("a membership", VERSION, bytes)?;
        Ok(Self {
            role: role_of(role)?,
            joined_at,
        })
    }
}

impl RoomCard {
    /// Byte form.
    pub fn encode(&self) -> Bytes {
        seal(
            VERSION,
            &(
                kind_code(self.kind),
                &self.name,
                self.member_count,
                &self.created_by,
                self.created_at,
                &self.pair,
            ),
        )
    }

    /// Reads [`RoomCard::encode`]'s result.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        type Fields = (
            u8,
            Option<String>,
            usize,
            UserId,
            Timestamp,
            Option<(UserId, UserId)>,
        );
        let (kind, name, member_count, created_by, created_at, pair): Fields =
            open("a room card", VERSION, bytes)?;
        Ok(Self {
            kind: kind_of(kind)?,
            name,
            member_count,
            created_by,
            created_at,
            pair,
        })
    }

    /// The other member of a direct room.
    pub fn peer(&self, user: &UserId) -> Option<&UserId> {
        let (a, b) = self.pair.as_ref()?;
        Some(if a == user { b } else { a })
    }
}

/// Key of a membership.
pub fn rooms_of_user_key(user: &UserId, room: &RoomId) -> Vec<u8> {
    let mut key = rooms_of_user_prefix(user);
    key.extend_from_slice(room.as_str().as_bytes());
    key
}

/// What the keys of all memberships of a user begin with, and no others: ids contain no NUL.
pub fn rooms_of_user_prefix(user: &UserId) -> Vec<u8> {
    let mut key = user.as_str().as_bytes().to_vec();
    key.push(0);
    key
}

/// The room in a membership's key.
pub fn room_of_key(key: &[u8]) -> Option<RoomId> {
    let end = key.iter().position(|byte| *byte == 0)?;
    RoomId::parse(std::str::from_utf8(&key[end + 1..]).ok()?).ok()
}

/// Key of a room's card.
pub fn room_card_key(room: &RoomId) -> Vec<u8> {
    room.as_str().as_bytes().to_vec()
}
