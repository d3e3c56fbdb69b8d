//! One client as the rest of the hub sees it: something to send to, to ask, and to close.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use actors::delivery::{Delivery, Outlet, Pushed};
use actors::ids::{Timestamp, UserId};
use bytes::Bytes;
use parking_lot::Mutex;
use protocol::{Encoding, HubMessage, Id, Outcome as WireOutcome, Raw, SmolStr};
use serde::Serialize;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::core::Core;
use super::send_queue::{Phase, SendQueue};
use super::token::{Ticket, UserDigest};
use super::upload::{UploadFailed, UploadSender};
use super::websocket::{CloseCode, FrameBuilder, close_frame};

/// What the connection's task is told by others.
pub(super) mod signal {
    /// The protocol has something to do at this time.
    pub const TICK: u32 = 1;
    /// Finish what has begun, then close: the node is leaving.
    pub const DRAIN: u32 = 2;
    /// End now.
    pub const END: u32 = 4;
    /// Another transport waits in `resume`.
    pub const RESUME: u32 = 8;
}

/// One client, from its upgrade to its end; survives a stateful reconnect.
pub struct ConnectionHandle {
    id: SmolStr,
    pub(super) key: u128,
    pub(super) user: UserDigest,
    /// Until when the key could be used again, if it was negotiated.
    pub(super) token_until: Option<Timestamp>,
    /// When the caller's access token expires, in milliseconds since the epoch; the most for never.
    pub(super) token_ends: AtomicU64,
    pub(super) queue: Arc<SendQueue>,
    pub(super) core: Arc<Core>,
    /// The client may come back with another transport.
    pub(super) resumable: AtomicBool,
    /// When the protocol has something to do next, by the coarse clock.
    pub(super) due_ms: AtomicU64,
    /// When the sweep first saw it closing; 0 if it is not.
    pub(super) leaving_ms: AtomicU64,
    signals: AtomicU32,
    pub(super) calls: Mutex<Calls>,
    pub(super) resume: Mutex<Option<Transport>>,
}

/// A socket with the bytes that were read from it already.
pub(super) struct Transport {
    pub stream: Arc<TcpStream>,
    pub early: Bytes,
}

/// What runs beside the plain invocations of a connection.
#[derive(Default)]
pub(super) struct Calls {
    next: u64,
    /// Running streams and detached calls; dropping the sender stops one.
    pub running: BTreeMap<RunningId, oneshot::Sender<()>>,
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
    pub(super) fn new(
        core: Arc<Core>,
        ticket: &Ticket,
        id: SmolStr,
        negotiated: bool,
        token_ends: Option<Timestamp>,
        queue: Arc<SendQueue>,
    ) -> Arc<Self> {
        Arc::new(ConnectionHandle {
            id,
            key: ticket.key,
            user: ticket.user,
            token_until: negotiated.then_some(ticket.expires_at),
            token_ends: AtomicU64::new(millis(token_ends)),
            queue,
            core,
            resumable: AtomicBool::new(false),
            due_ms: AtomicU64::new(0),
            leaving_ms: AtomicU64::new(0),
            signals: AtomicU32::new(0),
            calls: Mutex::default(),
            resume: Mutex::new(None),
        })
    }

    /// The public id, as negotiate told it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The encoding that the client chose.
    pub fn encoding(&self) -> Encoding {
        self.queue.encoding()
    }

