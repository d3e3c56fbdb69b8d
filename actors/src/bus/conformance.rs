//! One suite for every provider of the bus: what each must do, told as properties that answer with a
//! violation instead of panicking, so that deliberately broken providers can be shown to fail.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use thiserror::Error;

use super::{
    Bus, BusEvent, Inbox, Message, Published, Reply, RequestError, Subject, Token, Trace, Traces,
};
use crate::ids::{EntityId, EntityKind, NodeId};

/// A provider as the suite sees it: joins nodes to one bus.
pub trait Provider: Send + Sync {
    /// A node's place on it; names are new in every property.
    fn join(&self, node: &NodeId) -> BoxFuture<'_, Arc<dyn Bus>>;
}

/// What a provider did that it must not do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Violation(pub String);

type Verdict = Result<(), Violation>;

fn require(holds: bool, otherwise: &str) -> Verdict {
    holds
        .then_some(())
        .ok_or_else(|| Violation(otherwise.into()))
}

/// The longest that anything may take on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Heard {
    hints: Mutex<Vec<(Subject, Message)>>,
    events: Mutex<Vec<BusEvent>>,
    /// Requests whose answer is held back.
    held: Mutex<Vec<Reply>>,
}

impl Inbox for Heard {
    fn hint(&self, to: Subject, message: Message) {
        self.hints.lock().push((to, message));
    }

    fn request(&self, message: Message, reply: Reply) {
        match &message.payload[..] {
            b"hold" => self.held.lock().push(reply),
            other => reply(Bytes::from([b"re:", other].concat())),
        }
    }

    fn changed(&self, event: BusEvent) {
        self.events.lock().push(event);
    }
}

impl Heard {
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Verdict {
        let waited = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(SOON, waited).await;
        waited.map_err(|_| Violation(format!("{what} did not happen")))
    }

    fn count(&self, of: Subject) -> usize {
        let hints = self.hints.lock();
        hints.iter().filter(|(to, _)| *to == of).count()
    }
}

struct Node {
    id: NodeId,
    bus: Arc<dyn Bus>,
    heard: Arc<Heard>,
}

/// A property of the suite.
pub type Property = fn(&dyn Provider) -> BoxFuture<'_, Verdict>;

/// All of them by name.
pub const PROPERTIES: &[(&str, Property)] = &[
    ("attached nodes hear that they are connected", |p| {
        connected(p).boxed()
    }),
    (
        "only the interested hear an entity, never the sender",
        |p| interest(p).boxed(),
    ),
    ("an interest that ended is over", |p| ended(p).boxed()),
    ("hints to all reach all others", |p| to_all(p).boxed()),
    ("hints of one sender to one subject stay in order", |p| {
        order(p).boxed()
    }),
    ("a request is answered by the node it names", |p| {
        request(p).boxed()
    }),
    (
        "nobody there, no answer and too large are told apart",
        |p| outcomes(p).boxed(),
    ),
    (
        "what is too large is said to be, what just fits arrives",
        |p| sizes(p).boxed(),
    ),
    ("a node that left is not there", |p| left(p).boxed()),
];

/// Runs all properties; each violation with the name of its property.
pub async fn run(provider: &dyn Provider) -> Vec<(&'static str, Violation)> {
    let mut violations = Vec::new();
    for (name, property) in PROPERTIES {
        if let Err(violation) = property(provider).await {
            violations.push((*name, violation));
        }
    }
    violations
}

async fn nodes<const N: usize>(
    provider: &dyn Provider,
    property: &str,
) -> Result<[Node; N], Violation> {
    let mut nodes = Vec::new();
    for number in 0..N {
        let name = format!("{property}-{number}");
        let id = NodeId::parse(&name).map_err(|e| Violation(e.to_string()))?;
        let bus = provider.join(&id).await;
        let heard = Arc::new(Heard::default());
        bus.attach(heard.clone());
        let connected = |h: &Heard| h.events.lock().contains(&BusEvent::Connected);
        heard.until("the connection", connected).await?;
        nodes.push(Node { id, bus, heard });
    }
    let nodes: [Node; N] = nodes
        .try_into()
        .map_err(|_| Violation("as many nodes as asked".into()))?;
    // Everyone can be asked: then everyone's own subjects are heard.
    for node in &nodes[1..] {
        answered(&nodes[0], node).await?;
    }
    if N > 1 {
        answered(&nodes[1], &nodes[0]).await?;
    }
    Ok(nodes)
}

