//! Commands that wait for an older message to be read.

use super::{Action, Phase, Pipeline, Ticket};
use crate::ids::{Sequence, Timestamp};
use crate::journal::{OverlayWrite, Record};
use crate::machines::Machine;
use crate::runtime::recovery::RecoverError;

impl<M: Machine> Pipeline<M> {
    /// An older message for a parked command.
    pub fn loaded(
        &mut self,
        ticket: Ticket,
        target: Sequence,
        outcome: Result<(Option<Record>, Option<OverlayWrite>), RecoverError>,
        now: Timestamp,
        out: &mut Vec<Action<M>>,
    ) {
        let Some(asked) = self.parked.remove(&ticket) else {
            return;
        };
        let stale = ticket.generation != self.generation || self.phase != Phase::Serving;
        if !stale {
            let placed = outcome.map_err(|e| e.to_string()).and_then(|found| {
                self.machine
                    .load(target, found.0.as_ref(), found.1.as_ref())
                    .map_err(|e| e.to_string())
            });
            if let Err(reason) = placed {
                asked.answer(Err(self.unavailable(reason)));
                // Upkeep may have waited for the last of what is read, and commands for upkeep.
                return self.advance(now, out);
            }
        }
        self.backlog.push_front(asked);
        self.advance(now, out);
    }
}
