//! A client, a server, the server's owner with its send queue, and the wires between them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::client::{ClientConnection, ClientEvent, ClientSettings, SendError};
use protocol::server::{ServerConnection, ServerEvent, ServerSettings};
use protocol::session::ReplayBuffer;
use protocol::{Call, Encoding, HubMessage, Raw, encode_invocation, to_bytes};

/// Small, so that scripts reach it.
const REPLAY_BYTES: usize = 600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// The client sends its next number.
    ClientSends,
    /// The server sends its next numbers in one shared block.
    ServerSends(u32),
    /// This many bytes reach the server, cut as it falls.
    DeliverUp(usize),
    /// This many frames reach the client.
    DeliverDown(usize),
    /// Milliseconds pass.
    Advance(u64),
    /// The transport breaks; both sides notice. What was under way is lost.
    Cut,
    /// The client has changed its network: it resumes while the server believes in the old transport.
    ResumeOverLiveTransport,
    /// The client comes back after a cut.
    Resume,
}

/// A bug of the server's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    None,
    SequenceOfLastSent,
    SequenceOneTooLow,
    NoSequence,
    NoReplay,
    ReplayFromSecondBlock,
    AckOneTooHigh,
    UncountedSend,
}

pub struct World {
    encoding: Encoding,
    mutation: Mutation,
    now: Duration,
    client: ClientConnection,
    server: ServerConnection,
    replay: ReplayBuffer,
    up: VecDeque<Bytes>,
    down: VecDeque<Bytes>,
    cut_at: Option<Duration>,
    resumes: usize,
    /// Numbers 1, 2, … in the order they were meant to be sent, not sent yet.
    client_waits: VecDeque<u64>,
    server_waits: VecDeque<Vec<u64>>,
    client_sent: u64,
    server_sent: u64,
    client_got: Vec<u64>,
    server_got: Vec<u64>,
}

impl World {
    pub fn new(encoding: Encoding, mutation: Mutation) -> Self {
        let now = Duration::from_secs(77);
        let settings = ClientSettings {
            replay_bytes: REPLAY_BYTES,
            ..ClientSettings::new(encoding, true)
        };
        let mut world = World {
            encoding,
            mutation,
            now,
            client: ClientConnection::new(settings, now),
            server: ServerConnection::new(Arc::new(ServerSettings::default()), true, now),
            replay: ReplayBuffer::new(REPLAY_BYTES),
            up: VecDeque::new(),
            down: VecDeque::new(),
            cut_at: None,
            resumes: 0,
            client_waits: VecDeque::new(),
            server_waits: VecDeque::new(),
            client_sent: 0,
            server_sent: 0,
            client_got: Vec::new(),
            server_got: Vec::new(),
        };
        world.collect();
        world.deliver_up(usize::MAX).expect("handshake request");
        world.deliver_down(usize::MAX).expect("handshake response");
        world
    }

    pub fn step(&mut self, op: Op) -> Result<(), String> {
        match op {
            Op::ClientSends => {
                self.client_sent += 1;
                self.client_waits.push_back(self.client_sent);
            }
            Op::ServerSends(count) => {
                let first = self.server_sent + 1;
                self.server_sent += u64::from(count);
                self.server_waits
                    .push_back((first..=self.server_sent).collect());
            }
            Op::DeliverUp(bytes) => self.deliver_up(bytes)?,
            Op::DeliverDown(frames) => self.deliver_down(frames)?,
            Op::Advance(milliseconds) => self.advance(Duration::from_millis(milliseconds))?,
            Op::Cut if self.cut_at.is_none() => {
                self.cut_at = Some(self.now);
                self.up.clear();
                self.down.clear();
                self.server.transport_lost(self.now);
                if !self.client.transport_lost(self.now) {
                    return Err("the client gave up".into());
                }
            }
            Op::ResumeOverLiveTransport if self.cut_at.is_none() => {
                self.client.transport_lost(self.now);
                self.resume()?;
            }
            Op::Resume if self.cut_at.is_some() => self.resume()?,
            Op::Cut | Op::ResumeOverLiveTransport | Op::Resume => {}
        }
        self.send_what_waits()?;
        self.collect();
        Ok(())
    }

    /// Heals everything and lets a minute pass: then all that was sent must be there, and acknowledged.
    pub fn settle(&mut self) -> Result<(), String> {
        self.step(Op::Resume)?;
        for _ in 0..120 {
            self.step(Op::DeliverUp(usize::MAX))?;
            self.step(Op::DeliverDown(usize::MAX))?;
            self.step(Op::Advance(500))?;
        }
        let expected: Vec<u64> = (1..=self.server_sent).collect();
        if self.client_got != expected {
            return Err(format!(
                "client got {:?} of {}",
                self.client_got, self.server_sent
            ));
        }
        let expected: Vec<u64> = (1..=self.client_sent).collect();
        if self.server_got != expected {
            return Err(format!(
                "server got {:?} of {}",
                self.server_got, self.client_sent
            ));
        }
        if self.replay.bytes() > 0 || self.held_back() != (0, 0) {
            return Err("something is still not acknowledged".into());
        }
        Ok(())
    }

    pub fn received_by_client(&self) -> &[u64] {
        &self.client_got
    }

    pub fn received_by_server(&self) -> &[u64] {
        &self.server_got
    }

    pub fn resumes(&self) -> usize {
        self.resumes
    }

