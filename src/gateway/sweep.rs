//! One look per second at every connection: what is due, what is stuck, whose token has expired.
//!
//! It costs a few loads per connection; only those for which something is due are woken.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::ids::Timestamp;

use super::core::Core;
use super::handle::{ConnectionHandle, signal};
use super::send_queue::Phase;

const TOKEN_EXPIRED: &str = "The access token has expired.";

/// Sweeps for ever.
pub(super) async fn run(core: Arc<Core>) {
    let mut interval = tokio::time::interval(core.limits.sweep());
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        core.clock.tick();
        let wall = core.wall.now();
        let mut queued = 0;
        for part in core.registry.parts() {
            for handle in part {
                queued += look_at(&core, &handle, wall);
            }
            // Thousands of connections must not hold up those that have something to do.
            tokio::task::yield_now().await;
        }
        core.metrics.queue_bytes.set(queued as f64);
        core.registry.sweep(wall);
        core.handshakes.sweep(core.elapsed());
    }
}

/// Bytes that wait for the connection.
fn look_at(core: &Core, handle: &ConnectionHandle, wall: Timestamp) -> usize {
    let now_ms = core.clock.now_ms();
    let queue = &handle.queue;
    let look = queue.look(now_ms);
    let waiting = look.bytes;
    if look.phase != Phase::Open {
        see_off(core, handle, now_ms);
        return waiting;
    }
    if look.stalled_ms >= core.limits.slow_consumer_ms {
        core.metrics.disconnected.increment(1);
        tracing::info!(
            connection = handle.log_id(),
            owed = look.owed,
            stalled_ms = look.stalled_ms,
            "connection does not read or acknowledge, ended"
        );
        queue.abort();
        return waiting;
    }
    if handle.token_ends.load(Ordering::Relaxed) <= wall.0 {
        handle.close(Some(TOKEN_EXPIRED), true);
        return waiting;
    }
    if handle.due_ms.load(Ordering::Relaxed) <= now_ms {
        handle.signal(signal::TICK);
    }
    waiting
}

/// A goodbye takes no longer than it may.
fn see_off(core: &Core, handle: &ConnectionHandle, now_ms: u64) {
    match handle.leaving_ms.load(Ordering::Relaxed) {
        0 => handle.leaving_ms.store(now_ms.max(1), Ordering::Relaxed),
        since if now_ms.saturating_sub(since) >= core.limits.close_wait_ms => {
            handle.queue.abort();
            handle.signal(signal::END);
        }
        _ => {}
    }
}
