//! Calls: plain ones run one after the other in the order of their arrival, polled by the connection's
//! own task; streams and whatever waits for the client run beside them.

use std::collections::VecDeque;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use protocol::{Id, Raw};

use super::app::{Call, InvokeError, Invoked, MethodKind};
use super::calls::RunningId;
use super::connection::Connection;
use super::hub::Ended;
use super::reply::{Answer, Beside, Reply, refuse, run_detached, run_stream};
use super::upload::upload;

const LEAVING: &str = "unavailable: this node is shutting down, connect again";

/// What a waiting call costs beside its arguments, in bytes.
const CALL_BYTES: usize = 256;

/// The plain calls of a connection.
#[derive(Default)]
pub(super) struct Lane {
    running: Option<(Reply, BoxFuture<'static, Answer>)>,
    waiting: VecDeque<(Reply, Vec<Raw>)>,
    /// Of the waiting ones.
    bytes: usize,
}

impl Lane {
    /// Whether nothing more should be read.
    pub fn is_full(&self, most: usize) -> bool {
        self.waiting.len() >= most
    }

    pub fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    /// What the waiting calls hold.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn push(&mut self, mut reply: Reply, mut arguments: Vec<Raw>) {
        reply.in_turn = true;
        if !self.is_idle() {
            // It will wait for others, and must not keep the frame that it came in.
            arguments = arguments.into_iter().map(Raw::detached).collect();
        }
        self.bytes += bytes(&arguments);
        self.waiting.push_back((reply, arguments));
    }

    fn pop(&mut self) -> Option<(Reply, Vec<Raw>)> {
        let next = self.waiting.pop_front();
        match &next {
            Some((_, arguments)) => self.bytes -= bytes(arguments),
            None if self.waiting.capacity() > 0 => self.waiting = VecDeque::new(),
            None => {}
        }
        next
    }
}

/// What a waiting call costs.
fn bytes(arguments: &[Raw]) -> usize {
    let values: usize = arguments.iter().map(|raw| raw.as_bytes().len()).sum();
    CALL_BYTES + values
}

impl Connection {
    /// A client calls a method.
    pub(super) fn invoke(
        &mut self,
        id: Option<Id>,
        call: protocol::Call,
        streams: bool,
        cx: &mut Context<'_>,
    ) {
        let begun = self.handle.core.elapsed();
        let stream = id.as_ref().filter(|_| streams);
        if self.draining {
            self.release_streams(stream, &call.stream_ids);
            let error = InvokeError::Hub(LEAVING.into());
            return self.refuse(id.as_ref(), &call.target, &error);
        }
        let found = self.hub.find(&call.target);
        if let Err(wait) = self.handle.core.invocations.take(&mut self.usage, begun) {
            let wait_ms = wait.as_millis() + 1;
            let text = format!("rate_limited: too many calls, retry after {wait_ms} ms");
            self.release_streams(stream, &call.stream_ids);
            self.count_refused(found);
            return self.refuse(id.as_ref(), &call.target, &InvokeError::Hub(text));
        }
        let Some(at) = found else {
            self.release_streams(stream, &call.stream_ids);
            self.count_refused(None);
            return self.refuse(id.as_ref(), &call.target, &InvokeError::UnknownMethod);
        };
        self.calls += 1;
        let method = self.hub.entry(at).method;
        let reply = Reply {
            handle: self.handle.clone(),
            hub: self.hub.clone(),
            at,
            id,
            streams,
            uploads: call.stream_ids,
            number: self.calls,
            in_turn: false,
            begun,
        };
        let error = match (method.kind, streams) {
            (MethodKind::Stream, false) => Some(InvokeError::IsStream),
            (MethodKind::Unary, true) => Some(InvokeError::IsNoStream),
            _ if method.uploads != reply.uploads.len() => {
                Some(InvokeError::Internal("wrong number of streams".into()))
            }
            _ => None,
        };
        if let Some(error) = error {
            return reply.complete(Err(error));
        }
        if streams || method.uploads > 0 {
            self.start_beside(reply, call.arguments);
        } else {
            self.lane.push(reply, call.arguments);
            self.poll_lane(cx);
        }
    }

