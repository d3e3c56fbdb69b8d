//! Entity → actor on this node: spawned on demand, admitted, put to sleep when idle, paced after failures.

mod alarms;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use ractor::{Actor, ActorCell, ActorId, ActorRef, ActorRuntime};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::admission::{Gate, NodeGate, Permit};
use super::journaled::{Journaled, Msg};
use super::pipeline::Readying;
use super::supervisor::Supervisor;
use super::{AskError, CommitSink, Errands, RuntimeLimits, Tally};
use crate::clock::Clock;
use crate::ids::EntityId;
use crate::journal::{Journal, Wakeups};
use crate::machines::Machine;

/// What journaled actors of one kind share.
pub struct Deps<M: Machine> {
    /// Durable storage.
    pub journal: Arc<dyn Journal>,
    /// Durable alarms.
    pub wakeups: Arc<dyn Wakeups>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Where durable events go.
    pub sink: Arc<dyn CommitSink<M>>,
    /// What carries errands out.
    pub errands: Arc<dyn Errands>,
    /// Bounds of the runtime.
    pub limits: Arc<RuntimeLimits>,
    /// Bounds of the machine's rules.
    pub rules: Arc<M::Limits>,
    /// Any number that no other life of any node has: rows are marked with what is derived from it.
    pub salt: u64,
}

/// All awake entities of one kind on one node.
pub struct Directory<M: Machine>(Arc<Inner<M>>);

impl<M: Machine> Clone for Directory<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

pub(crate) struct Inner<M: Machine> {
    deps: Arc<Deps<M>>,
    awake: DashMap<EntityId, Resident<M>>,
    by_actor: DashMap<ActorId, EntityId>,
    failures: DashMap<EntityId, Failure>,
    count: AtomicUsize,
    lives: AtomicU64,
    node: Arc<NodeGate>,
    draining: AtomicBool,
    leaving: Arc<AtomicBool>,
    tally: Arc<Tally>,
    supervisor: ActorCell,
    started: Instant,
}

struct Resident<M: Machine> {
    mailbox: ActorRef<Msg<M>>,
    gate: Arc<Gate>,
    tally: Arc<Tally>,
    /// In milliseconds of the directory's life.
    used: AtomicU64,
}

#[derive(Clone, Copy)]
struct Failure {
    in_a_row: u32,
    /// In milliseconds of the directory's life.
    until: u64,
}

/// Failed entities remembered for pacing; beyond it the pace of the rest is not kept.
const MAX_FAILURES: usize = 10_000;

impl<M: Machine> Directory<M> {
    /// A directory with nobody awake, and its supervisor.
    pub async fn start(deps: Deps<M>) -> Result<Self, ractor::SpawnErr> {
        let node = NodeGate::new(deps.limits.node_bytes, deps.limits.entities);
        Self::start_beside(deps, node).await
    }

    /// The same of a node that has others: what bounds the node bounds all of them together.
    pub async fn start_beside(
        deps: Deps<M>,
        node: Arc<NodeGate>,
    ) -> Result<Self, ractor::SpawnErr> {
        // The supervisor knows the directory weakly and the directory the supervisor's cell: the slot
        // is filled once both exist.
        let slot = Arc::new(std::sync::OnceLock::new());
        let directory = slot.clone();
        let (supervisor, _) = Actor::spawn(None, Supervisor { directory }, ()).await?;
        let inner = Arc::new(Inner {
            node,
            deps: Arc::new(deps),
            awake: DashMap::new(),
            by_actor: DashMap::new(),
            failures: DashMap::new(),
            count: AtomicUsize::new(0),
            lives: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            leaving: Arc::default(),
            tally: Arc::default(),
            supervisor: supervisor.get_cell(),
            started: Instant::now(),
        });
        let filled = slot.set(Arc::downgrade(&inner));
        debug_assert!(filled.is_ok(), "the slot is filled once");
        Ok(Self(inner))
    }

