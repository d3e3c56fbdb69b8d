//! The one clock of a run: nanoseconds since its start.

use std::time::Instant;

/// Monotonic time of this run.
#[derive(Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that reads 0 now.
    #[allow(
        clippy::disallowed_methods,
        reason = "a load generator measures real time, and only here"
    )]
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Nanoseconds since the start.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }
}
