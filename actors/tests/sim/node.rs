//! One simulated node: a hub on a paused runtime of its own. Dropping the runtime is a crash.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::clock::Clock;
use actors::cluster::PeerParts;
use actors::hub::{Hub, HubLimits, HubParts};
use actors::ids::NodeId;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use super::clock::NodeClock;
use super::fuse::Fuse;
use super::journal::Client;
use super::line::{Held, Line};
use super::net::Net;
use super::store::Store;
use super::ways::deliver;

pub struct Node {
    pub number: usize,
    pub clock: NodeClock,
    /// How often it came back under another name.
    pub renamed: u32,
    life: Option<Life>,
    /// Down until then, or held up until then.
    pub down_until: u64,
    pub paused_until: u64,
    /// Virtual time that its runtime has yet to live through.
    lag: u64,
}

struct Life {
    hub: Hub,
    runtime: Runtime,
    line: Arc<Line>,
    /// It ends in order; how long it stays down afterwards.
    draining: Option<(JoinHandle<()>, u64)>,
}

impl Node {
    pub fn new(number: usize, clock: NodeClock) -> Self {
        Self {
            number,
            clock,
            renamed: 0,
            life: None,
            down_until: 0,
            paused_until: 0,
            lag: 0,
        }
    }

    pub fn start(&mut self, life: u64, limits: HubLimits, store: &Arc<Store>, net: &Arc<Net>) {
        let options = &net.options;
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let fuse = Fuse::new(net.trace.clone());
        let client = Arc::new(Client {
            store: store.clone(),
            life,
            fuse: fuse.clone(),
        });
        let salt = self.number as u64 * 1_000_003 + life;
        let parts = HubParts {
            journal: client.clone(),
            wakeups: client,
            clock: Arc::new(self.clock.clone()),
            limits,
            salt,
        };
        let name = match self.renamed {
            0 => format!("hub-{}", self.number),
            times => format!("hub-{}-{times}", self.number),
        };
        let node = NodeId::parse(&name).expect("a node id");
        let line = Arc::new(Line {
            net: net.clone(),
            node: node.clone(),
            number: self.number,
            life,
            fuse,
        });
        let hub = if options.clustered() {
            let peers = PeerParts {
                bus: Arc::new(Held(line.clone())),
                node,
                // As the product has it: the time of the start, by a clock that may have been set back.
                incarnation: self.clock.now().0,
                limits: options.bus_limits(self.number),
            };
            runtime.block_on(Hub::start_among(parts, peers))
        } else {
            runtime.block_on(Hub::start(parts))
        };
        self.life = Some(Life {
            hub: hub.expect("a hub starts"),
            runtime,
            line,
            draining: None,
        });
        self.lag = 0;
    }

    pub fn crash(&mut self) {
        if let Some(life) = self.life.take() {
            life.line.net.forget(self.number);
        }
        self.paused_until = 0;
    }

    /// Begins to end in order.
    pub fn drain(&mut self, down: u64) {
        if let Some(life) = self.life.as_mut().filter(|life| life.draining.is_none()) {
            let hub = life.hub.clone();
            let drained = life.runtime.spawn(async move { hub.drain().await });
            life.draining = Some((drained, down));
        }
    }

    pub fn is_draining(&self) -> bool {
        self.life
            .as_ref()
            .is_some_and(|life| life.draining.is_some())
    }

    /// How long it is to stay down, once it has ended in order.
    pub fn drained(&self) -> Option<u64> {
        let (drained, down) = self.life.as_ref()?.draining.as_ref()?;
        drained.is_finished().then_some(*down)
    }

    pub fn fuse(&self) -> Option<&Fuse> {
        self.life.as_ref().map(|life| &life.line.fuse)
    }

    /// Which life it lives.
    pub fn life(&self) -> Option<u64> {
        self.life.as_ref().map(|life| life.line.life)
    }

    pub fn hub(&self) -> Option<(&Hub, &Handle)> {
        let life = self.life.as_ref()?;
        Some((&life.hub, life.runtime.handle()))
    }

    /// Takes in what has arrived and lets so many milliseconds pass. For a node that stood still they pass all at once.
    pub fn step(&mut self, millis: u64) {
        self.lag += millis;
        let now = self.clock.now.load(Ordering::Relaxed);
        if self.paused_until > now {
            return;
        }
        let stood = std::mem::take(&mut self.paused_until) > 0;
        let Some(life) = &self.life else {
            return;
        };
        let net = &life.line.net;
        let pass = Duration::from_millis(std::mem::take(&mut self.lag));
        if stood {
            net.overflow(self.number);
            life.runtime.block_on(tokio::time::advance(pass));
        }
        let context = life.runtime.enter();
        while let Some((inbox, content)) = net.next(self.number) {
            deliver(&life.line, &inbox, content);
        }
        drop(context);
        if !stood {
            let sleep = async move { tokio::time::sleep(pass).await };
            life.runtime.block_on(sleep);
        }
    }
}
