//! The bounded queue in front of the commit thread. Pushing costs a short lock, and a wake-up only when
//! the thread sleeps; whatever waits when it comes back is its next group.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::group::Work;
use crate::journal::AppendError;

pub(super) type Outcome = Result<(), AppendError>;
pub(super) type Answer = oneshot::Sender<Outcome>;

/// One write and who waits for it.
pub(super) struct Request {
    pub(super) work: Work,
    pub(super) bytes: usize,
    pub(super) answer: Answer,
}

/// Bounds in requests and bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) requests: usize,
    pub(super) bytes: usize,
}

pub(super) struct Queue {
    most: Bounds,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Request>,
    bytes: usize,
    closed: bool,
    sleeping: bool,
}

impl Queue {
    pub(super) fn new(most: Bounds) -> Self {
        Self {
            most,
            state: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    pub(super) fn push(&self, request: Request) -> Outcome {
        let mut state = self.state.lock();
        if state.closed {
            return Err(AppendError::Unavailable("the store is closed".into()));
        }
        let bytes = state.bytes + request.bytes;
        if bytes > self.most.bytes || state.waiting.len() >= self.most.requests {
            metrics::counter!("mussikon_journal_queue_refusals_total").increment(1);
            return Err(AppendError::Unavailable("the commit queue is full".into()));
        }
        state.bytes = bytes;
        state.waiting.push_back(request);
        let sleeping = std::mem::take(&mut state.sleeping);
        drop(state);
        if sleeping {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Waits for requests and moves the oldest to `into`, within `most` but at least one.
    /// `false` once the queue is closed and empty.
    pub(super) fn take(&self, most: Bounds, into: &mut Vec<Request>) -> bool {
        let mut state = self.state.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return false;
            }
            state.sleeping = true;
            self.wake.wait(&mut state);
        }
        let mut bytes = 0;
        let fits = |request: &&Request| {
            bytes += request.bytes;
            bytes <= most.bytes
        };
        let waiting = state.waiting.iter().take(most.requests);
        let count = waiting.take_while(fits).count().max(1);
        into.extend(state.waiting.drain(..count));
        let taken: usize = into.iter().map(|request| request.bytes).sum();
        state.bytes -= taken;
        true
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_all();
    }

    /// Closes it and gives out what nobody will take any more.
    pub(super) fn abandon(&self) -> VecDeque<Request> {
        let mut state = self.state.lock();
        state.closed = true;
        state.bytes = 0;
        std::mem::take(&mut state.waiting)
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().waiting.len()
    }
}