/// Waits until one node can ask another; "nobody there" may be false while interest spreads.
async fn answered(from: &Node, to: &Node) -> Verdict {
    let until = tokio::time::Instant::now() + SOON;
    loop {
        match ask(from, to, b"there?", ANSWER).await {
            Ok(_) => return Ok(()),
            Err(RequestError::NoResponders) if tokio::time::Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => return Err(Violation(format!("{} cannot be asked: {error}", to.id))),
        }
    }
}

fn trace() -> Trace {
    Traces::new(1).begin()
}

async fn ask(
    from: &Node,
    to: &Node,
    payload: &'static [u8],
    deadline: Duration,
) -> Result<Bytes, RequestError> {
    let payload = Bytes::from_static(payload);
    from.bus.request(&to.id, trace(), payload, deadline).await
}

fn token(name: &str) -> Result<Token, Violation> {
    let entity = EntityId::new(EntityKind::Room, name).map_err(|e| Violation(e.to_string()))?;
    Ok(Token::of(&entity))
}

fn publish(node: &Node, to: Subject, payload: &[u8]) -> Verdict {
    let payload = Bytes::copy_from_slice(payload);
    let published = node.bus.publish(to, trace(), payload);
    require(published == Published::Queued, "a hint was not queued")
}

/// Subscribes, and publishes until a hint arrives: from then on the interest is known.
async fn hear(node: &Node, from: &Node, token: Token) -> Verdict {
    node.bus.subscribe(token);
    let to = Subject::Entity(token);
    let before = node.heard.count(to);
    let until = tokio::time::Instant::now() + SOON;
    while node.heard.count(to) == before {
        require(
            tokio::time::Instant::now() < until,
            "a subscriber hears nothing",
        )?;
        publish(from, to, b"first")?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What is still on its way is in before the answer to a later request.
    answered(from, node).await
}

async fn connected(provider: &dyn Provider) -> Verdict {
    let [node] = nodes::<1>(provider, "connected").await?;
    require(
        node.bus.is_connected(),
        "a connected node says it is not connected",
    )
}

async fn interest(provider: &dyn Provider) -> Verdict {
    let [a, b, c] = nodes::<3>(provider, "interest").await?;
    let (one, other) = (token("interest-one")?, token("interest-other")?);
    hear(&b, &a, one).await?;
    // A second time changes nothing: each hint arrives once.
    b.bus.subscribe(one);
    a.bus.subscribe(one);
    hear(&c, &a, other).await?;
    let to = Subject::Entity(one);
    let before = b.heard.count(to);
    publish(&a, to, b"hello")?;
    b.heard.until("the hint", |h| h.count(to) > before).await?;
    answered(&a, &c).await?;
    answered(&a, &b).await?;
    require(b.heard.count(to) == before + 1, "a hint arrived twice")?;
    require(
        c.heard.count(to) == 0,
        "a node heard what it never asked for",
    )?;
    require(a.heard.count(to) == 0, "a node heard its own hint")?;
    let hints = b.heard.hints.lock();
    let last = hints.last().map(|(_, message)| message.clone());
    let expected = Message {
        trace: trace(),
        payload: Bytes::from_static(b"hello"),
    };
    require(last == Some(expected), "payload or trace did not survive")
}

async fn ended(provider: &dyn Provider) -> Verdict {
    let [a, b] = nodes::<2>(provider, "ended").await?;
    let token = token("ended")?;
    hear(&b, &a, token).await?;
    b.bus.unsubscribe(token);
    let to = Subject::Entity(token);
    let until = tokio::time::Instant::now() + SOON;
    loop {
        answered(&a, &b).await?;
        let before = b.heard.count(to);
        publish(&a, to, b"late")?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        answered(&a, &b).await?;
        if b.heard.count(to) == before {
            return Ok(());
        }
        require(
            tokio::time::Instant::now() < until,
            "an ended interest is still heard",
        )?;
    }
}

async fn to_all(provider: &dyn Provider) -> Verdict {
    let [a, b, c] = nodes::<3>(provider, "all").await?;
    publish(&a, Subject::Nodes, b"hello")?;
    for node in [&b, &c] {
        node.heard
            .until("a hint to all", |h| h.count(Subject::Nodes) == 1)
            .await?;
    }
    require(
        a.heard.count(Subject::Nodes) == 0,
        "a node heard its own hint to all",
    )
}

async fn order(provider: &dyn Provider) -> Verdict {
    const HINTS: u32 = 500;
    let [a, b] = nodes::<2>(provider, "order").await?;
    let token = token("order")?;
    hear(&b, &a, token).await?;
    let to = Subject::Entity(token);
    let before = b.heard.count(to);
    for number in 0..HINTS {
        publish(&a, to, &number.to_be_bytes())?;
    }
    b.heard
        .until("all hints", |h| h.count(to) == before + HINTS as usize)
        .await?;
    let hints = b.heard.hints.lock();
    let numbers = hints.iter().rev().take(HINTS as usize).rev();
    let in_order = (0..HINTS)
        .zip(numbers)
        .all(|(number, (_, message))| message.payload[..] == number.to_be_bytes());
    require(in_order, "hints changed their order")
}

async fn request(provider: &dyn Provider) -> Verdict {
    let [a, b, c] = nodes::<3>(provider, "request").await?;
    answered(&c, &b).await?;
    for (from, to) in [(&a, &b), (&b, &a), (&c, &b)] {
        let answer = ask(from, to, b"ping", ANSWER).await;
        require(
            answer == Ok(Bytes::from_static(b"re:ping")),
            "a request got another answer",
        )?;
    }
    Ok(())
}

async fn outcomes(provider: &dyn Provider) -> Verdict {
    let [a, b] = nodes::<2>(provider, "outcomes").await?;
    let nobody = NodeId::parse("outcomes-nobody").map_err(|e| Violation(e.to_string()))?;
    let asked = a.bus.request(&nobody, trace(), Bytes::new(), ANSWER).await;
    require(
        asked == Err(RequestError::NoResponders),
        "a node that is not there is not told as such",
    )?;
    let held = ask(&a, &b, b"hold", Duration::from_millis(100)).await;
    require(
        held == Err(RequestError::TimedOut),
        "an answer that never comes is not told as a time-out",
    )?;
    require(
        !RequestError::TimedOut.nothing_begun() && RequestError::NoResponders.nothing_begun(),
        "what may be tried again is told wrong",
    )?;
    // An answer that comes too late harms nobody.
    for reply in b.heard.held.lock().drain(..) {
        reply(Bytes::new());
    }
    let large = Bytes::from(vec![0; (1 << 20) + 1]);
    let asked = a.bus.request(&b.id, trace(), large, ANSWER).await;
    require(
        asked == Err(RequestError::TooLarge),
        "a request that is too large is not told as such",
    )
}

async fn sizes(provider: &dyn Provider) -> Verdict {
    let [a, b] = nodes::<2>(provider, "sizes").await?;
    let token = token("sizes")?;
    hear(&b, &a, token).await?;
    let to = Subject::Entity(token);
    let before = b.heard.count(to);
    let large = Bytes::from(vec![7; (1 << 20) + 1]);
    require(
        a.bus.publish(to, trace(), large) == Published::TooLarge,
        "a hint that is too large is not told as such",
    )?;
    let fits = vec![7; (1 << 20) - 1_024];
    publish(&a, to, &fits)?;
    b.heard
        .until("a large hint", |h| h.count(to) == before + 1)
        .await?;
    let hints = b.heard.hints.lock();
    let same = hints.last().is_some_and(|(_, m)| m.payload[..] == fits[..]);
    require(same, "a large hint was damaged")
}

async fn left(provider: &dyn Provider) -> Verdict {
    let [a, b] = nodes::<2>(provider, "left").await?;
    b.bus.close().await;
    let until = tokio::time::Instant::now() + SOON;
    while ask(&a, &b, b"there?", ANSWER).await != Err(RequestError::NoResponders) {
        require(
            tokio::time::Instant::now() < until,
            "a node that left is still there",
        )?;
    }
    Ok(())
}
