//! Time: one virtual clock for the world, and each node's own reading of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use actors::clock::Clock;
use actors::ids::Timestamp;

/// Milliseconds since the run began, shared by all.
pub type Now = Arc<AtomicU64>;

/// The time at which every run begins.
pub const EPOCH: u64 = 1_700_000_000_000;

/// A node's wall clock, wrong by `skew` milliseconds.
#[derive(Clone, Default)]
pub struct NodeClock {
    pub now: Now,
    pub skew: Arc<AtomicI64>,
    /// How far it jumped, in all.
    pub jumped: Arc<AtomicU64>,
}

impl NodeClock {
    /// The clock jumps.
    pub fn jump(&self, by: i64) {
        self.skew.fetch_add(by, Ordering::Relaxed);
        self.jumped.fetch_add(by.unsigned_abs(), Ordering::Relaxed);
    }

    /// The clock was never more wrong than this.
    pub fn widest(&self) -> u64 {
        let jumped = self.jumped.load(Ordering::Relaxed);
        self.skew.load(Ordering::Relaxed).unsigned_abs() + jumped
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        let skew = self.skew.load(Ordering::Relaxed);
        Timestamp((EPOCH + self.now.load(Ordering::Relaxed)).saturating_add_signed(skew))
    }
}
