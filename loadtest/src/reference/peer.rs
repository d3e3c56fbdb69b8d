//! One connection of the reference server: from its bytes to what it asks for.

use protocol::{Encoding, HubMessage};

use crate::hub::{self, HubError};
use crate::websocket::{self, FrameError};
use crate::wire;

/// What a peer asked for.
pub enum Ask {
    /// Write these bytes to it.
    Answer(Vec<u8>),
    /// Answer this invocation with the room's summary; with `join`, put the peer into it.
    Room {
        /// The invocation to answer.
        invocation_id: String,
        /// Name of the room.
        room: String,
        /// Whether deliveries go to the peer from now on.
        join: bool,
    },
    /// Fan this text out in the peer's room.
    Send {
        /// The invocation to answer, when it was looked at.
        invocation_id: Option<String>,
        /// The stamped text.
        text: String,
    },
}

/// Why a peer is dropped.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The socket failed or ended.
    #[error(transparent)]
    Socket(#[from] std::io::Error),
    /// No WebSocket.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// No hub message.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// It said goodbye, or asked for what this server does not know.
    #[error("the peer is done")]
    Done,
}

#[derive(Clone, Copy)]
enum Stage {
    Http,
    Handshake,
    Open(Encoding),
}

/// A connection's state.
pub struct Peer {
    stage: Stage,
    /// Its room, by index, once it joined.
    pub room: Option<u32>,
}

impl Peer {
    /// A connection that was just accepted.
    pub fn new() -> Self {
        Self {
            stage: Stage::Http,
            room: None,
        }
    }

    /// The encoding of its handshake.
    pub fn encoding(&self) -> Encoding {
        match self.stage {
            Stage::Open(encoding) => encoding,
            Stage::Http | Stage::Handshake => Encoding::Json,
        }
    }

    /// Takes in bytes; returns how many are done with. With `acknowledge`, sends are read whole to find their ids.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        acknowledge: bool,
        asks: &mut Vec<Ask>,
    ) -> Result<usize, PeerError> {
        let mut used = 0;
        if let Stage::Http = self.stage {
            let Some((request, answer)) = websocket::answer_upgrade(bytes) else {
                return Ok(0);
            };
            self.stage = Stage::Handshake;
            asks.push(Ask::Answer(answer));
            used = request;
        }
        while let Some(head) = websocket::head(&bytes[used..])? {
            let start = used + head.head_bytes;
            let Some(masked) = bytes.get(start..start + head.payload_bytes) else {
                break;
            };
            let mut payload = masked.to_vec();
            websocket::apply_mask(&mut payload, head.mask.unwrap_or_default());
            used = start + head.payload_bytes;
            match head.opcode {
                websocket::TEXT | websocket::BINARY => self.payload(&payload, acknowledge, asks)?,
                websocket::CLOSE => return Err(PeerError::Done),
                _ => {}
            }
        }
        Ok(used)
    }

    fn payload(
        &mut self,
        mut payload: &[u8],
        acknowledge: bool,
        asks: &mut Vec<Ask>,
    ) -> Result<(), PeerError> {
        if let Stage::Handshake = self.stage {
            let (encoding, end) = hub::read_handshake_request(payload)?;
            self.stage = Stage::Open(encoding);
            let mut answer = Vec::new();
            websocket::push_frame(
                &mut answer,
                hub::opcode(self.encoding()),
                protocol::handshake::ACCEPTED,
                None,
            );
            asks.push(Ask::Answer(answer));
            payload = &payload[end..];
        }
        let encoding = self.encoding();
        if !acknowledge && let Some(text) = wire::stamped_text(encoding, payload) {
            asks.push(Ask::Send {
                invocation_id: None,
                text: String::from_utf8_lossy(text).into_owned(),
            });
            return Ok(());
        }
        for message in hub::read_messages(encoding, payload)? {
            asks.extend(ask(message)?);
        }
        Ok(())
    }
}

fn ask(message: HubMessage) -> Result<Option<Ask>, PeerError> {
    let (id, call) = match message {
        HubMessage::Invocation {
            invocation_id: Some(id),
            call,
        } => (id, call),
        HubMessage::Ping => return Ok(None),
        _ => return Err(PeerError::Done),
    };
    let invocation_id = id.to_string();
    let argument = |index: usize| call.arguments.get(index).ok_or(PeerError::Done);
    Ok(Some(match call.target.as_str() {
        "CreateRoom" => {
            let room = hub::new_room_id(argument(0)?)?;
            Ask::Room {
                invocation_id,
                room,
                join: false,
            }
        }
        "JoinRoom" => {
            let room = argument(0)?.decode().map_err(HubError::from)?;
            Ask::Room {
                invocation_id,
                room,
                join: true,
            }
        }
        "SendMessage" => {
            let text = hub::new_message_text(argument(1)?)?;
            Ask::Send {
                invocation_id: Some(invocation_id),
                text,
            }
        }
        _ => return Err(PeerError::Done),
    }))
}
