//! When things go wrong: a lost race, a refusing store, a broken one; and the way back by recovery.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Action, Asked, Phase, Pipeline, Upkeep};
use crate::ids::{Sequence, Timestamp};
use crate::machines::Machine;
use crate::mutation::{self, Mutation};
use crate::runtime::AskError;
use crate::runtime::recovery::{RecoverError, Recovered};

impl<M: Machine> Pipeline<M> {
    /// Another writer won: rebuild, then decide everything again.
    pub(super) fn lose(&mut self, now: Timestamp, out: &mut Vec<Action<M>>) {
        self.tally.lost_an_append();
        tracing::info!(entity = %self.entity, durable = %self.durable, "append lost to another writer");
        self.release(out);
        self.in_flight = None;
        self.next.clear();
        if mutation::is_on(Mutation::AnswerLost) {
            let lost = std::mem::take(&mut self.waiting);
            lost.into_iter().for_each(|w| w.asked.answer(w.answer));
        }
        if self.leaving {
            // The next owner would go on winning, and this node could not end.
            return self.give_up("this node is draining".into(), out);
        }
        self.turns.lost(self.limits.turns, now);
        let delay = self.pause_up_to(self.limits.retry_lost_ms);
        self.rebuild(delay, out);
    }

    /// Reads the state anew; what was decided on the old one and is not answered is decided again.
    fn rebuild(&mut self, delay: Duration, out: &mut Vec<Action<M>>) {
        let mut again = Vec::from(std::mem::take(&mut self.waiting));
        again.extend(self.unfence());
        for waiting in again.into_iter().rev() {
            self.backlog.push_front(waiting.asked);
        }
        self.phase = Phase::Recovering;
        self.generation += 1;
        self.upkeep.holding = false;
        out.push(Action::Recover { delay, from: None });
    }

    /// The store refused one row too often. It was never applied, nor was anything that rests on it; of a
    /// command that took several rows, earlier ones may be.
    pub(super) fn give_up(&mut self, reason: String, out: &mut Vec<Action<M>>) {
        self.release(out);
        if let Some(flight) = self.in_flight.take() {
            self.forget_alarms(&flight.arm);
        }
        self.next.clear();
        let unavailable = self.unavailable(reason);
        for waiting in std::mem::take(&mut self.waiting) {
            let begun = waiting.first <= self.durable.sequence;
            let answer = if begun {
                AskError::OutcomeUnknown
            } else {
                unavailable.clone()
            };
            waiting.asked.answer(Err(answer));
        }
        let delay = self.pause();
        self.rebuild(delay, out);
    }

    /// Nobody can tell any more what became of the row in flight. What waits for a later one is decided
    /// again.
    pub(super) fn forget(&mut self, out: &mut Vec<Action<M>>) {
        self.release(out);
        let flown = self.flown();
        self.in_flight = None;
        self.next.clear();
        let waiting = std::mem::take(&mut self.waiting);
        let (lost, later): (VecDeque<_>, VecDeque<_>) = waiting
            .into_iter()
            .partition(|waiting| waiting.rests_on.min(waiting.first) <= flown);
        for waiting in lost {
            waiting.asked.answer(Err(AskError::OutcomeUnknown));
        }
        self.waiting = later;
        let delay = self.pause();
        self.rebuild(delay, out);
    }

    /// The last sequence that may be durable.
    fn flown(&self) -> Sequence {
        let flight = self.in_flight.as_ref();
        flight.map_or(self.durable.sequence, |f| f.append.row.last())
    }

    /// The store is broken, or the journal is: what may have been written is unknown, the rest was not.
    pub(super) fn fail(&mut self, reason: String, out: &mut Vec<Action<M>>) {
        tracing::error!(entity = %self.entity, reason, "entity stopped");
        self.release(out);
        let flown = self.flown();
        self.in_flight = None;
        self.phase = Phase::Failed;
        self.next.clear();
        let unavailable = self.unavailable(reason.clone());
        for waiting in std::mem::take(&mut self.waiting) {
            let answer = if waiting.rests_on.min(waiting.first) <= flown {
                AskError::OutcomeUnknown
            } else {
                unavailable.clone()
            };
            waiting.asked.answer(Err(answer));
        }
        let parked = std::mem::take(&mut self.parked).into_values();
        let fenced = self.unfence().into_iter().map(|waiting| waiting.asked);
        let rest: Vec<Asked<M>> = fenced.chain(parked).chain(self.backlog.drain(..)).collect();
        rest.into_iter()
            .for_each(|asked| asked.answer(Err(unavailable.clone())));
        out.push(Action::Fail(reason));
    }

    pub(super) fn unavailable(&self, reason: String) -> AskError<M::Rejection> {
        AskError::Unavailable {
            retry_after: Duration::from_millis(self.limits.restart_first_ms),
            reason,
        }
    }

    /// The rebuilt state, or why there is none.
    pub fn recovered(
        &mut self,
        outcome: Result<Recovered<M>, RecoverError>,
        now: Timestamp,
        out: &mut Vec<Action<M>>,
    ) {
        if self.phase != Phase::Recovering {
            return;
        }
        match outcome {
            Ok(recovered) if recovered.head.sequence < self.durable.sequence => {
                let reason = format!(
                    "the head went back from {} to {}",
                    self.durable, recovered.head
                );
                self.fail(reason, out);
            }
            Ok(recovered) => {
                self.machine = recovered.machine;
                self.durable = recovered.head;
                self.tentative = recovered.head.sequence;
                self.upkeep = Upkeep {
                    records: self.tentative.0 - recovered.snapshot.0,
                    snapshot_bytes: recovered.snapshot_bytes as u64,
                    ..Upkeep::default()
                };
                // The tail's size is not known exactly; its count alone decides about the next snapshot.
                self.upkeep.bytes = self.upkeep.records * 256;
                self.unrecovered = 0;
                self.turns.recovered(now);
                self.phase = Phase::Serving;
                self.take_over_errands();
                out.push(Action::Advanced(self.durable));
                self.is_ready();
                self.advance(now, out);
            }
            Err(error @ RecoverError::Corrupt { .. }) => {
                metrics::counter!("mussikon_corrupt_entities_total").increment(1);
                self.fail(error.to_string(), out);
            }
            Err(error) if self.unrecovered >= self.limits.refused_attempts => {
                self.fail(error.to_string(), out);
            }
            Err(error) => {
                tracing::warn!(entity = %self.entity, %error, "recovery will be tried again");
                self.unrecovered += 1;
                let delay = self.pause();
                out.push(Action::Recover { delay, from: None });
            }
        }
    }

    /// A pause that doubles with each setback in a row, spread by entity so that duels end.
    pub(super) fn pause(&mut self) -> Duration {
        self.pause_up_to(self.limits.retry_max_ms)
    }

    fn pause_up_to(&mut self, longest_ms: u64) -> Duration {
        let exponent = self.setbacks.min(16);
        self.setbacks += 1;
        let full = self
            .limits
            .retry_first_ms
            .saturating_mul(1 << exponent)
            .min(longest_ms);
        let mixed =
            (self.mark ^ u64::from(self.setbacks).rotate_left(41) ^ self.durable.sequence.0)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                >> 32;
        Duration::from_millis(full / 2 + mixed % (full / 2 + 1))
    }
}
