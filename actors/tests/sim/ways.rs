//! The ways between simulated nodes: what is cut, deaf or silent now, and what arrives through them.

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::bus::{BusEvent, Inbox, Reply, Subject};
use rand::Rng;

use super::line::Line;
use super::net::{Content, Net, Parcel, State};

/// What is wrong now. Troubles are counted, for they overlap.
pub(super) struct Ways {
    cut: Vec<u32>,
    deaf: Vec<u32>,
    hushed: Vec<u32>,
    /// From, to, and whether silently or as if nobody was there.
    one_way: BTreeMap<(usize, usize, bool), u32>,
    pub strangers: bool,
}

/// A trouble that has a begin and an end.
#[derive(Debug, Clone, Copy)]
pub enum Trouble {
    /// A node is cut off.
    Cut(usize),
    /// It hears no hints.
    Deaf(usize),
    /// Its signs of life are lost.
    Hush(usize),
    /// What goes from one node to another is lost: silently, or as if nobody was there.
    OneWay(usize, usize, bool),
}

impl Ways {
    pub fn new(nodes: usize) -> Self {
        Self {
            cut: vec![0; nodes],
            deaf: vec![0; nodes],
            hushed: vec![0; nodes],
            one_way: BTreeMap::new(),
            strangers: false,
        }
    }

    pub fn is_cut(&self, node: usize) -> bool {
        self.cut[node] > 0
    }

    fn is_one_way(&self, from: usize, to: usize, silent: bool) -> bool {
        let troubles = self.one_way.get(&(from, to, silent));
        troubles.is_some_and(|count| *count > 0)
    }

    /// Whether words vanish between two nodes.
    pub fn vanishes(&self, from: usize, to: usize) -> bool {
        self.is_cut(from) || self.is_cut(to) || self.is_one_way(from, to, true)
    }

    /// Whether the bus finds nobody at the other end.
    pub fn refuses(&self, from: usize, to: usize) -> bool {
        self.is_one_way(from, to, false)
    }

    pub fn loses(&self, from: usize, to: usize, subject: Subject) -> bool {
        let beat = subject == Subject::Nodes;
        self.vanishes(from, to)
            || self.refuses(from, to)
            || self.deaf[to] > 0
            || (beat && (self.strangers || self.hushed[from] > 0))
    }

    fn count(&mut self, trouble: Trouble) -> &mut u32 {
        match trouble {
            Trouble::Cut(node) => &mut self.cut[node],
            Trouble::Deaf(node) => &mut self.deaf[node],
            Trouble::Hush(node) => &mut self.hushed[node],
            Trouble::OneWay(from, to, silent) => {
                self.one_way.entry((from, to, silent)).or_default()
            }
        }
    }
}

impl Net {
    /// A trouble begins. With a cut, what the node had in its buffers may be lost.
    pub fn begin(&self, trouble: Trouble) {
        let mut state = self.state.lock();
        *state.ways.count(trouble) += 1;
        if let Trouble::Cut(node) = trouble
            && state.rng.random_bool(0.5)
        {
            self.trace.hit("write buffer lost");
            self.lose_all(&mut state, |from, to| from == node || to == node);
        }
    }

    fn lose_all(&self, state: &mut State, lost: impl Fn(usize, usize) -> bool) {
        for to in 0..state.due.len() {
            let (mut gone, mut kept) = (Vec::new(), BTreeMap::new());
            for (key, parcel) in std::mem::take(&mut state.due[to]) {
                // What the node tells itself is not on its way.
                if parcel.from != to && lost(parcel.from, to) {
                    gone.push(parcel);
                } else {
                    kept.insert(key, parcel);
                }
            }
            state.due[to] = kept;
            for parcel in gone {
                if let Content::Hint(subject, _) = parcel.content {
                    self.lose(state, to, subject);
                }
            }
        }
    }

    /// A cut node notices it, unless it is over.
    pub fn notice(&self, node: usize) {
        let mut state = self.state.lock();
        if state.ways.is_cut(node) {
            self.connect(&mut state, node, false);
        }
    }

    /// A trouble is over.
    pub fn end(&self, trouble: Trouble) {
        let mut state = self.state.lock();
        let count = state.ways.count(trouble);
        *count = count.saturating_sub(1);
        if let Trouble::Cut(node) = trouble
            && !state.ways.is_cut(node)
        {
            self.connect(&mut state, node, true);
        }
    }

    fn connect(&self, state: &mut State, node: usize, connected: bool) {
        let mut ports = state.ports.values_mut();
        let port = ports.find(|port| port.number == node && port.connected != connected);
        let Some(port) = port else {
            return;
        };
        port.connected = connected;
        let (life, event) = match connected {
            true => (port.life, BusEvent::Connected),
            false => (port.life, BusEvent::Disconnected),
        };
        self.trace.hit(match connected {
            true => "bus connected again",
            false => "bus disconnected",
        });
        state.put(self.now(), (node, node, life), Content::Changed(event));
    }

    /// All troubles are over.
    pub fn heal(&self) {
        let mut state = self.state.lock();
        let nodes = self.options.nodes;
        state.ways = Ways::new(nodes);
        for node in 0..nodes {
            self.connect(&mut state, node, true);
        }
    }

    /// Nobody ever hears a sign of life.
    pub fn estrange(&self) {
        self.state.lock().ways.strangers = true;
    }

    /// A node stood still: of the hints that came meanwhile, only so many waited.
    pub fn overflow(&self, node: usize) {
        let now = self.now();
        let mut state = self.state.lock();
        let due = state.due[node].range(..=(now, u64::MAX));
        let hints = due.filter(|(_, p)| matches!(p.content, Content::Hint(..)));
        let over: Vec<_> = hints.map(|(key, _)| *key).skip(self.options.held).collect();
        for key in over {
            if let Some(Parcel {
                content: Content::Hint(subject, _),
                ..
            }) = state.due[node].remove(&key)
            {
                self.trace.hit("queue overflowed");
                self.lose(&mut state, node, subject);
            }
        }
    }

    /// What arrives at a node now.
    pub fn next(&self, node: usize) -> Option<(Arc<dyn Inbox>, Content)> {
        let now = self.now();
        let mut state = self.state.lock();
        loop {
            let entry = state.due[node].first_entry()?;
            if entry.key().0 > now {
                return None;
            }
            let parcel = entry.remove();
            let mut ports = state.ports.values_mut();
            let Some(port) = ports.find(|port| port.number == node && port.life == parcel.life)
            else {
                continue;
            };
            if matches!(parcel.content, Content::Changed(BusEvent::SlowConsumer)) {
                port.slow = false;
            }
            return Some((port.inbox.clone(), parcel.content));
        }
    }
}

/// Hands something to whoever waits for it. Needs the receiver's runtime around it.
pub fn deliver(line: &Arc<Line>, inbox: &Arc<dyn Inbox>, content: Content) {
    match content {
        Content::Hint(subject, message) => inbox.hint(subject, message),
        Content::Changed(event) => inbox.changed(event),
        Content::Answer(asker, answer) => drop(asker.send(answer)),
        Content::Request(message, asker, to) => {
            let line = line.clone();
            let reply: Reply = Box::new(move |bytes| line.reply(to, asker, bytes));
            inbox.request(message, reply);
        }
    }
}
