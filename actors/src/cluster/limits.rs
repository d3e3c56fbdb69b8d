//! Every bound of sessions and fan-out, in one place.

use serde::{Deserialize, Serialize};

/// Bounds of fan-out. Configuration section `[fanout]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FanoutLimits {
    /// Rooms, requests and inboxes one session may be subscribed to, together.
    pub rooms_per_session: usize,
    /// Journal reads for catch-up at once.
    pub catch_ups: usize,
    /// Records in one page of catch-up.
    pub page_records: usize,
    /// Bytes in one page of catch-up.
    pub page_bytes: usize,
    /// Live events kept per room for those who resume shortly after, in events.
    pub recent_events: usize,
    /// Pause after a failed journal read, in milliseconds.
    pub retry_ms: u64,
    /// How long a user may be gone before others are told, in milliseconds.
    pub presence_linger_ms: u64,
    /// Users present above which only the count is told.
    pub presence_members: usize,
    /// How long "is typing" holds without being renewed, in milliseconds.
    pub typing_ms: u64,
    /// Members above which read marks are not told to others.
    pub read_members: usize,
    /// Unwritten read marks above which new ones are refused.
    pub pending_cursors: usize,
    /// Rooms in one page of a user's list.
    pub rooms_page: usize,
    /// Messages in one page of history.
    pub history_page: usize,
    /// How long a history request waits for its `minSequence`, in milliseconds.
    pub history_wait_ms: u64,
}

impl Default for FanoutLimits {
    fn default() -> Self {
        Self {
            rooms_per_session: 1_000,
            catch_ups: 64,
            page_records: 256,
            page_bytes: 64 * 1_024,
            recent_events: 64,
            retry_ms: 100,
            presence_linger_ms: 2_000,
            presence_members: 50,
            typing_ms: 6_000,
            read_members: 50,
            pending_cursors: 100_000,
            rooms_page: 100,
            history_page: 100,
            history_wait_ms: 2_000,
        }
    }
}
