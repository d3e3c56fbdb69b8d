//! One life's place on the simulated bus.

use std::sync::Arc;
use std::time::Duration;

use actors::bus::{Bus, Inbox, Message, Published, RequestError, Subject, Token, Trace};
use actors::ids::NodeId;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending, ready};
use tokio::sync::oneshot;

use super::fuse::Fuse;
use super::net::{Asker, Net};

pub struct Line {
    pub net: Arc<Net>,
    pub node: NodeId,
    pub number: usize,
    pub life: u64,
    pub fuse: Fuse,
}

impl Line {
    /// The answer to a request of another life.
    pub fn reply(&self, to: (usize, u64), asker: Asker, bytes: Bytes) {
        if self.fuse.lets("an answer") {
            self.net.answer(self.number, to, asker, bytes);
        }
    }
}

/// What the hub holds.
pub struct Held(pub Arc<Line>);

impl Bus for Held {
    fn attach(&self, inbox: Arc<dyn Inbox>) {
        let line = &self.0;
        line.net.attach(&line.node, line.number, line.life, inbox);
    }

    fn is_connected(&self) -> bool {
        self.0.net.is_connected(&self.0.node)
    }

    fn publish(&self, to: Subject, trace: Trace, payload: Bytes) -> Published {
        let line = &self.0;
        if payload.len() > line.net.options.payload {
            line.net.trace.hit("hint too large");
            return Published::TooLarge;
        }
        if !self.is_connected() {
            return Published::Dropped;
        }
        if line.fuse.lets("a hint") {
            let message = Message { trace, payload };
            line.net.publish(line.number, to, &message);
        }
        Published::Queued
    }

    fn subscribe(&self, token: Token) {
        self.0.net.interest(&self.0.node, token, true);
    }

    fn unsubscribe(&self, token: Token) {
        self.0.net.interest(&self.0.node, token, false);
    }

    fn request(
        &self,
        node: &NodeId,
        trace: Trace,
        payload: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        let (line, node) = (self.0.clone(), node.clone());
        if payload.len() > line.net.options.payload {
            line.net.trace.hit("request too large");
            return ready(Err(RequestError::TooLarge)).boxed();
        }
        async move {
            if !line.net.is_connected(&line.node) {
                return Err(RequestError::Disconnected);
            }
            let (asker, answer) = oneshot::channel();
            if line.fuse.lets("a request") {
                let message = Message { trace, payload };
                line.net
                    .ask((line.number, line.life), &node, message, asker);
            }
            // A request that vanished ends by its deadline.
            let answer = answer.then(|answer| match answer {
                Ok(answer) => ready(answer).left_future(),
                Err(_) => pending().right_future(),
            });
            let answer = tokio::time::timeout(deadline, answer).await;
            answer.unwrap_or(Err(RequestError::TimedOut))
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        self.0.net.forget(self.0.number);
        ready(()).boxed()
    }
}
