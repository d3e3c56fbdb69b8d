//! The answers to calls: completions, items of streams, and what runs beside the plain calls.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use protocol::server::CLOSED_WITH_ERROR;
use protocol::{Headers, HubMessage, Id, Outcome as WireOutcome, Raw};
use tokio::sync::oneshot;

use super::app::{InvokeError, Outcome};
use super::calls::RunningId;
use super::handle::ConnectionHandle;
use super::hub::{Ended, Hub};

/// How a call ended.
pub(super) type Answer = Result<Outcome, InvokeError>;

/// A call that has not been answered yet.
pub(super) struct Reply {
    pub handle: Arc<ConnectionHandle>,
    pub hub: Arc<Hub>,
    /// Which method, by its place in the hub.
    pub at: usize,
    /// Absent when the client wants no answer.
    pub id: Option<Id>,
    /// The client waits for items.
    pub streams: bool,
    /// The client's streams that feed it.
    pub uploads: Vec<Id>,
    pub number: u64,
    /// A plain call, begun when there was room for its answer.
    pub in_turn: bool,
    /// By the gateway's precise time.
    pub begun: Duration,
}

impl Reply {
    /// Answers.
    pub fn complete(self, answer: Answer) {
        match answer {
            Ok(outcome) => self.succeed(outcome),
            Err(error) => {
                let text = error.text(self.method(), self.handle.core.detailed_errors);
                self.fail(&error, text);
            }
        }
    }

    fn succeed(self, outcome: Outcome) {
        self.finish(Ended::Well);
        let result = match outcome.result {
            // The end of a stream carries no result.
            Some(_) | None if self.streams => WireOutcome::Void,
            Some(raw) => WireOutcome::Result(raw),
            None => WireOutcome::Void,
        };
        if let Some(id) = &self.id
            && let Err(error) = self.post(&completion(id, result))
        {
            let error = InvokeError::Internal(error);
            let text = error.text(self.method(), self.handle.core.detailed_errors);
            self.post_error(id, text);
            tracing::error!(method = self.method(), ?error, "result cannot be written");
        }
        if let Some(after) = outcome.after {
            after();
        }
    }

    fn fail(self, error: &InvokeError, text: String) {
        match error {
            InvokeError::Internal(why) => {
                tracing::error!(
                    connection = self.handle.log_id(),
                    method = self.method(),
                    call = self.number,
                    error = why,
                    "call failed"
                );
            }
            _ => tracing::debug!(method = self.method(), call = self.number, "call refused"),
        }
        self.finish(error.into());
        if let Some(id) = &self.id {
            self.post_error(id, text);
        }
    }

    fn post_error(&self, id: &Id, text: String) {
        if let Err(error) = self.post(&completion(id, WireOutcome::Error(text))) {
            tracing::error!(error, "message cannot be written");
        }
    }

    fn post(&self, message: &HubMessage) -> Result<bool, String> {
        match self.in_turn {
            true => self.handle.answer(message),
            false => self.handle.try_post(message),
        }
    }

    /// Counts the call, and lets go of its streams before the client can use their ids again.
    fn finish(&self, ended: Ended) {
        let core = &self.handle.core;
        let took = core.elapsed().saturating_sub(self.begun);
        self.hub.entry(self.at).record(ended, took);
        let slow = core.limits.slow_invocation_ms;
        if slow > 0 && took.as_millis() >= u128::from(slow) && !self.streams {
            let took_ms = took.as_millis() as u64;
            tracing::warn!(method = self.method(), took_ms, "slow call");
        }
        if self.streams || !self.uploads.is_empty() {
            let mut calls = self.handle.calls.lock();
            for upload in &self.uploads {
                calls.uploads.remove(upload);
            }
            calls.over.extend(self.uploads.iter().cloned());
            calls.over.extend(self.id.clone().filter(|_| self.streams));
            drop(calls);
            self.handle.queue.wake_reader();
        }
    }

    fn method(&self) -> &'static str {
        self.hub.entry(self.at).method.name
    }
}

/// Something that runs beside the plain calls. When it is over its place is free for another.
pub(super) struct Beside {
    pub handle: Arc<ConnectionHandle>,
    /// Absent once its place is free.
    pub id: Option<RunningId>,
    pub stop: oneshot::Receiver<()>,
}

impl Beside {
    /// Frees the place, which must be done before the client learns of the end and uses the id again.
    fn free(&mut self) {
        if let Some(id) = self.id.take() {
            let mut calls = self.handle.calls.lock();
            calls.running.remove(&id);
            calls.answering += 1;
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.free();
        self.handle.calls.lock().answering -= 1;
        if std::thread::panicking() {
            // Its caller would wait for ever.
            self.handle.close(Some(CLOSED_WITH_ERROR), true);
        }
        // A drain may be waiting for this.
        self.handle.queue.wake_reader();
    }
}

/// Runs a call beside the plain ones.
pub(super) async fn run_detached(
    reply: Reply,
    future: BoxFuture<'static, Answer>,
    mut beside: Beside,
) {
    let answer = tokio::select! {
        biased;
        answer = future => answer,
        _ = &mut beside.stop => return,
    };
    beside.free();
    reply.complete(answer);
}

/// Sends the items of a stream as there is room for them, until it ends or the client cancels it.
pub(super) async fn run_stream(
    reply: Reply,
    mut items: BoxStream<'static, Result<Raw, InvokeError>>,
    mut beside: Beside,
) {
    let handle = reply.handle.clone();
    let id = reply.id.clone().unwrap_or_default();
    let forward = async {
        while let Some(item) = items.next().await {
            let item = HubMessage::StreamItem {
                invocation_id: id.clone(),
                item: item?,
                headers: Headers::default(),
            };
            if !handle.post_when_room(&item).await {
                break;
            }
        }
        Ok::<(), InvokeError>(())
    };
    let end = tokio::select! {
        biased;
        // A connection that has ended drops the sender and gets no completion.
        stopped = &mut beside.stop => match stopped {
            Ok(()) => Ok(()),
            Err(_) => return,
        },
        end = forward => end,
    };
    // Whatever the stream holds, it lets go of before the client learns that it is over.
    drop(items);
    beside.free();
    match end {
        Ok(()) => reply.complete(Ok(Outcome::void())),
        Err(error) => {
            let text = error.stream_text(handle.core.detailed_errors);
            reply.fail(&error, text);
        }
    }
}

/// An error completion for a call that was not made.
pub(super) fn refuse(handle: &ConnectionHandle, id: Option<&Id>, text: String) {
    if let Some(id) = id {
        handle.post(&completion(id, WireOutcome::Error(text)));
    }
}

fn completion(id: &Id, outcome: WireOutcome) -> HubMessage {
    HubMessage::Completion {
        invocation_id: id.clone(),
        outcome,
        headers: Headers::default(),
    }
}