    /// Sends that the server and the client hold back.
    pub fn held_back(&self) -> (usize, usize) {
        (self.server_waits.len(), self.client_waits.len())
    }

    /// Both sides look at their clocks four times a second. A cut is healed before the window ends.
    fn advance(&mut self, by: Duration) -> Result<(), String> {
        let end = self.now + by;
        while self.now < end {
            self.now = end.min(self.now + Duration::from_millis(250));
            if self
                .cut_at
                .is_some_and(|at| self.now > at + Duration::from_secs(12))
            {
                self.resume()?;
            }
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
            self.server_events()?;
            self.client_events()?;
            self.collect();
        }
        Ok(())
    }

    /// A new transport: what was under way on the old one is lost or ignored.
    fn resume(&mut self) -> Result<(), String> {
        self.cut_at = None;
        self.resumes += 1;
        self.up.clear();
        self.down.clear();
        let now = self.now;
        self.client
            .resume(now)
            .map_err(|error| format!("client: {error}"))?;
        self.server
            .resume(now)
            .map_err(|error| format!("server: {error}"))?;
        let sequence = match (self.mutation, self.replay.sequence()) {
            (Mutation::SequenceOfLastSent, _) => Some(self.replay.next_sequence()),
            (Mutation::SequenceOneTooLow, HubMessage::Sequence { sequence_id }) => {
                Some((sequence_id - 1).max(1))
            }
            (Mutation::NoSequence, _) => None,
            (_, HubMessage::Sequence { sequence_id }) => Some(sequence_id),
            (_, other) => return Err(format!("{other:?} instead of Sequence")),
        };
        if let Some(sequence_id) = sequence {
            let message = HubMessage::Sequence { sequence_id };
            self.down
                .push_back(to_bytes(self.encoding, &message).map_err(|e| e.to_string())?);
        }
        let skip = match self.mutation {
            Mutation::NoReplay => usize::MAX,
            Mutation::ReplayFromSecondBlock => 1,
            _ => 0,
        };
        self.down.extend(self.replay.unacked().skip(skip));
        Ok(())
    }

    fn send_what_waits(&mut self) -> Result<(), String> {
        while let Some(&number) = self.client_waits.front() {
            let argument = Raw::encode(self.encoding, &number).map_err(|e| e.to_string())?;
            match self
                .client
                .send(Call::new("Number", vec![argument]), self.now)
            {
                Ok(()) => self.client_waits.pop_front(),
                Err(SendError::Unacknowledged(_)) => break,
                Err(error) => return Err(format!("client cannot send: {error}")),
            };
        }
        while let Some(numbers) = self.server_waits.front() {
            let mut block = Vec::new();
            for number in numbers {
                encode_invocation(self.encoding, "Number", number, &mut block)
                    .map_err(|e| e.to_string())?;
            }
            let counted = match self.mutation {
                Mutation::UncountedSend => numbers.len() as u32 - 1,
                _ => numbers.len() as u32,
            };
            let block = Bytes::from(block);
            if self.replay.push(block.clone(), counted).is_err() {
                break;
            }
            if self.cut_at.is_none() {
                self.down.push_back(block);
                self.server.note_sent(self.now);
            }
            self.server_waits.pop_front();
        }
        Ok(())
    }

    /// Moves what the two ends say by themselves onto the wires.
    fn collect(&mut self) {
        self.up
            .extend(std::iter::from_fn(|| self.client.poll_transmit()));
        self.down
            .extend(std::iter::from_fn(|| self.server.poll_transmit()));
    }

    fn deliver_up(&mut self, mut bytes: usize) -> Result<(), String> {
        while bytes > 0
            && let Some(mut frame) = self.up.pop_front()
        {
            let part = frame.split_to(bytes.min(frame.len()));
            bytes -= part.len();
            if !frame.is_empty() {
                self.up.push_front(frame);
            }
            self.server.receive(part, self.now);
            self.server_events()?;
        }
        Ok(())
    }

    fn server_events(&mut self) -> Result<(), String> {
        while let Some(event) = self.server.poll_event() {
            match event {
                ServerEvent::Invocation { call, .. } => self.server_got.push(number(&call)?),
                ServerEvent::Acknowledged { sequence_id } => {
                    let slip = u64::from(self.mutation == Mutation::AckOneTooHigh);
                    self.replay.ack(sequence_id + slip);
                }
                ServerEvent::Closed(reason) => return Err(format!("server: {reason}")),
                _ => {}
            }
        }
        self.collect();
        Ok(())
    }

    fn deliver_down(&mut self, frames: usize) -> Result<(), String> {
        let frames = frames.min(self.down.len());
        for frame in self.down.drain(..frames).collect::<Vec<_>>() {
            self.client.receive(frame, self.now);
            self.client_events()?;
        }
        Ok(())
    }

    fn client_events(&mut self) -> Result<(), String> {
        while let Some(event) = self.client.poll_event() {
            match event {
                ClientEvent::Invocation { call, .. } => self.client_got.push(number(&call)?),
                ClientEvent::Closed(reason) => return Err(format!("client: {reason}")),
                _ => {}
            }
        }
        self.collect();
        Ok(())
    }
}

fn number(call: &Call) -> Result<u64, String> {
    match &call.arguments[..] {
        [argument] => argument.decode().map_err(|error| error.to_string()),
        other => Err(format!("{} arguments", other.len())),
    }
}
