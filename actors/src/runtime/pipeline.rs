//! What a journaled actor does, without doing it: commands and completions in, actions out.
//!
//! One state is kept, the *tentative* one. Whatever was derived from it waits in `waiting` until the
//! sequence it rests on is durable, so nobody outside ever sees more than durable state, and one copy of
//! the state suffices. When an append turns out to have lost, the state is rebuilt from the journal and
//! everything that waits is decided again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::admission::Permit;
use super::recovery::{RecoverError, Recovered};
use super::{AskError, RuntimeLimits};
use crate::ids::{EntityId, Sequence, Timestamp};
use crate::journal::{
    Append, AppendError, Capabilities, Head, OverlayWrite, ReadError, Record, Row, SideWrites,
    Snapshot,
};
use crate::machines::{Context, Machine};

/// The answer to a command.
pub(crate) type Answer<M> = Result<<M as Machine>::Reply, AskError<<M as Machine>::Rejection>>;

/// A command on its way.
pub(crate) struct Asked<M: Machine> {
    pub command: M::Command,
    pub reply: oneshot::Sender<Answer<M>>,
    pub permit: Permit,
    /// Soft limits were asked already; they are asked once, however often it is decided.
    pub admitted: bool,
}

impl<M: Machine> Asked<M> {
    fn answer(self, answer: Answer<M>) {
        // The caller may have gone; its command took effect all the same.
        let _ = self.reply.send(answer);
        drop(self.permit);
    }
}

/// What the actor has to do next. Completions come back through the methods named here.
pub(crate) enum Action<M: Machine> {
    /// Rebuild the state after `delay`: [`Pipeline::recovered`].
    Recover { delay: Duration },
    /// Append after `delay`: [`Pipeline::appended`].
    Append { append: Append, delay: Duration },
    /// Read the head to learn the fate of an append, after `delay`: [`Pipeline::head_resolved`].
    ResolveHead { delay: Duration },
    /// Read the row after this sequence: [`Pipeline::row_resolved`].
    ResolveRow { after: Sequence },
    /// Read the head to confirm what waits for it: [`Pipeline::head_fenced`].
    FenceHead,
    /// Load an older message: [`Pipeline::loaded`].
    Load { ticket: Ticket, target: Sequence },
    /// Hand on durable events.
    Publish {
        first: Sequence,
        head: Head,
        events: Vec<M::Event>,
    },
    /// Store a snapshot and trim: nothing comes back.
    Snapshot(Snapshot),
    /// End the actor; its supervisor decides when it may come back.
    Fail(String),
}

/// Names a load; one of an older generation is void, for the state was rebuilt meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    generation: u64,
    number: u64,
}

struct Decided<E> {
    event: E,
    record: Record,
    side: SideWrites,
    /// Whether the decision that made it ends here: a row is cut at such places.
    ends: bool,
}

struct Waiting<M: Machine> {
    rests_on: Sequence,
    asked: Asked<M>,
    answer: Answer<M>,
}

struct InFlight<M: Machine> {
    append: Append,
    events: Vec<M::Event>,
    /// Some attempt's outcome is unknown: it may still land.
    doubt: bool,
    refusals: u32,
    attempt: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Recovering,
    Serving,
    Failed,
}

/// The state of one journaled entity.
pub(crate) struct Pipeline<M: Machine> {
    entity: EntityId,
    capabilities: Capabilities,
    limits: Arc<RuntimeLimits>,
    rules: Arc<M::Limits>,
    phase: Phase,
    machine: M,
    durable: Head,
    tentative: Sequence,
    next: VecDeque<Decided<M::Event>>,
    in_flight: Option<InFlight<M>>,
    waiting: VecDeque<Waiting<M>>,
    backlog: VecDeque<Asked<M>>,
    parked: BTreeMap<Ticket, Asked<M>>,
    fence_running: Vec<Waiting<M>>,
    fence_next: Vec<Waiting<M>>,
    generation: u64,
    tickets: u64,
    setbacks: u32,
    /// Differs between nodes, so that two owners of one entity do not try again in step.
    salt: u64,
    upkeep: Upkeep,
}

/// When the state is to be swept and a snapshot taken.
#[derive(Default)]
struct Upkeep {
    records: u64,
    bytes: u64,
    swept: u64,
    snapshot_bytes: u64,
    /// New commands are held back until all that was decided is durable.
    holding: bool,
}

