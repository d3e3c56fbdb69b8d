//! Pure state machines: what a command means, without clocks, I/O, async or actors.

pub(crate) mod bricks;
pub mod errand;
pub mod hours;
pub mod inbox;
pub mod matching;
pub mod notice;
mod recency;
pub mod repeat_key;
pub mod request;
pub mod room;
pub mod terms;
pub mod user;
pub mod zone;

use std::fmt::Debug;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::errand::Outbox;
use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{OverlayWrite, Record, SideWrites};

/// An entity as four pure functions over its state. One generic actor runs them all.
///
/// The state is *tentative*: it includes decided events that are not yet durable. Nothing derived from it
/// leaves the actor before the sequence it rests on is durable, so the machine need not care.
pub trait Machine: Sized + Send + 'static {
    /// Which entities this machine runs.
    const KIND: EntityKind;
    /// A wish, with all facts it needs (message id, texts); the time comes in [`Context`].
    type Command: Debug + Clone + Send + 'static;
    /// A durable fact.
    type Event: Debug + Clone + Send + Sync + 'static;
    /// What the caller gets when the command took effect.
    type Reply: Debug + Clone + Send + 'static;
    /// Why a rule said no.
    type Rejection: std::error::Error + Clone + Send + 'static;
    /// Limits, shared by all entities of the kind.
    type Limits: Send + Sync + 'static;

    /// The state before the first event.
    fn new(entity: &EntityId) -> Self;

    /// The older message that must be in the working set before `decide` may see this command:
    /// `None` when nothing is missing. To be asked again right before `decide`, for `sweep` may have
    /// forgotten it meanwhile.
    fn needs(&self, _command: &Self::Command) -> Option<Sequence> {
        None
    }

    /// The older message that must be in the working set before `apply` may see this event (recovery).
    fn replay_needs(&self, _event: &Self::Event) -> Option<Sequence> {
        None
    }

    /// Puts an older message into the working set: its record and its overlay. A record that is no
    /// message is remembered as such, so that `decide` can say so. Must not shadow a newer state.
    fn load(
        &mut self,
        _sequence: Sequence,
        _record: Option<&Record>,
        _overlay: Option<&OverlayWrite>,
    ) -> Result<(), DecodeError> {
        Ok(())
    }

    /// Soft limits that are no part of the durable state (rates). Asked once per command.
    fn admit(
        &mut self,
        _context: &Context<'_, Self>,
        _command: &Self::Command,
    ) -> Result<(), Self::Rejection> {
        Ok(())
    }

    /// What follows from a command: events (none for a query or a repeat) and the reply.
    fn decide(
        &self,
        context: &Context<'_, Self>,
        command: &Self::Command,
    ) -> Result<Decision<Self>, Self::Rejection>;

    /// Takes one event into the state. Total: an event once journaled must always apply.
    fn apply(&mut self, sequence: Sequence, event: &Self::Event);

    /// Derived data to be written with the event, called after `apply` of that very event.
    fn effects(&self, sequence: Sequence, event: &Self::Event) -> SideWrites;

    /// When the fact came about, for retention.
    fn happened_at(event: &Self::Event) -> Timestamp;

    /// When this entity wants to be woken, if at all: at that time or later it is sent [`Machine::wake`]. It may change
    /// only by events.
    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    /// The command that tells an entity to look at the time. What it decides must not depend on who sent it, and it may
    /// come at any time, needlessly too.
    fn wake() -> Option<Self::Command> {
        None
    }

    /// Whether a rejection is of the moment: the same command may be taken a little later.
    fn is_passing(_rejection: &Self::Rejection) -> bool {
        false
    }

    /// What is to be done elsewhere; `None` of a machine that never asks for anything.
    fn outbox(&self) -> Option<&Outbox> {
        None
    }

    /// The same, for whoever learns that an errand is done. That is no event: who replays the journal learns it again.
    fn outbox_mut(&mut self) -> Option<&mut Outbox> {
        None
    }

    /// The durable form of an event.
    fn encode(event: &Self::Event) -> Record;

    /// Reads an event; bodies may be erased.
    fn decode(record: &Record) -> Result<Self::Event, DecodeError>;

    /// The state as bytes. Its size must not depend on the length of the journal.
    fn snapshot(&self) -> Bytes;

    /// The state from bytes.
    fn restore(entity: &EntityId, state: &Bytes) -> Result<Self, DecodeError>;

    /// Forgets what may be forgotten at this time (dedupe entries out of their window, working set above
    /// its bound). Called now and then when everything decided is durable.
    fn sweep(&mut self, context: &Context<'_, Self>);
}

/// A command as it travels: between nodes, and through admission.
pub trait Wish: Debug + Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// Bytes that it takes while it waits.
    fn weight(&self) -> usize;

    /// Whether it changes nothing, so that any node may answer it and it may be asked again.
    fn is_query(&self) -> bool;

    /// Whether a repeat of one that has taken effect is answered as the first was.
    fn has_id(&self) -> bool;
}

/// Facts that come in with a command.
pub struct Context<'a, M: Machine> {
    /// Now.
    pub now: Timestamp,
    /// Limits in force.
    pub limits: &'a M::Limits,
}

/// What `decide` answers.
#[derive(Debug)]
pub struct Decision<M: Machine> {
    /// Facts to append, in order.
    pub events: Vec<M::Event>,
    /// Answer once they are durable.
    pub reply: M::Reply,
}

/// Stored bytes that this version cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot decode {what}: {reason}")]
pub struct DecodeError {
    /// What was being read.
    pub what: &'static str,
    /// Why it failed.
    pub reason: String,
}
