//! WebSocket framing: reading through tungstenite, and whole server frames as shared bytes.
//!
//! The only file that names tokio-tungstenite. It never sees the socket: input is handed to it, and
//! what it has to say (pong, close) is collected for the connection's send queue.

use std::io::{self, Read, Write};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig, WebSocketContext};

/// What tungstenite keeps per connection to read into; it decides how much memory an idle one takes.
const READ_BUFFER: usize = 512;

/// Room for the longest header of a server frame.
const HEADER_ROOM: usize = 10;

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;

/// Value of `Sec-WebSocket-Accept` for a client's `Sec-WebSocket-Key`.
pub fn accept_key(key: &[u8]) -> String {
    derive_accept_key(key)
}

/// Status codes of close frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// All said.
    Normal = 1000,
    /// Broken framing.
    Protocol = 1002,
    /// A text that is not UTF-8.
    InvalidText = 1007,
    /// More than the limit.
    TooBig = 1009,
}

/// What came in.
#[derive(Debug)]
pub enum Received {
    /// Payload of a text or binary message.
    Data(Bytes),
    /// A close frame, or the end after one. Whatever there is to answer is in [`Reader::take_output`].
    Closed,
    /// The peer breaks the rules; nothing more can be read.
    Broken(CloseCode),
}

/// The reading half of one WebSocket.
pub struct Reader {
    context: WebSocketContext,
    output: Vec<u8>,
}

impl Reader {
    /// A server's WebSocket after the upgrade; no message or frame may be longer than `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(max_bytes))
            .max_frame_size(Some(max_bytes))
            .accept_unmasked_frames(false);
        Reader {
            context: WebSocketContext::new(Role::Server, Some(config)),
            output: Vec::new(),
        }
    }

    /// Reads on from `input`, which is advanced; `None` when all of it is used up.
    pub fn read(&mut self, input: &mut &[u8]) -> Option<Received> {
        let mut peer = Peer {
            input,
            output: &mut self.output,
        };
        loop {
            return match self.context.read(&mut peer) {
                Ok(Message::Text(text)) => Some(Received::Data(text.into())),
                Ok(Message::Binary(bytes)) => Some(Received::Data(bytes)),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
                Ok(Message::Close(_)) => {
                    // Writes the answer.
                    let _ = self.context.flush(&mut peer);
                    Some(Received::Closed)
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => None,
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => Some(Received::Closed),
                Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => {
                    Some(Received::Broken(CloseCode::TooBig))
                }
                Err(Error::Utf8(_)) => Some(Received::Broken(CloseCode::InvalidText)),
                Err(_) => Some(Received::Broken(CloseCode::Protocol)),
            };
        }
    }

    /// Frames that the peer's frames ask for: pongs, the answer to a close.
    pub fn take_output(&mut self) -> Option<Bytes> {
        (!self.output.is_empty()).then(|| std::mem::take(&mut self.output).into())
    }
}

/// Stands for the peer in tungstenite's eyes.
struct Peer<'a, 'b> {
    input: &'a mut &'b [u8],
    output: &'a mut Vec<u8>,
}

impl Read for Peer<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.input.read(buffer)
    }
}

impl Write for Peer<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Collects the payload of one server frame, then puts its header in front.
pub struct FrameBuilder {
    buffer: Vec<u8>,
    opcode: u8,
}

impl FrameBuilder {
    /// A text or a binary frame, with room for a payload of `capacity` bytes.
    pub fn new(binary: bool, capacity: usize) -> Self {
        let mut buffer = Vec::with_capacity(HEADER_ROOM + capacity);
        buffer.resize(HEADER_ROOM, 0);
        FrameBuilder {
            buffer,
            opcode: if binary { BINARY } else { TEXT },
        }
    }

