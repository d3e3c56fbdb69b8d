//! The task of one connection: writes calls and what the protocol wants written, and reads as long as someone takes what
//! comes. A stateful connection outlives its socket.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use protocol::client::{ClientConnection, ClientEvent, ClientSettings};
use protocol::{Call, CloseReason, Encoding, Id, Limits, Outcome, Timing};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::connect::{STEP, Ticket};
use super::{Answer, Callback, Command, ConnectError, Settings};

/// The longest message taken from a hub, in bytes.
const MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// Calls that are written in one frame at most.
const BATCH: usize = 32;
/// Between two attempts to open a new socket for a connection.
const PAUSE: Duration = Duration::from_millis(20);

/// A connection with its socket.
pub(super) struct Connection {
    ticket: Ticket,
    socket: WebSocketStream<TcpStream>,
    protocol: ClientConnection,
    /// The protocol counts time from here.
    start: Instant,
    /// Calls without an answer yet; each has a caller that waits.
    pending: BTreeMap<Id, Answer>,
    /// Callbacks of the frame read last.
    arrived: VecDeque<Callback>,
    ended: Option<CloseReason>,
}

impl Connection {
    /// Negotiates, opens a socket and shakes hands.
    pub(super) async fn open(settings: &Settings) -> Result<Self, ConnectError> {
        let ticket = Ticket::negotiate(settings).await?;
        let socket = ticket.open().await?;
        let start = Instant::now();
        let mut protocol =
            ClientSettings::new(settings.encoding, ticket.negotiated.stateful_reconnect);
        protocol.limits = Limits {
            max_message_bytes: MESSAGE_BYTES,
            ..Limits::default()
        };
        protocol.timing = Timing {
            keep_alive: Duration::from_secs(5),
            peer_timeout: settings.silence,
            ..Timing::default()
        };
        let mut connection = Self {
            ticket,
            socket,
            protocol: ClientConnection::new(protocol, Duration::ZERO),
            start,
            pending: BTreeMap::new(),
            arrived: VecDeque::new(),
            ended: None,
        };
        let shaking = timeout(STEP, connection.shake_hands()).await;
        shaking.map_err(|_| ConnectError::Late("answer the handshake"))??;
        Ok(connection)
    }

    pub(super) fn id(&self) -> &str {
        &self.ticket.negotiated.connection_id
    }

    async fn shake_hands(&mut self) -> Result<(), ConnectError> {
        self.write().await;
        loop {
            let frame = self.socket.next().await;
            self.receive(frame);
            while let Some(event) = self.protocol.poll_event() {
                match event {
                    ClientEvent::Handshaked { .. } => return Ok(()),
                    ClientEvent::Closed(reason) => return Err(reason.into()),
                    _ => {}
                }
            }
        }
    }

