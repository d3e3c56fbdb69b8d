//! An entity that is made ready before its first command: another owner has served it until now and may serve it still.
//!
//! The state is read ahead of need. What the other owner appends meanwhile is read on right before the first
//! command is decided, so that no append has to be lost to find it out.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{Action, Permit, Phase, Pipeline};
use crate::ids::Sequence;
use crate::machines::Machine;
use crate::runtime::recovery::Recovered;

/// Whoever wants to hear that the state has been read.
pub(crate) struct Readying {
    pub done: oneshot::Sender<()>,
    pub permit: Permit,
}

impl Readying {
    fn tell(self) {
        // Nobody waits any more if it took too long.
        let _ = self.done.send(());
        drop(self.permit);
    }
}

/// How far an entity is ready for a first command.
#[derive(Default)]
pub(super) struct Readiness {
    /// Others may have appended since the state was read.
    unsure: bool,
    /// No command came yet in this life.
    met: bool,
    waiting: Vec<Readying>,
}

impl<M: Machine> Pipeline<M> {
    /// Makes the state ready for commands that another owner has served until now.
    pub fn ready(&mut self, readying: Readying) {
        // Whoever is at work knows where it stands, or is about to find out.
        self.readiness.unsure = self.is_at_rest() && !self.capabilities.exclusive;
        match self.phase {
            Phase::Serving => readying.tell(),
            Phase::Recovering => self.readiness.waiting.push(readying),
            // Dropped, which says that it is not ready.
            Phase::Failed => {}
        }
    }

    fn is_at_rest(&self) -> bool {
        let fenced = !self.fence_running.is_empty() || !self.fence_next.is_empty();
        self.in_flight.is_none()
            && self.next.is_empty()
            && self.waiting.is_empty()
            && self.backlog.is_empty()
            && self.parked.is_empty()
            && !fenced
    }

    /// The state has been read.
    pub(super) fn is_ready(&mut self) {
        if !self.backlog.is_empty() {
            // Commands are decided on it at once.
            self.readiness.unsure = false;
        }
        self.readiness.waiting.drain(..).for_each(Readying::tell);
    }

    /// A command came; the first one after the state was made ready has the journal read on.
    pub(super) fn met_first(&mut self, out: &mut Vec<Action<M>>) {
        let ready = self.readiness.unsure && self.phase == Phase::Serving;
        if !std::mem::replace(&mut self.readiness.met, true) {
            let found = if ready { "ready" } else { "asleep" };
            metrics::counter!("mussikon_first_commands_total", "found" => found).increment(1);
        }
        if !ready {
            return;
        }
        self.readiness.unsure = false;
        self.phase = Phase::Recovering;
        self.generation += 1;
        let from = Recovered {
            machine: std::mem::replace(&mut self.machine, M::new(&self.entity)),
            head: self.durable,
            snapshot: Sequence(self.durable.sequence.0 - self.upkeep.records),
            snapshot_bytes: self.upkeep.snapshot_bytes as usize,
        };
        out.push(Action::Recover {
            delay: Duration::ZERO,
            from: Some(Box::new(from)),
        });
    }
}
