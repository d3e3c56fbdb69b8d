//! How busy the runtime's threads are: what decides whether gathering is worth the wait.

use std::time::Duration;

use tokio::runtime::{Handle, RuntimeMetrics};
use tokio::time::Instant;

/// A share is taken of at least so much time.
const WINDOW: Duration = Duration::from_millis(25);

/// The share of time in which the threads of this runtime have something to do. Where others use their cores too it is
/// the greater for it, as it should be: time that a thread waits for its core is none that it has to spare.
pub(super) struct Pressure {
    runtime: RuntimeMetrics,
    since: Instant,
    busy: Duration,
    share: f64,
}

impl Pressure {
    /// Of the runtime that this is called in; nothing is known of it yet.
    pub fn new(now: Instant) -> Self {
        let runtime = Handle::current().metrics();
        Self {
            busy: busy(&runtime),
            runtime,
            since: now,
            share: 0.0,
        }
    }

    /// From 0 to 1, of the last window that is over.
    pub fn share(&mut self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.since);
        if passed >= WINDOW {
            let busy = busy(&self.runtime);
            // Threads tell when they have nothing to do, and else rarely: silence is no idleness.
            if busy == self.busy {
                return self.share;
            }
            self.share = share(
                busy.saturating_sub(self.busy),
                passed,
                self.runtime.num_workers(),
            );
            self.busy = busy;
            self.since = now;
        }
        self.share
    }
}

fn share(busy: Duration, passed: Duration, threads: usize) -> f64 {
    let most = passed * threads.max(1) as u32;
    busy.div_duration_f64(most).min(1.0)
}

/// Of all threads together since the runtime began. They say so when they have nothing to do, and now and then else.
fn busy(runtime: &RuntimeMetrics) -> Duration {
    let threads = 0..runtime.num_workers();
    threads
        .map(|thread| runtime.worker_total_busy_duration(thread))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_the_time_of_all_threads() {
        let millis = Duration::from_millis;
        assert_eq!(share(millis(30), millis(40), 1), 0.75);
        assert_eq!(share(millis(30), millis(40), 3), 0.25);
        assert_eq!(share(millis(50), millis(40), 1), 1.0, "told late");
    }

    /// A thread that computes without a pause is busy, one that waits is not.
    #[test]
    fn a_runtime_that_computes_is_under_pressure_and_one_that_waits_is_not() {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        // It tells of what it did after each turn.
        let builder = builder.worker_threads(1).event_interval(1).enable_time();
        let runtime = builder.build();
        let runtime = runtime.expect("a runtime");
        let shares = runtime.block_on(runtime.spawn(async {
            let mut pressure = Pressure::new(Instant::now());
            let first = pressure.share(Instant::now());
            tokio::time::sleep(WINDOW * 8).await;
            let idle = pressure.share(Instant::now());
            let begun = Instant::now();
            while begun.elapsed() < WINDOW * 8 {
                let turn = Instant::now();
                while turn.elapsed() < WINDOW / 10 {
                    std::hint::spin_loop();
                }
                tokio::task::yield_now().await;
            }
            (first, idle, pressure.share(Instant::now()))
        }));
        let (first, idle, computing) = shares.expect("no panic");
        assert_eq!(first, 0.0);
        // Whatever else this machine does, a pause is mostly idle and a loop is not.
        assert!(idle < 0.5, "{idle}");
        assert!(computing > 0.7, "{computing}");
    }
}
