//! Journals as their readers are shown them, by kind of entity: rows, and events the moment they are durable.

use std::sync::Arc;

use super::directories::Hosted;
use crate::delivery::Shown;
use crate::ids::{EntityId, EntityKind, Sequence, UserId};
use crate::journal::{OverlayWrite, Record, Row};
use crate::machines::inbox::{self, Inbox, InboxEntry, InboxShown};
use crate::machines::request::codec::{Peek, peek};
use crate::machines::request::{Request, RequestEntry};
use crate::machines::room::{Room, RoomEntry, RoomEvent, latest};
use crate::machines::{DecodeError, Machine};

/// A machine whose events anybody may listen to.
pub trait Listened: Hosted {
    /// An event as it is shown the moment it becomes durable.
    fn show(event: &Self::Event) -> Shown;

    /// Who became a member of a room by it.
    fn added(_event: &Self::Event) -> Option<&UserId> {
        None
    }
}

impl Listened for Room {
    fn show(entry: &RoomEntry) -> Shown {
        latest::show_event(&entry.event)
    }

    fn added(entry: &RoomEntry) -> Option<&UserId> {
        match &entry.event {
            RoomEvent::MemberAdded { user, .. } => Some(user),
            _ => None,
        }
    }
}

impl Listened for Inbox {
    fn show(entry: &InboxEntry) -> Shown {
        Shown::Notice(Arc::new(InboxShown::new(entry)))
    }
}

impl Listened for Request {
    fn show(entry: &RequestEntry) -> Shown {
        Shown::Step(Peek {
            trigger: entry.event.trigger(),
            from: entry.from,
            to: entry.to,
            role: entry.role,
            at: entry.at,
        })
    }
}

/// What a record of a request did to its state.
fn step(record: &Record) -> Result<Shown, DecodeError> {
    let step = peek(&record.header).ok_or_else(|| DecodeError {
        what: "a request record",
        reason: "its version or kind is unknown, or it is too short".into(),
    })?;
    Ok(Shown::Step(step))
}

/// The events of `rows` as they are to be shown now, each with its sequence. `overlays` are those of the same range.
pub(crate) fn rows(
    entity: &EntityId,
    rows: &[Row],
    overlays: &[OverlayWrite],
) -> Result<Vec<(Sequence, Shown)>, DecodeError> {
    match entity.kind {
        EntityKind::Room => latest::show(rows, overlays),
        EntityKind::Inbox => {
            let shown = inbox::latest::show(rows, overlays)?.into_iter();
            let shown = shown.map(|(sequence, shown)| (sequence, Shown::Notice(Arc::new(shown))));
            Ok(shown.collect())
        }
        EntityKind::Request => {
            let entries = rows.iter().flat_map(Row::entries);
            entries
                .map(|(sequence, record)| Ok((sequence, step(record)?)))
                .collect()
        }
        EntityKind::User => Err(unheard()),
    }
}

/// The events of a row that another node has just written, as they are to be shown now.
pub(crate) fn fresh(entity: &EntityId, records: &[Record]) -> Result<Vec<Shown>, DecodeError> {
    match entity.kind {
        EntityKind::Room => show_all::<Room>(records),
        EntityKind::Inbox => show_all::<Inbox>(records),
        EntityKind::Request => records.iter().map(step).collect(),
        EntityKind::User => Err(unheard()),
    }
}

/// Nothing of a user is published, so whoever asks for it has made a mistake.
fn unheard() -> DecodeError {
    DecodeError {
        what: "a user's event",
        reason: "nobody listens to users".into(),
    }
}

fn show_all<M: Listened>(records: &[Record]) -> Result<Vec<Shown>, DecodeError> {
    let show = |record| Ok(M::show(&<M as Machine>::decode(record)?));
    records.iter().map(show).collect()
}
