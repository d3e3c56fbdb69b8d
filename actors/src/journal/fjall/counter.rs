//! The thread that looks after the store about once a second: copies the commit counter to its file
//! beside the store, and watches the free space of the disk.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::commit::Status;
use super::guard::Guard;

/// Owns the directory's guard until it has written the last count.
pub(super) struct CounterKeeper {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: JoinHandle<()>,
}

impl CounterKeeper {
    pub(super) fn start(
        guard: Guard,
        status: Arc<Status>,
        interval: Duration,
        reserve: u64,
    ) -> std::io::Result<Self> {
        watch_space(&guard, &status, reserve);
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let shared = stop.clone();
        let thread = std::thread::Builder::new().name("journal-counter".into());
        let thread = thread.spawn(move || keep(&guard, &status, interval, reserve, &shared))?;
        Ok(Self { stop, thread })
    }

    /// Writes the final count and frees the directory. Blocks for as long as that takes.
    pub(super) fn finish(self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if self.thread.join().is_err() {
            tracing::error!("the thread that keeps the commit counter panicked");
        }
    }
}

fn keep(
    guard: &Guard,
    status: &Status,
    interval: Duration,
    reserve: u64,
    stop: &(Mutex<bool>, Condvar),
) {
    let mut written = None;
    loop {
        let stopped = {
            let mut stopped = stop.0.lock();
            if !*stopped {
                stop.1.wait_for(&mut stopped, interval);
            }
            *stopped
        };
        let count = status.commits.load(Ordering::Acquire);
        if written != Some(count) {
            match guard.write_commits(count) {
                Ok(()) => written = Some(count),
                // The store itself goes on: only a loss of its newest commits would pass unnoticed.
                Err(error) => {
                    tracing::warn!(%error, count, "the commit counter was not written");
                    metrics::counter!("mussikon_journal_counter_failures_total").increment(1);
                }
            }
        }
        if stopped {
            return;
        }
        watch_space(guard, status, reserve);
    }
}

/// The part of the reserve that nothing may use.
const UNTOUCHED: u64 = 4;

/// Below the reserve, writes are refused while they still can be refused cleanly; a write that meets a
/// full disk half-way breaks the store. What frees space may use the reserve, but not all of it.
fn watch_space(guard: &Guard, status: &Status, reserve: u64) {
    let Some(free) = guard.free_bytes() else {
        return;
    };
    metrics::gauge!("mussikon_journal_disk_free_bytes").set(free as f64);
    let low = free < reserve;
    let none = free < reserve / UNTOUCHED;
    status.no_space.store(none, Ordering::Relaxed);
    if status.low_space.swap(low, Ordering::Relaxed) != low {
        if low {
            tracing::error!(free, reserve, "the disk is nearly full: writes are refused");
        } else {
            tracing::info!(free, reserve, "the disk has space again: writes are taken");
        }
    }
}
