//! The client's end of a connection, sans-io; the same shape as [`server`](crate::server).
//!
//! Unlike the server's end it also sends: whatever is invoked goes out through `poll_transmit`, and for a stateful
//! connection it is kept and sent again on the next transport. Every record of `poll_transmit` belongs into
//! a frame (several may be joined): binary frames for MessagePack, text for JSON. The handshake, which comes
//! first, may be either.

mod event;
mod settings;

use std::time::Duration;

use bytes::Bytes;

pub use self::event::ClientEvent;
pub use self::settings::{ClientSettings, SendError};
use crate::codec::to_bytes;
use crate::error::CloseReason;
use crate::handshake::{self, HandshakeRequest, PLAIN_VERSION, STATEFUL_VERSION};
use crate::link::{Expired, Link, NotResumable, Phase};
use crate::message::{Call, Encoding, Headers, HubMessage, Id, Outcome};
use crate::session::ReplayBuffer;
use crate::value::Raw;

/// A connection to a server.
#[derive(Debug)]
pub struct ClientConnection {
    settings: ClientSettings,
    link: Link,
    replay: Option<ReplayBuffer>,
    /// Counts invocations and upload streams together.
    ids: u64,
}

impl ClientConnection {
    /// A connection whose transport has just opened; the handshake is queued.
    pub fn new(settings: ClientSettings, now: Duration) -> Self {
        let mut link = Link::new(settings.encoding, &settings.timing, now);
        let version = if settings.stateful {
            STATEFUL_VERSION
        } else {
            PLAIN_VERSION
        };
        let request = HandshakeRequest {
            encoding: settings.encoding,
            version,
        };
        link.send(request.encode().into(), now);
        link.watches_peer = true;
        ClientConnection {
            settings,
            link,
            replay: None,
            ids: 0,
        }
    }

    /// Takes in what the transport delivered. Take all events before delivering more.
    pub fn receive(&mut self, bytes: impl Into<Bytes>, now: Duration) {
        self.link.receive(bytes.into(), now);
    }