    /// Name of the transport.
    pub fn transport_name(&self) -> &'static str {
        "WebSockets"
    }

    /// What fan-out pushes to.
    pub fn outlet(&self) -> Arc<dyn Outlet> {
        self.queue.clone()
    }

    /// Whether `user` is the one this connection belongs to.
    pub fn belongs_to(&self, user: Option<&UserId>) -> bool {
        self.user == UserDigest::of(user)
    }

    /// Calls a method of the client with one argument, without waiting. False when the connection is
    /// gone (or ended by this, because the client lets too much pile up).
    pub fn send<A: Serialize + ?Sized>(&self, target: &str, argument: &A) -> bool {
        let encoding = self.encoding();
        let mut frame = FrameBuilder::new(encoding.is_binary(), 128);
        match protocol::encode_invocation(encoding, target, argument, frame.payload()) {
            Ok(()) => self.queue.send(frame.finish(), 1),
            Err(error) => {
                tracing::error!(target, %error, "callback cannot be written");
                false
            }
        }
    }

    /// Calls a method of the client, without waiting; see [`send`](Self::send).
    pub fn send_raw(&self, target: &str, arguments: Vec<Raw>) -> bool {
        self.post(&invocation(None, target, arguments))
    }

    /// Calls a method of the client once its send queue has room. False when the connection is gone.
    pub async fn send_when_room(&self, target: &str, arguments: Vec<Raw>) -> bool {
        self.post_when_room(&invocation(None, target, arguments))
            .await
    }

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

    /// Sends Close, then ends the transport cleanly. What was sent before still arrives.
    pub fn close(&self, error: Option<&str>, allow_reconnect: bool) {
        self.close_with(error, allow_reconnect, CloseCode::Normal);
    }

    pub(super) fn close_with(&self, error: Option<&str>, allow_reconnect: bool, code: CloseCode) {
        let close = HubMessage::Close {
            error: error.filter(|text| !text.is_empty()).map(str::to_owned),
            allow_reconnect,
        };
        let mut last = match self.encode(&close) {
            Ok(frame) => frame.to_vec(),
            Err(_) => Vec::new(),
        };
        last.extend(close_frame(code));
        self.queue.close_with(last.into());
    }

    /// Sends a message whatever waits already; an error when it cannot be written.
    pub(super) fn try_post(&self, message: &HubMessage) -> Result<bool, String> {
        let frame = self.encode(message)?;
        Ok(self.queue.send(frame, u32::from(message.is_counted())))
    }

    /// Sends a message of ours.
    pub(super) fn post(&self, message: &HubMessage) -> bool {
        match self.try_post(message) {
            Ok(taken) => taken,
            Err(error) => {
                tracing::error!(error, "message cannot be written");
                false
            }
        }
    }

    /// Sends a message once there is room.
    pub(super) async fn post_when_room(&self, message: &HubMessage) -> bool {
        let frame = match self.encode(message) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::error!(error, "message cannot be written");
                return false;
            }
        };
        loop {
            match self.queue.offer(&frame, u32::from(message.is_counted())) {
                Pushed::Accepted => return true,
                Pushed::Closed => return false,
                Pushed::Full => {
                    if !self.queue.wait_for_room().await {
                        return false;
                    }
                }
            }
        }
    }

    pub(super) fn encode(&self, message: &HubMessage) -> Result<Bytes, String> {
        let encoding = self.encoding();
        let mut frame = FrameBuilder::new(encoding.is_binary(), 64);
        protocol::encode(encoding, message, frame.payload()).map_err(|error| error.to_string())?;
        Ok(frame.finish())
    }

    /// Tells the connection's task something.
    pub(super) fn signal(&self, signal: u32) {
        self.signals.fetch_or(signal, Ordering::AcqRel);
        self.queue.wake_reader();
    }

    /// What it was told since it asked last.
    pub(super) fn take_signals(&self) -> u32 {
        match self.signals.load(Ordering::Acquire) {
            0 => 0,
            _ => self.signals.swap(0, Ordering::AcqRel),
        }
    }

    /// Whether the client may come back with another transport.
    pub(super) fn is_resumable(&self) -> bool {
        self.resumable.load(Ordering::Acquire) && self.queue.phase() == Phase::Open
    }

    /// Whether its last frame is queued or written.
    pub(super) fn is_over(&self) -> bool {
        self.queue.phase() != Phase::Open
    }

    /// Takes up another transport; its caller has been found to be the same user.
    pub(super) fn resume(&self, transport: Transport, token_ends: Option<Timestamp>) {
        self.token_ends.store(millis(token_ends), Ordering::Relaxed);
        *self.resume.lock() = Some(transport);
        self.signal(signal::RESUME);
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

    /// The client's upload stream has ended.
    pub(super) fn end_upload(&self, id: &Id, error: Option<String>) {
        if let Some(upload) = self.calls.lock().uploads.remove(id) {
            upload.end(error.map_or(Ok(()), |text| Err(UploadFailed(text))));
        }
    }

    /// Stops everything that runs for this connection.
    pub(super) fn end_calls(&self) {
        let ended = Calls {
            ended: true,
            ..Calls::default()
        };
        let old = std::mem::replace(&mut *self.calls.lock(), ended);
        drop(old);
    }
}

impl Outlet for ConnectionHandle {
    fn push(&self, delivery: &Arc<Delivery>) -> Pushed {
        self.queue.push(delivery)
    }

    fn on_drain(&self, wake: Box<dyn FnOnce() + Send>) {
        self.queue.on_drain(wake);
    }
}

impl Calls {
    /// A number that no other call of this connection has.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
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

fn millis(time: Option<Timestamp>) -> u64 {
    time.map_or(u64::MAX, |time| time.0)
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

fn invocation(id: Option<Id>, target: &str, arguments: Vec<Raw>) -> HubMessage {
    HubMessage::Invocation {
        invocation_id: id,
        call: protocol::Call::new(target, arguments),
    }
}