const SWEEP_EVERY: u64 = 1_024;

impl<M: Machine> Pipeline<M> {
    /// A pipeline about to recover; the action to begin with is in `out`.
    pub fn new(
        entity: EntityId,
        capabilities: Capabilities,
        limits: Arc<RuntimeLimits>,
        rules: Arc<M::Limits>,
        salt: u64,
        out: &mut Vec<Action<M>>,
    ) -> Self {
        out.push(Action::Recover {
            delay: Duration::ZERO,
        });
        Self {
            machine: M::new(&entity),
            entity,
            capabilities,
            limits,
            rules,
            phase: Phase::Recovering,
            durable: Head::default(),
            tentative: Sequence::ZERO,
            next: VecDeque::new(),
            in_flight: None,
            waiting: VecDeque::new(),
            backlog: VecDeque::new(),
            parked: BTreeMap::new(),
            fence_running: Vec::new(),
            fence_next: Vec::new(),
            generation: 0,
            tickets: 0,
            setbacks: 0,
            salt,
            upkeep: Upkeep::default(),
        }
    }

    /// Takes in a command.
    pub fn ask(&mut self, asked: Asked<M>, now: Timestamp, out: &mut Vec<Action<M>>) {
        if self.phase == Phase::Failed {
            return asked.answer(Err(self.unavailable("the entity has failed".into())));
        }
        if !self.may_decide() || !self.backlog.is_empty() {
            self.backlog.push_back(asked);
        } else {
            self.decide(asked, now, out);
        }
        self.advance(now, out);
    }

    fn may_decide(&self) -> bool {
        let in_trouble = self.in_flight.as_ref().is_some_and(|f| f.attempt > 0);
        self.phase == Phase::Serving && !in_trouble && !self.upkeep.holding
    }

    fn decide(&mut self, mut asked: Asked<M>, now: Timestamp, out: &mut Vec<Action<M>>) {
        if let Some(target) = self.machine.needs(&asked.command) {
            self.tickets += 1;
            let ticket = Ticket {
                generation: self.generation,
                number: self.tickets,
            };
            self.parked.insert(ticket, asked);
            return out.push(Action::Load { ticket, target });
        }
        let context = Context {
            now,
            limits: &*self.rules,
        };
        if !asked.admitted {
            if let Err(rejection) = self.machine.admit(&context, &asked.command) {
                return asked.answer(Err(AskError::Rejected(rejection)));
            }
            asked.admitted = true;
        }
        let answer = match self.machine.decide(&context, &asked.command) {
            Ok(decision) => {
                self.take(decision.events);
                Ok(decision.reply)
            }
            Err(rejection) => Err(AskError::Rejected(rejection)),
        };
        let waiting = Waiting {
            rests_on: self.tentative,
            asked,
            answer,
        };
        if self.tentative > self.durable.sequence {
            self.waiting.push_back(waiting);
        } else if self.capabilities.exclusive {
            waiting.asked.answer(waiting.answer);
        } else if self.fence_running.is_empty() {
            self.fence_running.push(waiting);
            out.push(Action::FenceHead);
        } else {
            // The read under way may have seen the head before this command came in.
            self.fence_next.push(waiting);
        }
    }

    fn take(&mut self, events: Vec<M::Event>) {
        let last = events.len();
        for (index, event) in events.into_iter().enumerate() {
            self.tentative = self.tentative.next();
            let record = M::encode(&event);
            self.machine.apply(self.tentative, &event);
            let side = self.machine.effects(self.tentative, &event);
            self.next.push_back(Decided {
                event,
                record,
                side,
                ends: index + 1 == last,
            });
        }
    }

    /// Whatever can go on, goes on: the next append, upkeep, held-back commands.
    fn advance(&mut self, now: Timestamp, out: &mut Vec<Action<M>>) {
        loop {
            if self.phase != Phase::Serving {
                return;
            }
            if self.in_flight.is_none() && !self.next.is_empty() {
                self.start_append(out);
            }
            self.upkeep(now, out);
            if !self.may_decide() {
                return;
            }
            let Some(asked) = self.backlog.pop_front() else {
                return;
            };
            self.decide(asked, now, out);
        }
    }

