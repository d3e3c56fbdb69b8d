//! A node's way to the others with switches: hints that vanish, requests that stay without an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use actors::bus::{
    Bus, BusEvent, Inbox, LocalBus, Message, Published, Reply, RequestError, Subject, Token, Trace,
};
use actors::ids::NodeId;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

/// What goes wrong on one node's way.
#[derive(Default)]
pub struct Switches {
    /// Hints about entities are lost.
    pub no_hints: AtomicBool,
    /// Signs of life are lost.
    pub no_beats: AtomicBool,
    /// Requests reach the node and get no answer; they are carried out all the same.
    pub no_answers: AtomicBool,
    /// Requests do not reach the node.
    pub deaf: AtomicBool,
    /// Requests that reached it.
    pub requests: AtomicUsize,
    /// Answers that nobody will see; dropping one would tell the asker.
    held: Mutex<Vec<Reply>>,
}

impl Switches {
    pub fn set(switch: &AtomicBool, on: bool) {
        switch.store(on, Ordering::Relaxed);
    }

    fn is(switch: &AtomicBool) -> bool {
        switch.load(Ordering::Relaxed)
    }
}

pub struct Wire {
    pub inner: Arc<LocalBus>,
    pub switches: Arc<Switches>,
}

struct Door {
    inner: Arc<dyn Inbox>,
    switches: Arc<Switches>,
}

impl Inbox for Door {
    fn hint(&self, to: Subject, message: Message) {
        self.inner.hint(to, message);
    }

    fn request(&self, message: Message, reply: Reply) {
        if Switches::is(&self.switches.deaf) {
            return self.switches.held.lock().push(reply);
        }
        self.switches.requests.fetch_add(1, Ordering::Relaxed);
        if Switches::is(&self.switches.no_answers) {
            self.switches.held.lock().push(reply);
            return self.inner.request(message, Box::new(drop));
        }
        self.inner.request(message, reply);
    }

    fn changed(&self, event: BusEvent) {
        self.inner.changed(event);
    }
}

impl Bus for Wire {
    fn attach(&self, inbox: Arc<dyn Inbox>) {
        self.inner.attach(Arc::new(Door {
            inner: inbox,
            switches: self.switches.clone(),
        }));
    }

    fn is_connected(&self) -> bool {
        self.inner.is_connected()
    }

    fn publish(&self, to: Subject, trace: Trace, payload: Bytes) -> Published {
        let lost = match to {
            Subject::Nodes => Switches::is(&self.switches.no_beats),
            Subject::Entity(_) => Switches::is(&self.switches.no_hints),
        };
        if lost {
            return Published::Queued;
        }
        self.inner.publish(to, trace, payload)
    }

    fn subscribe(&self, token: Token) {
        self.inner.subscribe(token);
    }

    fn unsubscribe(&self, token: Token) {
        self.inner.unsubscribe(token);
    }

    fn request(
        &self,
        node: &NodeId,
        trace: Trace,
        payload: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        self.inner.request(node, trace, payload, deadline)
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        self.inner.close()
    }
}
