//! Every bound of a room's rules, in one place.

use serde::{Deserialize, Serialize};

/// Bounds of a room. Configuration section `[room]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoomLimits {
    /// Longest text, in characters after trimming.
    pub text_chars: usize,
    /// Longest room name, in characters after trimming.
    pub name_chars: usize,
    /// Most members of a group or public room.
    pub members: usize,
    /// How long an author may edit, in milliseconds.
    pub edit_window_ms: u64,
    /// Most edits of one message.
    pub edits_per_message: usize,
    /// Most distinct emoji on a message.
    pub emoji_per_message: usize,
    /// Most reactions (user and emoji) on a message.
    pub reactions_per_message: usize,
    /// Longest emoji, in bytes.
    pub emoji_bytes: usize,
    /// Longest string in metadata, in bytes.
    pub metadata_bytes: usize,
    /// Largest announced file, in bytes.
    pub file_bytes: u64,
    /// Characters of the replied text kept in a reply.
    pub reply_chars: usize,
    /// Messages per second that one sender may send to one room, on average; 0 lifts the limit.
    pub sends_per_second: u32,
    /// Messages that one sender may send to one room at once.
    pub send_burst: u32,
    /// Senders whose rate is remembered at once; above it those who sent least are forgotten.
    pub rate_senders: usize,
    /// Members in one page.
    pub members_page: usize,
    /// A retry with the same id is recognised at least this long, in milliseconds.
    pub dedupe_window_ms: u64,
    /// And beyond that for this many of the sender's last messages, as far as `dedupe_entries` allows.
    pub dedupe_per_sender: usize,
    /// Most entries of the dedupe index that are older than the window.
    pub dedupe_entries: usize,
    /// Most entries of the dedupe index at all; above it new messages are refused until the window moves on.
    pub dedupe_max: usize,
    /// Messages kept in memory with their latest state, at least: 128 more come before the rest is let go, and 1,024 in a room that
    /// always has some on their way to the store.
    pub recent_messages: usize,
}

impl Default for RoomLimits {
    fn default() -> Self {
        Self {
            text_chars: 1_000,
            name_chars: 100,
            members: 1_000,
            edit_window_ms: 15 * 60 * 1_000,
            edits_per_message: 100,
            emoji_per_message: 20,
            reactions_per_message: 1_000,
            emoji_bytes: 64,
            metadata_bytes: 2_048,
            file_bytes: 10 * 1_024 * 1_024,
            reply_chars: 200,
            sends_per_second: 10,
            send_burst: 50,
            rate_senders: 10_000,
            members_page: 200,
            dedupe_window_ms: 10 * 60 * 1_000,
            dedupe_per_sender: 1_000,
            dedupe_entries: 20_000,
            dedupe_max: 2_000_000,
            recent_messages: 64,
        }
    }
}
