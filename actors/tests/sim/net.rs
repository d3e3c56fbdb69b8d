//! The bus between simulated nodes: everything that nodes tell each other lies here until it is due, and any of it may
//! be lost, late, doubled or out of order. One thread, one seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::bus::{BusEvent, Inbox, Message, RequestError, Subject, Token, frame};
use actors::ids::NodeId;
use bytes::Bytes;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::oneshot;

use super::clock::Now;
use super::faults::Rates;
use super::options::Options;
use super::trace::Trace;
use super::ways::Ways;

/// Where the answer to a request goes.
pub type Asker = oneshot::Sender<Result<Bytes, RequestError>>;

/// Loss is told this long after it happened, in milliseconds.
const TOLD_AFTER: u64 = 200;

pub struct Net {
    now: Now,
    pub trace: Trace,
    pub options: Arc<Options>,
    pub rates: Arc<Mutex<Rates>>,
    pub(super) state: Mutex<State>,
}

/// What lies between the nodes.
pub(super) struct State {
    pub rng: StdRng,
    numbers: u64,
    /// By receiver, then by the time at which it is due.
    pub due: Vec<BTreeMap<(u64, u64), Parcel>>,
    pub ports: BTreeMap<NodeId, Port>,
    pub ways: Ways,
    /// When the last hint of a publisher to a subscriber is due.
    last: BTreeMap<(usize, usize), u64>,
}

/// One life of one node on the bus.
pub(super) struct Port {
    pub number: usize,
    pub life: u64,
    pub inbox: Arc<dyn Inbox>,
    /// Since when it is known to be there.
    since: u64,
    /// Subjects, and since when they are known to be heard.
    heard: BTreeMap<Token, u64>,
    pub connected: bool,
    /// It will be told that it lost something.
    pub slow: bool,
}

/// Something on its way to one life of a node.
pub struct Parcel {
    pub from: usize,
    pub life: u64,
    pub content: Content,
}

pub enum Content {
    Hint(Subject, Message),
    /// With where the answer is awaited, by which life of which node.
    Request(Message, Asker, (usize, u64)),
    Answer(Asker, Result<Bytes, RequestError>),
    Changed(BusEvent),
}

impl Net {
    pub fn new(
        seed: u64,
        now: Now,
        trace: Trace,
        options: Arc<Options>,
        rates: Arc<Mutex<Rates>>,
    ) -> Arc<Self> {
        let nodes = options.nodes;
        Arc::new(Self {
            now,
            trace,
            options,
            rates,
            state: Mutex::new(State {
                rng: StdRng::seed_from_u64(seed),
                numbers: 0,
                due: (0..nodes).map(|_| BTreeMap::new()).collect(),
                ports: BTreeMap::new(),
                ways: Ways::new(nodes),
                last: BTreeMap::new(),
            }),
        })
    }

    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// A life joins.
    pub fn attach(&self, node: &NodeId, number: usize, life: u64, inbox: Arc<dyn Inbox>) {
        let mut state = self.state.lock();
        let connected = !state.ways.is_cut(number);
        let port = Port {
            number,
            life,
            inbox,
            since: self.now() + self.options.spread_ms,
            heard: BTreeMap::new(),
            connected,
            slow: false,
        };
        state.ports.insert(node.clone(), port);
        if connected {
            let first = Content::Changed(BusEvent::Connected);
            state.put(self.now(), (number, number, life), first);
        }
    }

    /// A life is gone; its words under way may still arrive.
    pub fn forget(&self, number: usize) {
        let mut state = self.state.lock();
        state.ports.retain(|_, port| port.number != number);
    }

    pub fn is_connected(&self, node: &NodeId) -> bool {
        let state = self.state.lock();
        state.ports.get(node).is_some_and(|port| port.connected)
    }

    pub fn interest(&self, node: &NodeId, token: Token, begins: bool) {
        let known = self.now() + self.options.spread_ms;
        if let Some(port) = self.state.lock().ports.get_mut(node) {
            if begins {
                port.heard.entry(token).or_insert(known);
            } else {
                port.heard.remove(&token);
            }
        }
    }

