//! The send queue of one connection: shared frames waiting for its socket, bounded in bytes.
//!
//! Fan-out appends under a short lock and never waits. Only the connection's home flusher, or while
//! the socket would block a task of its own, takes frames out and writes them.

mod flushing;
mod state;
mod transport;

use std::net::Shutdown;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use actors::delivery::Pushed;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use protocol::Encoding;
use tokio::net::TcpStream;
use tokio::sync::Notify;

pub(super) use self::flushing::{Batch, Settled};
use self::state::{State, Wake, shut_down};
use super::flusher::Flusher;

/// There was no handshake yet.
const UNSETTLED: u8 = 0;
const JSON: u8 = 1;
const MESSAGE_PACK: u8 = 2;

/// Bounds of a send queue, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct QueueBounds {
    /// Fan-out is refused above this.
    pub soft: usize,
    /// Of what cannot be held back no more than this may wait; beyond it the connection is ended.
    pub hard: usize,
    /// Fan-out is told to go on at this.
    pub low: usize,
    /// For a stateful connection fan-out is refused above this many unacknowledged bytes, too.
    pub unacknowledged: usize,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Takes frames.
    Open,
    /// Its last frame is queued; what waits is still written.
    Closing,
    /// Nothing is or will be written any more.
    Closed,
}

/// What the sweep sees of a queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub phase: Phase,
    /// Bytes that wait to be written.
    pub bytes: usize,
    /// Bytes that wait to be written or acknowledged.
    pub owed: usize,
    /// For how long the socket has not taken, or the peer not acknowledged, anything of what others wait for.
    pub stalled_ms: u64,
}

/// Frames waiting for one connection.
pub struct SendQueue {
    state: Mutex<State>,
    /// Signalled at the low mark, for tasks that wait for room.
    room: Notify,
    /// When the socket last took bytes or first refused them, by the coarse clock.
    progress_ms: AtomicU64,
    /// What the handshake settled: one of the numbers below.
    encoding: AtomicU8,
    /// The connection's task: it has to know when the queue is closed.
    reader: AtomicWaker,
    home: Arc<Flusher>,
    me: Weak<SendQueue>,
}

impl SendQueue {
    /// A queue whose frames are written to `stream` by `home`.
    pub fn new(home: Arc<Flusher>, stream: Arc<TcpStream>) -> Arc<Self> {
        let progress_ms = AtomicU64::new(home.clock().now_ms());
        Arc::new_cyclic(|me| SendQueue {
            state: Mutex::new(State::new(stream)),
            room: Notify::new(),
            progress_ms,
            encoding: AtomicU8::new(UNSETTLED),
            reader: AtomicWaker::new(),
            home,
            me: me.clone(),
        })
    }

