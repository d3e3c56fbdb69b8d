//! From an address to an open connection: negotiation over plain HTTP, WebSocket, handshake.

use std::io;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::handshake::{HandshakeRequest, PLAIN_VERSION, ResponseError, decode_response};
use protocol::negotiate::{NegotiateError, Negotiated, Negotiator};
use protocol::{Decoder, Encoding, Limits};
use thiserror::Error;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Settings;
use crate::raw::{RawError, RawSocket};

/// How long each step may take.
const STEP: Duration = Duration::from_secs(10);
/// The longest message taken from a hub, in bytes.
const MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Why a connection was not opened.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The address is not one of a hub.
    #[error("{0} is not an address with http:// and a path")]
    Address(String),
    /// The socket failed.
    #[error(transparent)]
    Socket(#[from] io::Error),
    /// The negotiation was answered with another status than 200.
    #[error("the negotiation was answered with {0}")]
    Status(u16),
    /// No answer to the negotiation.
    #[error(transparent)]
    Http(#[from] RawError),
    /// The answer to the negotiation leads nowhere.
    #[error(transparent)]
    Negotiation(#[from] NegotiateError),
    /// The WebSocket was not opened.
    #[error(transparent)]
    WebSocket(Box<tungstenite::Error>),
    /// The handshake was refused or broken off.
    #[error(transparent)]
    Handshake(#[from] ResponseError),
    /// A step took too long.
    #[error("the hub did not {0} in time")]
    Late(&'static str),
}

impl From<tungstenite::Error> for ConnectError {
    fn from(error: tungstenite::Error) -> Self {
        Self::WebSocket(Box::new(error))
    }
}

/// An open connection after its handshake.
pub(super) struct Opened {
    pub socket: WebSocketStream<TcpStream>,
    pub decoder: Decoder,
    pub encoding: Encoding,
    pub connection_id: String,
}

pub(super) async fn open(settings: &Settings) -> Result<Opened, ConnectError> {
    let mut negotiator = Negotiator::new(&settings.hub, settings.token.clone(), false);
    let negotiated = negotiate(&mut negotiator).await?;
    let stream = connect(&negotiated.websocket_url).await?;
    let mut request = negotiated.websocket_url.as_str().into_client_request()?;
    if let Some(token) = negotiator.access_token() {
        let bearer = format!("Bearer {token}")
            .parse()
            .map_err(tungstenite::http::Error::from);
        request
            .headers_mut()
            .insert("authorization", bearer.map_err(tungstenite::Error::from)?);
    }
    let opening = timeout(STEP, client_async(request, stream)).await;
    let (mut socket, _) = opening.map_err(|_| ConnectError::Late("open the WebSocket"))??;
    let shaking = timeout(STEP, shake_hands(&mut socket, settings.encoding)).await;
    let decoder = shaking.map_err(|_| ConnectError::Late("answer the handshake"))??;
    Ok(Opened {
        socket,
        decoder,
        encoding: settings.encoding,
        connection_id: negotiated.connection_id,
    })
}

async fn negotiate(negotiator: &mut Negotiator) -> Result<Negotiated, ConnectError> {
    loop {
        let url = negotiator.request_url();
        let (authority, path) = split(&url)?;
        let mut socket = RawSocket::over(connect(&url).await?);
        let bearer = negotiator
            .access_token()
            .map(|token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 0\r\nConnection: close\r\n{}\r\n",
            bearer.unwrap_or_default()
        );
        socket.write(request.as_bytes()).await?;
        let response = socket.response(STEP).await?;
        if response.status != 200 {
            return Err(ConnectError::Status(response.status));
        }
        if let Some(negotiated) = negotiator.receive(&response.body)? {
            return Ok(negotiated);
        }
    }
}

async fn connect(url: &str) -> Result<TcpStream, ConnectError> {
    let (authority, _) = split(url)?;
    let missing = || ConnectError::Address(url.to_owned());
    let address = lookup_host(authority).await?.next().ok_or_else(missing)?;
    let connecting = timeout(STEP, TcpStream::connect(address)).await;
    let stream = connecting.map_err(|_| ConnectError::Late("accept the connection"))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Host with port, and path with query.
fn split(url: &str) -> Result<(&str, &str), ConnectError> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("ws://"));
    let parts = rest.and_then(|rest| rest.find('/').map(|slash| rest.split_at(slash)));
    parts.ok_or_else(|| ConnectError::Address(url.to_owned()))
}

/// The decoder has what followed the answer in its frame.
async fn shake_hands(
    socket: &mut WebSocketStream<TcpStream>,
    encoding: Encoding,
) -> Result<Decoder, ConnectError> {
    let request = HandshakeRequest {
        encoding,
        version: PLAIN_VERSION,
    };
    let text = String::from_utf8_lossy(&request.encode()).into_owned();
    socket.send(Message::text(text)).await?;
    let mut answer = Vec::new();
    let end = loop {
        match socket
            .next()
            .await
            .ok_or(tungstenite::Error::ConnectionClosed)??
        {
            Message::Text(text) => answer.extend_from_slice(text.as_bytes()),
            Message::Binary(bytes) => answer.extend_from_slice(&bytes),
            Message::Close(_) => return Err(tungstenite::Error::ConnectionClosed.into()),
            _ => {}
        }
        if let Some(end) = answer.iter().position(|byte| *byte == 0x1e) {
            break end;
        }
        if answer.len() > MESSAGE_BYTES {
            return Err(ResponseError::Malformed.into());
        }
    };
    decode_response(&answer[..end])?;
    let limits = Limits {
        max_message_bytes: MESSAGE_BYTES,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(encoding, limits);
    decoder.push(answer.split_off(end + 1));
    Ok(decoder)
}
