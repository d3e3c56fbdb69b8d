//! The server's end of a connection, sans-io.
//!
//! The owner moves bytes and time; this decides. After `receive` and after `handle_timeout`:
//!
//! 1. write everything that `poll_transmit` gives, then
//! 2. take one event from `poll_event` and act on it; repeat both until there is no event.
//!
//! `poll_transmit` gives only what the protocol itself has to say: the handshake response, pings,
//! acknowledgements, Close. Invocations, items and completions are encoded by [`encode`](crate::encode) and its
//! kin and written by the owner, who keeps a [`ReplayBuffer`](crate::session::ReplayBuffer) beside its send queue
//! for connections that are stateful. So fan-out shares bytes and never comes by here.

mod event;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use self::event::ServerEvent;
use self::streams::{Direction, Streams};
use crate::error::CloseReason;
use crate::handshake::{self, HandshakeError, HandshakeRequest, STATEFUL_VERSION};
use crate::link::{Expired, Link, NotResumable, Phase, Timing};
use crate::message::{Call, Encoding, HubMessage, Id, Limits, Outcome};

/// The text that clients show after an error that ended the connection.
pub const CLOSED_WITH_ERROR: &str = "Connection closed with an error.";

/// What all connections of a server have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerSettings {
    /// Bounds on what a client sends.
    pub limits: Limits,
    /// Times.
    pub timing: Timing,
    /// Most streams (both ways together) that a client may have running.
    pub max_streams: usize,
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings {
            limits: Limits::default(),
            timing: Timing::default(),
            max_streams: 100,
        }
    }
}

/// One connection of a client.
#[derive(Debug)]
pub struct ServerConnection {
    settings: Arc<ServerSettings>,
    link: Link,
    streams: Streams,
    invocations: u64,
    allow_stateful: bool,
    /// The client pings, so its silence means something.
    pings: bool,
    paused: bool,
}

impl ServerConnection {
    /// A connection whose transport has just opened. `stateful` is what the negotiation settled.
    pub fn new(settings: Arc<ServerSettings>, stateful: bool, now: Duration) -> Self {
        let link = Link::new(Encoding::Json, &settings.timing, now);
        ServerConnection {
            settings,
            link,
            streams: Streams::default(),
            invocations: 0,
            allow_stateful: stateful,
            pings: false,
            paused: false,
        }
    }

    /// Takes in what the transport delivered. Take all events before delivering more.
    pub fn receive(&mut self, bytes: impl Into<Bytes>, now: Duration) {
        self.link.receive(bytes.into(), now);
    }

