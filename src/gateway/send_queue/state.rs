//! What a send queue holds under its lock.

use std::mem;
use std::net::Shutdown;
use std::sync::Arc;

use protocol::session::ReplayBuffer;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::{Batch, Phase, QueueBounds};
use crate::gateway::frames::Frames;

pub(super) type Wake = Box<dyn FnOnce() + Send>;

pub(super) struct State {
    pub stream: Option<Arc<TcpStream>>,
    /// Counts the transports of this connection; what belongs to an older one is dropped.
    pub transport: u32,
    pub frames: Frames,
    /// Bytes of `frames` and of what is being written right now.
    pub bytes: usize,
    /// On its home flusher's list.
    pub dirty: bool,
    /// A task waits for writability; the flusher keeps off.
    pub busy: bool,
    pub phase: Phase,
    pub wake: Option<Wake>,
    pub waiting: bool,
    /// The connection's next plain call waits for room.
    pub lane_waits: bool,
    /// Bytes that could not be held back and have not been written or acknowledged yet; at least that many.
    pub urgent: usize,
    /// Since when all is written and others wait for acknowledgements, by the coarse clock; set by the sweep.
    pub starved_since: Option<u64>,
    pub replay: Option<Box<ReplayBuffer>>,
}

impl State {
    /// With a transport and nothing to write.
    pub fn new(stream: Arc<TcpStream>) -> Self {
        State {
            stream: Some(stream),
            transport: 0,
            frames: Frames::default(),
            bytes: 0,
            dirty: false,
            busy: false,
            phase: Phase::Open,
            wake: None,
            waiting: false,
            lane_waits: false,
            urgent: 0,
            starved_since: None,
            replay: None,
        }
    }

    pub fn has_room_for(&self, len: usize, bounds: &QueueBounds) -> bool {
        let fits = |used: usize, most: usize| used == 0 || used + len <= most;
        fits(self.bytes, bounds.soft) && fits(self.unacknowledged(), bounds.unacknowledged)
    }

    /// Whether another plain call may be answered, however long its answer.
    pub fn has_room_for_answer(&self, bounds: &QueueBounds) -> bool {
        self.bytes < bounds.soft.max(1) && self.unacknowledged() < bounds.unacknowledged.max(1)
    }

    /// What waits to be written or acknowledged.
    pub fn owed(&self) -> usize {
        self.bytes.max(self.unacknowledged())
    }

    /// Whether somebody wants to know when the queue is low.
    pub fn is_awaited(&self) -> bool {
        self.waiting || self.lane_waits || self.wake.is_some()
    }

    /// Whether there is nothing to write, yet others wait: only the peer's acknowledgements help.
    pub fn is_starved(&self, bounds: &QueueBounds) -> bool {
        self.stream.is_some() && self.bytes == 0 && self.is_awaited() && !self.is_low(bounds)
    }

    pub fn is_low(&self, bounds: &QueueBounds) -> bool {
        self.bytes <= bounds.low && self.unacknowledged() <= bounds.unacknowledged / 2
    }

    pub fn unacknowledged(&self) -> usize {
        self.replay.as_ref().map_or(0, |replay| replay.bytes())
    }

    pub fn take(&mut self) -> Option<Batch> {
        if self.frames.is_empty() {
            return None;
        }
        Some(Batch {
            stream: self.stream.clone()?,
            frames: mem::take(&mut self.frames),
            transport: self.transport,
        })
    }

    pub fn forget_transport(&mut self) -> Option<Arc<TcpStream>> {
        self.transport = self.transport.wrapping_add(1);
        self.frames = Frames::default();
        self.bytes = 0;
        self.busy = false;
        self.stream.take()
    }
}

/// A socket that is gone already needs no shutting down, so a failure means nothing.
pub(super) fn shut_down(stream: &TcpStream, how: Shutdown) {
    let _ = SockRef::from(stream).shutdown(how);
}
