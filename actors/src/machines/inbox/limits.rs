//! Every bound of an inbox's rules, in one place.

use serde::{Deserialize, Serialize};

/// Bounds of an inbox. Configuration section `[inbox]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InboxLimits {
    /// Notifications that can be unread at once; above it the oldest count as read.
    pub unread: usize,
    /// Senders (requests, users, operators' keys) of which is remembered what came from them last, so that a repeat is
    /// known for one; above it those are forgotten that sent nothing for longest.
    pub sources: usize,
    /// Notifications shown live in one day of the user, unless the user's settings say another number; what always passes
    /// is not counted.
    pub live_per_day: u32,
    /// Largest number that the settings may say instead.
    pub live_per_day_max: u32,
    /// Facts of one notification.
    pub data_entries: usize,
    /// Longest name of a fact, in bytes.
    pub data_key_bytes: usize,
    /// Longest fact, in characters.
    pub data_value_chars: usize,
    /// Longest title, in characters.
    pub title_chars: usize,
    /// Longest message, in characters.
    pub message_chars: usize,
    /// Notifications in one page.
    pub page: usize,
    /// Entries looked at for one page; after so many it may be short.
    pub page_records: usize,
    /// Older entries of which is remembered whether they are notifications, beyond those that are not durable yet.
    pub recent: usize,
}

impl Default for InboxLimits {
    fn default() -> Self {
        Self {
            unread: 10_000,
            sources: 1_000,
            live_per_day: 50,
            live_per_day_max: 1_000,
            data_entries: 32,
            data_key_bytes: 64,
            data_value_chars: 500,
            title_chars: 200,
            message_chars: 1_000,
            page: 100,
            page_records: 4_096,
            recent: 64,
        }
    }
}
