//! A socket that speaks HTTP and WebSocket only as well as it is told to: for clients that break the rules.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// The most that is kept of what a server sends before it closes.
const KEPT_BYTES: usize = 4 * 1024 * 1024;
/// The largest response head that is read.
const HEAD_BYTES: usize = 64 * 1024;

/// Why a raw exchange came to nothing.
#[derive(Debug, Error)]
pub enum RawError {
    /// The socket failed.
    #[error(transparent)]
    Socket(#[from] io::Error),
    /// The server did not do the awaited thing in time.
    #[error("the server did not {0} in time")]
    Late(&'static str),
    /// The server sent something that is no HTTP response.
    #[error("not an HTTP response: {0:?}")]
    NotHttp(String),
    /// The server answered an upgrade with something else.
    #[error("the upgrade was answered with {0}")]
    NotUpgraded(u16),
}

/// Kinds of WebSocket frames.
pub mod opcode {
    /// The next part of a message.
    pub const CONTINUATION: u8 = 0;
    /// Text.
    pub const TEXT: u8 = 1;
    /// Bytes.
    pub const BINARY: u8 = 2;
    /// The end.
    pub const CLOSE: u8 = 8;
    /// Asks for a pong.
    pub const PING: u8 = 9;
    /// Answers a ping.
    pub const PONG: u8 = 10;
}

/// The first byte of a frame that is a whole message.
pub const FIN: u8 = 0x80;

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The head as it came.
    pub head: String,
    /// The body, as far as its length was announced.
    pub body: Vec<u8>,
}

/// How a server ended a WebSocket.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// Payloads of text and binary frames, each as text as far as it is any.
    pub messages: Vec<String>,
    /// The code of its close frame, if it sent one.
    pub close_code: Option<u16>,
    /// The connection was reset.
    pub reset: bool,
}

impl Ending {
    /// All messages in one.
    pub fn text(&self) -> String {
        self.messages.concat()
    }
}

/// A TCP connection with what was read ahead.
pub struct RawSocket {
    stream: TcpStream,
    ahead: Vec<u8>,
}

impl RawSocket {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Result<Self, RawError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// Over a connection that is there.
    pub fn over(stream: TcpStream) -> Self {
        let ahead = Vec::new();
        Self { stream, ahead }
    }

    /// Connects and becomes a WebSocket; `target` is path and query.
    pub async fn websocket(
        address: SocketAddr,
        target: &str,
        headers: &str,
    ) -> Result<Self, RawError> {
        let mut socket = Self::connect(address).await?;
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        socket.write(request.as_bytes()).await?;
        match socket.response(Duration::from_secs(10)).await?.status {
            101 => Ok(socket),
            other => Err(RawError::NotUpgraded(other)),
        }
    }

    /// Writes bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), RawError> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Writes a masked frame with this first byte.
    pub async fn frame(&mut self, first: u8, payload: &[u8]) -> Result<(), RawError> {
        self.write(&frame(first, payload)).await
    }

    /// Writes a whole text message.
    pub async fn text(&mut self, text: &str) -> Result<(), RawError> {
        self.frame(FIN | opcode::TEXT, text.as_bytes()).await
    }

    /// Reads an HTTP response.
    pub async fn response(&mut self, within: Duration) -> Result<Response, RawError> {
        let deadline = Instant::now() + within;
        let end = loop {
            if let Some(end) = self.ahead.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if self.ahead.len() > HEAD_BYTES || self.fill(deadline).await? == 0 {
                return Err(RawError::NotHttp(
                    String::from_utf8_lossy(&self.ahead).into_owned(),
                ));
            }
        };
        let head = String::from_utf8_lossy(&self.ahead[..end]).into_owned();
        self.ahead.drain(..end);
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| RawError::NotHttp(head.clone()))?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        let length = length.unwrap_or(0).min(KEPT_BYTES);
        while self.ahead.len() < length && self.fill(deadline).await? > 0 {}
        let body = self.ahead.drain(..length.min(self.ahead.len())).collect();
        Ok(Response { status, head, body })
    }

    /// The next frame: its first byte and its payload; `None` at the end of the stream.
    pub async fn next_frame(
        &mut self,
        within: Duration,
    ) -> Result<Option<(u8, Vec<u8>)>, RawError> {
        let deadline = Instant::now() + within;
        loop {
            if let Some((first, payload, length)) = parse(&self.ahead) {
                self.ahead.drain(..length);
                return Ok(Some((first, payload)));
            }
            if self.fill(deadline).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads until the server has ended the connection.
    pub async fn ending(&mut self, within: Duration) -> Result<Ending, RawError> {
        let deadline = Instant::now() + within;
        let mut ending = Ending::default();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.next_frame(left).await {
                Ok(Some((first, payload))) => match first & 0x0f {
                    opcode::TEXT | opcode::BINARY => {
                        ending
                            .messages
                            .push(String::from_utf8_lossy(&payload).into_owned());
                    }
                    opcode::CLOSE => {
                        let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                        ending.close_code = code.or(Some(1005));
                    }
                    _ => {}
                },
                Ok(None) => return Ok(ending),
                Err(RawError::Socket(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                    ending.reset = true;
                    return Ok(ending);
                }
                Err(RawError::Late(_)) => return Err(RawError::Late("end the connection")),
                Err(other) => return Err(other),
            }
        }
    }

    async fn fill(&mut self, deadline: Instant) -> Result<usize, RawError> {
        if self.ahead.len() > KEPT_BYTES {
            return Err(RawError::NotHttp("more than is kept".to_owned()));
        }
        let read = timeout_at(deadline, self.stream.read_buf(&mut self.ahead)).await;
        let read = read.map_err(|_| RawError::Late("send more"))??;
        Ok(read)
    }
}

/// A masked frame.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x5a, 0xc3, 0x17, 0x88];
    let mut frame = head(first, 0x80, payload.len() as u64);
    frame.extend_from_slice(&mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// A frame without a mask, as only servers may send it.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, 0, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

/// The head of a frame that announces `length` bytes; `masked` is 0 or 0x80.
pub fn head(first: u8, masked: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..126 => head.push(masked | length as u8),
        126..=0xffff => {
            head.push(masked | 126);
            head.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            head.push(masked | 127);
            head.extend_from_slice(&length.to_be_bytes());
        }
    }
    head
}

/// The first frame of `bytes` if it is whole: first byte, payload, length of the whole frame.
fn parse(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (length, start) = match second & 0x7f {
        126 => (
            u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
            4,
        ),
        127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?), 10),
        short => (u64::from(short), 2),
    };
    let end = start + usize::try_from(length).ok()?;
    Some((first, bytes.get(start..end)?.to_vec(), end))
}
