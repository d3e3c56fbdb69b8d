//! The port between nodes: hints to subjects, requests to nodes, news of the connection. At most once, said so.
//!
//! Nothing that must not be lost may depend on it: the journal is the truth, the bus only makes it fast.

pub mod conformance;
pub mod frame;
pub mod interest;
pub mod limits;
pub mod local;
pub mod nats;
mod trace;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use thiserror::Error;

pub use interest::Interests;
pub use limits::BusLimits;
pub use local::{Exchange, LocalBus};
pub use nats::{NatsBus, NatsError, NatsOptions};
pub use trace::{Trace, Traces};

use crate::ids::{EntityId, NodeId};

/// What stands for an entity in a subject: a hash, so that no id leaks and none can break a subject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// The token of an entity; the same on every node and in every version.
    pub fn of(entity: &EntityId) -> Self {
        Self::hash(&[entity.kind as u8], entity.id())
    }

    /// The token of a node.
    pub fn of_node(node: &NodeId) -> Self {
        Self::hash(b"node", node.as_str())
    }

    fn hash(kind: &[u8], id: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind).update(b"/").update(id.as_bytes());
        let mut token = [0; 16];
        token.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(token)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Where a hint goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// To the nodes that are interested in an entity.
    Entity(Token),
    /// To all other nodes.
    Nodes,
}

/// What arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whose work this is part of.
    pub trace: Trace,
    /// The bytes.
    pub payload: Bytes,
}

/// What became of a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// On its way, as far as this node knows.
    Queued,
    /// Given up at once: cut off, or too much is waiting.
    Dropped,
    /// Larger than the bus carries: say less.
    TooLarge,
}

/// Why a request was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Nobody listens to that node's subject: nothing was begun.
    #[error("no such node is there")]
    NoResponders,
    /// No answer in time: it may have happened, or may yet.
    #[error("no answer in time")]
    TimedOut,
    /// This node was cut off before the request left: nothing was begun.
    #[error("cut off from the other nodes")]
    Disconnected,
    /// The connection broke, or something else happened, after it left: it may have happened.
    #[error("the answer was lost")]
    Lost,
    /// Larger than the bus carries: nothing was begun.
    #[error("the request is larger than the bus carries")]
    TooLarge,
}

impl RequestError {
    /// Whether it is certain that nobody has begun with the request.
    pub fn nothing_begun(self) -> bool {
        !matches!(self, RequestError::TimedOut | RequestError::Lost)
    }
}

/// News of this node's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusEvent {
    /// Connected, for the first time or again: hints may have been lost before it.
    Connected,
    /// Cut off.
    Disconnected,
    /// Hints were dropped because this node, or the bus for it, could not keep up.
    SlowConsumer,
}

/// Sends the answer to a request; dropped without being called, the asker waits for its deadline.
pub type Reply = Box<dyn FnOnce(Bytes) + Send>;

/// Takes in what arrives. Must not block; called in order per subject.
pub trait Inbox: Send + Sync + 'static {
    /// A hint.
    fn hint(&self, to: Subject, message: Message);
    /// A request to this node.
    fn request(&self, message: Message, reply: Reply);
    /// The connection changed.
    fn changed(&self, event: BusEvent);
}

/// One node's place on the bus.
pub trait Bus: Send + Sync + 'static {
    /// Begins to hand what arrives to `inbox`; a first `Connected` follows as soon as it is so. Once.
    fn attach(&self, inbox: Arc<dyn Inbox>);

    /// Whether this node is connected now.
    fn is_connected(&self) -> bool;

    /// Sends a hint to others, not to this node itself. Never waits.
    fn publish(&self, to: Subject, trace: Trace, payload: Bytes) -> Published;

    /// Begins to hear an entity's subject. Twice is once. Never waits.
    fn subscribe(&self, token: Token);

    /// Ceases to hear it.
    fn unsubscribe(&self, token: Token);

    /// Asks a node and waits for its answer, no longer than `deadline`.
    fn request(
        &self,
        node: &NodeId,
        trace: Trace,
        payload: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>>;

    /// Sends what waits and leaves; nothing arrives afterwards.
    fn close(&self) -> BoxFuture<'static, ()>;
}