    /// The next thing that the server did.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
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
        self.link.poll_closed().map(ClientEvent::Closed)
    }

    /// The next record to write.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.link.poll_transmit()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.link.poll_timeout(&self.settings.timing)
    }

    /// Pings, acknowledges and gives up as the time has come.
    pub fn handle_timeout(&mut self, now: Duration) {
        match self.link.handle_timeout(&self.settings.timing, now) {
            None => {}
            Some(Expired::Handshake) => self.link.close(CloseReason::HandshakeTimeout),
            Some(Expired::Peer) => self.link.close(CloseReason::PeerTimeout),
            Some(Expired::Resume) => self.link.close(CloseReason::ResumeTimeout),
        }
    }

    /// Calls a method and wants its completion, which comes under the returned id.
    pub fn invoke(&mut self, call: Call, now: Duration) -> Result<Id, SendError> {
        let invocation_id = self.next_id();
        let message = HubMessage::Invocation {
            invocation_id: Some(invocation_id.clone()),
            call,
        };
        self.send_message(&message, now)?;
        Ok(invocation_id)
    }

    /// Calls a method and wants no answer.
    pub fn send(&mut self, call: Call, now: Duration) -> Result<(), SendError> {
        self.send_message(
            &HubMessage::Invocation {
                invocation_id: None,
                call,
            },
            now,
        )
    }

    /// Calls a streaming method; items and completion come under the returned id.
    pub fn stream(&mut self, call: Call, now: Duration) -> Result<Id, SendError> {
        let invocation_id = self.next_id();
        let message = HubMessage::StreamInvocation {
            invocation_id: invocation_id.clone(),
            call,
        };
        self.send_message(&message, now)?;
        Ok(invocation_id)
    }

    /// Wants no more items of a stream; its completion still comes.
    pub fn cancel(&mut self, invocation_id: Id, now: Duration) -> Result<(), SendError> {
        let headers = Headers::default();
        self.send_message(
            &HubMessage::CancelInvocation {
                invocation_id,
                headers,
            },
            now,
        )
    }

    /// A fresh id for an upload stream, to be named in the call that it feeds.
    pub fn next_stream_id(&mut self) -> Id {
        self.next_id()
    }

    /// Sends an item of an upload stream.
    pub fn send_item(&mut self, stream_id: Id, item: Raw, now: Duration) -> Result<(), SendError> {
        let headers = Headers::default();
        self.send_message(
            &HubMessage::StreamItem {
                invocation_id: stream_id,
                item,
                headers,
            },
            now,
        )
    }

    /// Ends an upload stream, or answers an invocation of the server.
    pub fn complete(&mut self, id: Id, outcome: Outcome, now: Duration) -> Result<(), SendError> {
        let headers = Headers::default();
        self.send_message(
            &HubMessage::Completion {
                invocation_id: id,
                outcome,
                headers,
            },
            now,
        )
    }

    /// Says Close and ends the connection.
    pub fn close(&mut self, now: Duration) {
        self.link.say_close(None, false, now);
        self.link.close(CloseReason::Local);
    }

    /// The transport broke. A stateful connection waits for [`resume`](Self::resume), and may be used
    /// meanwhile; any other is over, as `poll_event` says. True if it waits.
    pub fn transport_lost(&mut self, now: Duration) -> bool {
        self.link.transport_lost(&self.settings.timing, now);
        matches!(self.link.phase(), Phase::Detached(_))
    }

    /// The transport ended with a WebSocket close frame: the connection is over.
    pub fn transport_closed(&mut self) {
        self.link.close(CloseReason::TransportClosed);
    }

    /// Takes up a new transport, opened with the same `id`. Queues Sequence and all that is not acknowledged.
    pub fn resume(&mut self, now: Duration) -> Result<(), NotResumable> {
        self.link.resume(&self.settings.timing, now)?;
        if let Some(replay) = &self.replay {
            self.link.send_message(&replay.sequence(), now);
            replay
                .unacked()
                .for_each(|record| self.link.send(record, now));
        }
        Ok(())
    }

    /// The encoding of the connection: what arguments must be encoded with.
    pub fn encoding(&self) -> Encoding {
        self.settings.encoding
    }

    /// Whether sending would be refused at present: the server must acknowledge, or the owner must write.
    pub fn is_full(&self) -> bool {
        self.replay.as_ref().is_some_and(ReplayBuffer::is_full)
            || self.link.queued() >= self.settings.queue_bytes
    }

    fn next_id(&mut self) -> Id {
        let id = smol_str::format_smolstr!("{}", self.ids);
        self.ids += 1;
        id
    }

    fn send_message(&mut self, message: &HubMessage, now: Duration) -> Result<(), SendError> {
        let phase = self.link.phase();
        if matches!(phase, Phase::Handshake(_) | Phase::Closed) {
            return Err(SendError::NotOpen);
        }
        if self.link.queued() >= self.settings.queue_bytes {
            return Err(SendError::Queued(self.link.queued()));
        }
        let record = to_bytes(self.settings.encoding, message)?;
        if let Some(replay) = &mut self.replay {
            replay.push(record.clone(), 1)?;
        }
        if !matches!(phase, Phase::Detached(_)) {
            self.link.send(record, now);
        }
        Ok(())
    }

    fn handshake(&mut self) -> Option<ClientEvent> {
        let record = match self
            .link
            .next_handshake(self.settings.limits.max_message_bytes)
        {
            Ok(record) => record?,
            Err(error) => {
                self.link.close(CloseReason::Protocol(error));
                return None;
            }
        };
        if let Err(error) = handshake::decode_response(&record) {
            self.link.close(CloseReason::Response(error));
            return None;
        }
        let stateful = self.settings.stateful;
        self.link.open(self.settings.encoding, stateful);
        self.replay = stateful.then(|| ReplayBuffer::new(self.settings.replay_bytes));
        // Servers watch for silence from the first ping on.
        self.link
            .send_message(&HubMessage::Ping, self.link.last_received());
        Some(ClientEvent::Handshaked { stateful })
    }

    fn next_message(&mut self) -> Option<HubMessage> {
        match self
            .link
            .next_message(&self.settings.limits, &self.settings.timing)
        {
            Ok(message) => message,
            Err(error) => {
                self.link.close(CloseReason::Protocol(error));
                None
            }
        }
    }

    fn handle(&mut self, message: HubMessage) -> Option<ClientEvent> {
        match message {
            HubMessage::Invocation {
                invocation_id,
                call,
            } => Some(ClientEvent::Invocation {
                invocation_id,
                call,
            }),
            HubMessage::StreamItem {
                invocation_id,
                item,
                ..
            } => Some(ClientEvent::StreamItem {
                invocation_id,
                item,
            }),
            HubMessage::Completion {
                invocation_id,
                outcome,
                ..
            } => Some(ClientEvent::Completion {
                invocation_id,
                outcome,
            }),
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
            HubMessage::Ack { sequence_id } => {
                if let Some(replay) = &mut self.replay {
                    replay.ack(sequence_id);
                }
                None
            }
            HubMessage::Sequence { .. } => self.link.is_stateful().then_some(ClientEvent::Resumed),
            // A server neither streams from its clients nor cancels.
            HubMessage::StreamInvocation { .. }
            | HubMessage::CancelInvocation { .. }
            | HubMessage::Ping => None,
        }
    }
}
