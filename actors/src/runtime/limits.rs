//! Every bound of the runtime, in one place.

use serde::{Deserialize, Serialize};

/// Bounds of journaled actors. Configuration section `[runtime]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeLimits {
    /// Commands waiting in front of one entity.
    pub mailbox_commands: usize,
    /// Bytes of commands waiting in front of one entity.
    pub mailbox_bytes: usize,
    /// Bytes of commands waiting in front of all entities of this node.
    pub node_bytes: usize,
    /// Entities awake at once.
    pub entities: usize,
    /// How long a caller waits for an answer before it hears "outcome unknown", in milliseconds.
    pub ask_timeout_ms: u64,
    /// Records in one row.
    pub batch_records: usize,
    /// Bytes of records in one row.
    pub batch_bytes: usize,
    /// Records after which a snapshot is due.
    pub snapshot_records: u64,
    /// And so many times the size of the last snapshot must have been journaled since.
    pub snapshot_ratio: u64,
    /// How long events are kept, in milliseconds; 0 keeps them for ever.
    pub retention_ms: u64,
    /// An entity without a command for so long is put to sleep, in milliseconds.
    pub idle_ms: u64,
    /// First pause before an append is tried again, in milliseconds; doubles.
    pub retry_first_ms: u64,
    /// Longest such pause, in milliseconds.
    pub retry_max_ms: u64,
    /// Longest pause after an append that came second to another owner's, in milliseconds.
    pub retry_lost_ms: u64,
    /// How often an owner that has met another one rests, so that the other has its turn, before it takes it for gone.
    pub turns: u32,
    /// Refused appends of one row before its callers are told "unavailable".
    pub refused_attempts: u32,
    /// Entities that are roused at once because an alarm of theirs is due.
    pub alarms_at_once: usize,
    /// First pause before a failed entity may be woken again, in milliseconds; doubles.
    pub restart_first_ms: u64,
    /// Longest such pause, in milliseconds.
    pub restart_max_ms: u64,
}

impl Default for RuntimeLimits {
    fn default() -> Self {
        Self {
            mailbox_commands: 4_096,
            mailbox_bytes: 4 * 1_024 * 1_024,
            node_bytes: 256 * 1_024 * 1_024,
            entities: 200_000,
            ask_timeout_ms: 10_000,
            batch_records: 512,
            batch_bytes: 256 * 1_024,
            snapshot_records: 1_000,
            snapshot_ratio: 2,
            retention_ms: 0,
            idle_ms: 60_000,
            retry_first_ms: 20,
            retry_max_ms: 2_000,
            retry_lost_ms: 40,
            turns: 8,
            refused_attempts: 6,
            alarms_at_once: 32,
            restart_first_ms: 100,
            restart_max_ms: 10_000,
        }
    }
}
