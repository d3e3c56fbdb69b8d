//! Entities change their owner by plan: the next one has read them before the old one stops.
//!
//! A node that goes has what it owns read by the next owners, at a pace and those asked last first; then it
//! stops, and says so last. A node that comes owns nothing at first: the others have it read what it will
//! own while they serve on, and then it says that it takes entities. What is appended meanwhile the next
//! owner reads right before its first command. All of this only saves time; the journal decides.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::nodes::Part;
use super::peers::Peers;
use super::placement::Placement;
use crate::bus::Reply;
use crate::bus::frame::Frame;
use crate::ids::{EntityId, NodeId};

/// How long commands of an entity that is about to sleep here are held before they are sent elsewhere.
const STOP_WAIT: Duration = Duration::from_millis(500);
/// How often that is looked at.
const STOP_LOOK: Duration = Duration::from_millis(2);
/// The same for all entities that are not this node's any more.
const LET_GO_LOOK: Duration = Duration::from_millis(50);
/// A node that comes listens so many beats until it knows the others.
const BEATS_TO_KNOW: u64 = 1;

impl Peers {
    /// Begins to take entities, once those that it will own are ready here.
    pub(super) fn come(&self) {
        let Some(me) = self.itself.upgrade() else {
            return;
        };
        tokio::spawn(async move {
            let until = Instant::now() + Duration::from_millis(me.limits.handoff_ms);
            while !me.bus.is_connected() && Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(me.limits.heartbeat_ms)).await;
            }
            let listen = Duration::from_millis(me.limits.heartbeat_ms * BEATS_TO_KNOW);
            tokio::time::sleep(listen).await;
            me.ask_for_what_will_be_mine(until).await;
            me.nodes.lock().take();
            me.show_part();
            me.beat();
            // What it did in nobody's name while there was no owner.
            me.let_go_of_others().await;
            me.look_at_all(me.limits.look_within_ms);
        });
    }

    async fn ask_for_what_will_be_mine(&self, until: Instant) {
        let frame = Frame::Coming {
            node: self.me.clone(),
        };
        let bytes = self.encoded(&frame);
        let others = self.known();
        let wait = until.saturating_duration_since(Instant::now());
        let asked = others.iter().map(|node| {
            let trace = self.traces.begin();
            self.bus.request(node, trace, bytes.clone(), wait)
        });
        let answers = join_all(asked).await;
        let silent = answers.iter().filter(|answer| answer.is_err()).count();
        tracing::info!(
            others = others.len(),
            silent,
            "this node takes entities from now on"
        );
    }

    pub(super) fn show_part(&self) {
        let takes = self.nodes.lock().part() == Part::Taking;
        metrics::gauge!("mussikon_takes_entities").set(f64::from(u8::from(takes)));
    }

    /// Another node is about to take entities: it reads what will be its own while this node serves on.
    pub(super) fn welcome(&self, node: NodeId, done: bytes::Bytes, reply: Reply) {
        let Some(me) = self.itself.upgrade() else {
            return;
        };
        tokio::spawn(async move {
            let (next, is_known) = {
                let nodes = me.nodes.lock();
                (
                    nodes.placement_with(&node),
                    nodes.peers().contains_key(&node),
                )
            };
            if is_known {
                me.coming.lock().insert(node.clone());
            }
            me.make_ready(&next, Some(&node)).await;
            reply(done);
        });
    }

    /// A node takes entities: what is its own now is made ready there unless that was done before, and sleeps here.
    pub(super) fn hand_over(&self, node: NodeId) {
        let prepared = self.coming.lock().remove(&node);
        let Some(me) = self.itself.upgrade() else {
            return;
        };
        tokio::spawn(async move {
            if !prepared {
                let next = me.nodes.lock().placement().clone();
                me.make_ready(&next, Some(&node)).await;
            }
            me.let_go_of_others().await;
        });
    }

    /// What is not this node's any more sleeps here as soon as it has finished.
    async fn let_go_of_others(&self) {
        let until = Instant::now() + STOP_WAIT;
        let all_sleep = || self.directories.let_go(|entity| !self.owns(entity));
        while !all_sleep() && Instant::now() < until {
            tokio::time::sleep(LET_GO_LOOK).await;
        }
    }

    /// Says that this node takes nothing more, once what it has is ready elsewhere and sleeps here.
    pub(crate) async fn retire(&self) {
        let next = self.nodes.lock().placement_without_me();
        self.make_ready(&next, None).await;
        // From now on commands are sent elsewhere, but not before their entity has finished here.
        self.nodes.lock().drain();
        self.show_part();
        let until = Instant::now() + STOP_WAIT;
        while !self.directories.drain() && Instant::now() < until {
            tokio::time::sleep(STOP_LOOK).await;
        }
        self.beat();
    }

    /// Has next owners read what is awake here and will be theirs; with `only`, what goes to that node.
    async fn make_ready(&self, next: &Placement, only: Option<&NodeId>) {
        let until = Instant::now() + Duration::from_millis(self.limits.handoff_ms);
        let goes = |entity: EntityId| {
            let owner = next.owner(&entity).filter(|owner| **owner != self.me)?;
            let meant = only.is_none_or(|only| only == owner);
            meant.then(|| (owner.clone(), entity))
        };
        let awake = self.directories.entities().into_iter();
        let going: Vec<(NodeId, EntityId)> = awake.filter_map(goes).collect();
        let per_second = u64::from(self.limits.handoffs_per_second.max(1));
        let mut told = 0;
        for part in going.chunks(self.limits.handoffs_at_once.max(1)) {
            let pause = Duration::from_millis(1_000 * part.len() as u64 / per_second);
            let paced = Instant::now() + pause;
            self.tell_next_owners(part, until).await;
            told += part.len();
            if Instant::now() >= until {
                break;
            }
            if told < going.len() {
                tokio::time::sleep_until(paced.min(until)).await;
            }
        }
        if !going.is_empty() {
            tracing::info!(told, of = going.len(), "entities made ready elsewhere");
        }
    }

    async fn tell_next_owners(&self, part: &[(NodeId, EntityId)], until: Instant) {
        let mut next: BTreeMap<&NodeId, Vec<EntityId>> = BTreeMap::new();
        for (owner, entity) in part {
            next.entry(owner).or_default().push(entity.clone());
        }
        // A node that ends meanwhile may never answer; the next part does not wait for it.
        let left = until.saturating_duration_since(Instant::now());
        let wait = left.min(Duration::from_millis(self.limits.forward_ms));
        let told = next.into_iter().map(|(owner, entities)| {
            metrics::counter!("mussikon_handoffs_total").increment(entities.len() as u64);
            let bytes = self.encoded(&Frame::Warm { entities });
            let asked = self.bus.request(owner, self.traces.begin(), bytes, wait);
            async move {
                if let Err(error) = asked.await {
                    tracing::debug!(%owner, %error, "the next owner was not told; it reads when asked");
                }
            }
        });
        join_all(told).await;
    }

    /// Reads entities that are about to be this node's, then answers.
    pub(super) fn read_ahead(&self, entities: Vec<EntityId>, done: bytes::Bytes, reply: Reply) {
        let directories = self.directories.clone();
        tokio::spawn(async move {
            // At most so many at once as the sender's configuration has it; what cannot be admitted is not ready.
            join_all(entities.iter().map(|entity| directories.ready(entity))).await;
            reply(done);
        });
    }

    /// Sends a command elsewhere as soon as its entity has finished here, so that the next owner is not met by an
    /// append under way.
    pub(super) fn turn_away(&self, entity: EntityId, answer: bytes::Bytes, reply: Reply) {
        let (Ok(place), Some(me)) = (
            self.commands.clone().try_acquire_owned(),
            self.itself.upgrade(),
        ) else {
            return reply(answer);
        };
        tokio::spawn(async move {
            me.until_asleep(&entity).await;
            reply(answer);
            drop(place);
        });
    }

    /// Waits a bounded time until an entity sleeps here.
    pub(super) async fn until_asleep(&self, entity: &EntityId) {
        let until = Instant::now() + STOP_WAIT;
        while self.directories.is_awake(entity) && Instant::now() < until {
            tokio::time::sleep(STOP_LOOK).await;
        }
    }
}
