//! The HTTP side of a hub: negotiation, and what is answered to requests that are no WebSockets.

use std::net::IpAddr;
use std::sync::Arc;

use actors::ids::Timestamp;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use protocol::negotiate::{NegotiateRequest, NegotiateResponse, encode_error, query_value};

use super::core::Core;
use super::hub::Hub;
use super::token::{Ticket, UserDigest, public_id};
use super::upgrade;
use crate::auth::{Identity, bearer_token};

/// What the handlers of one hub share.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub core: Arc<Core>,
    pub hub: Arc<Hub>,
}

/// A request that is answered with a status and a sentence.
#[derive(Debug)]
pub(super) struct Refused(pub StatusCode, pub String);

impl Refused {
    pub fn new(status: StatusCode, text: &str) -> Self {
        Refused(status, text.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.0, self.1).into_response();
        let headers = response.headers_mut();
        match self.0 {
            StatusCode::UNAUTHORIZED => {
                let scheme = header::HeaderValue::from_static("Bearer");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
            }
            StatusCode::UPGRADE_REQUIRED => {
                let version = header::HeaderValue::from_static("13");
                headers.insert(header::SEC_WEBSOCKET_VERSION, version);
            }
            _ => {}
        }
        response
    }
}

/// The routes of one hub.
pub(super) fn router(endpoint: Endpoint) -> Router {
    let path = endpoint.hub.route.path;
    Router::new()
        .route(&format!("{path}/negotiate"), post(negotiate))
        .route(path, any(connect))
        .with_state(endpoint)
}

async fn negotiate(
    State(endpoint): State<Endpoint>,
    request: Request,
) -> Result<Response, Refused> {
    let core = &endpoint.core;
    endpoint.admit(&request)?;
    let identity = endpoint.identify(&request)?;
    let query = request.uri().query().unwrap_or_default();
    let wish = match NegotiateRequest::from_query(query) {
        Ok(wish) => wish,
        Err(error) => {
            let body = encode_error(&error.to_string());
            let json = [(header::CONTENT_TYPE, "application/json")];
            return Ok((json, body).into_response());
        }
    };
    let stateful = core.limits.stateful_reconnect;
    let ticket = Ticket {
        key: rand::random(),
        stateful: wish.stateful_reconnect && stateful,
        token_is_id: wish.version == 0,
        expires_at: core.wall.now().plus_millis(core.limits.negotiate_expiry_ms),
        user: UserDigest::of(identity.as_ref().map(|identity| &identity.user)),
    };
    let token = core.tokens.sign(endpoint.hub.route.path, &ticket);
    let id = public_id(ticket.key);
    let answer = NegotiateResponse::new(&wish, id, token, stateful);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

async fn connect(State(endpoint): State<Endpoint>, request: Request) -> Result<Response, Refused> {
    match *request.method() {
        Method::GET if upgrade::is_wanted(request.headers()) => {
            endpoint.admit(&request)?;
            upgrade::accept(&endpoint, request)
        }
        Method::GET | Method::POST | Method::DELETE => {
            endpoint.identify(&request)?;
            Err(endpoint.refuse_other_transport(&request))
        }
        _ => Err(Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Use WebSockets.",
        )),
    }
}

impl Endpoint {
    /// The caller, as far as this hub wants to know it.
    pub fn identify(&self, request: &Request<Body>) -> Result<Option<Identity>, Refused> {
        let token = bearer_token(request.headers(), request.uri());
        let required = self.hub.route.auth_required;
        match token.map(|token| self.core.authenticate.authenticate(&token)) {
            Some(Ok(identity)) => Ok(Some(identity)),
            Some(Err(refused)) if required => {
                Err(Refused(StatusCode::UNAUTHORIZED, refused.to_string()))
            }
            None if required => Err(Refused::new(
                StatusCode::UNAUTHORIZED,
                "An access token is required.",
            )),
            Some(Err(_)) | None => Ok(None),
        }
    }

    /// Refuses while the node leaves, and those who come too often.
    pub fn admit(&self, request: &Request<Body>) -> Result<(), Refused> {
        if self.core.is_draining() {
            return Err(Refused::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "This node is shutting down.",
            ));
        }
        let Some(address) = client_address(request, self.core.limits.trust_forwarded_for) else {
            return Ok(());
        };
        if self
            .core
            .handshakes
            .take(address, self.core.elapsed())
            .is_ok()
        {
            return Ok(());
        }
        self.core.metrics.refused_handshakes.increment(1);
        Err(Refused::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many connections in too short a time.",
        ))
    }

    /// The ticket of the request's `id`; none if it has no `id`.
    pub fn ticket(&self, request: &Request<Body>) -> Result<Option<Ticket>, Refused> {
        let query = request.uri().query().unwrap_or_default();
        let Some(token) = query_value(query, "id") else {
            return Ok(None);
        };
        let ticket = self.core.tokens.verify(self.hub.route.path, &token);
        ticket.map(Some).ok_or_else(unknown_id)
    }

    /// What a request is told that would need server-sent events or long polling.
    fn refuse_other_transport(&self, request: &Request<Body>) -> Refused {
        let ticket = match self.ticket(request) {
            Ok(Some(ticket)) => ticket,
            Ok(None) => return Refused::new(StatusCode::BAD_REQUEST, "Connection ID required"),
            Err(unknown) => return unknown,
        };
        let alive = self.core.registry.get(ticket.key).is_some();
        if !alive && self.is_over(&ticket, self.core.wall.now()) {
            return unknown_id();
        }
        let status = match *request.method() {
            Method::POST => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::BAD_REQUEST,
        };
        Refused::new(status, "This connection uses WebSockets.")
    }

    fn is_over(&self, ticket: &Ticket, now: Timestamp) -> bool {
        ticket.expires_at <= now || self.core.registry.has_ended(ticket.key)
    }
}

/// The peer's address as the accept loop tells it.
pub(super) type Peer = std::net::SocketAddr;

pub(super) fn unknown_id() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "No Connection with that ID")
}

/// Where a request comes from, as far as the accept loop told: the peer, or whom a trusted proxy names.
pub(crate) fn client_address(request: &Request<Body>, trust_proxy: bool) -> Option<IpAddr> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<Peer>>()?;
    let forwarded = trust_proxy.then(|| forwarded_for(request.headers()));
    Some(forwarded.flatten().unwrap_or(peer.ip()))
}

fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}
