//! The fixed fields in front of every record's header: what a reader learns without decoding the rest.
//!
//! Version (1 byte), kind (1), and the tallies after the event, big endian: unread notifications (8), sources (4), day
//! (4), shown on it (4).

use super::{InboxEntry, InboxEvent};

/// Version of records that is written; there is no other one yet.
pub const RECORD_VERSION: u8 = 1;

/// Bytes of the fixed fields.
pub(super) const PEEKED: usize = 1 + 1 + 8 + 4 + 4 + 4;

/// What a record is. The discriminant stands in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is the event of the same name")]
pub enum RecordKind {
    Added = 1,
    Read = 2,
    AllRead = 3,
    Dismissed = 4,
    SettingsChanged = 5,
}

/// What any record tells without being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peek {
    /// What it is.
    pub kind: RecordKind,
    /// Unread notifications after it.
    pub unread: u64,
    /// Sources remembered after it.
    pub sources: u32,
    /// The day that is counted in.
    pub day: i32,
    /// Shown on that day.
    pub shown: u32,
}

/// The fixed fields of a header; `None` if this is no header that this version knows.
pub fn peek(header: &[u8]) -> Option<Peek> {
    let (&[version, kind], rest) = header.split_first_chunk()?;
    let (unread, rest) = rest.split_first_chunk()?;
    let (sources, rest) = rest.split_first_chunk()?;
    let (day, rest) = rest.split_first_chunk()?;
    let (shown, _) = rest.split_first_chunk()?;
    (version == RECORD_VERSION).then_some(())?;
    Some(Peek {
        kind: RecordKind::of_code(kind)?,
        unread: u64::from_be_bytes(*unread),
        sources: u32::from_be_bytes(*sources),
        day: i32::from_be_bytes(*day),
        shown: u32::from_be_bytes(*shown),
    })
}

/// Writes the fixed fields.
pub(super) fn write_peeked(out: &mut Vec<u8>, entry: &InboxEntry) {
    out.push(RECORD_VERSION);
    out.push(RecordKind::of(&entry.event) as u8);
    out.extend_from_slice(&entry.unread.to_be_bytes());
    out.extend_from_slice(&entry.sources.to_be_bytes());
    out.extend_from_slice(&entry.day.to_be_bytes());
    out.extend_from_slice(&entry.shown.to_be_bytes());
}

impl RecordKind {
    /// What an event is recorded as.
    pub fn of(event: &InboxEvent) -> Self {
        match event {
            InboxEvent::Added(_) => Self::Added,
            InboxEvent::Read { .. } => Self::Read,
            InboxEvent::AllRead { .. } => Self::AllRead,
            InboxEvent::Dismissed { .. } => Self::Dismissed,
            InboxEvent::SettingsChanged { .. } => Self::SettingsChanged,
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        const ALL: [RecordKind; 5] = [
            RecordKind::Added,
            RecordKind::Read,
            RecordKind::AllRead,
            RecordKind::Dismissed,
            RecordKind::SettingsChanged,
        ];
        ALL.into_iter().find(|kind| *kind as u8 == code)
    }
}
