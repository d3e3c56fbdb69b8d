//! Names of things: users, rooms, messages, entities, nodes, and positions in a journal.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is no valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// Empty, or longer than the kind of identifier allows (lengths in bytes).
    #[error("{kind} must have 1 to {max} bytes, not {actual}")]
    Length {
        /// What was being named.
        kind: &'static str,
        /// Largest length.
        max: usize,
        /// Length found.
        actual: usize,
    },
    /// A character that the kind of identifier does not allow.
    #[error("{kind} must not contain {character:?}")]
    Character {
        /// What was being named.
        kind: &'static str,
        /// The offending character.
        character: char,
    },
    /// A prefix that the hub keeps for itself.
    #[error("{kind} must not begin with {prefix:?}: the hub derives such ids itself")]
    Reserved {
        /// What was being named.
        kind: &'static str,
        /// The reserved prefix.
        prefix: &'static str,
    },
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $label:literal, $max:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Largest length in bytes.
            pub const MAX_BYTES: usize = $max;

            /// Checks length and characters.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if text.is_empty() || text.len() > $max {
                    return Err(IdError::Length { kind: $label, max: $max, actual: text.len() });
                }
                let allowed: fn(char) -> bool = $allowed;
                match text.chars().find(|c| !allowed(*c)) {
                    Some(character) => Err(IdError::Character { kind: $label, character }),
                    None => Ok(Self(text.into())),
                }
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// An authenticated user: the `sub` of the token.
    UserId, "a user id", 128, |c| !c.is_control()
}
text_id! {
    /// A room.
    RoomId, "a room id", 128, |c| c.is_ascii_alphanumeric() || "._:@~-".contains(c)
}
text_id! {
    /// Idempotency key of a message, chosen by the sender, unique per sender and room.
    MessageId, "a message id", 64, |c| c.is_ascii_graphic()
}
text_id! {
    /// A matching request. Short enough for the id of its room.
    RequestId, "a request id", 100, |c| c.is_ascii_alphanumeric() || "._-".contains(c)
}
text_id! {
    /// One hub process, unique in its cluster.
    NodeId, "a node id", 64, |c| c.is_ascii_alphanumeric() || "._-".contains(c)
}

impl RoomId {
    /// Prefix of the ids of direct rooms, which are derived and never chosen.
    pub const DIRECT_PREFIX: &'static str = "direct-";
    /// Prefix of the ids of requests' rooms, which are derived too.
    pub const REQUEST_PREFIX: &'static str = "request-";

    /// Like [`RoomId::parse`], but for an id that a client chose: derived ids are refused.
    pub fn chosen(text: &str) -> Result<Self, IdError> {
        let reserved = [Self::DIRECT_PREFIX, Self::REQUEST_PREFIX];
        if let Some(prefix) = reserved.into_iter().find(|prefix| text.starts_with(prefix)) {
            return Err(IdError::Reserved {
                kind: "a room id",
                prefix,
            });
        }
        Self::parse(text)
    }

    /// The room of a matching request.
    pub fn of_request(request: &RequestId) -> Self {
        Self(format!("{}{request}", Self::REQUEST_PREFIX).into())
    }

    /// The one direct room of two users, the same whoever asks: a digest over the sorted pair.
    pub fn direct(a: &UserId, b: &UserId) -> Self {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(low.as_str().len() as u64).to_be_bytes());
        hasher.update(low.as_str().as_bytes());
        hasher.update(high.as_str().as_bytes());
        let hex = hasher.finalize().to_hex();
        Self(format!("{}{}", Self::DIRECT_PREFIX, &hex[..32]).into())
    }
}

/// What sort of entity a journal belongs to. The discriminant is part of stored keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum EntityKind {
    /// A chat room.
    Room = b'r',
    /// A user.
    User = b'u',
    /// A matching request.
    Request = b'q',
    /// A user's notifications, apart from the user for they are many and their readers count them.
    Inbox = b'i',
}

impl EntityKind {
    /// All kinds.
    pub const ALL: [EntityKind; 4] = [
        EntityKind::Room,
        EntityKind::User,
        EntityKind::Request,
        EntityKind::Inbox,
    ];

    /// Where it stands among them.
    pub const fn number(self) -> usize {
        match self {
            EntityKind::Room => 0,
            EntityKind::User => 1,
            EntityKind::Request => 2,
            EntityKind::Inbox => 3,
        }
    }
}

/// An addressable thing with a journal of its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityId {
    /// Its kind.
    pub kind: EntityKind,
    id: Arc<str>,
}

impl EntityId {
    /// The entity behind a room.
    pub fn room(room: &RoomId) -> Self {
        Self {
            kind: EntityKind::Room,
            id: room.0.clone(),
        }
    }

    /// A user: profile, availability, held and booked times.
    pub fn user(user: &UserId) -> Self {
        Self {
            kind: EntityKind::User,
            id: user.0.clone(),
        }
    }

    /// A user's inbox.
    pub fn inbox(user: &UserId) -> Self {
        Self {
            kind: EntityKind::Inbox,
            id: user.0.clone(),
        }
    }

    /// A matching request.
    pub fn request(request: &RequestId) -> Self {
        Self {
            kind: EntityKind::Request,
            id: request.0.clone(),
        }
    }

    /// Any kind of entity; `id` has at most 255 bytes and no NUL.
    pub fn new(kind: EntityKind, id: &str) -> Result<Self, IdError> {
        if id.is_empty() || id.len() > 255 {
            return Err(IdError::Length {
                kind: "an entity id",
                max: 255,
                actual: id.len(),
            });
        }
        if id.contains('\0') {
            return Err(IdError::Character {
                kind: "an entity id",
                character: '\0',
            });
        }
        Ok(Self {
            kind,
            id: id.into(),
        })
    }

    /// The id within its kind.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The room behind this entity, if it is one.
    pub fn as_room(&self) -> Option<RoomId> {
        (self.kind == EntityKind::Room).then(|| RoomId(self.id.clone()))
    }

    /// The user whose profile or inbox this is, if it is one.
    pub fn as_user(&self) -> Option<UserId> {
        let of_user = matches!(self.kind, EntityKind::User | EntityKind::Inbox);
        of_user.then(|| UserId(self.id.clone()))
    }

    /// The matching request behind this entity, if it is one.
    pub fn as_request(&self) -> Option<RequestId> {
        (self.kind == EntityKind::Request).then(|| RequestId(self.id.clone()))
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind as u8 as char, self.id)
    }
}

impl fmt::Debug for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Position in one journal: 1-based, without holes. 0 stands before the first entry.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// Before the first entry.
    pub const ZERO: Sequence = Sequence(0);

    /// The following position.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position `n` further on.
    pub fn plus(self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds since the Unix epoch, UTC.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The moment `millis` later.
    pub fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds since an earlier moment; 0 if it is not earlier.
    pub fn since(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
