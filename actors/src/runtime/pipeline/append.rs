//! From decided events to a durable row: cutting rows, one append in flight, and what doubt does to it.

use std::time::Duration;

use super::{Action, InFlight, Pipeline};
use crate::ids::Timestamp;
use crate::journal::{Append, AppendError, Head, ReadError, Row, SideWrites};
use crate::machines::Machine;
use crate::mutation::{self, Mutation};
use crate::runtime::recovery::merge;

/// Bytes of a row besides its records, and some to spare.
const ROW_SLACK: usize = 256;

impl<M: Machine> Pipeline<M> {
    pub(super) fn start_append(&mut self, now: Timestamp, out: &mut Vec<Action<M>>) {
        let count = self.next_row_len();
        let mut records = Vec::with_capacity(count);
        let mut events = Vec::with_capacity(count);
        let mut side = SideWrites::default();
        let mut deadline = None;
        for decided in self.next.drain(..count) {
            deadline = decided.deadline;
            records.push(decided.record);
            events.push(decided.event);
            merge(&mut side, decided.side);
        }
        let mut row = Row::seal(self.durable, self.mark, records);
        // A body that goes in the very row that deletes it is never written at all.
        side.erasures.retain(|target| {
            let here = row.record(*target).is_some();
            row.erase(*target);
            !here
        });
        let append = Append {
            entity: self.entity.clone(),
            after: self.durable,
            row,
            side,
        };
        let arm = self.alarms_to_arm(deadline, now);
        let wakes = deadline.is_some() || self.has_errands();
        out.push(Action::Append {
            append: append.clone(),
            arm: arm.clone(),
            wakes,
            delay: self.turns.rest(now),
        });
        self.in_flight = Some(InFlight {
            append,
            arm,
            wakes,
            events,
            doubt: false,
            refusals: 0,
            attempt: 0,
        });
    }

    /// How many decided events form the next row: whole decisions while they fit; the first one always,
    /// unless it crosses a bucket boundary of the store or is larger than a row may be.
    fn next_row_len(&self) -> usize {
        let to_boundary = self
            .capabilities
            .bucket
            .map_or(u64::MAX, |bucket| bucket - self.durable.sequence.0 % bucket);
        let max_bytes = self
            .limits
            .batch_bytes
            .min(self.capabilities.max_row_bytes / 2);
        let (mut taken, mut bytes) = (0, 0);
        for (index, decided) in self.next.iter().enumerate() {
            if index as u64 == to_boundary {
                return if taken == 0 { index } else { taken };
            }
            bytes += decided.record.encoded_len();
            if taken == 0 && index > 0 && bytes + ROW_SLACK > self.capabilities.max_row_bytes {
                return index;
            }
            let full = index >= self.limits.batch_records || bytes > max_bytes;
            if full && taken > 0 {
                return taken;
            }
            if decided.ends {
                taken = index + 1;
            }
        }
        taken
    }

    /// The outcome of an append.
    pub fn appended(
        &mut self,
        outcome: Result<(), AppendError>,
        now: Timestamp,
        out: &mut Vec<Action<M>>,
    ) {
        // A store that refused a row for good is asked once for the next ones: with its long pauses, callers would no longer
        // hear in time that nothing was done, and whoever only reads would wait with them.
        let limit = match self.refused {
            true => 1,
            false => self.limits.refused_attempts,
        };
        let Some(flight) = self.in_flight.as_mut() else {
            return;
        };
        flight.attempt += 1;
        match outcome {
            Ok(()) => self.commit(now, out),
            Err(AppendError::Conflict { head }) if flight.doubt => {
                // An earlier attempt may be what moved the head.
                self.resolve(Ok(head), now, out);
            }
            Err(AppendError::Conflict { .. }) => self.lose(now, out),
            Err(AppendError::InDoubt(reason)) => {
                tracing::warn!(entity = %self.entity, reason, "append in doubt");
                self.tally.was_in_doubt();
                if mutation::is_on(Mutation::DoubtIsFailure) {
                    return self.give_up(reason, out);
                }
                flight.doubt = true;
                let delay = self.pause();
                out.push(Action::ResolveHead { delay });
            }
            Err(AppendError::Unavailable(reason)) => {
                flight.refusals += 1;
                if flight.refusals >= limit && !flight.doubt {
                    self.refused = true;
                    self.give_up(reason, out);
                } else {
                    self.append_again(out);
                }
            }
            Err(AppendError::Broken(reason) | AppendError::Invalid(reason)) => {
                self.fail(reason, out);
            }
        }
    }