    /// Asks an entity; wakes it if it sleeps. The answer comes after whatever it rests on is durable.
    pub async fn ask(
        &self,
        entity: &EntityId,
        command: M::Command,
        bytes: usize,
    ) -> Result<M::Reply, AskError<M::Rejection>> {
        let answer = self.0.send(entity, command, bytes)?;
        let limit = Duration::from_millis(self.0.deps.limits.ask_timeout_ms);
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(answer)) => answer,
            // The actor ended with the command in hand, or is still at it.
            Ok(Err(_)) | Err(_) => Err(AskError::OutcomeUnknown),
        }
    }

    /// Puts to sleep what was idle for long enough. To be called about once a second.
    pub fn passivate_idle(&self) {
        let now = self.0.age_ms();
        let idle = self.0.deps.limits.idle_ms;
        self.0.passivate(|_, used| now.saturating_sub(used) >= idle);
        let lately = |failure: &Failure| now.saturating_sub(failure.until) < 60_000;
        self.0.failures.retain(|_, failure| lately(failure));
    }

    /// Reads an entity's state for whoever will ask; true once that is done. What cannot be made ready now is
    /// woken when it is asked.
    pub async fn ready(&self, entity: &EntityId) -> bool {
        if entity.kind != M::KIND || self.0.draining.load(Ordering::Acquire) {
            return false;
        }
        let Ok((mailbox, permit)) = self.0.enter(entity, 0) else {
            return false;
        };
        let (done, ready) = oneshot::channel();
        let told = mailbox.cast(Msg::Ready(Readying { done, permit }));
        told.is_ok() && ready.await.is_ok()
    }

    /// The entities that are awake, in no order, each behind when it was asked last: sorted, the last comes first.
    pub fn used(&self) -> Vec<(Reverse<u64>, EntityId)> {
        let mut awake = Vec::with_capacity(self.awake());
        for resident in &self.0.awake {
            let used = resident.used.load(Ordering::Relaxed);
            awake.push((Reverse(used), resident.key().clone()));
        }
        awake
    }

    /// Whether an entity is awake.
    pub fn is_awake(&self, entity: &EntityId) -> bool {
        self.0.awake.contains_key(entity)
    }

    /// Puts those entities to sleep that nobody asks anything just now; true once all of them sleep.
    #[allow(
        clippy::disallowed_methods,
        reason = "whether there is any does not depend on the order"
    )]
    pub fn let_go(&self, which: impl Fn(&EntityId) -> bool) -> bool {
        self.0.passivate(|entity, _| which(entity));
        !self.0.awake.iter().any(|resident| which(resident.key()))
    }

    /// Entities awake.
    pub fn awake(&self) -> usize {
        self.0.count.load(Ordering::Relaxed)
    }

    /// What happened to an entity since it woke; `None` if it sleeps.
    pub fn tally_of(&self, entity: &EntityId) -> Option<Arc<Tally>> {
        self.0
            .awake
            .get(entity)
            .map(|resident| resident.tally.clone())
    }

    /// What happened to all entities since this node began.
    pub fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// This node goes: from now on commands that another node keeps it from writing are given up.
    pub fn leave(&self) {
        self.0.leaving.store(true, Ordering::Release);
    }

    /// Takes no new commands from now on and puts everything to sleep; true once nobody is awake. Commands that wait here
    /// are finished, unless another node has begun to write their entity: then they are unavailable.
    pub fn drain(&self) -> bool {
        self.leave();
        self.0.draining.store(true, Ordering::Release);
        self.0.passivate(|_, _| true);
        self.awake() == 0
    }
}

type Refused<M> = AskError<<M as Machine>::Rejection>;
type Answer<M> = Result<<M as Machine>::Reply, Refused<M>>;
type Place<M> = Result<(ActorRef<Msg<M>>, Permit), Refused<M>>;

impl<M: Machine> Inner<M> {
    fn send(
        self: &Arc<Self>,
        entity: &EntityId,
        command: M::Command,
        bytes: usize,
    ) -> Result<oneshot::Receiver<Answer<M>>, Refused<M>> {
        if self.draining.load(Ordering::Acquire) {
            return Err(self.unavailable("this node is draining"));
        }
        let (mailbox, permit) = self.enter(entity, bytes)?;
        let (reply, answer) = oneshot::channel();
        let message = Msg::Ask {
            command,
            reply,
            permit,
        };
        match mailbox.cast(message) {
            Ok(()) => Ok(answer),
            Err(_) => {
                // It ended before it was known here; whoever comes next wakes it anew.
                self.ended(mailbox.get_id(), None);
                Err(self.unavailable("the entity is restarting"))
            }
        }
    }

    /// How long the directory lives; no jump of the wall clock reaches it.
    fn age_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// The permit is taken under the shard's lock, and so is the decision to put an entity to sleep:
    /// nobody can slip in between.
    fn enter(self: &Arc<Self>, entity: &EntityId, bytes: usize) -> Place<M> {
        let overloaded = || AskError::Overloaded {
            retry_after: crate::journal::RETRY_AFTER,
        };
        let now = self.age_ms();
        if let Some(resident) = self.awake.get(entity) {
            resident.used.store(now, Ordering::Relaxed);
            let permit = resident.gate.try_enter(bytes).ok_or_else(overloaded)?;
            return Ok((resident.mailbox.clone(), permit));
        }
        self.wake(entity, bytes)
    }