    /// Where the payload goes; only append.
    pub fn payload(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// The whole frame.
    pub fn finish(mut self) -> Bytes {
        let length = self.buffer.len() - HEADER_ROOM;
        let start = match length {
            0..=125 => {
                self.buffer[9] = length as u8;
                8
            }
            126..=0xffff => {
                self.buffer[7] = 126;
                self.buffer[8..10].copy_from_slice(&(length as u16).to_be_bytes());
                6
            }
            _ => {
                self.buffer[1] = 127;
                self.buffer[2..10].copy_from_slice(&(length as u64).to_be_bytes());
                0
            }
        };
        self.buffer[start] = 0x80 | self.opcode;
        Bytes::from(self.buffer).slice(start..)
    }
}

/// A close frame without reason.
pub fn close_frame(code: CloseCode) -> [u8; 4] {
    let [high, low] = (code as u16).to_be_bytes();
    [0x80 | CLOSE, 2, high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's frame, masked with zeros unless told otherwise.
    fn client_frame(opcode: u8, payload: &[u8], masked: bool) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        let mask = if masked { 0x80 } else { 0 };
        match payload.len() {
            0..=125 => frame.push(mask | payload.len() as u8),
            126..=0xffff => {
                frame.push(mask | 126);
                frame.extend((payload.len() as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend([0, 0, 0, 0]);
        }
        frame.extend(payload);
        frame
    }

    fn data(received: Option<Received>) -> Vec<u8> {
        match received {
            Some(Received::Data(bytes)) => bytes.to_vec(),
            other => panic!("expected data, got {other:?}"),
        }
    }

    #[test]
    fn messages_are_read_wherever_the_input_is_cut() {
        let long = vec![b'x'; 1_000];
        let mut bytes = client_frame(TEXT, b"one", true);
        bytes.extend(client_frame(BINARY, &long, true));
        bytes.extend(client_frame(TEXT, b"three", true));
        for cut in 0..bytes.len() {
            let mut reader = Reader::new(4_096);
            let mut seen = Vec::new();
            for mut input in [&bytes[..cut], &bytes[cut..]] {
                while let Some(received) = reader.read(&mut input) {
                    seen.push(data(Some(received)));
                }
                assert!(input.is_empty());
            }
            assert_eq!(seen, [b"one".to_vec(), long.clone(), b"three".to_vec()]);
            assert_eq!(reader.take_output(), None);
        }
    }

    #[test]
    fn pings_and_closes_are_answered_through_the_output() {
        let mut reader = Reader::new(4_096);
        let mut bytes = client_frame(0x9, b"hi", true);
        bytes.extend(client_frame(TEXT, b"text", true));
        bytes.extend(client_frame(CLOSE, &1000u16.to_be_bytes(), true));
        let mut input = &bytes[..];
        assert_eq!(data(reader.read(&mut input)), b"text");
        assert_eq!(reader.take_output().as_deref(), Some(&b"\x8a\x02hi"[..]));
        assert!(matches!(reader.read(&mut input), Some(Received::Closed)));
        let answer = close_frame(CloseCode::Normal);
        assert_eq!(reader.take_output().as_deref(), Some(&answer[..]));
    }

    #[test]
    fn rules_are_enforced() {
        let broken = |bytes: &[u8]| match Reader::new(1_024).read(&mut &bytes[..]) {
            Some(Received::Broken(code)) => code,
            other => panic!("expected a refusal, got {other:?}"),
        };
        let unmasked = client_frame(TEXT, b"x", false);
        assert_eq!(broken(&unmasked), CloseCode::Protocol);
        let long = client_frame(TEXT, &[b'x'; 1_025], true);
        assert_eq!(broken(&long), CloseCode::TooBig);
        let mut announced = [0xff; 14];
        announced[..3].copy_from_slice(&[0x82, 0xff, 0x7f]);
        assert_eq!(broken(&announced), CloseCode::TooBig);
        let latin = client_frame(TEXT, &[0xe9, b' '], true);
        assert_eq!(broken(&latin), CloseCode::InvalidText);
        let reserved = client_frame(0x3, b"x", true);
        assert_eq!(broken(&reserved), CloseCode::Protocol);
    }

    #[test]
    fn server_frames_have_the_shortest_header_that_holds_their_length() {
        for (length, header) in [(0, 2), (125, 2), (126, 4), (0xffff, 4), (0x1_0000, 10)] {
            for (binary, first) in [(false, 0x81), (true, 0x82)] {
                let mut builder = FrameBuilder::new(binary, length);
                builder.payload().resize(HEADER_ROOM + length, b'x');
                let frame = builder.finish();
                assert_eq!(frame.len(), header + length);
                assert_eq!(frame[0], first);
                let announced = match frame[1] {
                    126 => u64::from(u16::from_be_bytes([frame[2], frame[3]])),
                    127 => u64::from_be_bytes(frame[2..10].try_into().expect("8 bytes")),
                    short => u64::from(short),
                };
                assert_eq!(announced, length as u64);
                assert!(frame[header..].iter().all(|byte| *byte == b'x'));
            }
        }
    }
}
