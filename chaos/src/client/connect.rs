//! From an address to an open WebSocket: negotiation over plain HTTP, then the upgrade.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use protocol::CloseReason;
use protocol::negotiate::{NegotiateError, Negotiated, Negotiator};
use thiserror::Error;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, http};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Settings;
use crate::raw::{RawError, RawSocket};

/// How long each step may take.
pub(super) const STEP: Duration = Duration::from_secs(10);

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
    Handshake(#[from] CloseReason),
    /// A step took too long.
    #[error("the hub did not {0} in time")]
    Late(&'static str),
}

impl From<tungstenite::Error> for ConnectError {
    fn from(error: tungstenite::Error) -> Self {
        Self::WebSocket(Box::new(error))
    }
}

/// A negotiated connection, and what opens a transport for it, as often as it takes.
pub(super) struct Ticket {
    pub negotiated: Negotiated,
    token: Option<String>,
    receive_buffer: Option<u32>,
}

impl Ticket {
    pub(super) async fn negotiate(settings: &Settings) -> Result<Self, ConnectError> {
        let mut negotiator =
            Negotiator::new(&settings.hub, settings.token.clone(), settings.stateful);
        loop {
            let body = post(&negotiator.request_url(), negotiator.access_token()).await?;
            if let Some(negotiated) = negotiator.receive(&body)? {
                let token = negotiator.access_token().map(str::to_owned);
                return Ok(Self {
                    negotiated,
                    token,
                    receive_buffer: settings.receive_buffer,
                });
            }
        }
    }

    pub(super) async fn open(&self) -> Result<WebSocketStream<TcpStream>, ConnectError> {
        let url = self.negotiated.websocket_url.as_str();
        let stream = connect(url, self.receive_buffer).await?;
        let mut request = url.into_client_request()?;
        if let Some(token) = &self.token {
            let bearer = format!("Bearer {token}").parse().map_err(http::Error::from);
            let bearer = bearer.map_err(tungstenite::Error::from)?;
            request
                .headers_mut()
                .insert(http::header::AUTHORIZATION, bearer);
        }
        let opening = timeout(STEP, client_async(request, stream)).await;
        let (socket, _) = opening.map_err(|_| ConnectError::Late("open the WebSocket"))??;
        Ok(socket)
    }
}

/// Posts an empty body and returns the answer's.
async fn post(url: &str, token: Option<&str>) -> Result<Vec<u8>, ConnectError> {
    let (authority, path) = split(url)?;
    let mut socket = RawSocket::over(connect(url, None).await?);
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 0\r\nConnection: close\r\n{}\r\n",
        bearer.unwrap_or_default()
    );
    socket.write(request.as_bytes()).await?;
    let response = socket.response(STEP).await?;
    match response.status {
        200 => Ok(response.body),
        other => Err(ConnectError::Status(other)),
    }
}

async fn connect(url: &str, receive_buffer: Option<u32>) -> Result<TcpStream, ConnectError> {
    let (authority, _) = split(url)?;
    let missing = || ConnectError::Address(url.to_owned());
    let address = lookup_host(authority).await?.next().ok_or_else(missing)?;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let connecting = timeout(STEP, socket.connect(address)).await;
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
