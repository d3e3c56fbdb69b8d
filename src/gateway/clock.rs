//! Coarse time: milliseconds since the gateway started, moved on by the sweep.
//!
//! Marking a connection as heard or written to costs a load and a store instead of a system call.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

/// Tells the time of the last tick.
#[derive(Debug)]
pub struct CoarseClock {
    start: Instant,
    now_ms: AtomicU64,
}

impl CoarseClock {
    /// Starts at 0.
    pub fn start() -> Self {
        CoarseClock {
            start: Instant::now(),
            now_ms: AtomicU64::new(0),
        }
    }

    /// Milliseconds from the start to the last tick.
    pub fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Looks at the real clock.
    pub fn tick(&self) -> u64 {
        let now_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.now_ms.store(now_ms, Ordering::Relaxed);
        now_ms
    }
}
