//! The kinds of entities that this node runs, a directory for each: asked by type, or by the kind that an id names.

use std::any::Any;
use std::cmp::Reverse;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wire;
use crate::ids::{EntityId, EntityKind, Timestamp};
use crate::journal::RETRY_AFTER;
use crate::machines::{Machine, Wish};
use crate::runtime::admission::NodeGate;
use crate::runtime::{AskError, Directory, RuntimeLimits, Tally};

/// A machine whose wishes and answers can travel between nodes. Every machine is one whose words can be written.
pub trait Hosted:
    Machine<Command: Wish, Reply: Serialize + DeserializeOwned, Rejection: Serialize + DeserializeOwned>
{
}

impl<M> Hosted for M
where
    M: Machine,
    M::Command: Wish,
    M::Reply: Serialize + DeserializeOwned,
    M::Rejection: Serialize + DeserializeOwned,
{
}

/// The directories of one node. Clones share them.
#[derive(Clone)]
pub struct Directories {
    hosts: Arc<[OnceLock<Box<dyn Host>>; EntityKind::ALL.len()]>,
    gate: Arc<NodeGate>,
}

/// What a forwarded wish came to.
pub(super) struct Served {
    /// The answer, in the entity's own form.
    pub answer: Bytes,
    /// The entity took it.
    pub well: bool,
    /// It could not serve: nothing was begun.
    pub unavailable: bool,
}

impl Directories {
    /// None yet, of a node with these bounds.
    pub fn new(limits: &RuntimeLimits) -> Self {
        Self {
            hosts: Arc::default(),
            gate: NodeGate::new(limits.node_bytes, limits.entities),
        }
    }

    /// What bounds the entities of all kinds together.
    pub fn gate(&self) -> &Arc<NodeGate> {
        &self.gate
    }

    /// This node runs one more kind of entity, from now on. False if it does already.
    pub fn host<M: Hosted>(&self, directory: Directory<M>) -> bool {
        self.hosts[M::KIND.number()]
            .set(Box::new(directory))
            .is_ok()
    }

    /// The directory of a machine, if it runs here.
    pub fn of<M: Hosted>(&self) -> Option<&Directory<M>> {
        let host = self.kind(M::KIND)? as &dyn Any;
        host.downcast_ref()
    }

    /// Asks an entity on this node.
    pub async fn ask<M: Hosted>(
        &self,
        entity: &EntityId,
        command: M::Command,
    ) -> Result<M::Reply, AskError<M::Rejection>> {
        let bytes = command.weight();
        match self.of::<M>() {
            Some(directory) => directory.ask(entity, command, bytes).await,
            None => Err(AskError::Unavailable {
                retry_after: RETRY_AFTER,
                reason: "this node does not run such entities yet".into(),
            }),
        }
    }

