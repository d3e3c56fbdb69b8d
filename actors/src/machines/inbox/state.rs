//! What an inbox knows: which of its notifications are unread, what came from whom, how much was shown today, settings.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::known::Known;
use super::sources::Sources;
use super::{InboxLimits, InboxSettings};
use crate::ids::Sequence;

/// An inbox as a pure state machine, see [`Machine`](crate::machines::Machine).
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    pub(super) head: Sequence,
    pub(super) unread: BTreeSet<Sequence>,
    pub(super) sources: Sources,
    /// The user's day that `shown` counts in.
    pub(super) day: i32,
    /// Notifications shown live on that day, but for those that always pass.
    pub(super) shown: u32,
    /// `None` until the user settles something.
    pub(super) settings: Option<Arc<InboxSettings>>,
    /// No part of the durable state.
    pub(super) known: Known,
}

impl Inbox {
    /// Sequence of the last event applied.
    pub fn head(&self) -> Sequence {
        self.head
    }

    /// How many notifications are unread.
    pub fn unread(&self) -> u64 {
        self.unread.len() as u64
    }

    /// Whether a notification is.
    pub fn is_unread(&self, sequence: Sequence) -> bool {
        self.unread.contains(&sequence)
    }

    /// Sources of which is known what came last.
    pub fn sources_len(&self) -> usize {
        self.sources.len()
    }

    /// Older entries that are remembered.
    pub fn known_len(&self) -> usize {
        self.known.len()
    }

    /// The settings in force.
    pub(super) fn settings_in_force(&self, limits: &InboxLimits) -> Arc<InboxSettings> {
        let settled = self.settings.clone();
        settled.unwrap_or_else(|| Arc::new(InboxSettings::unsettled(limits)))
    }
}
