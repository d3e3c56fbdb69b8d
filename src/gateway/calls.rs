//! What runs beside the plain calls of a connection, and the results that its client owes.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Id, Outcome as WireOutcome, Raw, SmolStr};
use thiserror::Error;
use tokio::sync::oneshot;

use super::handle::{ConnectionHandle, invocation};
use super::upload::UploadSender;

/// What runs beside the plain invocations of a connection.
#[derive(Default)]
pub(super) struct Calls {
    next: u64,
    /// Running streams and detached calls; dropping the sender stops one.
    pub running: BTreeMap<RunningId, oneshot::Sender<()>>,
    /// What has ended but may not have been answered yet.
    pub answering: usize,
    /// Open upload streams.
    pub uploads: BTreeMap<Id, UploadSender>,
    /// Streams that are over, for the connection's task to forget.
    pub over: Vec<Id>,
    /// Results that clients owe.
    results: BTreeMap<u64, oneshot::Sender<Result<Option<Raw>, AskError>>>,
    ended: bool,
}

/// Names something that runs beside the plain invocations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RunningId {
    /// By the client's invocation id; the client can cancel it.
    Stream(Id),
    /// By a number of ours.
    Detached(u64),
}

/// Why a client gave no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AskError {
    /// The client's method failed; the text is the client's.
    #[error("{0}")]
    Failed(String),
    /// It took too long.
    #[error("the client did not answer in time")]
    TimedOut,
    /// The connection has ended.
    #[error("the connection has ended")]
    Gone,
    /// The question could not be written.
    #[error("the arguments cannot be written: {0}")]
    Unwritable(String),
}

impl ConnectionHandle {
    /// Calls a method of the client and waits for its result, at most `client_result_ms`.
    pub fn ask(
        self: &Arc<Self>,
        target: &str,
        arguments: Vec<Raw>,
    ) -> impl Future<Output = Result<Option<Raw>, AskError>> + Send + 'static + use<> {
        let (sender, receiver) = oneshot::channel();
        let number = {
            let mut calls = self.calls.lock();
            let number = calls.number();
            if !calls.ended {
                calls.results.insert(number, sender);
            }
            number
        };
        let id = SmolStr::from(format!("s{number}"));
        let written = self.encode(&invocation(Some(id), target, arguments));
        let posted = written.map(|frame| self.queue.send(frame, 1));
        let limit = Duration::from_millis(self.core.limits.client_result_ms);
        let awaited = Awaited {
            handle: self.clone(),
            number,
        };
        async move {
            let _awaited = awaited;
            if !posted.map_err(AskError::Unwritable)? {
                return Err(AskError::Gone);
            }
            match tokio::time::timeout(limit, receiver).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(AskError::Gone),
                Err(_) => Err(AskError::TimedOut),
            }
        }
    }

    /// An answer of the client to one of our invocations. Unknown ids mean nothing.
    pub(super) fn answered(&self, id: &Id, outcome: WireOutcome) {
        let number = id.strip_prefix('s').and_then(|number| number.parse().ok());
        let Some(waiting) =
            number.and_then(|number: u64| self.calls.lock().results.remove(&number))
        else {
            return;
        };
        let answer = match outcome {
            WireOutcome::Void => Ok(None),
            WireOutcome::Result(raw) => Ok(Some(raw)),
            WireOutcome::Error(text) => Err(AskError::Failed(text)),
        };
        // Nobody may be waiting any more.
        let _ = waiting.send(answer);
    }

    /// The client wants no more items of a stream; its completion still follows.
    pub(super) fn cancel(&self, id: &Id) {
        let stream = RunningId::Stream(id.clone());
        if let Some(stop) = self.calls.lock().running.remove(&stream) {
            // It may have ended by itself.
            let _ = stop.send(());
        }
    }

    /// Stops everything that runs for this connection.
    pub(super) fn end_calls(&self) {
        let mut calls = self.calls.lock();
        let ended = Calls {
            ended: true,
            answering: calls.answering,
            ..Calls::default()
        };
        let old = std::mem::replace(&mut *calls, ended);
        drop(calls);
        // Wakes all that waits, which may want the lock.
        drop(old);
    }
}

impl Calls {
    /// A number that no other call of this connection has.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Whether nothing runs beside, and all that ran is answered.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.answering == 0
    }

    /// Registers something that runs beside, if fewer than `most` do. The receiver ends when it has to
    /// stop.
    pub fn run(&mut self, id: RunningId, most: usize) -> Option<oneshot::Receiver<()>> {
        if self.ended || self.running.len() >= most {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.running.insert(id, sender);
        Some(receiver)
    }
}

/// Forgets a question when nobody waits for its answer any more.
struct Awaited {
    handle: Arc<ConnectionHandle>,
    number: u64,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.handle.calls.lock().results.remove(&self.number);
    }
}
