//! Flushers own all writing: each takes the connections that became dirty in a turn and writes to
//! every one of them once.
//!
//! Many messages leave in one system call that way, also when each was pushed alone; a task per
//! connection would be woken for each. Where that saves writes a flusher rests between turns, so that more gathers.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::clock::CoarseClock;
use super::metrics::GatewayMetrics;
use super::pressure::Pressure;
use super::send_queue::{Batch, QueueBounds, SendQueue, Settled};

/// Frames for each connection of a turn from which gathering pays by itself: the next write carries several of them, too.
const DENSE: usize = 2;
/// Else nobody rests up to this share of busy time: what is saved would only be idle time, and every message waits for it.
const FREE: f64 = 0.65;
/// From this share on rests have their whole length.
const BUSY: f64 = 0.85;
/// That is so many times as long as the flush before,
const REST_FACTOR: u32 = 4;
/// but not longer than this,
const REST_USUAL: Duration = Duration::from_millis(5);
/// unless the flush itself took long: writing is then what the worker is busy with, and only fewer writes, each of more
/// messages, leave it time for anything else. So many times as long as the flush,
const REST_FACTOR_LONG: u32 = 2;
/// but never longer than this.
const REST_MOST: Duration = Duration::from_millis(20);
/// Shorter ones are not worth it (timers are no finer).
const REST_LEAST: Duration = Duration::from_millis(1);

/// Connections flushed before others get their turn on the worker.
const PART: usize = 512;

/// Scratch space above this is given back after the turn that needed it.
const SCRATCH_KEPT: usize = 1024 * 1024;

/// Frames in one vectored write of a blocked connection.
const VECTORED: usize = 64;

/// Writes for the connections that have it as their home.
pub struct Flusher {
    dirty: Mutex<Vec<Arc<SendQueue>>>,
    wake: Notify,
    bounds: QueueBounds,
    clock: Arc<CoarseClock>,
    metrics: GatewayMetrics,
}

/// What one turn did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Connections written to.
    pub connections: usize,
    /// Frames written to the end.
    pub frames: usize,
    /// Bytes written.
    pub bytes: usize,
}

impl Turn {
    fn is_dense(&self) -> bool {
        self.connections > 0 && self.frames >= DENSE * self.connections
    }
}

impl Flusher {
    /// A flusher; [`Flusher::run`] has to be spawned.
    pub fn new(bounds: QueueBounds, clock: Arc<CoarseClock>, metrics: GatewayMetrics) -> Arc<Self> {
        Arc::new(Flusher {
            dirty: Mutex::new(Vec::new()),
            wake: Notify::new(),
            bounds,
            clock,
            metrics,
        })
    }

    /// Writes for ever.
    pub async fn run(self: Arc<Self>) {
        let mut scratch = Vec::new();
        let mut list = Vec::new();
        let mut rest_until = Instant::now();
        let mut pressure = Pressure::new(rest_until);
        loop {
            self.wake.notified().await;
            // The readers of this turn run first; what they push leaves with it.
            tokio::task::yield_now().await;
            if Instant::now() < rest_until {
                tokio::time::sleep_until(rest_until).await;
            }
            self.take_list(&mut list);
            let mut turn = Turn::default();
            let mut worked = Duration::ZERO;
            let mut ended = Instant::now();
            for part in list.chunks(PART) {
                let begun = ended;
                self.flush_all(part, &mut scratch, &mut turn);
                ended = Instant::now();
                worked += ended - begun;
                if part.len() == PART {
                    // In a big room whoever waits for an answer must not wait for all the others.
                    tokio::task::yield_now().await;
                    ended = Instant::now();
                }
            }
            list.clear();
            rest_until = ended + rest_after(worked, turn.is_dense(), pressure.share(ended));
            self.record(turn);
        }
    }

    /// One whole turn at once.
    pub fn turn(&self) -> Turn {
        let mut list = Vec::new();
        let mut turn = Turn::default();
        self.take_list(&mut list);
        self.flush_all(&list, &mut Vec::new(), &mut turn);
        turn
    }

    /// Takes the connections that are dirty now. An empty list is what makes the next push wake this
    /// flusher, so from here on a push counts for the turn after this one.
    fn take_list(&self, list: &mut Vec<Arc<SendQueue>>) {
        mem::swap(&mut *self.dirty.lock(), list);
    }

    fn flush_all(&self, list: &[Arc<SendQueue>], scratch: &mut Vec<u8>, turn: &mut Turn) {
        for queue in list {
            self.flush(queue, scratch, turn);
        }
        if scratch.capacity() > SCRATCH_KEPT {
            *scratch = Vec::new();
        }
    }

    /// Puts a queue that has become dirty on the list.
    pub(super) fn enlist(&self, queue: Arc<SendQueue>) {
        let mut dirty = self.dirty.lock();
        let first = dirty.is_empty();
        dirty.push(queue);
        drop(dirty);
        if first {
            self.wake.notify_one();
        }
    }

    pub(super) fn bounds(&self) -> &QueueBounds {
        &self.bounds
    }

    pub(super) fn clock(&self) -> &CoarseClock {
        &self.clock
    }

    pub(super) fn metrics(&self) -> &GatewayMetrics {
        &self.metrics
    }

