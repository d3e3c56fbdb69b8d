//! This node among others: what it holds to live with them, and the beat at which it does so.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::directories::Directories;
use super::fanout::Fanout;
use super::interest::Heard;
use super::looks::{Look, Looks};
use super::nodes::{Change, NodeSet, Part};
use super::relay::{Relay, Teller};
use super::repeats::Repeats;
use crate::bus::frame::{self, Beat, Frame, Here};
use crate::bus::{
    Bus, BusEvent, BusLimits, Inbox, Message, Published, Reply, Subject, Trace, Traces,
};
use crate::ids::{EntityId, NodeId, Timestamp};
use crate::journal::Head;
use crate::mutation::{self, Mutation};

const TICK: Duration = Duration::from_millis(25);
/// Looks begun in one tick at most; the rest waits for the next.
const LOOKS_PER_TICK: usize = 512;
/// Looks may be so much later than planned, in milliseconds.
const LOOKS_LATE_MS: u64 = 1_000;
/// After a look that failed, in milliseconds.
const LOOK_AGAIN_MS: u64 = 1_000;
/// Another node with this node's name is taken to be gone after so long, in milliseconds.
const NAMESAKE_MS: u64 = 10_000;

/// What a node needs to live with others.
pub struct PeerParts {
    /// The way to them.
    pub bus: Arc<dyn Bus>,
    /// This node's name.
    pub node: NodeId,
    /// Greater than in every earlier life of this node.
    pub incarnation: u64,
    /// Bounds and paces.
    pub limits: BusLimits,
}

/// One node among others.
pub struct Peers {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) me: NodeId,
    pub(super) incarnation: u64,
    pub(super) limits: BusLimits,
    pub(super) traces: Traces,
    pub(super) fanout: Arc<Fanout>,
    pub(super) directories: Directories,
    pub(super) nodes: Mutex<NodeSet>,
    pub(super) interests: Mutex<Heard>,
    /// Heads that are said again.
    pub(super) tails: Mutex<Repeats<Head>>,
    /// That nobody is present here any more is said again, too: of a feed without readers nothing else would be.
    pub(super) farewells: Mutex<Repeats<Here>>,
    pub(super) looks: Mutex<Looks>,
    /// Places for commands of others.
    pub(super) commands: Arc<Semaphore>,
    /// Nodes that asked for what will be theirs and do not take entities yet.
    pub(super) coming: Mutex<BTreeSet<NodeId>>,
    /// When another node was heard last that has this node's name; 0 for never.
    namesake: AtomicU64,
    /// Looks until then come of words that may have been lost: others are asked to say again who is present with them.
    asks_until: AtomicU64,
    /// Until then the words of others are in doubt.
    lost_until: AtomicU64,
    started: tokio::time::Instant,
    pub(super) itself: Weak<Peers>,
}

/// When what comes at a pace is due next.
#[derive(Default)]
struct Rhythm {
    beat: Timestamp,
    round: Timestamp,
}

impl Peers {
    /// A node that is not on the bus yet.
    pub(crate) fn new(
        parts: PeerParts,
        fanout: Arc<Fanout>,
        directories: Directories,
        salt: u64,
    ) -> Arc<Self> {
        let limits = parts.limits;
        Arc::new_cyclic(|itself| Self {
            nodes: Mutex::new(NodeSet::new(parts.node.clone(), limits.gone_ms)),
            bus: parts.bus,
            me: parts.node,
            incarnation: parts.incarnation,
            traces: Traces::new(salt),
            fanout,
            directories,
            interests: Mutex::new(Heard::new(limits.clone())),
            tails: Mutex::default(),
            farewells: Mutex::default(),
            looks: Mutex::default(),
            commands: Arc::new(Semaphore::new(limits.commands.max(1))),
            coming: Mutex::default(),
            limits,
            namesake: AtomicU64::new(0),
            asks_until: AtomicU64::new(0),
            lost_until: AtomicU64::new(0),
            started: tokio::time::Instant::now(),
            itself: itself.clone(),
        })
    }

