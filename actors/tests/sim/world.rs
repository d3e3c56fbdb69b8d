//! A whole run: nodes, store, bus and those who live with them, stepped from one seed; first with faults, then healed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::hub::{Hub, HubLimits};
use actors::testing::workload::Site;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::clock::{NodeClock, Now};
use super::fate::Turn;
use super::faults::{Fault, Faults};
use super::net::Net;
use super::node::Node;
use super::options::Options;
use super::store::Store;
use super::trace::{Counters, Trace};

/// Those who live in a world, and what they know of it.
pub trait Crowd {
    /// The rules of its hubs.
    fn limits(&self, options: &Options) -> HubLimits {
        options.hub_limits()
    }

    /// A node's process is gone, and with it all answers that were waited for.
    fn cut_off(&mut self, node: usize);

    /// A node has lived through a step.
    fn measure(&mut self, _hub: &Hub) {}
}

pub struct World<C> {
    pub rng: StdRng,
    pub now: Now,
    pub store: Arc<Store>,
    pub net: Arc<Net>,
    pub nodes: Vec<Node>,
    lives: u64,
    pub crowd: C,
    pub trace: Trace,
    pub options: Arc<Options>,
    /// What happens when, in order.
    pub(super) plan: BTreeMap<(u64, u64), Turn>,
    /// From when to when words between nodes did not arrive, or no node heard them.
    pub outages: Vec<(u64, u64)>,
}

/// What a seed has in store.
pub fn drawn(seed: u64) -> (Options, Faults) {
    let mut rng = StdRng::seed_from_u64(seed);
    let options = Options::draw(&mut rng);
    let faults = Faults::draw(&mut rng, &options);
    (options, faults)
}

/// Lives through the world of a seed; with `kept`, only these of its faults happen. Answers what came of it, and the trace.
pub fn live<C: Crowd, T>(
    seed: u64,
    verbose: bool,
    kept: Option<&[Fault]>,
    crowd: impl FnOnce(&mut StdRng, &Options) -> C,
    life: impl FnOnce(World<C>) -> T,
) -> (T, Trace) {
    let now = Now::default();
    let trace = Trace::new(now.clone(), verbose);
    let lived = metrics::with_local_recorder(&Counters(trace.clone()), || {
        let mut rng = StdRng::seed_from_u64(seed);
        let options = Arc::new(Options::draw(&mut rng));
        let mut faults = Faults::draw(&mut rng, &options);
        if let Some(kept) = kept {
            faults.keep(kept);
        }
        trace.note(|| format!("{options:?}"));
        trace.note(|| format!("{faults:?}"));
        life(World::new(rng, now, trace.clone(), options, &faults, crowd))
    });
    (lived, trace)
}

impl<C: Crowd> World<C> {
    fn new(
        mut rng: StdRng,
        now: Now,
        trace: Trace,
        options: Arc<Options>,
        faults: &Faults,
        crowd: impl FnOnce(&mut StdRng, &Options) -> C,
    ) -> Self {
        let rates = Arc::new(Mutex::new(faults.rates));
        let store = Store::new(
            rng.random(),
            options.capabilities(),
            rates.clone(),
            now.clone(),
            trace.clone(),
        );
        let net = Net::new(
            rng.random(),
            now.clone(),
            trace.clone(),
            options.clone(),
            rates,
        );
        if faults.strangers {
            net.estrange();
        }
        let crowd = crowd(&mut rng, &options);
        let mut plan = BTreeMap::new();
        for (number, incident) in (0..).zip(&faults.incidents) {
            plan.insert((incident.at, number), Turn::Happens(incident.what));
        }
        let node = |number| {
            let clock = NodeClock {
                now: now.clone(),
                ..NodeClock::default()
            };
            clock.skew.store(options.skews[number], Ordering::Relaxed);
            Node::new(number, clock)
        };
        Self {
            nodes: (0..options.nodes).map(node).collect(),
            lives: 0,
            rng,
            now,
            store,
            net,
            crowd,
            trace,
            options,
            plan,
            outages: Vec::new(),
        }
    }

    pub fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Starts what is down and may come back, and ends what has come to its end.
    pub fn raise(&mut self) {
        let now = self.now();
        for number in 0..self.nodes.len() {
            let node = &self.nodes[number];
            if node.hub().is_none() && node.down_until <= now {
                self.start(number);
            } else if node.fuse().is_some_and(super::fuse::Fuse::is_burnt) {
                let down = self.rng.random_range(20..2_500);
                self.crash(number, down);
            } else if let Some(down) = node.drained() {
                self.trace.hit("node drained");
                self.end(number, down);
            }
        }
    }

    pub fn start(&mut self, number: usize) {
        self.lives += 1;
        self.trace.note(|| format!("node {number} starts"));
        let limits = self.crowd.limits(&self.options);
        self.nodes[number].start(self.lives, limits, &self.store, &self.net);
    }

    pub fn crash(&mut self, number: usize, down: u64) {
        self.trace.note(|| format!("node {number} crashes"));
        self.trace.hit("node crashed");
        self.end(number, down);
    }

    pub fn end(&mut self, number: usize, down: u64) {
        self.crowd.cut_off(number);
        self.nodes[number].crash();
        if self.options.exclusive {
            self.store.abandon();
        }
        self.nodes[number].down_until = self.now() + down;
    }

    pub fn sites(nodes: &[Node]) -> Vec<Site<'_>> {
        let up = nodes
            .iter()
            .filter_map(|node| Some((node.number, node.life()?, node.hub()?)));
        let sites = up.map(|(node, life, (hub, runtime))| Site {
            node,
            life,
            hub,
            runtime,
        });
        sites.collect()
    }

    /// Lets time pass for all: the store first, then the nodes in an order drawn anew, each with what has arrived at it.
    pub fn step(&mut self, millis: u64) {
        self.now.fetch_add(millis, Ordering::Relaxed);
        self.store.run();
        let first = self.rng.random_range(0..self.nodes.len());
        for index in 0..self.nodes.len() {
            let number = (first + index) % self.nodes.len();
            self.nodes[number].step(millis);
            self.store.run();
            if let Some((hub, _)) = self.nodes[number].hub() {
                self.crowd.measure(hub);
            }
        }
    }

    /// Ends all faults: what was cut is joined, what was down or stood still goes on.
    pub fn heal(&mut self) {
        self.trace.note(|| "healed".into());
        self.plan.clear();
        *self.store.rates.lock() = super::faults::Rates::default();
        self.store.settle();
        self.net.heal();
        for number in 0..self.nodes.len() {
            let node = &mut self.nodes[number];
            // A lit fuse goes out unless it has burnt down.
            let burnt = node.fuse().is_some_and(|fuse| !fuse.put_out());
            if node.paused_until > 0 {
                node.paused_until = 1;
            }
            if burnt || node.is_draining() || self.options.deserted {
                self.end(number, 0);
            }
            if self.nodes[number].hub().is_none() {
                self.start(number);
            }
        }
    }

    /// Every node goes to sleep in order; how many have not done so in time.
    pub fn drain(&mut self) -> usize {
        for node in &mut self.nodes {
            node.drain(0);
        }
        for _ in 0..400 {
            self.step(5);
        }
        let open = self.nodes.iter().filter(|node| node.drained().is_none());
        open.count()
    }
}