    fn append_again(&mut self, out: &mut Vec<Action<M>>) {
        let delay = self.pause();
        if let Some(flight) = &self.in_flight {
            out.push(Action::Append {
                append: flight.append.clone(),
                arm: flight.arm.clone(),
                wakes: flight.wakes,
                delay,
            });
        }
    }

    /// The head, read because an append is in doubt.
    pub fn head_resolved(
        &mut self,
        head: Result<Head, ReadError>,
        now: Timestamp,
        out: &mut Vec<Action<M>>,
    ) {
        self.resolve(head, now, out);
    }

    fn resolve(&mut self, head: Result<Head, ReadError>, now: Timestamp, out: &mut Vec<Action<M>>) {
        let Some(flight) = &self.in_flight else {
            return;
        };
        match head {
            Err(reason) => {
                tracing::debug!(entity = %self.entity, %reason, "head unreadable while in doubt");
                let delay = self.pause();
                out.push(Action::ResolveHead { delay });
            }
            Ok(head) if head == flight.append.row.head() => self.settle(now, out),
            // An unchanged head proves nothing: the write may still land. The same row again, so that
            // whichever attempt lands first makes the others impossible.
            Ok(head) if head == self.durable => {
                if mutation::is_on(Mutation::TrustUnchangedHead) {
                    return self.give_up("in doubt".into(), out);
                }
                self.append_again(out);
            }
            // Another row at our own sequence, or less than we know to be durable: recovery will judge.
            Ok(head) if head.sequence <= self.durable.sequence => self.lose(now, out),
            Ok(_) => out.push(Action::ResolveRow {
                after: self.durable.sequence,
            }),
        }
    }

    /// The row after the head that an append in doubt was decided on.
    pub fn row_resolved(
        &mut self,
        row: Result<Option<Row>, ReadError>,
        now: Timestamp,
        out: &mut Vec<Action<M>>,
    ) {
        let Some(flight) = &self.in_flight else {
            return;
        };
        match row {
            Ok(Some(row)) if row.digest == flight.append.row.digest => self.settle(now, out),
            Ok(Some(row)) if row.first > self.durable.sequence.next() => {
                // That row is trimmed by now, and with it the answer.
                self.forget(out);
            }
            Ok(Some(_)) => self.lose(now, out),
            Ok(None) | Err(_) => {
                let delay = self.pause();
                out.push(Action::ResolveHead { delay });
            }
        }
    }

    /// An append in doubt was applied. Its writer may have died before it wrote the side data.
    fn settle(&mut self, now: Timestamp, out: &mut Vec<Action<M>>) {
        let Some(flight) = &self.in_flight else {
            return;
        };
        if self.capabilities.atomic_side_writes
            || flight.append.side.is_empty()
            || mutation::is_on(Mutation::CommitUnrepaired)
        {
            return self.commit(now, out);
        }
        out.push(Action::Repair {
            side: flight.append.side.clone(),
            delay: Duration::ZERO,
        });
    }

    /// The outcome of writing side data after doubt.
    pub fn repaired(
        &mut self,
        outcome: Result<(), AppendError>,
        now: Timestamp,
        out: &mut Vec<Action<M>>,
    ) {
        match outcome {
            Ok(()) => self.commit(now, out),
            Err(AppendError::Broken(reason) | AppendError::Invalid(reason)) => {
                self.fail(reason, out);
            }
            Err(error) => {
                tracing::warn!(entity = %self.entity, %error, "side data will be written again");
                let delay = self.pause();
                if let Some(flight) = &self.in_flight {
                    let side = flight.append.side.clone();
                    out.push(Action::Repair { side, delay });
                }
            }
        }
    }

    fn commit(&mut self, now: Timestamp, out: &mut Vec<Action<M>>) {
        let Some(flight) = self.in_flight.take() else {
            return;
        };
        let row = flight.append.row;
        self.durable = row.head();
        self.setbacks = 0;
        self.refused = false;
        self.turns.committed(now);
        self.confirm_fenced();
        self.upkeep.records += row.records.len() as u64;
        self.upkeep.swept += row.records.len() as u64;
        self.upkeep.bytes += row.encoded_len() as u64;
        out.push(Action::Publish {
            row,
            events: flight.events,
        });
        self.advance(now, out);
        self.write_down(out);
        self.clear_needless(out);
    }
}