    /// Runs until the connection is over. Callbacks that were read are handed over before the end, if anyone takes them.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        callbacks: mpsc::Sender<Callback>,
    ) -> CloseReason {
        self.take_events();
        loop {
            self.write().await;
            if callbacks.is_closed() {
                self.arrived.clear();
            }
            if let Some(reason) = self.ended.take() {
                for callback in self.arrived.drain(..) {
                    if callbacks.send(callback).await.is_err() {
                        break;
                    }
                }
                // The hub may be gone already; this side has ended in any case.
                let _ = timeout(STEP, self.socket.close(None)).await;
                return reason;
            }
            let due = self.protocol.poll_timeout().map(|due| self.start + due);
            tokio::select! {
                command = commands.recv(), if !self.protocol.is_full() => self.obey(command, &mut commands),
                permit = callbacks.reserve(), if !self.arrived.is_empty() => {
                    if let (Ok(permit), Some(callback)) = (permit, self.arrived.pop_front()) {
                        permit.send(callback);
                    }
                }
                frame = self.socket.next(), if self.arrived.is_empty() => {
                    if !self.receive(frame) {
                        self.resume().await;
                    }
                }
                () = sleep_until(due.unwrap_or(self.start)), if due.is_some() => {
                    self.protocol.handle_timeout(self.start.elapsed());
                }
            }
            self.take_events();
        }
    }

    /// Makes the calls that wait, up to a batch.
    fn obey(&mut self, first: Option<Command>, more: &mut mpsc::Receiver<Command>) {
        let mut next = Some(first.unwrap_or(Command::Stop));
        for _ in 0..BATCH {
            let now = self.start.elapsed();
            match next.take().or_else(|| more.try_recv().ok()) {
                Some(Command::Call {
                    target,
                    arguments,
                    answer: None,
                }) => {
                    // Without an answer wanted, a call that cannot be sent is like one that was lost.
                    let _ = self.protocol.send(Call::new(target, arguments), now);
                }
                Some(Command::Call {
                    target,
                    arguments,
                    answer: Some(answer),
                }) => {
                    // A call that cannot be sent loses its answer, and so its caller learns of it.
                    if let Ok(id) = self.protocol.invoke(Call::new(target, arguments), now) {
                        self.pending.insert(id, answer);
                    }
                }
                Some(Command::Stop) => return self.protocol.close(now),
                None => return,
            }
            if self.protocol.is_full() {
                return;
            }
        }
    }

    /// Writes all that is due in one frame. A failed write is noticed by the next read.
    async fn write(&mut self) {
        let mut bytes = Vec::new();
        while let Some(record) = self.protocol.poll_transmit() {
            bytes.extend_from_slice(&record);
        }
        if bytes.is_empty() {
            return;
        }
        let frame = match self.protocol.encoding() {
            Encoding::MessagePack => Message::binary(bytes),
            // The protocol writes valid UTF-8 in this encoding.
            Encoding::Json => Message::text(String::from_utf8_lossy(&bytes).into_owned()),
        };
        let _ = self.socket.send(frame).await;
    }

    /// Takes in what was read. False when the socket is lost and a new one may be opened.
    fn receive(&mut self, frame: Option<Result<Message, Error>>) -> bool {
        let now = self.start.elapsed();
        match frame {
            Some(Ok(Message::Text(text))) => self.protocol.receive(Bytes::from(text), now),
            Some(Ok(Message::Binary(bytes))) => self.protocol.receive(bytes, now),
            Some(Ok(Message::Close(_))) => self.protocol.transport_closed(),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return !self.protocol.transport_lost(now),
        }
        true
    }

    /// Opens new sockets until one lives or the protocol gives up.
    async fn resume(&mut self) {
        loop {
            self.protocol.handle_timeout(self.start.elapsed());
            self.take_events();
            if self.ended.is_some() {
                return;
            }
            match self.ticket.open().await {
                Ok(socket) => {
                    self.socket = socket;
                    if self.protocol.resume(self.start.elapsed()).is_ok() {
                        return;
                    }
                }
                Err(ConnectError::WebSocket(error)) if matches!(*error, Error::Http(_)) => {
                    self.ended = Some(CloseReason::TransportLost);
                    return;
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.protocol.poll_event() {
            match event {
                ClientEvent::Invocation {
                    invocation_id,
                    call,
                } => {
                    if let Some(id) = invocation_id {
                        // This client has no results to give; the hub's time limit covers a refusal that cannot be sent.
                        let outcome = Outcome::Error("Client didn't provide a result.".to_owned());
                        let _ = self.protocol.complete(id, outcome, self.start.elapsed());
                    }
                    self.arrived.push_back(Callback {
                        target: call.target.to_string(),
                        arguments: call.arguments,
                    });
                }
                ClientEvent::Completion {
                    invocation_id,
                    outcome,
                } => {
                    if let Some(answer) = self.pending.remove(&invocation_id) {
                        // A caller that has given up needs no answer.
                        let _ = answer.send(match outcome {
                            Outcome::Void => Ok(None),
                            Outcome::Result(result) => Ok(Some(result)),
                            Outcome::Error(text) => Err(text),
                        });
                    }
                }
                ClientEvent::Closed(reason) => self.ended = Some(reason),
                ClientEvent::Handshaked { .. }
                | ClientEvent::StreamItem { .. }
                | ClientEvent::Resumed => {}
            }
        }
    }
}
