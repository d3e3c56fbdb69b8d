//! Durable facts of an inbox, one per sequence.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::InboxSettings;
use crate::ids::{EntityId, Sequence, Timestamp, UserId};
use crate::machines::notice::{NoticeKind, Priority};

/// An entry of an inbox's journal: the event and the inbox's tallies after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxEntry {
    /// What happened.
    pub event: InboxEvent,
    /// Unread notifications after it. Whoever applies it lets the oldest go until no more are left.
    pub unread: u64,
    /// Sources remembered after it. The same holds of those.
    pub sources: u32,
    /// The user's day that `shown` counts in, from 1970-01-01.
    pub day: i32,
    /// Notifications that were shown live on that day, but for those that always pass.
    pub shown: u32,
}

/// A durable fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxEvent {
    /// A notification came in.
    Added(Arc<Notification>),
    /// One was read.
    Read {
        /// The notification.
        target: Sequence,
        /// When.
        at: Timestamp,
    },
    /// All were read that were there.
    AllRead {
        /// Up to and with this sequence.
        up_to: Sequence,
        /// When.
        at: Timestamp,
    },
    /// One was put away: its words are erased.
    Dismissed {
        /// The notification.
        target: Sequence,
        /// When.
        at: Timestamp,
    },
    /// The settings are others from now on.
    SettingsChanged {
        /// All of them.
        settings: Arc<InboxSettings>,
        /// When.
        at: Timestamp,
    },
}

impl InboxEvent {
    /// When it came about.
    pub fn at(&self) -> Timestamp {
        match self {
            InboxEvent::Added(notification) => notification.at,
            InboxEvent::Read { at, .. }
            | InboxEvent::AllRead { at, .. }
            | InboxEvent::Dismissed { at, .. }
            | InboxEvent::SettingsChanged { at, .. } => *at,
        }
    }

    /// The older notification that it takes back, if it does.
    pub fn takes_back(&self) -> Option<Sequence> {
        match self {
            InboxEvent::Dismissed { target, .. } => Some(*target),
            _ => None,
        }
    }
}

/// Something that a user is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Where it came from.
    pub source: Source,
    /// What about.
    pub kind: NoticeKind,
    /// How urgent.
    pub priority: Priority,
    /// Whether it may be shown when it comes; else it waits in the inbox.
    pub live: bool,
    /// The words; `None` when erased.
    pub content: Option<Content>,
    /// When it came in.
    pub at: Timestamp,
}

/// Who sent a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An entity, by an errand.
    Entity {
        /// Which.
        from: EntityId,
        /// The errand's number.
        number: u64,
    },
    /// An operator.
    Posted {
        /// Who.
        by: UserId,
        /// What makes a repeat known for one, if anything does.
        key: Option<u64>,
    },
}

/// The words of a notification, in the user's language of that time, and the facts they are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// One line.
    pub title: String,
    /// A sentence or more.
    pub message: String,
    /// Facts by name.
    pub data: BTreeMap<String, String>,
}
