//! Runs machines: one generic journaled actor per entity, spawned on demand, admitted, supervised, put to sleep.

pub mod admission;
pub(crate) mod alarm;
pub mod directory;
pub mod errands;
mod guarded;
pub mod journaled;
pub mod limits;
pub(crate) mod pipeline;
pub mod recovery;
mod retention;
mod supervisor;
mod tally;

use std::time::Duration;

use thiserror::Error;

pub use directory::{Deps, Directory};
pub use errands::{Errands, NoErrands, NotYet};
pub use limits::RuntimeLimits;
pub use tally::Tally;

use crate::ids::EntityId;
use crate::journal::{Head, Row};
use crate::machines::Machine;

/// Where durable events go: fan-out on this node and, through the bus, on others.
pub trait CommitSink<M: Machine>: Send + Sync + 'static {
    /// Called once per durable row, in order, before the replies that rest on it leave. The row holds the
    /// same events as they were encoded for the journal: nobody needs to encode them again.
    fn committed(&self, entity: &EntityId, row: &Row, events: &[M::Event]);

    /// An entity was read from its journal, which reaches at least to `head`: an event that nobody here
    /// has heard of may be among those read.
    fn advanced(&self, _entity: &EntityId, _head: Head) {}

    /// An entity failed; an append of its may have landed, or may land yet, and nobody will say so.
    fn failed(&self, _entity: &EntityId) {}
}

/// Why a command got no reply from the machine.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AskError<R: std::error::Error> {
    /// A rule said no; nothing changed.
    #[error(transparent)]
    Rejected(R),
    /// Too much is waiting already; nothing was begun.
    #[error("overloaded, retry after {} ms", retry_after.as_millis())]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The entity or its store cannot serve now; nothing changed.
    #[error("unavailable ({reason}), retry after {} ms", retry_after.as_millis())]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
        /// Why, for operators and developers.
        reason: String,
    },
    /// It may have taken effect or may yet: ask again with the same id.
    #[error("outcome unknown, retry with the same id")]
    OutcomeUnknown,
}
