//! What is done now and then at a moment at which everything decided is durable.

use super::{Action, Pipeline, SWEEP_EVERY};
use crate::ids::Timestamp;
use crate::journal::Snapshot;
use crate::machines::{Context, Machine};

impl<M: Machine> Pipeline<M> {
    /// Sweeps and takes a snapshot when due, which needs a moment at which all is durable.
    pub(super) fn upkeep(&mut self, now: Timestamp, out: &mut Vec<Action<M>>) {
        let due = self.upkeep.records >= self.limits.snapshot_records
            && self.upkeep.bytes >= self.limits.snapshot_ratio * self.upkeep.snapshot_bytes;
        if !due && self.upkeep.swept < SWEEP_EVERY {
            return;
        }
        self.upkeep.holding = self.in_flight.is_some() || !self.next.is_empty();
        if self.upkeep.holding {
            return;
        }
        self.machine.sweep(&Context {
            now,
            limits: &*self.rules,
        });
        self.upkeep.swept = 0;
        if due {
            let state = self.machine.snapshot();
            self.upkeep.records = 0;
            self.upkeep.bytes = 0;
            self.upkeep.snapshot_bytes = state.len() as u64;
            out.push(Action::Snapshot(Snapshot {
                head: self.durable,
                state,
            }));
        }
    }
}
