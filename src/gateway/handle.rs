//! One client as the rest of the hub sees it: something to send to, to ask, and to close.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use actors::delivery::{Delivery, Outlet, Pushed};
use actors::ids::{Timestamp, UserId};
use bytes::Bytes;
use parking_lot::Mutex;
use protocol::handshake::{HandshakeError, encode_refusal};
use protocol::{Encoding, HubMessage, Id, Raw, SmolStr};
use serde::Serialize;
use tokio::net::TcpStream;

use super::calls::Calls;
use super::core::Core;
use super::send_queue::{Phase, SendQueue};
use super::token::{Ticket, UserDigest, public_id};
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

    /// Names the connection in log lines. The public id of negotiate version 0 is the token itself, which nobody else may
    /// read; every other connection's public id is this.
    pub fn log_id(&self) -> String {
        public_id(self.key)
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

    /// Sends Close, then ends the transport cleanly. What was sent before still arrives. Before the handshake, clients
    /// understand nothing but a refusal of it, with the text.
    pub fn close(&self, error: Option<&str>, allow_reconnect: bool) {
        self.close_with(error, allow_reconnect, CloseCode::Normal);
    }

    pub(super) fn close_with(&self, error: Option<&str>, allow_reconnect: bool, code: CloseCode) {
        let error = error.filter(|text| !text.is_empty());
        self.queue.close_with(|settled| {
            let last = match settled {
                Some(encoding) => close_message(encoding, error, allow_reconnect),
                None => Some(refusal(error)),
            };
            let last = last.unwrap_or_default();
            [&last[..], &close_frame(code)].concat().into()
        });
    }

    /// Sends a message whatever waits already; an error when it cannot be written.
    pub(super) fn try_post(&self, message: &HubMessage) -> Result<bool, String> {
        let frame = self.encode(message)?;
        Ok(self.queue.send(frame, u32::from(message.is_counted())))
    }

    /// Sends the answer to a plain call, whatever its length; an error when it cannot be written.
    pub(super) fn answer(&self, message: &HubMessage) -> Result<bool, String> {
        let frame = self.encode(message)?;
        Ok(self.queue.answer(frame, u32::from(message.is_counted())))
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
                    if !self.queue.wait_for_room(frame.len()).await {
                        return false;
                    }
                }
            }
        }
    }

    pub(super) fn encode(&self, message: &HubMessage) -> Result<Bytes, String> {
        framed(self.encoding(), message)
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
}

impl Outlet for ConnectionHandle {
    fn push(&self, delivery: &Arc<Delivery>) -> Pushed {
        self.queue.push(delivery)
    }

    fn on_drain(&self, wake: Box<dyn FnOnce() + Send>) {
        self.queue.on_drain(wake);
    }
}

fn framed(encoding: Encoding, message: &HubMessage) -> Result<Bytes, String> {
    let mut frame = FrameBuilder::new(encoding.is_binary(), 64);
    protocol::encode(encoding, message, frame.payload()).map_err(|error| error.to_string())?;
    Ok(frame.finish())
}

fn close_message(encoding: Encoding, error: Option<&str>, allow_reconnect: bool) -> Option<Bytes> {
    let error = error.map(str::to_owned);
    let close = HubMessage::Close {
        error,
        allow_reconnect,
    };
    framed(encoding, &close).ok()
}

/// Refuses the handshake, in the text that every client reads at that point.
fn refusal(error: Option<&str>) -> Bytes {
    let error = match error {
        Some(text) => HandshakeError::Refused(text.to_owned()),
        None => HandshakeError::Canceled,
    };
    let record = encode_refusal(&error);
    let mut frame = FrameBuilder::new(false, record.len());
    frame.payload().extend_from_slice(&record);
    frame.finish()
}

fn millis(time: Option<Timestamp>) -> u64 {
    time.map_or(u64::MAX, |time| time.0)
}

pub(super) fn invocation(id: Option<Id>, target: &str, arguments: Vec<Raw>) -> HubMessage {
    HubMessage::Invocation {
        invocation_id: id,
        call: protocol::Call::new(target, arguments),
    }
}
