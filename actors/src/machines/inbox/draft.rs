//! An event in the making: its tallies as they will be, and the answer that goes with it.

use super::live::Showing;
use super::sources::SourceKey;
use super::{Inbox, InboxEntry, InboxEvent, InboxLimits, InboxRejection, InboxReply};
use crate::machines::Decision;

/// What a rule answers.
pub(super) type Outcome = Result<Decision<Inbox>, InboxRejection>;

impl Inbox {
    /// An event that changes the number of unread notifications to this.
    pub(super) fn entry(&self, event: InboxEvent, unread: u64) -> InboxEntry {
        InboxEntry {
            event,
            unread,
            sources: self.sources.len() as u32,
            day: self.day,
            shown: self.shown,
        }
    }

    /// A notification that comes in: its tallies keep the bounds that are in force.
    pub(super) fn entry_of_added(
        &self,
        event: InboxEvent,
        key: Option<SourceKey>,
        showing: Showing,
        limits: &InboxLimits,
    ) -> InboxEntry {
        let unread = (self.unread() + 1).min(limits.unread as u64);
        let sources = match &key {
            Some(key) => self.sources.len_with(key),
            None => self.sources.len(),
        };
        InboxEntry {
            sources: sources.min(limits.sources).min(u32::MAX as usize) as u32,
            day: showing.day,
            shown: showing.shown,
            ..self.entry(event, unread)
        }
    }

    /// Answers with the event that is to be.
    pub(super) fn happens(&self, entry: InboxEntry) -> Outcome {
        let reply = InboxReply::Done {
            sequence: self.head.next(),
            unread: entry.unread,
        };
        Ok(Decision {
            events: vec![entry],
            reply,
        })
    }

    /// Answers that nothing had to change.
    pub(super) fn unchanged(&self) -> Outcome {
        answer(InboxReply::Done {
            sequence: self.head,
            unread: self.unread(),
        })
    }
}

/// Answers without an event.
pub(super) fn answer(reply: InboxReply) -> Outcome {
    Ok(Decision {
        events: Vec::new(),
        reply,
    })
}