    fn start_append(&mut self, out: &mut Vec<Action<M>>) {
        let count = self.next_row_len();
        let mut records = Vec::with_capacity(count);
        let mut events = Vec::with_capacity(count);
        let mut side = SideWrites::default();
        for decided in self.next.drain(..count) {
            records.push(decided.record);
            events.push(decided.event);
            super::recovery::merge(&mut side, decided.side);
        }
        let mut row = Row::seal(self.durable, records);
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
        out.push(Action::Append {
            append: append.clone(),
            delay: Duration::ZERO,
        });
        self.in_flight = Some(InFlight {
            append,
            events,
            doubt: false,
            refusals: 0,
            attempt: 0,
        });
    }

    /// How many decided events form the next row: whole decisions while they fit; the first one always,
    /// unless it crosses a bucket boundary of the store.
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
        let limit = self.limits.refused_attempts;
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
            Err(AppendError::Conflict { .. }) => self.lose(out),
            Err(AppendError::InDoubt(reason)) => {
                tracing::warn!(entity = %self.entity, reason, "append in doubt");
                metrics::counter!("mussikon_appends_in_doubt_total").increment(1);
                flight.doubt = true;
                let delay = self.pause();
                out.push(Action::ResolveHead { delay });
            }
            Err(AppendError::Unavailable(reason)) => {
                flight.refusals += 1;
                if flight.refusals >= limit && !flight.doubt {
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
            Ok(head) if head == flight.append.row.head() => self.commit(now, out),
            // An unchanged head proves nothing: the write may still land. The same row again, so that
            // whichever attempt lands first makes the others impossible.
            Ok(head) if head.sequence <= self.durable.sequence => self.append_again(out),
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
            Ok(Some(row)) if row.digest == flight.append.row.digest => self.commit(now, out),
            Ok(Some(_)) => self.lose(out),
            Ok(None) | Err(_) => {
                let delay = self.pause();
                out.push(Action::ResolveHead { delay });
            }
        }
    }

    fn commit(&mut self, now: Timestamp, out: &mut Vec<Action<M>>) {
        let Some(flight) = self.in_flight.take() else {
            return;
        };
        let row = &flight.append.row;
        self.durable = row.head();
        self.setbacks = 0;
        self.upkeep.records += row.records.len() as u64;
        self.upkeep.swept += row.records.len() as u64;
        self.upkeep.bytes += row.encoded_len() as u64;
        out.push(Action::Publish {
            first: row.first,
            head: self.durable,
            events: flight.events,
        });
        self.advance(now, out);
    }

    /// Answers everything that rests on durable state. The actor calls this after it has carried out the
    /// actions, so that a sender's own copy is queued before its acknowledgement.
    pub fn release(&mut self) {
        while self
            .waiting
            .front()
            .is_some_and(|w| w.rests_on <= self.durable.sequence)
        {
            if let Some(waiting) = self.waiting.pop_front() {
                waiting.asked.answer(waiting.answer);
            }
        }
    }

    /// Another writer won: rebuild, then decide everything again.
    fn lose(&mut self, out: &mut Vec<Action<M>>) {
        metrics::counter!("mussikon_append_conflicts_total").increment(1);
        tracing::info!(entity = %self.entity, durable = %self.durable, "append lost to another writer");
        self.release();
        self.in_flight = None;
        self.next.clear();
        let again: Vec<Asked<M>> = self
            .waiting
            .drain(..)
            .chain(self.fence_running.drain(..))
            .chain(self.fence_next.drain(..))
            .map(|waiting| waiting.asked)
            .collect();
        again
            .into_iter()
            .rev()
            .for_each(|asked| self.backlog.push_front(asked));
        self.rebuild(out);
    }

    fn rebuild(&mut self, out: &mut Vec<Action<M>>) {
        self.phase = Phase::Recovering;
        self.generation += 1;
        self.upkeep.holding = false;
        let delay = self.pause();
        out.push(Action::Recover { delay });
    }

    /// The store refused one row too often. It was never applied, nor was anything that rests on it.
    fn give_up(&mut self, reason: String, out: &mut Vec<Action<M>>) {
        self.release();
        self.in_flight = None;
        self.next.clear();
        let answer = self.unavailable(reason);
        for waiting in std::mem::take(&mut self.waiting) {
            waiting.asked.answer(Err(answer.clone()));
        }
        self.rebuild(out);
    }

