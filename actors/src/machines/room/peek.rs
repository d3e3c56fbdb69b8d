//! The fixed fields in front of every record's header: what a reader learns without decoding the rest.
//!
//! Version (1 byte), kind (1), message count after the event (8, big endian), sequence of the newest
//! message (8, big endian).

use super::RoomEvent;
use crate::ids::Sequence;

/// Version of records that is written; there is no other one yet.
pub const RECORD_VERSION: u8 = 1;

/// Bytes of the fixed fields.
pub(super) const PEEKED: usize = 1 + 1 + 8 + 8;

/// What a record is. The discriminant stands in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is the event of the same name")]
pub enum RecordKind {
    Created = 1,
    Renamed = 2,
    MemberAdded = 3,
    MemberRemoved = 4,
    RoleChanged = 5,
    MessageSent = 6,
    MessageEdited = 7,
    MessageDeleted = 8,
    ReactionAdded = 9,
    ReactionRemoved = 10,
    Arranged = 11,
}

/// What any record tells without being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peek {
    /// Version of the record.
    pub version: u8,
    /// What it is.
    pub kind: RecordKind,
    /// Messages sent up to and including this record: turns a sequence into a message number.
    pub message_count: u64,
    /// Sequence of the newest message up to and including this record; zero when there is none.
    pub last_message: Sequence,
}

/// The fixed fields of a header; `None` if this is no header that this version knows.
pub fn peek(header: &[u8]) -> Option<Peek> {
    let fixed: &[u8; PEEKED] = header.first_chunk()?;
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&fixed[at..at + 8]);
        u64::from_be_bytes(bytes)
    };
    (fixed[0] == RECORD_VERSION).then_some(())?;
    Some(Peek {
        version: fixed[0],
        kind: RecordKind::of_code(fixed[1])?,
        message_count: number(2),
        last_message: Sequence(number(10)),
    })
}

impl RecordKind {
    /// What an event is recorded as.
    pub fn of(event: &RoomEvent) -> Self {
        match event {
            RoomEvent::Created { .. } => Self::Created,
            RoomEvent::Renamed { .. } => Self::Renamed,
            RoomEvent::Arranged { .. } => Self::Arranged,
            RoomEvent::MemberAdded { .. } => Self::MemberAdded,
            RoomEvent::MemberRemoved { .. } => Self::MemberRemoved,
            RoomEvent::RoleChanged { .. } => Self::RoleChanged,
            RoomEvent::MessageSent(_) => Self::MessageSent,
            RoomEvent::MessageEdited { .. } => Self::MessageEdited,
            RoomEvent::MessageDeleted { .. } => Self::MessageDeleted,
            RoomEvent::ReactionAdded { .. } => Self::ReactionAdded,
            RoomEvent::ReactionRemoved { .. } => Self::ReactionRemoved,
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        const ALL: [RecordKind; 11] = [
            RecordKind::Created,
            RecordKind::Renamed,
            RecordKind::MemberAdded,
            RecordKind::MemberRemoved,
            RecordKind::RoleChanged,
            RecordKind::MessageSent,
            RecordKind::MessageEdited,
            RecordKind::MessageDeleted,
            RecordKind::ReactionAdded,
            RecordKind::ReactionRemoved,
            RecordKind::Arranged,
        ];
        ALL.into_iter().find(|kind| *kind as u8 == code)
    }
}