    /// Runs plain calls as far as they get.
    pub(super) fn poll_lane(&mut self, cx: &mut Context<'_>) {
        loop {
            if let Some((_, future)) = &mut self.lane.running {
                let Poll::Ready(answer) = future.as_mut().poll(cx) else {
                    return;
                };
                if let Some((reply, _)) = self.lane.running.take() {
                    reply.complete(answer);
                }
            }
            // A client that does not take its answers gets no more of them, for it might ask for any number.
            if !self.lane.waiting.is_empty() && !self.handle.queue.takes_answer() {
                return;
            }
            let Some((reply, arguments)) = self.lane.pop() else {
                return;
            };
            match self.dispatch(&reply, arguments) {
                Invoked::Ready(answer) => reply.complete(answer),
                Invoked::Future(future) => self.lane.running = Some((reply, future)),
                other => self.run_beside(reply, other),
            }
        }
    }

    fn start_beside(&mut self, reply: Reply, arguments: Vec<Raw>) {
        let invoked = self.dispatch(&reply, arguments);
        self.run_beside(reply, invoked);
    }

    /// Asks the hub.
    fn dispatch(&mut self, reply: &Reply, arguments: Vec<Raw>) -> Invoked {
        let Some(session) = &self.session else {
            return Invoked::failed(InvokeError::Internal("the hub has no session".into()));
        };
        let capacity = self.handle.core.limits.stream_buffer;
        let mut uploads = Vec::new();
        for id in &reply.uploads {
            let (sender, receiver) = upload(capacity);
            self.handle.calls.lock().uploads.insert(id.clone(), sender);
            uploads.push(receiver);
        }
        session.invoke(Call {
            method: self.hub.entry(reply.at).method.name,
            arguments,
            encoding: self.handle.encoding(),
            uploads,
            number: reply.number,
        })
    }

    fn run_beside(&mut self, reply: Reply, invoked: Invoked) {
        if let Invoked::Ready(answer) = invoked {
            return reply.complete(answer);
        }
        let Some(beside) = self.beside(&reply) else {
            let text = "rate_limited: too many streams and waiting calls run on this connection";
            return reply.complete(Err(InvokeError::Hub(text.into())));
        };
        match invoked {
            Invoked::Stream(items) if reply.streams => {
                tokio::spawn(run_stream(reply, items, beside));
            }
            Invoked::Future(future) | Invoked::Detached(future) => {
                tokio::spawn(run_detached(reply, future, beside));
            }
            Invoked::Stream(_) | Invoked::Ready(_) => {
                let error = InvokeError::Internal("a plain method answered with a stream".into());
                reply.complete(Err(error));
            }
        }
    }

    /// A place beside the plain calls, if there is one.
    fn beside(&self, reply: &Reply) -> Option<Beside> {
        let most = self.handle.core.limits.parallel_streams;
        let mut calls = self.handle.calls.lock();
        let id = match &reply.id {
            Some(id) if reply.streams => RunningId::Stream(id.clone()),
            _ => RunningId::Detached(calls.number()),
        };
        let stop = calls.run(id.clone(), most)?;
        Some(Beside {
            handle: self.handle.clone(),
            id: Some(id),
            stop,
        })
    }

    /// Counts a call that was not begun.
    fn count_refused(&self, found: Option<usize>) {
        match found {
            Some(at) => self.hub.entry(at).record(Ended::Refused, Duration::ZERO),
            None => self.hub.record_unknown(),
        }
    }

    fn refuse(&self, id: Option<&Id>, target: &str, error: &InvokeError) {
        tracing::debug!(connection = self.handle.log_id(), "call refused");
        let text = error.text(target, self.handle.core.detailed_errors);
        refuse(&self.handle, id, text);
    }

    fn release_streams(&mut self, id: Option<&Id>, uploads: &[Id]) {
        for id in id.into_iter().chain(uploads) {
            self.protocol.release(id);
        }
    }
}
