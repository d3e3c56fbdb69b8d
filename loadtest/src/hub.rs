//! The hub's contract as the load suite uses it: what is asked and how answers are read, through the real protocol crate.

use protocol::handshake::{HandshakeRequest, PLAIN_VERSION, ResponseError, decode_response};
use protocol::{Call, Decoder, Encoding, HubMessage, Limits, Outcome, Raw};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::stamp::{DIGITS, MARK, STAMP_BYTES, Stamp};
use crate::websocket;
use crate::wire::RECORD_SEPARATOR;

/// The callback that carries a message.
pub const RECEIVE_MESSAGE: &str = "ReceiveMessage";
/// Longest record taken from a hub; room summaries and histories stay far below.
const MAX_RECORD_BYTES: usize = 1 << 20;

/// What went wrong between us and the hub.
#[derive(Debug, Error)]
pub enum HubError {
    /// A value could not be written.
    #[error(transparent)]
    Encode(#[from] protocol::EncodeError),
    /// A value had another shape than the contract says.
    #[error(transparent)]
    Decode(#[from] protocol::DecodeError),
    /// Bytes that are no hub message.
    #[error(transparent)]
    Protocol(#[from] protocol::ProtocolError),
    /// The handshake was refused.
    #[error(transparent)]
    Handshake(#[from] ResponseError),
    /// A frame ended in the middle of a record.
    #[error("a frame ends inside a record")]
    PartialRecord,
    /// An invocation failed.
    #[error("{0}")]
    Failed(String),
    /// The hub said goodbye.
    #[error("the hub closed the connection: {0}")]
    Closed(String),
}

/// Argument of `CreateRoom`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewRoom {
    room_id: String,
    kind: String,
}

/// A room to be made with people in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewGroup<'a> {
    /// Its name; a room of two has none that one could choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<&'a str>,
    /// `group` or `direct`.
    pub kind: &'a str,
    /// Who is in it besides whoever makes it.
    pub members: &'a [String],
}

/// Argument of `SendMessage`.
#[derive(Serialize, Deserialize)]
struct NewMessage {
    id: String,
    kind: String,
    text: String,
}

/// What `ReceiveMessage` carries; written by the reference server, read where the short cut does not apply.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Room of the message.
    pub room_id: String,
    /// Its place in the room's journal, from 1, gapless.
    pub sequence: u64,
    /// Its place among the messages alone.
    pub number: u64,
    /// The id that the sender chose.
    pub id: String,
    /// Who sent it.
    pub sender_id: String,
    /// `text` here.
    pub kind: String,
    /// The text with its stamp.
    pub text: String,
    /// RFC 3339.
    pub sent_at: String,
}

/// What `SendMessage` answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// The id that the sender chose.
    pub id: String,
    /// The message's place in the room's journal.
    pub sequence: u64,
    /// RFC 3339.
    pub sent_at: String,
}

/// What `JoinRoom` answers, as far as it is needed.
#[derive(Debug, Serialize, Deserialize)]
pub struct RoomSummary {
    /// Sequence of the room's newest event; live events follow it.
    pub head: u64,
}

/// The handshake's first record.
pub fn handshake_request(encoding: Encoding) -> Vec<u8> {
    HandshakeRequest {
        encoding,
        version: PLAIN_VERSION,
    }
    .encode()
}

/// Reads the handshake's request at the start of a payload; returns the encoding and the bytes of the request.
pub fn read_handshake_request(payload: &[u8]) -> Result<(Encoding, usize), HubError> {
    let end = memchr::memchr(RECORD_SEPARATOR, payload).ok_or(HubError::PartialRecord)?;
    let request = HandshakeRequest::decode(&payload[..end])
        .map_err(|error| HubError::Failed(error.to_string()))?;
    Ok((request.encoding, end + 1))
}

/// Reads the handshake's answer at the start of a payload; returns its bytes.
pub fn handshake_answer(payload: &[u8]) -> Result<usize, HubError> {
    let end = memchr::memchr(RECORD_SEPARATOR, payload).ok_or(HubError::PartialRecord)?;
    decode_response(&payload[..end])?;
    Ok(end + 1)
}

/// A record that creates a public room.
pub fn create_room(
    encoding: Encoding,
    invocation_id: &str,
    room: &str,
) -> Result<Vec<u8>, HubError> {
    let argument = Raw::encode(
        encoding,
        &NewRoom {
            room_id: room.into(),
            kind: "public".into(),
        },
    )?;
    ask(encoding, invocation_id, "CreateRoom", vec![argument])
}

/// A record that subscribes to what comes next in a room.
pub fn join_room(encoding: Encoding, invocation_id: &str, room: &str) -> Result<Vec<u8>, HubError> {
    ask(
        encoding,
        invocation_id,
        "JoinRoom",
        vec![Raw::encode(encoding, room)?],
    )
}

