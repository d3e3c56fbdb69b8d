//! From an HTTP request to a connection: checks the WebSocket upgrade, takes the socket back from the
//! HTTP layer, and starts the connection's task or resumes one.

use std::sync::Arc;

use actors::ids::Timestamp;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use protocol::SmolStr;
use protocol::negotiate::query_value;
use tokio::sync::OwnedSemaphorePermit;

use super::connection::Connection;
use super::handle::{ConnectionHandle, Transport};
use super::negotiate::{Endpoint, Refused, unknown_id};
use super::registry::{Claim, Reservation};
use super::send_queue::SendQueue;
use super::stall::StallGuard;
use super::token::{Ticket, UserDigest, public_id};
use super::websocket::accept_key;
use crate::auth::Identity;

/// What happens once the socket is there.
enum Next {
    Open(Box<Opening>),
    Resume(Arc<ConnectionHandle>, Option<Timestamp>),
}

/// All that a new connection needs besides its socket.
struct Opening {
    endpoint: Endpoint,
    ticket: Ticket,
    id: SmolStr,
    negotiated: bool,
    identity: Option<Identity>,
    reservation: Reservation,
    permit: OwnedSemaphorePermit,
}

/// Whether a request asks for a WebSocket.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    has_token(headers, header::UPGRADE, "websocket")
        && has_token(headers, header::CONNECTION, "upgrade")
}

/// Answers a request for a WebSocket.
pub(super) fn accept(endpoint: &Endpoint, mut request: Request) -> Result<Response, Refused> {
    let identity = endpoint.identify(&request)?;
    let key = websocket_key(request.headers())?;
    let Some(on_upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return Err(Refused::new(
            StatusCode::UPGRADE_REQUIRED,
            "This connection cannot be upgraded.",
        ));
    };
    let next = match endpoint.ticket(&request)? {
        None => open_unnegotiated(endpoint, identity)?,
        Some(ticket) => {
            let query = request.uri().query().unwrap_or_default();
            let token = query_value(query, "id").unwrap_or_default();
            open_or_resume(endpoint, ticket, &token, identity)?
        }
    };
    tokio::spawn(take_over(on_upgrade, next));
    switching_protocols(&key)
}

/// `skipNegotiation`: a connection without any negotiated feature.
fn open_unnegotiated(endpoint: &Endpoint, identity: Option<Identity>) -> Result<Next, Refused> {
    let ticket = Ticket {
        key: rand::random(),
        stateful: false,
        token_is_id: false,
        expires_at: Timestamp(0),
        user: digest(identity.as_ref()),
    };
    let Claim::Free(reservation) = endpoint.core.registry.claim(ticket.key) else {
        return Err(unknown_id());
    };
    let id = public_id(ticket.key).into();
    opening(endpoint, ticket, id, false, identity, reservation)
}

fn open_or_resume(
    endpoint: &Endpoint,
    ticket: Ticket,
    token: &str,
    identity: Option<Identity>,
) -> Result<Next, Refused> {
    let core = &endpoint.core;
    if ticket.user != digest(identity.as_ref()) {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            "This connection belongs to another user.",
        ));
    }
    match core.registry.claim(ticket.key) {
        Claim::Ended => Err(unknown_id()),
        Claim::Alive(handle) if handle.is_resumable() => {
            let token_ends = identity.and_then(|identity| identity.expires_at);
            Ok(Next::Resume(handle, token_ends))
        }
        Claim::Alive(handle) if handle.is_over() => Err(unknown_id()),
        Claim::Alive(_) | Claim::Reserved => Err(Refused::new(
            StatusCode::CONFLICT,
            "This connection is in use already.",
        )),
        Claim::Free(_) if ticket.expires_at <= core.wall.now() => Err(unknown_id()),
        Claim::Free(reservation) => {
            let id = match ticket.token_is_id {
                true => token.into(),
                false => public_id(ticket.key).into(),
            };
            opening(endpoint, ticket, id, true, identity, reservation)
        }
    }
}

fn opening(
    endpoint: &Endpoint,
    ticket: Ticket,
    id: SmolStr,
    negotiated: bool,
    identity: Option<Identity>,
    reservation: Reservation,
) -> Result<Next, Refused> {
    let Ok(permit) = endpoint.core.permits.clone().try_acquire_owned() else {
        endpoint.core.metrics.refused_handshakes.increment(1);
        return Err(Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "This node has as many connections as it may have.",
        ));
    };
    Ok(Next::Open(Box::new(Opening {
        endpoint: endpoint.clone(),
        ticket,
        id,
        negotiated,
        identity,
        reservation,
        permit,
    })))
}

/// Waits until the HTTP layer lets go of the socket. The connection gets a task of its own, so that
/// nothing of this one stays in memory.
async fn take_over(on_upgrade: OnUpgrade, next: Next) {
    let transport = match on_upgrade.await {
        Ok(upgraded) => match upgraded.downcast::<TokioIo<StallGuard>>() {
            Ok(parts) => Transport {
                stream: Arc::new(parts.io.into_inner().into_inner()),
                // A copy: the original is a slice of the HTTP layer's big buffer.
                early: Bytes::copy_from_slice(&parts.read_buf),
            },
            Err(_) => {
                tracing::error!("upgraded connection is no TCP socket");
                return;
            }
        },
        Err(error) => {
            tracing::debug!(%error, "peer left during the upgrade");
            return;
        }
    };
    match next {
        Next::Open(opening) => opening.start(transport),
        Next::Resume(handle, token_ends) => handle.resume(transport, token_ends),
    }
}

impl Opening {
    fn start(self: Box<Self>, transport: Transport) {
        let Opening {
            endpoint: Endpoint { core, hub },
            ticket,
            id,
            negotiated,
            identity,
            reservation,
            permit,
        } = *self;
        let queue = SendQueue::new(core.flusher(), transport.stream.clone());
        let token_ends = identity.as_ref().and_then(|identity| identity.expires_at);
        core.metrics.connections.increment(1);
        let handle = ConnectionHandle::new(core, &ticket, id, negotiated, token_ends, queue);
        reservation.register(handle.clone());
        let connection = Connection::new(handle, hub, ticket.stateful, identity, transport, permit);
        tokio::spawn(connection);
    }
}

fn switching_protocols(key: &[u8]) -> Result<Response, Refused> {
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept_key(key))
        .body(Body::empty())
        .map_err(|error| Refused(StatusCode::BAD_REQUEST, error.to_string()))
}

fn websocket_key(headers: &HeaderMap) -> Result<Vec<u8>, Refused> {
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        return Err(Refused::new(
            StatusCode::UPGRADE_REQUIRED,
            "Only version 13 of the WebSocket protocol is spoken here.",
        ));
    }
    match headers.get(header::SEC_WEBSOCKET_KEY) {
        Some(key) => Ok(key.as_bytes().to_vec()),
        None => Err(Refused::new(
            StatusCode::BAD_REQUEST,
            "Sec-WebSocket-Key is missing.",
        )),
    }
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        value.to_str().is_ok_and(|text| {
            text.split(',')
                .any(|part| part.trim().eq_ignore_ascii_case(token))
        })
    })
}

fn digest(identity: Option<&Identity>) -> UserDigest {
    UserDigest::of(identity.map(|identity| &identity.user))
}
