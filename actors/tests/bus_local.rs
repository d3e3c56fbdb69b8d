//! The bus inside one process under the conformance suite, and the suite against broken ones.

use std::sync::Arc;
use std::time::Duration;

use actors::bus::conformance::{Provider, run};
use actors::bus::{
    Bus, BusEvent, BusLimits, Exchange, Inbox, LocalBus, Message, Published, Reply, RequestError,
    Subject, Token, Trace, Traces,
};
use actors::ids::{EntityId, EntityKind, NodeId};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

struct Local(Arc<Exchange>);

impl Provider for Local {
    fn join(&self, node: &NodeId) -> BoxFuture<'_, Arc<dyn Bus>> {
        let bus = LocalBus::new(self.0.clone(), node.clone(), BusLimits::default());
        async move { bus as Arc<dyn Bus> }.boxed()
    }
}

#[tokio::test]
async fn the_local_bus_conforms() {
    assert_eq!(run(&Local(Exchange::new())).await, []);
}

/// Deliberate mistakes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mistake {
    SendsTwice,
    ForgetsTheTrace,
    KeepsInterest,
    HearsEverything,
    CallsLostNobody,
    TakesEverySize,
}

struct Broken(Arc<Exchange>, Mistake);

struct BrokenBus {
    inner: Arc<LocalBus>,
    mistake: Mistake,
}

impl Provider for Broken {
    fn join(&self, node: &NodeId) -> BoxFuture<'_, Arc<dyn Bus>> {
        let inner = LocalBus::new(self.0.clone(), node.clone(), BusLimits::default());
        let bus = BrokenBus {
            inner,
            mistake: self.1,
        };
        async move { Arc::new(bus) as Arc<dyn Bus> }.boxed()
    }
}

impl Bus for BrokenBus {
    fn attach(&self, inbox: Arc<dyn Inbox>) {
        self.inner.attach(inbox);
        if self.mistake == Mistake::HearsEverything {
            for name in ["interest-one", "interest-other"] {
                self.inner.subscribe(token(name));
            }
        }
    }

    fn is_connected(&self) -> bool {
        self.inner.is_connected()
    }

    fn publish(&self, to: Subject, trace: Trace, payload: Bytes) -> Published {
        match self.mistake {
            Mistake::SendsTwice => {
                let _ = self.inner.publish(to, trace, payload.clone());
                self.inner.publish(to, trace, payload)
            }
            Mistake::ForgetsTheTrace => self.inner.publish(to, Traces::new(9).begin(), payload),
            Mistake::TakesEverySize => {
                self.inner.publish(to, trace, payload);
                Published::Queued
            }
            _ => self.inner.publish(to, trace, payload),
        }
    }

    fn subscribe(&self, token: Token) {
        self.inner.subscribe(token);
    }

    fn unsubscribe(&self, token: Token) {
        if self.mistake != Mistake::KeepsInterest {
            self.inner.unsubscribe(token);
        }
    }

    fn request(
        &self,
        node: &NodeId,
        trace: Trace,
        payload: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        let asked = self.inner.request(node, trace, payload, deadline);
        let mistake = self.mistake;
        async move {
            match asked.await {
                Err(RequestError::TimedOut) if mistake == Mistake::CallsLostNobody => {
                    Err(RequestError::NoResponders)
                }
                other => other,
            }
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        self.inner.close()
    }
}

fn token(name: &str) -> Token {
    Token::of(&EntityId::new(EntityKind::Room, name).expect("valid"))
}

#[tokio::test(start_paused = true)]
async fn the_suite_finds_every_deliberate_mistake() {
    for mistake in [
        Mistake::SendsTwice,
        Mistake::ForgetsTheTrace,
        Mistake::KeepsInterest,
        Mistake::HearsEverything,
        Mistake::CallsLostNobody,
        Mistake::TakesEverySize,
    ] {
        let violations = run(&Broken(Exchange::new(), mistake)).await;
        assert!(!violations.is_empty(), "{mistake:?} was not found");
    }
}

#[derive(Default)]
struct Events(Mutex<Vec<BusEvent>>, Mutex<usize>);

impl Inbox for Events {
    fn hint(&self, _: Subject, _: Message) {
        *self.1.lock() += 1;
    }

    fn request(&self, message: Message, reply: Reply) {
        reply(message.payload);
    }

    fn changed(&self, event: BusEvent) {
        self.0.lock().push(event);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_cut_off_is_told_and_one_that_is_too_slow_too() {
    let exchange = Exchange::new();
    let limits = BusLimits {
        in_messages: 8,
        ..BusLimits::default()
    };
    let node = |name: &str| NodeId::parse(name).expect("valid");
    let a = LocalBus::new(exchange.clone(), node("a"), limits.clone());
    let b = LocalBus::new(exchange.clone(), node("b"), limits);
    let (heard_a, heard) = (Arc::new(Events::default()), Arc::new(Events::default()));
    a.attach(heard_a);
    b.attach(heard.clone());
    tokio::task::yield_now().await;
    exchange.cut(&node("b"), true);
    exchange.cut(&node("b"), true);
    let trace = Traces::new(1).begin();
    let ask = |from: &LocalBus, to: &str| {
        from.request(&node(to), trace, Bytes::new(), Duration::from_secs(1))
    };
    assert!(!b.is_connected());
    assert_eq!(
        b.publish(Subject::Nodes, trace, Bytes::new()),
        Published::Dropped
    );
    assert_eq!(ask(&b, "a").await, Err(RequestError::Disconnected));
    assert_eq!(ask(&a, "b").await, Err(RequestError::NoResponders));
    exchange.cut(&node("b"), false);
    assert_eq!(ask(&a, "b").await, Ok(Bytes::new()));
    for _ in 0..20 {
        a.publish(Subject::Nodes, trace, Bytes::new());
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(
        *heard.0.lock(),
        [
            BusEvent::Connected,
            BusEvent::Disconnected,
            BusEvent::Connected,
            BusEvent::SlowConsumer
        ]
    );
    assert_eq!(*heard.1.lock(), 8);
}
