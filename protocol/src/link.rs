//! What both ends of a connection have in common: received bytes, records to send, the clock's deadlines,
//! and the life of the transport beneath.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::codec::{next_message, to_bytes};
use crate::error::{CloseReason, ProtocolError};
use crate::framing::Framer;
use crate::message::{Encoding, HubMessage, Limits};
use crate::session::ReceiveCounter;

/// The times that a connection keeps. All instants are durations since an epoch that the owner chooses once
/// for the connection, on a clock that never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// For the handshake, and for the Sequence message on a resumed transport.
    pub handshake_timeout: Duration,
    /// A Ping goes out when nothing was sent for this long.
    pub keep_alive: Duration,
    /// The other side is given up when nothing came from it for this long.
    pub peer_timeout: Duration,
    /// How long a stateful connection waits for a new transport.
    pub resume_window: Duration,
    /// How long received messages wait for their acknowledgement (stateful connections).
    pub ack_interval: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            handshake_timeout: Duration::from_secs(15),
            keep_alive: Duration::from_secs(15),
            peer_timeout: Duration::from_secs(30),
            resume_window: Duration::from_secs(15),
            ack_interval: Duration::from_secs(1),
        }
    }
}

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first record each way has not been exchanged; fails at the instant.
    Handshake(Duration),
    /// Messages flow.
    Open,
    /// Stateful: the transport broke; the connection ends at the instant.
    Detached(Duration),
    /// Stateful: a new transport, whose Sequence must come before the instant.
    Resuming(Duration),
    /// Over. Nothing is read any more; what is queued may still be sent.
    Closed,
}

/// What ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expired {
    Handshake,
    Peer,
    Resume,
}

/// A resume was asked of a connection that cannot resume: not stateful, not open yet, or over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection cannot be resumed")]
pub struct NotResumable;

