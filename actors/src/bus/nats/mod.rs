//! The bus by NATS core: one connection, bounded queues both ways, a subject per entity and per node.

mod connect;
mod incoming;
mod options;
mod outgoing;
mod subjects;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::mpsc;

pub use options::NatsOptions;

use super::trace::TRACEPARENT;
use super::{Bus, BusEvent, BusLimits, Inbox, Published, RequestError, Subject, Token, Trace};
use crate::ids::NodeId;
use incoming::Wish;
use outgoing::Outgoing;
use subjects::Subjects;

/// Changes of interest that may wait for the connection; they are already paced by their source.
const WISHES: usize = 65_536;
/// Room that the headers take within the largest payload.
const HEADER_BYTES: usize = 128;

/// Why the bus did not come about.
#[derive(Debug, Error)]
pub enum NatsError {
    /// No address, or one that is none.
    #[error("{0:?} is no list of NATS addresses such as nats://host:4222, separated by commas")]
    Address(String),
    /// A file of credentials that cannot be read or is no such file.
    #[error("the NATS credentials file {path} cannot be used: {reason}")]
    Credentials {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// No connection could be set up at all; an unreachable server is none of these.
    #[error("cannot set up the connection to NATS: {0}")]
    Connect(String),
}

/// What the connection's tasks share.
pub(crate) struct Link {
    connected: AtomicBool,
    inbox: OnceLock<Arc<dyn Inbox>>,
}

impl Link {
    fn changed(&self, event: BusEvent) {
        match event {
            BusEvent::Connected => self.connected.store(true, Ordering::Release),
            BusEvent::Disconnected => self.connected.store(false, Ordering::Release),
            BusEvent::SlowConsumer => {}
        }
        if let Some(inbox) = self.inbox.get() {
            inbox.changed(event);
        }
    }

    fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }
}

/// One node's connection to NATS.
pub struct NatsBus {
    client: Client,
    subjects: Subjects,
    node: NodeId,
    link: Arc<Link>,
    out: Outgoing,
    wishes: mpsc::Sender<Wish>,
    waiting: Mutex<Option<mpsc::Receiver<Wish>>>,
}

impl NatsBus {
    /// Whether these are addresses, separated by commas; what is wrong is told without passwords.
    pub fn check(addresses: &str) -> Result<(), NatsError> {
        connect::parse(addresses).map(|_| ())
    }

    /// Sets the connection up. A server that cannot be reached is tried again for ever: the node serves
    /// meanwhile what it can serve alone.
    pub async fn connect(
        addresses: &str,
        node: NodeId,
        options: &NatsOptions,
        limits: &BusLimits,
    ) -> Result<Arc<Self>, NatsError> {
        let link = Arc::new(Link {
            connected: AtomicBool::new(false),
            inbox: OnceLock::new(),
        });
        let client = connect::connect(addresses, &node, options, limits, link.clone()).await?;
        let (wishes, waiting) = mpsc::channel(WISHES);
        let out = Outgoing::start(client.clone(), link.clone(), limits);
        Ok(Arc::new(Self {
            client,
            subjects: Subjects::new(&options.prefix),
            node,
            link,
            out,
            wishes,
            waiting: Mutex::new(Some(waiting)),
        }))
    }

    fn wish(&self, wish: Wish) {
        if self.wishes.try_send(wish).is_err() {
            metrics::counter!("mussikon_bus_dropped_total", "what" => "interest").increment(1);
            tracing::warn!("a change of interest was dropped: too many are waiting");
        }
    }

    fn too_large(&self, payload: &Bytes) -> bool {
        payload.len() + HEADER_BYTES > self.client.max_payload()
    }
}

fn headers(trace: Trace) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(TRACEPARENT, trace.to_string());
    headers
}

impl Bus for NatsBus {
    fn attach(&self, inbox: Arc<dyn Inbox>) {
        let Some(waiting) = self.waiting.lock().take() else {
            return tracing::error!("a bus was attached twice");
        };
        let own = [self.subjects.node(&self.node), self.subjects.nodes()];
        tokio::spawn(incoming::run(
            self.client.clone(),
            own,
            inbox.clone(),
            waiting,
            self.link.clone(),
        ));
        let connected = self.link.is_connected();
        if self.link.inbox.set(inbox).is_ok() && connected {
            self.link.changed(BusEvent::Connected);
        }
    }

    fn is_connected(&self) -> bool {
        self.link.is_connected()
    }

    fn publish(&self, to: Subject, trace: Trace, payload: Bytes) -> Published {
        if self.too_large(&payload) {
            return Published::TooLarge;
        }
        let subject = match to {
            Subject::Entity(token) => self.subjects.entity(token),
            Subject::Nodes => self.subjects.nodes(),
        };
        self.out.queue(subject, trace, payload)
    }

    fn subscribe(&self, token: Token) {
        self.wish(Wish::Hear(token, self.subjects.entity(token)));
    }

    fn unsubscribe(&self, token: Token) {
        self.wish(Wish::Cease(token));
    }

    fn request(
        &self,
        node: &NodeId,
        trace: Trace,
        payload: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        if self.too_large(&payload) {
            return async { Err(RequestError::TooLarge) }.boxed();
        }
        if !self.link.is_connected() {
            return async { Err(RequestError::Disconnected) }.boxed();
        }
        let (client, subject) = (self.client.clone(), self.subjects.node(node));
        let request = Request::new()
            .headers(headers(trace))
            .payload(payload)
            .timeout(None);
        async move {
            // The driver's own limit begins only once the request is queued, and that may wait too.
            let asked = tokio::time::timeout(deadline, client.send_request(subject, request));
            match asked.await {
                Err(_) => Err(RequestError::TimedOut),
                Ok(Ok(message)) => Ok(message.payload),
                Ok(Err(error)) => Err(match error.kind() {
                    RequestErrorKind::NoResponders => RequestError::NoResponders,
                    RequestErrorKind::TimedOut => RequestError::TimedOut,
                    RequestErrorKind::MaxPayloadExceeded => RequestError::TooLarge,
                    _ => RequestError::Lost,
                }),
            }
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        let (client, flushed) = (self.client.clone(), self.out.flush());
        async move {
            flushed.await;
            if let Err(error) = client.drain().await {
                tracing::warn!(%error, "the connection to NATS did not end in order");
            }
        }
        .boxed()
    }
}