    /// Appends a frame of fan-out that holds `messages` counted messages, if there is room.
    pub fn offer(&self, frame: &Bytes, messages: u32) -> Pushed {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Pushed::Closed;
        }
        if !state.has_room_for(frame.len(), self.home.bounds()) {
            self.home.metrics().held_back.increment(1);
            return Pushed::Full;
        }
        self.append(&mut state, frame.clone(), messages);
        Pushed::Accepted
    }

    /// Appends a frame that must not be held back: a callback, a refusal, a pong. A connection that lets too
    /// much of that pile up is ended. Returns whether the frame was taken.
    pub fn send(&self, frame: Bytes, messages: u32) -> bool {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return false;
        }
        // How much of it has left is not known to the byte, but no more is left than there is.
        let urgent = state.urgent.min(state.owed());
        if urgent + frame.len() > self.home.bounds().hard && urgent > 0 {
            drop(state);
            self.home.metrics().disconnected.increment(1);
            tracing::info!(bytes = urgent, "connection lets too much pile up, ended");
            self.abort();
            return false;
        }
        state.urgent = urgent + frame.len();
        self.append(&mut state, frame, messages);
        true
    }

    /// Appends the answer to a call that was begun because [`takes_answer`](Self::takes_answer) said so: of those there
    /// is one at a time, so it is taken whatever its length. Returns whether it was.
    pub fn answer(&self, frame: Bytes, messages: u32) -> bool {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return false;
        }
        self.append(&mut state, frame, messages);
        true
    }

    /// Whether the next plain call may be begun. If not, the connection's task is woken when it is time to ask again.
    pub fn takes_answer(&self) -> bool {
        let mut state = self.state.lock();
        if state.phase != Phase::Open || state.has_room_for_answer(self.home.bounds()) {
            return true;
        }
        state.lane_waits = true;
        false
    }

    /// Appends the last frame, made for what the handshake settled, if it did so already; what waits is still written, then
    /// the socket is shut down.
    pub fn close_with(&self, last: impl FnOnce(Option<Encoding>) -> Bytes) -> bool {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return false;
        }
        if state.stream.is_none() {
            drop(state);
            self.abort();
            return true;
        }
        state.replay = None;
        self.append(&mut state, last(self.settled()), 0);
        state.phase = Phase::Closing;
        self.progress_ms
            .store(self.home.clock().now_ms(), Ordering::Relaxed);
        let wake = state.wake.take();
        drop(state);
        self.announce(wake);
        self.wake_reader();
        true
    }

    /// Ends the connection at once; what waits is dropped.
    pub fn abort(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Closed;
        state.replay = None;
        let stream = state.forget_transport();
        let wake = state.wake.take();
        drop(state);
        if let Some(stream) = stream {
            shut_down(&stream, Shutdown::Both);
        }
        self.announce(wake);
        self.wake_reader();
    }

    /// Calls `wake` once there is room again, or the connection has closed; perhaps at once.
    pub fn on_drain(&self, wake: Wake) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open && !state.is_low(self.home.bounds()) {
            state.wake = Some(wake);
            return;
        }
        drop(state);
        wake();
    }

    /// Waits until a frame of so many bytes has room, looking again at the low mark; false when the connection has closed.
    pub async fn wait_for_room(&self, len: usize) -> bool {
        loop {
            let notified = self.room.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            {
                let mut state = self.state.lock();
                if state.phase != Phase::Open {
                    return false;
                }
                // A long frame may find none at the low mark either.
                if state.has_room_for(len, self.home.bounds()) {
                    return true;
                }
                state.waiting = true;
            }
            notified.await;
        }
    }

    /// The encoding of what is queued; JSON until the handshake says otherwise.
    pub fn encoding(&self) -> Encoding {
        self.settled().unwrap_or(Encoding::Json)
    }

    /// What the handshake settled.
    fn settled(&self) -> Option<Encoding> {
        match self.encoding.load(Ordering::Relaxed) {
            UNSETTLED => None,
            MESSAGE_PACK => Some(Encoding::MessagePack),
            _ => Some(Encoding::Json),
        }
    }

    /// The handshake is done: what is queued from now on is in this encoding, and comes after `answer`.
    pub(super) fn settle_on(&self, encoding: Encoding, answer: Bytes) {
        let mut state = self.state.lock();
        let settled = match encoding {
            Encoding::Json => JSON,
            Encoding::MessagePack => MESSAGE_PACK,
        };
        self.encoding.store(settled, Ordering::Relaxed);
        if state.phase == Phase::Open {
            self.append(&mut state, answer, 0);
        }
    }

    /// Wakes the connection's task.
    pub(super) fn wake_reader(&self) {
        self.reader.wake();
    }

    /// Says whom [`wake_reader`](Self::wake_reader) wakes.
    pub(super) fn register_reader(&self, waker: &Waker) {
        self.reader.register(waker);
    }

    /// How far the connection has come.
    pub fn phase(&self) -> Phase {
        self.state.lock().phase
    }

    /// Bytes waiting or being written.
    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    /// When the socket last took bytes, by the coarse clock.
    pub(super) fn last_progress(&self) -> Duration {
        Duration::from_millis(self.progress_ms.load(Ordering::Relaxed))
    }

    /// The sweep's look, once in a while.
    pub(super) fn look(&self, now_ms: u64) -> Look {
        let mut state = self.state.lock();
        let starved = state.is_starved(self.home.bounds());
        let starved_since = state.starved_since.filter(|_| starved);
        state.starved_since = starved.then(|| starved_since.unwrap_or(now_ms));
        let since = match state.bytes {
            0 => state.starved_since,
            _ => Some(self.progress_ms.load(Ordering::Relaxed)),
        };
        Look {
            phase: state.phase,
            bytes: state.bytes,
            owed: state.owed(),
            stalled_ms: since.map_or(0, |since| now_ms.saturating_sub(since)),
        }
    }

    fn append(&self, state: &mut State, frame: Bytes, messages: u32) {
        if messages > 0
            && let Some(replay) = state.replay.as_mut()
        {
            // Never full: what gets here is bounded before.
            let kept = replay.push(frame.clone(), messages);
            debug_assert!(kept.is_ok());
        }
        if state.stream.is_none() {
            return;
        }
        state.bytes += frame.len();
        state.frames.push(frame);
        if !state.dirty
            && !state.busy
            && let Some(me) = self.me.upgrade()
        {
            state.dirty = true;
            self.home.enlist(me);
        }
    }

    fn announce_if_low(&self, mut state: parking_lot::MutexGuard<'_, State>) {
        if !state.is_awaited() {
            return;
        }
        if state.phase != Phase::Open || state.is_low(self.home.bounds()) {
            state.waiting = false;
            let lane_waits = std::mem::take(&mut state.lane_waits);
            let wake = state.wake.take();
            drop(state);
            self.announce(wake);
            if lane_waits {
                self.wake_reader();
            }
        }
    }

    fn announce(&self, wake: Option<Wake>) {
        self.room.notify_waiters();
        if let Some(wake) = wake {
            wake();
        }
    }
}