/// The receiving half of a stateful connection.
#[derive(Debug, Default)]
struct Session {
    counter: ReceiveCounter,
    ack_at: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Link {
    framer: Framer,
    transmit: VecDeque<Bytes>,
    /// Bytes in `transmit`.
    queued: usize,
    session: Option<Box<Session>>,
    phase: Phase,
    last_received: Duration,
    last_sent: Duration,
    encoding: Encoding,
    /// Whether silence of the other side counts.
    pub(crate) watches_peer: bool,
    /// Whether what has come is not acknowledged for now.
    pub(crate) holds_acks: bool,
    closing: Option<CloseReason>,
}

impl Link {
    pub(crate) fn new(encoding: Encoding, timing: &Timing, now: Duration) -> Self {
        Link {
            framer: Framer::default(),
            transmit: VecDeque::new(),
            queued: 0,
            session: None,
            phase: Phase::Handshake(now.saturating_add(timing.handshake_timeout)),
            last_received: now,
            last_sent: now,
            encoding,
            watches_peer: false,
            holds_acks: false,
            closing: None,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The instant of the latest bytes: the present, as long as they are being worked on.
    pub(crate) fn last_received(&self) -> Duration {
        self.last_received
    }

    pub(crate) fn is_stateful(&self) -> bool {
        self.session.is_some()
    }

    /// The handshake is done.
    pub(crate) fn open(&mut self, encoding: Encoding, stateful: bool) {
        self.phase = Phase::Open;
        self.encoding = encoding;
        self.session = stateful.then(Box::default);
    }

    pub(crate) fn receive(&mut self, bytes: Bytes, now: Duration) {
        if !matches!(self.phase, Phase::Closed | Phase::Detached(_)) {
            self.last_received = now;
            self.framer.push(bytes);
        }
    }

    /// The next record of the handshake.
    pub(crate) fn next_handshake(&mut self, limit: usize) -> Result<Option<Bytes>, ProtocolError> {
        self.framer.next(Encoding::Json, limit)
    }

    /// The next message that counts: not repeated, not before the Sequence of a new transport. Sequence itself
    /// comes out when it completes a resume.
    pub(crate) fn next_message(
        &mut self,
        limits: &Limits,
        timing: &Timing,
    ) -> Result<Option<HubMessage>, ProtocolError> {
        if !matches!(self.phase, Phase::Open | Phase::Resuming(_)) {
            return Ok(None);
        }
        while let Some(message) = next_message(&mut self.framer, self.encoding, limits)? {
            let Some(session) = &mut self.session else {
                return Ok(Some(message));
            };
            let process = session.counter.receive(&message)?;
            if session.counter.wants_ack() && session.ack_at.is_none() {
                session.ack_at = Some(self.last_received.saturating_add(timing.ack_interval));
            }
            if let Phase::Resuming(_) = self.phase
                && !session.counter.awaits_sequence()
            {
                self.phase = Phase::Open;
                return Ok(Some(message));
            }
            if process {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Queues a whole record.
    pub(crate) fn send(&mut self, record: Bytes, now: Duration) {
        self.queued += record.len();
        self.transmit.push_back(record);
        self.note_sent(now);
    }

    /// Queues a message that is valid by construction.
    pub(crate) fn send_message(&mut self, message: &HubMessage, now: Duration) {
        if let Ok(record) = to_bytes(self.encoding, message) {
            self.send(record, now);
        }
    }

    /// Queues Close, if there is a transport that may carry it.
    pub(crate) fn say_close(&mut self, error: Option<&str>, allow_reconnect: bool, now: Duration) {
        if matches!(self.phase, Phase::Open | Phase::Resuming(_)) {
            let error = error.map(String::from);
            self.send_message(
                &HubMessage::Close {
                    error,
                    allow_reconnect,
                },
                now,
            );
        }
    }

    /// Bytes that wait to be written.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    pub(crate) fn note_sent(&mut self, at: Duration) {
        self.last_sent = self.last_sent.max(at);
    }

    pub(crate) fn restart_peer_timeout(&mut self, now: Duration) {
        self.last_received = self.last_received.max(now);
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Bytes> {
        let record = self.transmit.pop_front()?;
        self.queued -= record.len();
        if self.transmit.is_empty() {
            self.transmit = VecDeque::new();
        }
        Some(record)
    }

    /// Ends the connection. Nothing is read from here on.
    pub(crate) fn close(&mut self, reason: CloseReason) {
        if self.phase != Phase::Closed {
            self.phase = Phase::Closed;
            self.closing = Some(reason);
            self.framer.clear();
            self.session = None;
        }
    }

    /// Why the connection ended; once.
    pub(crate) fn poll_closed(&mut self) -> Option<CloseReason> {
        self.closing.take()
    }

    /// The transport broke: wait for another, or end. What was queued for it is dropped.
    pub(crate) fn transport_lost(&mut self, timing: &Timing, now: Duration) {
        self.forget_transport();
        match (self.phase, &self.session) {
            (Phase::Open | Phase::Resuming(_), Some(_)) => {
                self.phase = Phase::Detached(now.saturating_add(timing.resume_window));
            }
            (Phase::Detached(_), _) => {}
            _ => self.close(CloseReason::TransportLost),
        }
    }

    fn forget_transport(&mut self) {
        self.framer.clear();
        self.transmit = VecDeque::new();
        self.queued = 0;
    }

    /// A new transport, also when the old one was believed alive.
    pub(crate) fn resume(&mut self, timing: &Timing, now: Duration) -> Result<(), NotResumable> {
        let Some(session) = &mut self.session else {
            return Err(NotResumable);
        };
        session.counter.await_sequence();
        self.phase = Phase::Resuming(now.saturating_add(timing.handshake_timeout));
        self.forget_transport();
        self.last_received = now;
        self.last_sent = now;
        Ok(())
    }

    pub(crate) fn poll_timeout(&self, timing: &Timing) -> Option<Duration> {
        let open = |peer| {
            let ping = self.last_sent.saturating_add(timing.keep_alive);
            let ack = self.session.as_ref().and_then(|session| session.ack_at);
            let ack = ack.filter(|_| !self.holds_acks);
            [Some(ping), peer, ack].into_iter().flatten().min()
        };
        match self.phase {
            Phase::Closed => None,
            Phase::Handshake(at) | Phase::Detached(at) => Some(at),
            Phase::Resuming(at) => open(Some(at)),
            Phase::Open => open(self.peer_deadline(timing)),
        }
    }

    fn peer_deadline(&self, timing: &Timing) -> Option<Duration> {
        self.watches_peer
            .then(|| self.last_received.saturating_add(timing.peer_timeout))
    }

    /// Sends what is due; says what has run out, which the caller must turn into a close.
    pub(crate) fn handle_timeout(&mut self, timing: &Timing, now: Duration) -> Option<Expired> {
        match self.phase {
            Phase::Closed => return None,
            Phase::Handshake(at) => return (now >= at).then_some(Expired::Handshake),
            Phase::Detached(at) => return (now >= at).then_some(Expired::Resume),
            Phase::Resuming(at) if now >= at => return Some(Expired::Resume),
            Phase::Open if self.peer_deadline(timing).is_some_and(|at| now >= at) => {
                return Some(Expired::Peer);
            }
            Phase::Resuming(_) | Phase::Open => {}
        }
        if let Some(session) = &mut self.session
            && !self.holds_acks
            && session.ack_at.is_some_and(|at| now >= at)
        {
            session.ack_at = None;
            if let Some(ack) = session.counter.take_ack() {
                self.send_message(&ack, now);
            }
        }
        if now >= self.last_sent.saturating_add(timing.keep_alive) {
            self.send_message(&HubMessage::Ping, now);
        }
        None
    }
}
