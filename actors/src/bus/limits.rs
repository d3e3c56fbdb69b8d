//! Every bound of the way between nodes, in one place.

use serde::{Deserialize, Serialize};

/// Bounds and paces between nodes. Configuration section `[peers]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BusLimits {
    /// Hints waiting to be sent; further ones are dropped and counted.
    pub out_messages: usize,
    /// Bytes of hints waiting to be sent.
    pub out_bytes: usize,
    /// Hints of one subject waiting to be taken in; further ones are dropped and counted.
    pub in_messages: usize,
    /// Entities whose subjects this node hears at most; what is above is kept current by looking every 30 s.
    pub interests: usize,
    /// How long an entity is heard after its last subscriber left, in milliseconds.
    pub interest_linger_ms: u64,
    /// Subjects that are begun or ceased to be heard per second at most; more wait their turn.
    pub interest_changes_per_second: u32,
    /// Commands from other nodes at work at once; further ones are answered "overloaded".
    pub commands: usize,
    /// A node says that it is there this often, in milliseconds.
    pub heartbeat_ms: u64,
    /// A node that was silent for so long is gone, in milliseconds.
    pub gone_ms: u64,
    /// One attempt to have a command carried out by another node, in milliseconds.
    pub forward_ms: u64,
    /// All attempts together, in milliseconds.
    pub forward_total_ms: u64,
    /// After a connection was lost or a node left, all subscribed rooms are looked at within this time, in milliseconds.
    pub look_within_ms: u64,
    /// And as a last net all subscribed rooms once in this time, in milliseconds.
    pub look_every_ms: u64,
    /// Rooms whose last position is being repeated at once; for more, the last net is all there is.
    pub tails: usize,
    /// Entities per second that are made ready on their next node when nodes come and go.
    pub handoffs_per_second: u32,
    /// Version of the format that this node writes between nodes; raise it once all nodes read the new one.
    pub format: u8,
}

impl Default for BusLimits {
    fn default() -> Self {
        Self {
            out_messages: 8_192,
            out_bytes: 16 << 20,
            in_messages: 4_096,
            interests: 200_000,
            interest_linger_ms: 30_000,
            interest_changes_per_second: 5_000,
            commands: 4_096,
            heartbeat_ms: 500,
            gone_ms: 2_000,
            forward_ms: 1_500,
            forward_total_ms: 6_000,
            look_within_ms: 4_000,
            look_every_ms: 30_000,
            tails: 100_000,
            handoffs_per_second: 1_000,
            format: super::frame::OLDEST,
        }
    }
}