    /// The next thing that the client did.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        if let Phase::Handshake(_) = self.link.phase()
            && let Some(event) = self.handshake()
        {
            return Some(event);
        }
        while let Some(message) = self.next_message() {
            if let Some(event) = self.handle(message) {
                return Some(event);
            }
        }
        self.link.poll_closed().map(ServerEvent::Closed)
    }

    /// The next record to write; whole, for one transport frame of its own or joined with others.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.link.poll_transmit()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do. It does no harm to call it more
    /// seldom (say, once a second) or more often.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.link.poll_timeout(&self.settings.timing)
    }

    /// Pings, acknowledges and gives up as the time has come.
    pub fn handle_timeout(&mut self, now: Duration) {
        match self.link.handle_timeout(&self.settings.timing, now) {
            None => {}
            Some(Expired::Handshake) => self.refuse(HandshakeError::Canceled, now),
            Some(Expired::Peer) => self.fail(CloseReason::PeerTimeout, now),
            Some(Expired::Resume) => self.fail(CloseReason::ResumeTimeout, now),
        }
    }

    /// Tells that the owner wrote something itself at this instant, so that no ping is due.
    pub fn note_sent(&mut self, at: Duration) {
        self.link.note_sent(at);
    }

    /// Stops the clock on the client's silence, while its messages wait for one that is being worked on.
    pub fn pause_client_timeout(&mut self) {
        self.paused = true;
        self.link.watches_peer = false;
    }

    /// Starts the clock on the client's silence anew, if the client has ever sent a ping.
    pub fn restart_client_timeout(&mut self, now: Duration) {
        self.paused = false;
        self.link.watches_peer = self.pings;
        self.link.restart_peer_timeout(now);
    }

    /// Stateful: stops, or goes on, acknowledging what has come. A client sends only so much beyond the last
    /// acknowledgement, which bounds what there is before one of its own.
    pub fn hold_acknowledgements(&mut self, hold: bool) {
        self.link.holds_acks = hold;
    }

    /// A fresh id for an invocation of which the client's result is wanted. It begins with `s`, so that it
    /// never meets the ids of the client's upload streams.
    pub fn next_invocation_id(&mut self) -> Id {
        self.invocations += 1;
        smol_str::format_smolstr!("s{}", self.invocations)
    }

    /// The stream is over: its completion was sent, or the call that it feeds has ended. What still comes for
    /// it is ignored.
    pub fn release(&mut self, stream_id: &str) {
        self.streams.release(stream_id);
    }

    /// Says Close and ends the connection; before the handshake it is refused, for clients understand nothing else there.
    pub fn close(&mut self, error: Option<&str>, allow_reconnect: bool, now: Duration) {
        if let Phase::Handshake(_) = self.link.phase() {
            let error = error.map(|text| HandshakeError::Refused(text.to_owned()));
            let refusal = handshake::encode_refusal(&error.unwrap_or(HandshakeError::Canceled));
            self.link.send(refusal.into(), now);
        }
        self.link.say_close(error, allow_reconnect, now);
        self.link.close(CloseReason::Local);
    }

    /// The transport broke (no WebSocket close frame). A stateful connection waits for [`resume`](Self::resume),
    /// any other is over; `poll_event` says so.
    pub fn transport_lost(&mut self, now: Duration) {
        self.link.transport_lost(&self.settings.timing, now);
    }

    /// The transport ended with a WebSocket close frame: the connection is over.
    pub fn transport_closed(&mut self) {
        self.link.close(CloseReason::TransportClosed);
    }

    /// Takes up a new transport, also while the old one seems alive: whatever still comes from that one must not
    /// be given to [`receive`](Self::receive) any more. The owner now writes, before anything else, the
    /// Sequence message of its replay buffer and then all that the buffer holds.
    pub fn resume(&mut self, now: Duration) -> Result<(), NotResumable> {
        self.link.resume(&self.settings.timing, now)
    }

    /// The encoding that the handshake settled (JSON before that).
    pub fn encoding(&self) -> Encoding {
        self.link.encoding()
    }

    /// Whether the connection can survive its transport.
    pub fn is_stateful(&self) -> bool {
        self.link.is_stateful()
    }

    fn handshake(&mut self) -> Option<ServerEvent> {
        let now = self.link.last_received();
        let record = match self
            .link
            .next_handshake(self.settings.limits.max_message_bytes)
        {
            Ok(record) => record?,
            Err(_) => {
                self.refuse(HandshakeError::Canceled, now);
                return None;
            }
        };
        match HandshakeRequest::decode(&record) {
            Ok(HandshakeRequest { encoding, version }) => {
                let stateful = self.allow_stateful && version >= STATEFUL_VERSION;
                self.link.open(encoding, stateful);
                self.link.send(Bytes::from_static(handshake::ACCEPTED), now);
                Some(ServerEvent::Handshaked {
                    encoding,
                    version,
                    stateful,
                })
            }
            Err(error) => {
                self.refuse(error, now);
                None
            }
        }
    }

    fn refuse(&mut self, error: HandshakeError, now: Duration) {
        self.link
            .send(handshake::encode_refusal(&error).into(), now);
        self.link.close(CloseReason::Handshake(error));
    }

    fn next_message(&mut self) -> Option<HubMessage> {
        match self
            .link
            .next_message(&self.settings.limits, &self.settings.timing)
        {
            Ok(message) => message,
            Err(error) => {
                self.fail(CloseReason::Protocol(error), self.link.last_received());
                None
            }
        }
    }

    /// Says Close with an error after which a client may come back, and ends the connection.
    fn fail(&mut self, reason: CloseReason, now: Duration) {
        self.link.say_close(Some(CLOSED_WITH_ERROR), true, now);
        self.link.close(reason);
    }

    fn handle(&mut self, message: HubMessage) -> Option<ServerEvent> {
        match message {
            HubMessage::Invocation {
                invocation_id,
                call,
            } => self.invocation(invocation_id, call),
            HubMessage::StreamInvocation {
                invocation_id,
                call,
            } => Some(self.stream_invocation(invocation_id, call)),
            HubMessage::StreamItem {
                invocation_id,
                item,
                ..
            } => self
                .streams
                .runs(&invocation_id, Direction::ToServer)
                .then_some(ServerEvent::StreamItem {
                    stream_id: invocation_id,
                    item,
                }),
            HubMessage::Completion {
                invocation_id,
                outcome,
                ..
            } => self.completion(invocation_id, outcome),
            HubMessage::CancelInvocation { invocation_id, .. } => self
                .streams
                .runs(&invocation_id, Direction::ToClient)
                .then_some(ServerEvent::Cancel { invocation_id }),
            HubMessage::Ping => {
                self.pings = true;
                self.link.watches_peer |= !self.paused;
                None
            }
            HubMessage::Close {
                error,
                allow_reconnect,
            } => {
                self.link.close(CloseReason::Peer {
                    error,
                    allow_reconnect,
                });
                None
            }
            HubMessage::Ack { sequence_id } => self
                .is_stateful()
                .then_some(ServerEvent::Acknowledged { sequence_id }),
            HubMessage::Sequence { .. } => self.is_stateful().then_some(ServerEvent::Resumed),
        }
    }

    fn invocation(&mut self, invocation_id: Option<Id>, call: Call) -> Option<ServerEvent> {
        let limit = self.settings.max_streams;
        match self.streams.start(None, &call.stream_ids, limit) {
            Ok(()) => Some(ServerEvent::Invocation {
                invocation_id,
                call,
            }),
            // Without an id no answer is wanted, not even an error.
            Err(error) => invocation_id.map(|invocation_id| ServerEvent::Refused {
                invocation_id,
                error,
            }),
        }
    }

    fn stream_invocation(&mut self, invocation_id: Id, call: Call) -> ServerEvent {
        let limit = self.settings.max_streams;
        match self
            .streams
            .start(Some(&invocation_id), &call.stream_ids, limit)
        {
            Ok(()) => ServerEvent::StreamInvocation {
                invocation_id,
                call,
            },
            Err(error) => ServerEvent::Refused {
                invocation_id,
                error,
            },
        }
    }

    fn completion(&mut self, id: Id, outcome: Outcome) -> Option<ServerEvent> {
        if self.streams.runs(&id, Direction::ToServer) {
            self.streams.release(&id);
            let error = match outcome {
                Outcome::Error(error) => Some(error),
                Outcome::Void | Outcome::Result(_) => None,
            };
            return Some(ServerEvent::StreamEnded {
                stream_id: id,
                error,
            });
        }
        let ours = id.starts_with('s');
        ours.then_some(ServerEvent::ClientResult {
            invocation_id: id,
            outcome,
        })
    }
}
