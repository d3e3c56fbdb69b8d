//! HTTP/1.1 over connections that are kept alive, one request at a time on each.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::operation::Verb;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A request as it is sent, and sent again.
#[derive(Clone, Debug)]
pub struct Call {
    /// How.
    pub verb: Verb,
    /// Path and query.
    pub path: String,
    /// Whose token.
    pub user: u32,
    /// The `Idempotency-Key`.
    pub key: Option<String>,
    /// JSON.
    pub body: Option<String>,
}

impl Call {
    /// A read.
    pub fn get(user: u32, path: String) -> Self {
        Self {
            verb: Verb::Get,
            path,
            user,
            key: None,
            body: None,
        }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// It is said to have been given before.
    pub replayed: bool,
    /// The body, whole.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Not within the time.
    Timeout,
    /// The connection could not be made, or ended.
    Connection,
}

impl Trouble {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Trouble::Timeout => "timeout",
            Trouble::Connection => "connection failed",
        }
    }
}

type Sender = SendRequest<Full<Bytes>>;

/// The connections, and everybody's tokens.
pub struct Client {
    addresses: Vec<SocketAddr>,
    tokens: Vec<HeaderValue>,
    limit: Duration,
    /// How many connections there may be.
    places: usize,
    /// As many as there are connections: at most so many requests are in flight.
    permits: Semaphore,
    /// The one that rested longest is used next, so that none rests until the server closes it.
    idle: RefCell<VecDeque<Option<Sender>>>,
    opened: Cell<usize>,
}

impl Client {
    /// Opens nothing yet. Connections are spread over the addresses.
    pub fn new(
        addresses: Vec<SocketAddr>,
        tokens: Vec<HeaderValue>,
        connections: u32,
        limit: Duration,
    ) -> Self {
        let idle = (0..connections).map(|_| None);
        Self {
            addresses,
            tokens,
            limit,
            places: connections as usize,
            permits: Semaphore::new(connections as usize),
            idle: RefCell::new(idle.collect()),
            opened: Cell::new(0),
        }
    }

    /// Connections that are open and rest, or have a request on its way.
    pub fn connections(&self) -> u32 {
        let idle = self.idle.borrow();
        let resting = idle.iter().filter(|one| one.is_some()).count();
        // What is not in the list is in use.
        (resting + self.places - idle.len()) as u32
    }

    /// Every connection has a request on its way.
    pub fn is_full(&self) -> bool {
        self.permits.available_permits() == 0
    }

    /// Sends a request when a connection is free and waits for the whole answer; the time limit counts from when it is sent.
    pub async fn call(&self, call: &Call) -> Result<Answer, Trouble> {
        // The semaphore is never closed, and there are as many places as permits.
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(Trouble::Connection);
        };
        let kept = self.idle.borrow_mut().pop_front().flatten();
        let (sender, answer) = match tokio::time::timeout(self.limit, self.send(kept, call)).await {
            Ok(Ok((sender, answer))) => (Some(sender), Ok(answer)),
            Ok(Err(trouble)) => (None, Err(trouble)),
            // What is under way on it may still come: it cannot be used again.
            Err(_) => (None, Err(Trouble::Timeout)),
        };
        self.idle.borrow_mut().push_back(sender);
        answer
    }

    async fn send(&self, kept: Option<Sender>, call: &Call) -> Result<(Sender, Answer), Trouble> {
        let mut sender = match kept {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect().await?,
        };
        let failed = |_| Trouble::Connection;
        sender.ready().await.map_err(failed)?;
        let request = self.request(call).ok_or(Trouble::Connection)?;
        let response = sender.send_request(request).await.map_err(failed)?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(failed)?.to_bytes();
        let answer = Answer {
            status: head.status.as_u16(),
            replayed: head.headers.contains_key(REPLAYED),
            body,
        };
        Ok((sender, answer))
    }

    async fn connect(&self) -> Result<Sender, Trouble> {
        let number = self.opened.replace(self.opened.get() + 1);
        let address = self.addresses[number % self.addresses.len()];
        let failed = |_| Trouble::Connection;
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|_| Trouble::Connection)?;
        // Its end shows in the request that was on it.
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(sender)
    }

    fn request(&self, call: &Call) -> Option<Request<Full<Bytes>>> {
        let method = match call.verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
        };
        let token = self.tokens.get(call.user as usize)?;
        let mut request = Request::builder()
            .method(method)
            .uri(&call.path)
            .header(HOST, "loadtest")
            .header(AUTHORIZATION, token);
        if let Some(key) = &call.key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = call.body.clone().unwrap_or_default();
        request.body(Full::new(body.into())).ok()
    }
}
