//! The one door to wall-clock time, so that a simulation can stand in it.

use crate::ids::Timestamp;

/// Tells the time of day. Waiting is done with tokio's timers, which a paused runtime controls.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the only place that may ask the machine for the time"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since.map_or(0, |d| d.as_millis() as u64))
    }
}