    /// A hint to all who hear it.
    pub fn publish(&self, from: usize, to: Subject, message: &Message) {
        self.trace
            .aside(|| format!("{from} says {:?}", frame::decode(&message.payload)));
        let rates = *self.rates.lock();
        let now = self.now();
        let mut state = self.state.lock();
        let hears = |port: &Port| match to {
            Subject::Nodes => port.since <= now,
            Subject::Entity(token) => port.heard.get(&token).is_some_and(|since| *since <= now),
        };
        let ports = state.ports.values().filter(|p| p.number != from);
        let to_whom: Vec<_> = ports
            .filter(|port| hears(port))
            .map(|port| (port.number, port.life))
            .collect();
        for (receiver, life) in to_whom {
            if state.ways.loses(from, receiver, to) || state.chance(rates.hint_lost) {
                self.lose(&mut state, receiver, to);
                continue;
            }
            let copies = 1 + usize::from(state.chance(rates.hint_doubled));
            for _ in 0..copies {
                let mut at = now + state.below(rates.hint_delay);
                if self.options.ordered {
                    let last = state.last.entry((from, receiver)).or_default();
                    at = at.max(*last);
                    *last = at;
                }
                let content = Content::Hint(to, message.clone());
                self.trace
                    .note(|| format!("hint {from}->{receiver} +{}", at - now));
                state.put(at, (from, receiver, life), content);
            }
        }
    }

    pub(super) fn lose(&self, state: &mut State, receiver: usize, to: Subject) {
        self.trace.hit(match to {
            Subject::Nodes => "beat lost",
            Subject::Entity(_) => "hint lost",
        });
        let announced = self.options.announced;
        let mut ports = state.ports.values_mut();
        let port = ports.find(|port| port.number == receiver);
        if let Some(port) = port.filter(|port| announced && !port.slow) {
            port.slow = true;
            let (life, at) = (port.life, self.now() + TOLD_AFTER);
            let told = Content::Changed(BusEvent::SlowConsumer);
            state.put(at, (receiver, receiver, life), told);
        }
    }

    /// A request; the answer, or that nobody is there, arrives at the asker.
    pub fn ask(&self, from: (usize, u64), node: &NodeId, message: Message, asker: Asker) {
        let rates = *self.rates.lock();
        let now = self.now();
        let mut state = self.state.lock();
        let port = state.ports.get(node).filter(|port| port.since <= now);
        let port = port.map(|port| (port.number, port.life));
        let refused = port.is_none_or(|(to, _)| state.ways.refuses(from.0, to));
        let delay = state.below(rates.hint_delay);
        let Some((to, life)) = port.filter(|_| !refused) else {
            self.trace.hit("nobody there");
            let nobody = Content::Answer(asker, Err(RequestError::NoResponders));
            return state.put(now + delay, (from.0, from.0, from.1), nobody);
        };
        if state.ways.vanishes(from.0, to) || state.chance(rates.request_lost) {
            return self.trace.hit("request lost");
        }
        let at = now + delay + state.below(rates.hint_delay);
        self.trace
            .note(|| format!("request {}->{to} +{}", from.0, at - now));
        let content = Content::Request(message, asker, from);
        state.put(at, (from.0, to, life), content);
    }

    /// The answer of a node to a request.
    pub fn answer(&self, from: usize, to: (usize, u64), asker: Asker, bytes: Bytes) {
        let rates = *self.rates.lock();
        let mut state = self.state.lock();
        if state.ways.vanishes(from, to.0) || state.chance(rates.answer_lost) {
            return self.trace.hit("answer lost");
        }
        let at = self.now() + state.below(rates.hint_delay);
        let content = Content::Answer(asker, Ok(bytes));
        state.put(at, (from, to.0, to.1), content);
    }
}

impl State {
    fn chance(&mut self, thousandths: u32) -> bool {
        self.rng.random_range(0..1_000) < thousandths
    }

    fn below(&mut self, delay: u32) -> u64 {
        u64::from(self.rng.random_range(0..=delay))
    }

    /// Lays something down until it is due: from a node, to a life of a node.
    pub fn put(&mut self, at: u64, (from, to, life): (usize, usize, u64), content: Content) {
        self.numbers += 1;
        let parcel = Parcel {
            from,
            life,
            content,
        };
        self.due[to].insert((at, self.numbers), parcel);
    }
}