    /// The store is broken, or the journal is: what may have been written is unknown, the rest was not.
    fn fail(&mut self, reason: String, out: &mut Vec<Action<M>>) {
        tracing::error!(entity = %self.entity, reason, "entity stopped");
        self.release();
        let flown = self
            .in_flight
            .take()
            .map_or(self.durable.sequence, |flight| flight.append.row.last());
        self.phase = Phase::Failed;
        self.next.clear();
        let unavailable = self.unavailable(reason.clone());
        for waiting in std::mem::take(&mut self.waiting) {
            let answer = if waiting.rests_on <= flown {
                AskError::OutcomeUnknown
            } else {
                unavailable.clone()
            };
            waiting.asked.answer(Err(answer));
        }
        let parked = std::mem::take(&mut self.parked).into_values();
        let fenced = self
            .fence_running
            .drain(..)
            .chain(self.fence_next.drain(..));
        let rest: Vec<Asked<M>> = fenced
            .map(|waiting| waiting.asked)
            .chain(parked)
            .chain(self.backlog.drain(..))
            .collect();
        rest.into_iter()
            .for_each(|asked| asked.answer(Err(unavailable.clone())));
        out.push(Action::Fail(reason));
    }

    fn unavailable(&self, reason: String) -> AskError<M::Rejection> {
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
                self.phase = Phase::Serving;
                self.advance(now, out);
            }
            Err(error @ RecoverError::Corrupt { .. }) => {
                metrics::counter!("mussikon_corrupt_entities_total").increment(1);
                self.fail(error.to_string(), out);
            }
            Err(error) if self.setbacks >= self.limits.refused_attempts => {
                self.fail(error.to_string(), out);
            }
            Err(error) => {
                tracing::warn!(entity = %self.entity, %error, "recovery will be tried again");
                let delay = self.pause();
                out.push(Action::Recover { delay });
            }
        }
    }

    /// The head, read to confirm answers that rest on an unchanged journal.
    pub fn head_fenced(
        &mut self,
        head: Result<Head, ReadError>,
        now: Timestamp,
        out: &mut Vec<Action<M>>,
    ) {
        let confirmed = match head {
            Err(error) => {
                let answer = self.unavailable(error.to_string());
                for waiting in std::mem::take(&mut self.fence_running) {
                    waiting.asked.answer(Err(answer.clone()));
                }
                true
            }
            Ok(head) => self.is_ours(head),
        };
        if self.phase != Phase::Serving {
            return;
        }
        if !confirmed {
            if self.in_flight.is_some() {
                // Its own outcome will tell, and decide about everything that waits.
                return self.fence_again(out);
            }
            return self.lose(out);
        }
        for waiting in std::mem::take(&mut self.fence_running) {
            waiting.asked.answer(waiting.answer);
        }
        self.fence_again(out);
        self.advance(now, out);
    }

    fn fence_again(&mut self, out: &mut Vec<Action<M>>) {
        self.fence_running.append(&mut self.fence_next);
        if !self.fence_running.is_empty() {
            out.push(Action::FenceHead);
        }
    }

    fn is_ours(&self, head: Head) -> bool {
        let flying = self.in_flight.as_ref().map(|f| f.append.row.head());
        head.sequence < self.durable.sequence || head == self.durable || flying == Some(head)
    }

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
                return asked.answer(Err(self.unavailable(reason)));
            }
        }
        self.backlog.push_front(asked);
        self.advance(now, out);
    }

    /// Sweeps and takes a snapshot when due, which needs a moment at which all is durable.
    fn upkeep(&mut self, now: Timestamp, out: &mut Vec<Action<M>>) {
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

    /// A pause that doubles with each setback in a row, spread by entity so that duels end.
    fn pause(&mut self) -> Duration {
        let exponent = self.setbacks.min(16);
        self.setbacks += 1;
        let full = self
            .limits
            .retry_first_ms
            .saturating_mul(1 << exponent)
            .min(self.limits.retry_max_ms);
        let mixed =
            (self.salt ^ u64::from(self.setbacks).rotate_left(41) ^ self.durable.sequence.0)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                >> 32;
        Duration::from_millis(full / 2 + mixed % (full / 2 + 1))
    }
}
