//! What readers are shown: journal rows joined with the marks of the notifications in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{InboxEntry, InboxEvent, codec};
use crate::ids::{Sequence, Timestamp};
use crate::journal::{OverlayWrite, Record, Row};
use crate::machines::DecodeError;

/// What became of a single notification: the content of its overlay. Those that were marked all at once have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// It was read then.
    Read(Timestamp),
    /// It was put away then.
    Dismissed(Timestamp),
}

/// An entry as readers see it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxShown {
    /// As journaled; a notification that was put away has no content.
    pub event: InboxEvent,
    /// Unread notifications after the event.
    pub unread: u64,
    /// Of a notification: its own mark.
    pub mark: Option<Mark>,
}

impl InboxShown {
    /// An entry as it is to be shown the moment it becomes durable.
    pub fn new(entry: &InboxEntry) -> Self {
        Self::marked(entry.clone(), None)
    }

    fn marked(entry: InboxEntry, mark: Option<Mark>) -> Self {
        let mut event = entry.event;
        let gone = matches!(mark, Some(Mark::Dismissed(_)));
        if let InboxEvent::Added(notification) = &mut event
            && gone
            && notification.content.is_some()
        {
            Arc::make_mut(notification).content = None;
        }
        Self {
            event,
            unread: entry.unread,
            mark,
        }
    }

    /// Whether it was put away: its mark says so, or its words are gone already.
    pub fn is_dismissed(&self) -> bool {
        match &self.event {
            InboxEvent::Added(notification) => notification.content.is_none(),
            _ => false,
        }
    }

    /// Whether it was read, as far as its own mark tells.
    pub fn is_read(&self) -> bool {
        self.mark.is_some()
    }
}

/// The events of `rows` as they are to be shown now, each with its sequence. `overlays` are those of the same range.
pub fn show(
    rows: &[Row],
    overlays: &[OverlayWrite],
) -> Result<Vec<(Sequence, InboxShown)>, DecodeError> {
    let marks = overlays
        .iter()
        .map(|overlay| Ok((overlay.sequence, codec::decode_mark(&overlay.state)?)))
        .collect::<Result<BTreeMap<_, _>, DecodeError>>()?;
    let mut shown = Vec::with_capacity(rows.iter().map(|row| row.records.len()).sum());
    for (sequence, record) in rows.iter().flat_map(Row::entries) {
        shown.push((sequence, show_with(sequence, record, &marks)?));
    }
    Ok(shown)
}

fn show_with(
    sequence: Sequence,
    record: &Record,
    marks: &BTreeMap<Sequence, Mark>,
) -> Result<InboxShown, DecodeError> {
    let entry = codec::decode(record)?;
    Ok(InboxShown::marked(entry, marks.get(&sequence).copied()))
}
