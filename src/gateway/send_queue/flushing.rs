//! The flusher's side of a send queue: frames are taken out, written without the lock, and accounted for.

use std::mem;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::TcpStream;

use super::state::{State, shut_down};
use super::{Phase, SendQueue};
use crate::gateway::frames::Frames;

/// What was taken out to be written.
pub(in crate::gateway) struct Batch {
    pub stream: Arc<TcpStream>,
    pub frames: Frames,
    pub(super) transport: u32,
}

/// What remains to be done after a write.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Settled {
    /// Nothing, or a further push enlists the queue again.
    Done,
    /// The socket refuses more: somebody has to wait for it.
    Blocked,
}

impl SendQueue {
    /// Takes everything out to be written by the flusher; none if there is nothing to do for it.
    pub(in crate::gateway) fn take(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        state.dirty = false;
        if state.busy {
            return None;
        }
        state.take()
    }

    /// Takes everything out for the task that waits on the transport of `batch_of`.
    pub(in crate::gateway) fn take_again(&self, transport: u32) -> Option<Batch> {
        let mut state = self.state.lock();
        (state.transport == transport)
            .then(|| state.take())
            .flatten()
    }

    /// Puts back what could not be written and accounts for the rest.
    pub(in crate::gateway) fn settle(&self, batch: Batch, written: usize) -> Settled {
        let mut state = self.state.lock();
        if state.transport != batch.transport {
            return Settled::Done;
        }
        state.bytes = state.bytes.saturating_sub(written);
        let blocked = !batch.frames.is_empty();
        if blocked {
            let later = mem::replace(&mut state.frames, batch.frames);
            state.frames.extend(later);
        }
        if written > 0 || !state.busy {
            self.progress_ms
                .store(self.home.clock().now_ms(), Ordering::Relaxed);
        }
        state.busy = blocked || (state.busy && !state.frames.is_empty());
        let busy = state.busy;
        if state.phase == Phase::Closing && state.frames.is_empty() {
            self.finish(&mut state);
        }
        self.announce_if_low(state);
        if busy {
            Settled::Blocked
        } else {
            Settled::Done
        }
    }

    /// The socket has failed: the reader will see it too, whatever it waits for.
    pub(in crate::gateway) fn fail(&self, batch: &Batch) {
        let mut state = self.state.lock();
        if state.transport != batch.transport {
            return;
        }
        let stream = state.forget_transport();
        if state.replay.is_none() {
            state.phase = Phase::Closed;
        }
        let wake = (state.phase == Phase::Closed)
            .then(|| state.wake.take())
            .flatten();
        drop(state);
        if let Some(stream) = stream {
            shut_down(&stream, Shutdown::Both);
        }
        self.announce(wake);
        self.wake_reader();
    }

    /// Everything is written: says goodbye to the socket, which lives on until its reader lets go.
    fn finish(&self, state: &mut State) {
        state.phase = Phase::Closed;
        if let Some(stream) = state.forget_transport() {
            shut_down(&stream, Shutdown::Write);
        }
        self.wake_reader();
    }
}

impl Batch {
    /// Which transport of the connection this belongs to.
    pub fn transport(&self) -> u32 {
        self.transport
    }
}