    fn flush(&self, queue: &Arc<SendQueue>, scratch: &mut Vec<u8>, turn: &mut Turn) {
        let Some(mut batch) = queue.take() else {
            return;
        };
        let frames = batch.frames.len();
        let written = match write_at_once(&batch, scratch) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return queue.fail(&batch),
        };
        batch.frames.advance(written);
        turn.connections += 1;
        turn.frames += frames - batch.frames.len();
        turn.bytes += written;
        let stream = batch.stream.clone();
        let transport = batch.transport();
        if queue.settle(batch, written) == Settled::Blocked {
            self.metrics.blocked_writes.increment(1);
            let metrics = self.metrics.clone();
            tokio::spawn(write_when_possible(
                queue.clone(),
                stream,
                transport,
                metrics,
            ));
        }
    }

    fn record(&self, turn: Turn) {
        if turn.connections == 0 {
            return;
        }
        self.metrics.bytes_out.increment(turn.bytes as u64);
        self.metrics.frames_out.increment(turn.frames as u64);
        self.metrics
            .flush_connections
            .record(turn.connections as f64);
    }
}

/// How long to gather after a flush that took so long, of many frames for each connection or not, when the runtime's threads
/// are busy for such a share of their time.
fn rest_after(flush: Duration, dense: bool, busy: f64) -> Duration {
    let most = (flush * REST_FACTOR_LONG).clamp(REST_USUAL, REST_MOST);
    let whole = (flush * REST_FACTOR).min(most);
    let scarce = whole.mul_f64(((busy - FREE) / (BUSY - FREE)).clamp(0.0, 1.0));
    let rest = match dense {
        true => scarce.max(whole.min(REST_USUAL)),
        false => scarce,
    };
    match rest < REST_LEAST {
        true => Duration::ZERO,
        false => rest,
    }
}

/// One system call: the only frame as it is, several copied together.
fn write_at_once(batch: &Batch, scratch: &mut Vec<u8>) -> io::Result<usize> {
    if let Some(frame) = batch.frames.single() {
        return batch.stream.try_write(frame);
    }
    scratch.clear();
    for frame in batch.frames.iter() {
        scratch.extend_from_slice(frame);
    }
    batch.stream.try_write(scratch)
}

/// Writes for a connection whose socket is full, until nothing waits any more.
async fn write_when_possible(
    queue: Arc<SendQueue>,
    stream: Arc<tokio::net::TcpStream>,
    transport: u32,
    metrics: GatewayMetrics,
) {
    loop {
        // An error here shows again in the write.
        let _ = stream.writable().await;
        let Some(mut batch) = queue.take_again(transport) else {
            return;
        };
        let frames = batch.frames.len();
        let written = match write_what_fits(&mut batch) {
            Ok(written) => written,
            Err(_) => return queue.fail(&batch),
        };
        metrics.bytes_out.increment(written as u64);
        metrics
            .frames_out
            .increment((frames - batch.frames.len()) as u64);
        if queue.settle(batch, written) == Settled::Done {
            return;
        }
    }
}

/// Vectored writes until the socket is full or nothing is left; the bytes written.
fn write_what_fits(batch: &mut Batch) -> io::Result<usize> {
    let mut total = 0;
    while !batch.frames.is_empty() {
        let mut slices = [io::IoSlice::new(&[]); VECTORED];
        let count = batch.frames.slices(&mut slices);
        match batch.stream.try_write_vectored(&slices[..count]) {
            Ok(0) => break,
            Ok(written) => {
                total += written;
                batch.frames.advance(written);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn a_busy_flusher_rests_four_times_as_long_as_it_worked_or_twice_when_that_was_long() {
        let micros = Duration::from_micros;
        assert_eq!(rest_after(micros(249), false, 1.0), Duration::ZERO);
        assert_eq!(rest_after(micros(250), false, 1.0), MILLISECOND);
        assert_eq!(rest_after(micros(900), false, 1.0), micros(3_600));
        for (flush_ms, rest_ms) in [(2, 5), (3, 6), (9, 18), (50, 20)] {
            let rest = rest_after(MILLISECOND * flush_ms, false, 1.0);
            assert_eq!(rest, MILLISECOND * rest_ms, "{flush_ms} ms");
        }
    }

    #[test]
    fn nobody_rests_for_single_frames_while_there_is_time_to_spare() {
        let flush = MILLISECOND * 9;
        for busy in [0.0, 0.5, FREE] {
            assert_eq!(rest_after(flush, false, busy), Duration::ZERO, "{busy}");
        }
        let half = rest_after(flush, false, (FREE + BUSY) / 2.0);
        assert!(half.abs_diff(flush) < MILLISECOND, "{half:?}");
        assert_eq!(rest_after(flush, false, BUSY), flush * 2);
    }

    #[test]
    fn where_each_write_carries_several_frames_a_flusher_rests_for_a_while_in_any_case() {
        assert_eq!(rest_after(MILLISECOND * 9, true, 0.0), REST_USUAL);
        assert_eq!(rest_after(MILLISECOND, true, 0.0), MILLISECOND * 4);
        assert_eq!(rest_after(MILLISECOND * 9, true, 1.0), MILLISECOND * 18);
        let turn = |connections, frames| Turn {
            connections,
            frames,
            bytes: 0,
        };
        assert!(turn(10, 20).is_dense() && !turn(10, 19).is_dense() && !turn(0, 0).is_dense());
    }
}