    /// Tells the others what becomes durable here.
    pub(crate) fn relay(self: &Arc<Self>) -> Arc<dyn Relay> {
        Arc::new(Teller(Arc::downgrade(self)))
    }

    /// Joins the others. Once.
    pub(crate) fn join(self: &Arc<Self>) {
        if !self.fanout.among(Arc::downgrade(self)) {
            return tracing::error!("a node joined its bus twice");
        }
        metrics::gauge!("mussikon_nodes").set(1.0);
        self.bus.attach(Arc::new(Door(Arc::downgrade(self))));
        self.come();
        let me = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut rhythm = Rhythm::default();
            while let Some(me) = me.upgrade() {
                me.turn(&mut rhythm);
                drop(me);
                tokio::time::sleep(TICK).await;
            }
        });
    }

    /// Milliseconds of this life; no jump of the wall clock reaches it.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp(self.started.elapsed().as_millis() as u64)
    }

    fn turn(&self, rhythm: &mut Rhythm) {
        let now = self.now();
        if now >= rhythm.beat {
            let late = now.since(rhythm.beat);
            rhythm.beat = now.plus_millis(self.limits.heartbeat_ms);
            self.beat();
            if late >= self.limits.gone_ms {
                // This node stood still: others took it for dead, and it knows little of what went on.
                tracing::warn!(late_ms = late, "this node stood still");
                self.words_were_lost();
            }
        }
        if now >= rhythm.round {
            // Whoever hears nothing looks more often.
            let pause = if self.bus.is_connected() {
                self.limits.look_every_ms
            } else {
                self.limits.look_within_ms
            };
            rhythm.round = now.plus_millis(pause);
            self.plan_looks(pause);
        }
        self.tick(now);
    }

    fn tick(&self, now: Timestamp) {
        let changes = self.nodes.lock().tick(now);
        self.changed(changes);
        self.pace();
        self.repeat_last_words(now);
        let every = self.limits.look_every_ms;
        let looks = self.looks.lock().tick(now, every, LOOKS_PER_TICK);
        // What was not said again in three rounds is not so any more.
        let stale = Timestamp(now.0.saturating_sub(3 * every));
        let ask = now.0 <= self.asks_until.load(Ordering::Relaxed);
        // While this node is cut off it asks nobody.
        let lost = now.0 <= self.lost_until.load(Ordering::Relaxed) || !self.bus.is_connected();
        // Others, who may have been cut off for longer, say everything within a round of their own; who is silent is gone.
        let patience = (2 * self.limits.look_within_ms).max(self.limits.gone_ms);
        for Look { entity, settled } in looks {
            if let Some(room) = entity.as_room() {
                let doubts = self.fanout.doubt_words(&room, now, lost, patience);
                self.fanout
                    .freshen_presence(&room, stale, ask || settled || doubts);
                if doubts {
                    let soon = now.plus_millis(patience / 2);
                    self.looks.lock().plan(entity.clone(), soon);
                }
            }
            self.fanout.look(entity);
        }
    }

    /// Says that this node is there.
    pub(super) fn beat(&self) {
        let awake = self.directories.awake() as u64;
        let beat = Beat {
            node: self.me.clone(),
            incarnation: self.incarnation,
            draining: self.nodes.lock().part() != Part::Taking,
            writes: self.limits.format,
            reads: frame::NEWEST,
            awake,
        };
        self.send(Subject::Nodes, &Frame::Beat(beat), self.traces.begin());
    }

    pub(super) fn send(&self, to: Subject, frame: &Frame, trace: Trace) -> Published {
        self.bus.publish(to, trace, self.encoded(frame))
    }

    /// A message as this node writes it.
    pub(super) fn encoded(&self, frame: &Frame) -> Bytes {
        frame::encode(frame, self.limits.format, &self.me)
    }

    /// Another view of the node set: entities with subscribers here are looked at, for some have a new owner, and those that
    /// are awake handed over.
    pub(super) fn changed(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        metrics::gauge!("mussikon_nodes").set((self.nodes.lock().peers().len() + 1) as f64);
        for change in &changes {
            match change {
                Change::Joined(node) => {
                    tracing::info!(%node, "a node takes entities");
                    self.hand_over(node.clone());
                }
                Change::Retired(node) => tracing::info!(%node, "a node takes no more entities"),
                Change::Left(node) => {
                    tracing::warn!(%node, "a node is gone");
                    self.coming.lock().remove(node);
                    if !mutation::is_on(Mutation::KeepTheGone) {
                        self.fanout.forget_node(node, &self.entities());
                    }
                }
            }
        }
        self.look_at_all(self.limits.look_within_ms);
    }

    /// Words may have been lost: the heads of all entities with subscribers here are looked at, once each, within so many
    /// milliseconds, and others are asked who is present with them.
    pub(super) fn look_at_all(&self, within: u64) {
        if mutation::is_on(Mutation::SkipLooks) {
            return;
        }
        self.asks_until
            .fetch_max(self.end_of_looks(within).0, Ordering::Relaxed);
        self.plan_looks(within);
    }

    /// The same when they were lost for certain, perhaps those that nobody says again, too.
    fn words_were_lost(&self) {
        let within = self.limits.look_within_ms;
        self.lost_until
            .fetch_max(self.end_of_looks(within).0, Ordering::Relaxed);
        self.look_at_all(within);
    }

    /// When looks that are planned now are over.
    fn end_of_looks(&self, within: u64) -> Timestamp {
        self.now().plus_millis(within + LOOKS_LATE_MS)
    }

    fn plan_looks(&self, within: u64) {
        let (entities, now) = (self.entities(), self.now());
        self.looks.lock().spread(entities, now, within);
    }

    /// A look failed: there is one more, soon.
    pub(super) fn look_again(&self, entity: EntityId) {
        let soon = self.now().plus_millis(LOOK_AGAIN_MS);
        self.looks.lock().plan(entity, soon);
    }

    /// Another node says that it is this one.
    pub(super) fn meet_namesake(&self) {
        let now = self.now().0.max(1);
        let before = self.namesake.swap(now, Ordering::Relaxed);
        if before == 0 || now - before > NAMESAKE_MS {
            tracing::error!(node = %self.me, "another node has the same name: give each its own node_id");
        }
    }

    /// What keeps this node from living well with others, in words.
    pub fn trouble(&self) -> Option<&'static str> {
        let met = self.namesake.load(Ordering::Relaxed);
        if met > 0 && self.now().0 - met <= NAMESAKE_MS {
            return Some("another node has the same node_id");
        }
        (!self.bus.is_connected()).then_some("cut off from the other nodes")
    }

    /// The other nodes that are there.
    pub fn others(&self) -> usize {
        self.nodes.lock().peers().len()
    }

    fn event(&self, event: BusEvent) {
        let now = self.now();
        match event {
            BusEvent::Connected => {
                self.nodes.lock().connected(now);
                self.beat();
                self.words_were_lost();
            }
            BusEvent::Disconnected => self.nodes.lock().disconnected(),
            BusEvent::SlowConsumer => self.words_were_lost(),
        }
        metrics::gauge!("mussikon_bus_connected").set(f64::from(u8::from(self.bus.is_connected())));
    }
}

/// What the bus holds of a node: nothing that keeps it alive.
struct Door(Weak<Peers>);

impl Inbox for Door {
    fn hint(&self, to: Subject, message: Message) {
        if let Some(peers) = self.0.upgrade() {
            peers.hear(to, &message);
        }
    }

    fn request(&self, message: Message, reply: Reply) {
        if let Some(peers) = self.0.upgrade() {
            peers.serve(message, reply);
        }
    }

    fn changed(&self, event: BusEvent) {
        if let Some(peers) = self.0.upgrade() {
            peers.event(event);
        }
    }
}