    /// Begins with a wish of another node; `None` if this one does not understand it.
    pub(super) fn serve(
        &self,
        entity: EntityId,
        command: &[u8],
    ) -> Option<BoxFuture<'static, Served>> {
        self.kind(entity.kind)?.serve(entity, command)
    }

    /// Reads an entity's state for whoever will ask; see [`Directory::ready`].
    pub async fn ready(&self, entity: &EntityId) -> bool {
        match self.kind(entity.kind) {
            Some(host) => host.ready(entity).await,
            None => false,
        }
    }

    /// An alarm of an entity went off; see [`Directory::rouse`]. False of a kind that is unknown here.
    pub async fn rouse(&self, entity: &EntityId, alarm: Timestamp) -> bool {
        match self.kind(entity.kind) {
            Some(host) => host.rouse(entity, alarm).await,
            None => false,
        }
    }

    /// All entities that are awake, those asked last first.
    pub fn entities(&self) -> Vec<EntityId> {
        let mut awake = Vec::with_capacity(self.awake());
        self.all().for_each(|host| awake.extend(host.used()));
        awake.sort();
        awake.into_iter().map(|(_, entity)| entity).collect()
    }

    /// How many.
    pub fn awake(&self) -> usize {
        self.all().map(Host::awake).sum()
    }

    /// Whether an entity is awake.
    pub fn is_awake(&self, entity: &EntityId) -> bool {
        let host = self.kind(entity.kind);
        host.is_some_and(|host| host.is_awake(entity))
    }

    /// Bytes of commands waiting in front of all entities.
    pub fn waiting_bytes(&self) -> usize {
        self.gate.bytes()
    }

    /// Puts those entities to sleep that nobody asks anything just now; true once all of them sleep.
    pub fn let_go(&self, which: impl Fn(&EntityId) -> bool) -> bool {
        self.each(|host| host.let_go(&which))
    }

    /// Puts to sleep what was idle for long enough. To be called about once a second.
    pub fn passivate_idle(&self) {
        self.all().for_each(Host::passivate_idle);
    }

    /// This node goes; see [`Directory::leave`].
    pub fn leave(&self) {
        self.all().for_each(Host::leave);
    }

    /// Takes no new commands and puts everything to sleep; see [`Directory::drain`]. True once nobody is awake.
    pub fn drain(&self) -> bool {
        self.each(Host::drain)
    }

    /// Appends of all entities that another writer was ahead of, since this node began.
    pub fn conflicts(&self) -> u64 {
        self.all().map(|host| host.tally().conflicts()).sum()
    }

    /// Appends whose outcome had to be found out.
    pub fn in_doubt(&self) -> u64 {
        self.all().map(|host| host.tally().in_doubt()).sum()
    }

    /// What happened to an entity since it woke; `None` if it sleeps.
    pub fn tally_of(&self, entity: &EntityId) -> Option<Arc<Tally>> {
        self.kind(entity.kind)?.tally_of(entity)
    }

    fn kind(&self, kind: EntityKind) -> Option<&dyn Host> {
        self.hosts[kind.number()].get().map(|host| &**host)
    }

    fn all(&self) -> impl Iterator<Item = &dyn Host> {
        self.hosts
            .iter()
            .filter_map(OnceLock::get)
            .map(|host| &**host as &dyn Host)
    }

    /// Whether it holds of all of them; each is told, also after one that says no.
    fn each(&self, told: impl Fn(&dyn Host) -> bool) -> bool {
        self.all().filter(|host| !told(*host)).count() == 0
    }
}

/// A directory of whatever kind.
trait Host: Any + Send + Sync {
    fn serve(&self, entity: EntityId, command: &[u8]) -> Option<BoxFuture<'static, Served>>;
    fn ready<'a>(&'a self, entity: &'a EntityId) -> BoxFuture<'a, bool>;
    fn rouse<'a>(&'a self, entity: &'a EntityId, alarm: Timestamp) -> BoxFuture<'a, bool>;
    fn used(&self) -> Vec<(Reverse<u64>, EntityId)>;
    fn awake(&self) -> usize;
    fn is_awake(&self, entity: &EntityId) -> bool;
    fn let_go(&self, which: &dyn Fn(&EntityId) -> bool) -> bool;
    fn passivate_idle(&self);
    fn leave(&self);
    fn drain(&self) -> bool;
    fn tally(&self) -> &Tally;
    fn tally_of(&self, entity: &EntityId) -> Option<Arc<Tally>>;
}

impl<M: Hosted> Host for Directory<M> {
    fn serve(&self, entity: EntityId, command: &[u8]) -> Option<BoxFuture<'static, Served>> {
        let command: M::Command = wire::decode_command(command)?;
        let directory = self.clone();
        Some(Box::pin(async move {
            let bytes = command.weight();
            let answer = directory.ask(&entity, command, bytes).await;
            Served {
                well: answer.is_ok(),
                unavailable: matches!(answer, Err(AskError::Unavailable { .. })),
                answer: wire::encode_answer::<M>(answer),
            }
        }))
    }

    fn ready<'a>(&'a self, entity: &'a EntityId) -> BoxFuture<'a, bool> {
        Box::pin(self.ready(entity))
    }

    fn rouse<'a>(&'a self, entity: &'a EntityId, alarm: Timestamp) -> BoxFuture<'a, bool> {
        Box::pin(self.rouse(entity, alarm))
    }

    fn used(&self) -> Vec<(Reverse<u64>, EntityId)> {
        self.used()
    }

    fn awake(&self) -> usize {
        self.awake()
    }

    fn is_awake(&self, entity: &EntityId) -> bool {
        self.is_awake(entity)
    }

    fn let_go(&self, which: &dyn Fn(&EntityId) -> bool) -> bool {
        self.let_go(which)
    }

    fn passivate_idle(&self) {
        self.passivate_idle();
    }

    fn leave(&self) {
        self.leave();
    }

    fn drain(&self) -> bool {
        self.drain()
    }

    fn tally(&self) -> &Tally {
        self.tally()
    }

    fn tally_of(&self, entity: &EntityId) -> Option<Arc<Tally>> {
        self.tally_of(entity)
    }
}
