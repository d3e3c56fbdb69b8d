//! The bus inside one process: nodes share an exchange. One node alone needs none; tests join several.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::{
    Bus, BusEvent, BusLimits, Inbox, Message, Published, Reply, RequestError, Subject, Token, Trace,
};
use crate::ids::NodeId;

/// Largest payload; the same as a NATS server's default.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// Where the nodes of one process meet.
#[derive(Default)]
pub struct Exchange {
    nodes: Mutex<BTreeMap<NodeId, Arc<Line>>>,
}

/// The way to one node.
struct Line {
    queue: mpsc::Sender<Arriving>,
    interests: Mutex<BTreeSet<Token>>,
    cut: AtomicBool,
    /// A hint did not fit; told once until the queue moves again.
    slow: AtomicBool,
}

enum Arriving {
    Hint(Subject, Message),
    Request(Message, Reply),
    Changed(BusEvent),
}

impl Exchange {
    /// An exchange that nobody has joined.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Cuts a node off, or joins it again.
    pub fn cut(&self, node: &NodeId, cut: bool) {
        let line = self.nodes.lock().get(node).cloned();
        let Some(line) = line else { return };
        if line.cut.swap(cut, Ordering::AcqRel) != cut {
            let event = if cut {
                BusEvent::Disconnected
            } else {
                BusEvent::Connected
            };
            line.tell(Arriving::Changed(event));
        }
    }

    /// Drops a node as if its process had died.
    pub fn forget(&self, node: &NodeId) {
        self.nodes.lock().remove(node);
    }
}

impl Line {
    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    fn tell(&self, arriving: Arriving) -> bool {
        let sent = self.queue.try_send(arriving).is_ok();
        if !sent {
            self.slow.store(true, Ordering::Release);
        }
        sent
    }
}

/// One node's place on an exchange.
pub struct LocalBus {
    exchange: Arc<Exchange>,
    node: NodeId,
    line: OnceLock<Arc<Line>>,
    limits: BusLimits,
}

impl LocalBus {
    /// A place for a node; it is there for others once it is attached.
    pub fn new(exchange: Arc<Exchange>, node: NodeId, limits: BusLimits) -> Arc<Self> {
        Arc::new(Self {
            exchange,
            node,
            line: OnceLock::new(),
            limits,
        })
    }
}

impl Bus for LocalBus {
    fn attach(&self, inbox: Arc<dyn Inbox>) {
        let (queue, mut arriving) = mpsc::channel(self.limits.in_messages.max(1));
        let line = Arc::new(Line {
            queue,
            interests: Mutex::default(),
            cut: AtomicBool::new(false),
            slow: AtomicBool::new(false),
        });
        if self.line.set(line.clone()).is_err() {
            return tracing::error!(node = %self.node, "a bus was attached twice");
        }
        line.tell(Arriving::Changed(BusEvent::Connected));
        let here = Arc::downgrade(&line);
        self.exchange.nodes.lock().insert(self.node.clone(), line);
        tokio::spawn(async move {
            while let Some(next) = arriving.recv().await {
                match next {
                    Arriving::Hint(to, message) => inbox.hint(to, message),
                    Arriving::Request(message, reply) => inbox.request(message, reply),
                    Arriving::Changed(event) => inbox.changed(event),
                }
                let slow = here
                    .upgrade()
                    .map(|line| line.slow.swap(false, Ordering::AcqRel));
                if slow == Some(true) {
                    inbox.changed(BusEvent::SlowConsumer);
                }
            }
        });
    }

    fn is_connected(&self) -> bool {
        self.line.get().is_some_and(|line| !line.is_cut())
    }

    fn publish(&self, to: Subject, trace: Trace, payload: Bytes) -> Published {
        if payload.len() > MAX_PAYLOAD {
            return Published::TooLarge;
        }
        if !self.is_connected() {
            return Published::Dropped;
        }
        let nodes: Vec<_> = {
            let nodes = self.exchange.nodes.lock();
            let others = nodes.iter().filter(|(node, _)| **node != self.node);
            others.map(|(_, line)| line.clone()).collect()
        };
        for line in nodes.into_iter().filter(|line| !line.is_cut()) {
            let hears = match to {
                Subject::Nodes => true,
                Subject::Entity(token) => line.interests.lock().contains(&token),
            };
            if hears {
                let payload = payload.clone();
                line.tell(Arriving::Hint(to, Message { trace, payload }));
            }
        }
        Published::Queued
    }

    fn subscribe(&self, token: Token) {
        if let Some(line) = self.line.get() {
            line.interests.lock().insert(token);
        }
    }

    fn unsubscribe(&self, token: Token) {
        if let Some(line) = self.line.get() {
            line.interests.lock().remove(&token);
        }
    }

    fn request(
        &self,
        node: &NodeId,
        trace: Trace,
        payload: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        if payload.len() > MAX_PAYLOAD {
            return async { Err(RequestError::TooLarge) }.boxed();
        }
        if !self.is_connected() {
            return async { Err(RequestError::Disconnected) }.boxed();
        }
        let line = self.exchange.nodes.lock().get(node).cloned();
        let mine = self.line.get().cloned();
        async move {
            let line = line.filter(|line| !line.is_cut());
            let line = line.ok_or(RequestError::NoResponders)?;
            let (answer, answered) = oneshot::channel();
            let way_back = line.clone();
            let reply: Reply = Box::new(move |bytes| {
                let cut = way_back.is_cut() || mine.is_none_or(|line| line.is_cut());
                if !cut {
                    let _ = answer.send(bytes);
                }
            });
            if !line.tell(Arriving::Request(Message { trace, payload }, reply)) {
                return Err(RequestError::TimedOut);
            }
            match tokio::time::timeout(deadline, answered).await {
                Ok(Ok(bytes)) => Ok(bytes),
                Ok(Err(_)) => Err(RequestError::Lost),
                Err(_) => Err(RequestError::TimedOut),
            }
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        self.exchange.forget(&self.node);
        if let Some(line) = self.line.get() {
            line.cut.store(true, Ordering::Release);
        }
        async {}.boxed()
    }
}