/// A record that subscribes to what comes in a room after a sequence.
pub fn join_room_after(
    encoding: Encoding,
    invocation_id: &str,
    room: &str,
    after: u64,
) -> Result<Vec<u8>, HubError> {
    let arguments = vec![Raw::encode(encoding, room)?, Raw::encode(encoding, &after)?];
    ask(encoding, invocation_id, "JoinRoom", arguments)
}

/// A record that asks for something and wants an answer.
pub fn ask(
    encoding: Encoding,
    invocation_id: &str,
    method: &str,
    arguments: Vec<Raw>,
) -> Result<Vec<u8>, HubError> {
    invocation(encoding, Some(invocation_id), method, arguments)
}

/// A record that wants no answer.
pub fn tell(encoding: Encoding, method: &str, arguments: Vec<Raw>) -> Result<Vec<u8>, HubError> {
    invocation(encoding, None, method, arguments)
}

/// The last record of a client that goes.
pub fn goodbye(encoding: Encoding) -> Result<Vec<u8>, HubError> {
    let mut record = Vec::new();
    let goodbye = HubMessage::Close {
        error: None,
        allow_reconnect: false,
    };
    protocol::encode(encoding, &goodbye, &mut record)?;
    Ok(record)
}

/// The room named by the argument of `CreateRoom`.
pub fn new_room_id(argument: &Raw) -> Result<String, HubError> {
    Ok(argument.decode::<NewRoom>()?.room_id)
}

/// The text in the second argument of `SendMessage`.
pub fn new_message_text(argument: &Raw) -> Result<String, HubError> {
    Ok(argument.decode::<NewMessage>()?.text)
}

/// A ping record.
pub fn ping(encoding: Encoding) -> Result<Vec<u8>, HubError> {
    let mut record = Vec::new();
    protocol::encode(encoding, &HubMessage::Ping, &mut record)?;
    Ok(record)
}

fn invocation(
    encoding: Encoding,
    id: Option<&str>,
    target: &str,
    arguments: Vec<Raw>,
) -> Result<Vec<u8>, HubError> {
    let message = HubMessage::Invocation {
        invocation_id: id.map(Into::into),
        call: Call::new(target, arguments),
    };
    let mut record = Vec::new();
    protocol::encode(encoding, &message, &mut record)?;
    Ok(record)
}

/// The messages of one frame.
pub fn read_messages(encoding: Encoding, payload: &[u8]) -> Result<Vec<HubMessage>, HubError> {
    let limits = Limits {
        max_message_bytes: MAX_RECORD_BYTES,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(encoding, limits);
    decoder.push(bytes::Bytes::copy_from_slice(payload));
    let mut messages = Vec::new();
    while let Some(message) = decoder.next()? {
        messages.push(message);
    }
    Ok(messages)
}

/// The result of a completion, or the error that it carries.
pub fn result(outcome: &Outcome) -> Result<&Raw, HubError> {
    match outcome {
        Outcome::Result(raw) => Ok(raw),
        Outcome::Void => Err(HubError::Failed("the completion has no result".into())),
        Outcome::Error(text) => Err(HubError::Failed(text.clone())),
    }
}

/// A `SendMessage` frame for one room, encoded once; each send only fills in its stamp.
pub struct SendTemplate {
    record: Vec<u8>,
    stamps: Vec<usize>,
    opcode: u8,
}

impl SendTemplate {
    /// `nonce` keeps message ids of different runs apart; `text_bytes` is the length of the text.
    pub fn new(
        encoding: Encoding,
        room: &str,
        nonce: &str,
        text_bytes: usize,
    ) -> Result<Self, HubError> {
        // No other part of the record can hold this: a room name or nonce has no such run of digits.
        const PLACE: &str = "ffffffffffff";
        const WORDS: &str = " can you play the second set on friday at nine in the old theatre?";
        let mut text = format!("{}{PLACE}", MARK as char);
        text.extend(
            WORDS
                .chars()
                .cycle()
                .take(text_bytes.saturating_sub(STAMP_BYTES + 1)),
        );
        text.push('.');
        let message = NewMessage {
            id: format!("{nonce}-{PLACE}"),
            kind: "text".into(),
            text,
        };
        let arguments = vec![
            Raw::encode(encoding, room)?,
            Raw::encode(encoding, &message)?,
        ];
        let record = ask(encoding, PLACE, "SendMessage", arguments)?;
        let stamps = memchr::memmem::find_iter(&record, PLACE).collect();
        Ok(Self {
            record,
            stamps,
            opcode: opcode(encoding),
        })
    }

    /// Appends the frame of one send.
    pub fn push(&mut self, stamp: Stamp, mask: [u8; 4], out: &mut Vec<u8>) {
        let digits = stamp.digits();
        for &at in &self.stamps {
            self.record[at..at + DIGITS].copy_from_slice(&digits);
        }
        websocket::push_frame(out, self.opcode, &self.record, Some(mask));
    }
}

/// The kind of frame that carries records of this encoding.
pub fn opcode(encoding: Encoding) -> u8 {
    if encoding.is_binary() {
        websocket::BINARY
    } else {
        websocket::TEXT
    }
}
