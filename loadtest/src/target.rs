//! Which hub, who connects to it, and in which encoding; and the rooms made there before a run.

use protocol::{Encoding, HubMessage, Raw};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use thiserror::Error;

use crate::fleet;
use crate::hub::{self, HubError};
use crate::token::Credentials;
use crate::websocket::{self, FrameError};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Rooms that are asked for at once: so many calls a connection may have waiting.
pub const ROOMS_AT_ONCE: usize = 32;
/// Who makes rooms for everybody.
pub const OWNER: &str = "loadtest-owner";

/// The hub under test as its clients see it.
#[derive(Clone)]
pub struct Target {
    /// Where it listens; several addresses are nodes of one cluster, over which connections are spread.
    pub addresses: Vec<SocketAddr>,
    /// How connections prove who they are.
    pub credentials: Credentials,
    /// What they speak.
    pub encoding: Encoding,
    /// Every second connection speaks the other encoding.
    pub mixed: bool,
    /// Number of the first connection of this process: users and source addresses follow from it, so that several processes
    /// do not collide.
    pub first: u32,
    /// Keeps rooms and message ids of different runs apart.
    pub nonce: String,
    /// Length of a message's text.
    pub text_bytes: usize,
}

/// Why connections could not be made or used.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The socket failed or ended.
    #[error("connection: {0}")]
    Socket(#[from] io::Error),
    /// No WebSocket.
    #[error("WebSocket: {0}")]
    Frame(#[from] FrameError),
    /// The hub refused, or spoke differently than agreed.
    #[error("hub: {0}")]
    Hub(#[from] HubError),
    /// A token could not be signed.
    #[error("token: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// Nothing came for too long.
    #[error("{0} of {1} connections joined, then nothing came for {ANSWER_TIMEOUT:?}")]
    Stuck(usize, usize),
}

impl Target {
    /// The node of a connection. Members of a room have successive numbers, so each node has some of them.
    pub fn address(&self, connection: usize) -> SocketAddr {
        self.addresses[connection % self.addresses.len()]
    }

    /// What a connection speaks.
    pub fn encoding_of(&self, connection: usize) -> Encoding {
        let other = self.mixed && connection % 2 == 1;
        match (self.encoding, other) {
            (Encoding::Json, true) => Encoding::MessagePack,
            (Encoding::MessagePack, true) => Encoding::Json,
            (encoding, false) => encoding,
        }
    }

    /// The user of a connection.
    pub fn user(&self, connection: usize) -> String {
        format!("u{}", u64::from(self.first) + connection as u64)
    }

    /// Begins to connect.
    pub fn connect(&self, connection: usize) -> io::Result<mio::net::TcpStream> {
        let number = self.first.saturating_add(connection as u32);
        fleet::connect(self.address(connection), number)
    }

    /// The name of room `room` of group `group` (one group per fleet).
    pub fn room_name(&self, group: u32, room: u32) -> String {
        format!("lt{}-{group}-{room}", self.nonce)
    }

    /// The request that opens a WebSocket for `user`.
    pub fn upgrade_request(&self, user: &str) -> Result<Vec<u8>, ConnectError> {
        let path = format!("/hubs/chat?access_token={}", self.credentials.token(user)?);
        Ok(websocket::upgrade_request(
            &self.address(0).to_string(),
            &path,
        ))
    }

    /// Appends one masked frame with this record.
    pub fn push_frame(&self, out: &mut Vec<u8>, record: &[u8]) {
        push_frame(self.encoding, out, record);
    }

    /// Creates the rooms of a group, so that its connections can join.
    pub fn create_rooms(&self, group: u32, rooms: u32) -> Result<(), ConnectError> {
        let mut owner = Caller::connect(self, OWNER)?;
        let all: Vec<u32> = (0..rooms).collect();
        for some in all.chunks(ROOMS_AT_ONCE) {
            let create = |&room: &u32| {
                let name = self.room_name(group, room);
                hub::create_room(self.encoding, &room.to_string(), &name)
            };
            owner.ask(&some.iter().map(create).collect::<Result<Vec<_>, _>>()?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
impl Target {
    /// For tests that connect to nobody.
    pub fn nowhere() -> Self {
        Self {
            addresses: vec![([127, 0, 0, 1], 1).into()],
            credentials: Credentials::Token("any".into()),
            encoding: Encoding::Json,
            mixed: false,
            first: 0,
            nonce: "n".into(),
            text_bytes: 64,
        }
    }
}

/// Appends one masked frame with this record in an encoding.
pub fn push_frame(encoding: Encoding, out: &mut Vec<u8>, record: &[u8]) {
    websocket::push_frame(out, hub::opcode(encoding), record, Some(*b"mask"));
}

/// A blocking connection that creates rooms.
pub struct Caller {
    stream: TcpStream,
    encoding: Encoding,
    received: Vec<u8>,
}

impl Caller {
    /// Connects as this user.
    pub fn connect(target: &Target, user: &str) -> Result<Self, ConnectError> {
        let stream = TcpStream::connect(target.address(0))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let mut caller = Self {
            stream,
            encoding: target.encoding,
            received: Vec::new(),
        };
        caller.stream.write_all(&target.upgrade_request(user)?)?;
        let head = loop {
            caller.read_more()?;
            if let Some(head) = websocket::upgrade_answer(&caller.received)? {
                break head;
            }
        };
        caller.received.drain(..head);
        let mut frame = Vec::new();
        target.push_frame(&mut frame, &hub::handshake_request(target.encoding));
        caller.stream.write_all(&frame)?;
        let payload = caller.next_payload()?;
        hub::handshake_answer(&payload)?;
        Ok(caller)
    }

    /// Asks for all of these at once; the results in the order of the answers, which is that of the questions.
    pub fn ask(&mut self, records: &[Vec<u8>]) -> Result<Vec<Raw>, ConnectError> {
        let mut frames = Vec::new();
        for record in records {
            let opcode = hub::opcode(self.encoding);
            websocket::push_frame(&mut frames, opcode, record, Some(*b"mask"));
        }
        self.stream.write_all(&frames)?;
        let mut results = Vec::new();
        while results.len() < records.len() {
            let payload = self.next_payload()?;
            for message in hub::read_messages(self.encoding, &payload)? {
                match message {
                    HubMessage::Completion { outcome, .. } => {
                        results.push(hub::result(&outcome)?.clone());
                    }
                    HubMessage::Close { error, .. } => {
                        return Err(HubError::Closed(error.unwrap_or_default()).into());
                    }
                    _ => {}
                }
            }
        }
        Ok(results)
    }

    fn next_payload(&mut self) -> Result<Vec<u8>, ConnectError> {
        loop {
            if let Some(head) = websocket::head(&self.received)? {
                let end = head.head_bytes + head.payload_bytes;
                if self.received.len() >= end {
                    let frame: Vec<u8> = self.received.drain(..end).collect();
                    match head.opcode {
                        websocket::TEXT | websocket::BINARY => {
                            return Ok(frame[head.head_bytes..].to_vec());
                        }
                        websocket::CLOSE => {
                            return Err(HubError::Closed("close frame".into()).into());
                        }
                        _ => continue,
                    }
                }
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> Result<(), ConnectError> {
        let mut chunk = [0; 16 << 10];
        let read = self.stream.read(&mut chunk)?;
        if read == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        self.received.extend_from_slice(&chunk[..read]);
        Ok(())
    }
}
