//! Wishes addressed to an inbox, and their answers. Whose inbox it is follows from where a wish goes: but for posts,
//! only its owner and the hub itself send any.

use serde::{Deserialize, Serialize};

use super::{InboxSettings, SettingsPatch};
use crate::ids::{EntityId, Sequence};
use crate::machines::Wish;
use crate::machines::notice::Notice;
use crate::machines::terms::Caller;

/// A wish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum InboxCommand {
    /// An entity's errand: a notification, once for each number of an entity. A number not above the last one from
    /// there is a repeat, or a late copy. Never refused: what is too long is cut.
    Add {
        /// Which entity sends it.
        from: EntityId,
        /// The errand's number.
        number: u64,
        /// The notification.
        notice: Notice,
    },
    /// An admin's notification.
    Post {
        /// Who.
        by: Caller,
        /// The notification.
        notice: Notice,
        /// Makes a repeat known for one.
        key: Option<u64>,
    },
    /// One is read.
    MarkRead {
        /// Which.
        target: Sequence,
    },
    /// All are read that are there now.
    MarkAllRead {
        /// Up to and with this sequence.
        up_to: Sequence,
    },
    /// One is put away; its words are erased.
    Dismiss {
        /// Which.
        target: Sequence,
    },
    /// Query: how many are unread.
    UnreadCount,
    /// Query: the same, and which are, the newest ones.
    Unread {
        /// Only below this sequence.
        before: Option<Sequence>,
        /// At most this many (clamped to the limit of a page).
        limit: usize,
    },
    /// Query: the settings in force.
    Settings,
    /// Other settings.
    SetSettings {
        /// What changes.
        settings: SettingsPatch,
    },
}

/// Answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum InboxReply {
    /// To `Add`, `Post`, `MarkRead`, `MarkAllRead`, `Dismiss`.
    Done {
        /// Sequence of the event; of the inbox's last one when nothing had to change. A repeated notification has its own.
        sequence: Sequence,
        /// How many are unread then.
        unread: u64,
    },
    /// To `UnreadCount` (without `newest`) and `Unread`.
    Unread {
        /// How many are unread.
        unread: u64,
        /// Which, descending.
        newest: Vec<Sequence>,
        /// The inbox's last sequence.
        head: Sequence,
    },
    /// To `Settings` and `SetSettings`.
    Settings {
        /// All of them.
        settings: InboxSettings,
        /// Sequence of the inbox's last event, with which they are in force.
        sequence: Sequence,
    },
}

impl Wish for InboxCommand {
    fn weight(&self) -> usize {
        64 + match self {
            InboxCommand::Add { from, notice, .. } => from.id().len() + weight_of(notice),
            InboxCommand::Post { by, notice, .. } => by.user.as_str().len() + weight_of(notice),
            InboxCommand::SetSettings { settings } => settings.weight(),
            _ => 0,
        }
    }

    fn is_query(&self) -> bool {
        match self {
            InboxCommand::UnreadCount | InboxCommand::Unread { .. } | InboxCommand::Settings => {
                true
            }
            InboxCommand::Add { .. }
            | InboxCommand::Post { .. }
            | InboxCommand::MarkRead { .. }
            | InboxCommand::MarkAllRead { .. }
            | InboxCommand::Dismiss { .. }
            | InboxCommand::SetSettings { .. } => false,
        }
    }

    /// Settings are not among these: sent again, they would win over what was settled meanwhile.
    fn has_id(&self) -> bool {
        match self {
            InboxCommand::Add { .. }
            | InboxCommand::MarkRead { .. }
            | InboxCommand::MarkAllRead { .. }
            | InboxCommand::Dismiss { .. } => true,
            InboxCommand::Post { key, .. } => key.is_some(),
            InboxCommand::UnreadCount
            | InboxCommand::Unread { .. }
            | InboxCommand::Settings
            | InboxCommand::SetSettings { .. } => false,
        }
    }
}

/// Bytes of a notice, with what a map takes for each entry.
fn weight_of(notice: &Notice) -> usize {
    let facts = notice.data.iter();
    64 + facts
        .map(|(name, fact)| name.len() + fact.len() + 64)
        .sum::<usize>()
}