    fn wake(self: &Arc<Self>, entity: &EntityId, bytes: usize) -> Place<M> {
        let overloaded = || AskError::Overloaded {
            retry_after: crate::journal::RETRY_AFTER,
        };
        let now = self.age_ms();
        if let Some(failure) = self.failures.get(entity)
            && failure.until > now
        {
            return Err(AskError::Unavailable {
                retry_after: Duration::from_millis(failure.until - now),
                reason: "the entity failed and rests before it is tried again".into(),
            });
        }
        match self.awake.entry(entity.clone()) {
            Entry::Occupied(entry) => {
                let resident = entry.get();
                let permit = resident.gate.try_enter(bytes).ok_or_else(overloaded)?;
                Ok((resident.mailbox.clone(), permit))
            }
            Entry::Vacant(entry) => {
                if self.node.is_full() {
                    return Err(overloaded());
                }
                let limits = &self.deps.limits;
                let gate = Gate::new(
                    limits.mailbox_commands,
                    limits.mailbox_bytes,
                    self.node.clone(),
                );
                let permit = gate.try_enter(bytes).ok_or_else(overloaded)?;
                let tally = Tally::part_of(self.tally.clone());
                let actor = Journaled {
                    entity: entity.clone(),
                    deps: self.deps.clone(),
                    mark: self.next_mark(),
                    tally: tally.clone(),
                    leaving: self.leaving.clone(),
                    gate: gate.clone(),
                };
                let supervisor = self.supervisor.clone();
                let (mailbox, _) = ActorRuntime::spawn_linked_instant(None, actor, (), supervisor)
                    .map_err(|e| self.unavailable(&e.to_string()))?;
                self.by_actor.insert(mailbox.get_id(), entry.key().clone());
                self.count.fetch_add(1, Ordering::AcqRel);
                self.node.woke();
                entry.insert(Resident {
                    mailbox: mailbox.clone(),
                    gate,
                    tally,
                    used: AtomicU64::new(now),
                });
                Ok((mailbox, permit))
            }
        }
    }

    /// A number for one life of one entity: no row of another life, here or on another node, bears it.
    fn next_mark(&self) -> u64 {
        let life = self.lives.fetch_add(1, Ordering::Relaxed);
        self.deps
            .salt
            .wrapping_add(life.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn unavailable(&self, reason: &str) -> Refused<M> {
        AskError::Unavailable {
            retry_after: Duration::from_millis(self.deps.limits.restart_first_ms),
            reason: reason.to_owned(),
        }
    }

    fn passivate(&self, idle: impl Fn(&EntityId, u64) -> bool) {
        let mut asleep = BTreeMap::new();
        self.awake.retain(|entity, resident| {
            let used = resident.used.load(Ordering::Relaxed);
            let sleepy = resident.gate.is_idle() && idle(entity, used);
            if sleepy {
                self.by_actor.remove(&resident.mailbox.get_id());
                self.count.fetch_sub(1, Ordering::AcqRel);
                self.node.slept();
                asleep.insert(entity.clone(), resident.mailbox.clone());
            }
            !sleepy
        });
        metrics::counter!("mussikon_passivations_total").increment(asleep.len() as u64);
        // Idle by the gate means that nobody waits, and nobody can find it any more. In order of ids, for
        // the map's own order differs between runs.
        for mailbox in asleep.into_values() {
            mailbox.stop(Some("idle".into()));
        }
    }

    /// An actor ended. One that was put to sleep is no longer known here.
    pub(crate) fn ended(&self, actor: ActorId, failure: Option<String>) {
        let Some((_, entity)) = self.by_actor.remove(&actor) else {
            return;
        };
        let removed = self
            .awake
            .remove_if(&entity, |_, resident| resident.mailbox.get_id() == actor);
        if removed.is_some() {
            self.count.fetch_sub(1, Ordering::AcqRel);
            self.node.slept();
        }
        let Some(error) = failure else {
            return;
        };
        metrics::counter!("mussikon_entity_failures_total").increment(1);
        self.deps.sink.failed(&entity);
        let now = self.age_ms();
        let in_a_row = self.failures.get(&entity).map_or(0, |f| f.in_a_row);
        let limits = &self.deps.limits;
        let pause = limits
            .restart_first_ms
            .saturating_mul(1 << in_a_row.min(16))
            .min(limits.restart_max_ms);
        tracing::error!(%entity, error, in_a_row, pause_ms = pause, "entity failed");
        if self.failures.len() < MAX_FAILURES {
            self.failures.insert(
                entity,
                Failure {
                    in_a_row: in_a_row + 1,
                    until: now.saturating_add(pause),
                },
            );
        }
    }
}
