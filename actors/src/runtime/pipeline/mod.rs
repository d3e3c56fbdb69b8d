//! What a journaled actor does, without doing it: commands and completions in, actions out.
//!
//! One state is kept, the *tentative* one. Whatever was derived from it waits in `waiting` until the
//! sequence it rests on is durable, so nobody outside ever sees more than durable state, and one copy of
//! the state suffices. When an append turns out to have lost, the state is rebuilt from the journal and
//! everything that waits is decided again.

mod append;
pub(crate) mod chores;
mod fence;
mod load;
#[cfg(test)]
pub(super) mod model;
mod ready;
mod setback;
#[cfg(test)]
mod shelf;
mod turns;
mod upkeep;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use self::chores::Chores;
use self::ready::Readiness;
pub(crate) use self::ready::Readying;
use self::turns::Turns;
use super::admission::Permit;
use super::recovery::Recovered;
use super::{AskError, RuntimeLimits, Tally};
use crate::ids::{EntityId, Sequence, Timestamp};
use crate::journal::{Append, Capabilities, Head, Record, Row, SideWrites, Snapshot, TableWrite};
use crate::machines::errand::Errand;
use crate::machines::{Context, Machine};
use crate::mutation::{self, Mutation};

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
    /// Rebuild the state after `delay`, reading on from a former one if it is given: [`Pipeline::recovered`].
    Recover {
        delay: Duration,
        from: Option<Box<Recovered<M>>>,
    },
    /// Append after `delay`, with these alarms armed before; should it land when they have gone off, the entity may want to
    /// be woken all the same: [`Pipeline::appended`].
    Append {
        append: Append,
        arm: Vec<Timestamp>,
        wakes: bool,
        delay: Duration,
    },
    /// Read the head to learn the fate of an append, after `delay`: [`Pipeline::head_resolved`].
    ResolveHead { delay: Duration },
    /// Read the row after this sequence: [`Pipeline::row_resolved`].
    ResolveRow { after: Sequence },
    /// Write the side data of a row that turned out to be durable, after `delay`: [`Pipeline::repaired`].
    Repair { side: SideWrites, delay: Duration },
    /// Read the head to confirm what waits for it: [`Pipeline::head_fenced`].
    FenceHead { fence: u64 },
    /// Load an older message: [`Pipeline::loaded`].
    Load { ticket: Ticket, target: Sequence },
    /// Hand on durable events, and the row that holds them.
    Publish { row: Row, events: Vec<M::Event> },
    /// Tell that the journal reaches at least this far, learnt by reading it.
    Advanced(Head),
    /// Store a snapshot and trim: nothing comes back.
    Snapshot(Snapshot),
    /// Carry an errand out: [`Pipeline::errand_ended`].
    Errand { number: u64, errand: Box<Errand> },
    /// Let an errand that failed rest for `delay`: [`Pipeline::errand_due`].
    PauseErrand { number: u64, delay: Duration },
    /// Write down after `delay` that errands are done up to a number: [`Pipeline::written_down`].
    WriteDown {
        up_to: u64,
        row: TableWrite,
        delay: Duration,
    },
    /// Clear alarms: nothing comes back.
    Clear(Vec<Timestamp>),
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
    /// When the entity wants to be woken once this is durable and nothing after it.
    deadline: Option<Timestamp>,
    /// Whether the decision that made it ends here: a row is cut at such places.
    ends: bool,
}

struct Waiting<M: Machine> {
    /// The first event of its own; the one after all events decided so far if it has none.
    first: Sequence,
    rests_on: Sequence,
    /// The append that makes `rests_on` durable began after the command came in, which proves that no
    /// other owner had gone on meanwhile. Otherwise the head must be read.
    confirmed: bool,
    asked: Asked<M>,
    answer: Answer<M>,
}

struct InFlight<M: Machine> {
    append: Append,
    arm: Vec<Timestamp>,
    wakes: bool,
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
    /// Answers that a read of the head under way will confirm, and those that need the next one.
    fence_running: Vec<Waiting<M>>,
    fence_next: Vec<Waiting<M>>,
    /// Names that read; the result of an older one is void.
    fences: u64,
    generation: u64,
    tickets: u64,
    setbacks: u32,
    /// The store refused a row until it was given up, and has taken none since.
    refused: bool,
    /// Recoveries that failed in a row.
    unrecovered: u32,
    turns: Turns,
    /// This node goes, and whoever owns the entity next writes already.
    leaving: bool,
    /// No other pipeline has it: it marks rows as ours, and two owners do not try again in step.
    mark: u64,
    upkeep: Upkeep,
    readiness: Readiness,
    chores: Chores,
    tally: Arc<Tally>,
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

/// Records after which a sweep is due when all is durable anyway: until then they stay in memory.
const SWEEP_AT_REST: u64 = 128;
/// And when new commands are held back for it.
const SWEEP_EVERY: u64 = 1_024;

impl<M: Machine> Pipeline<M> {
    /// A pipeline about to recover; the action to begin with is in `out`.
    pub fn new(
        entity: EntityId,
        capabilities: Capabilities,
        limits: Arc<RuntimeLimits>,
        rules: Arc<M::Limits>,
        mark: u64,
        tally: Arc<Tally>,
        out: &mut Vec<Action<M>>,
    ) -> Self {
        out.push(Action::Recover {
            delay: Duration::ZERO,
            from: None,
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
            fences: 0,
            generation: 0,
            tickets: 0,
            setbacks: 0,
            refused: false,
            unrecovered: 0,
            turns: Turns::default(),
            leaving: false,
            mark,
            upkeep: Upkeep::default(),
            readiness: Readiness::default(),
            chores: Chores::default(),
            tally,
        }
    }

    /// This node goes: what it has is finished, but not against another writer.
    pub fn leave(&mut self) {
        self.leaving = true;
    }

    /// Takes in a command.
    pub fn ask(&mut self, asked: Asked<M>, now: Timestamp, out: &mut Vec<Action<M>>) {
        if self.phase == Phase::Failed {
            return asked.answer(Err(self.unavailable("the entity has failed".into())));
        }
        self.met_first(out);
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
        let before = self.tentative;
        let answer = match self.machine.decide(&context, &asked.command) {
            Ok(decision) => {
                self.take(decision.events);
                Ok(decision.reply)
            }
            Err(rejection) => Err(AskError::Rejected(rejection)),
        };
        let flying = self.in_flight.as_ref().map(|f| f.append.row.last());
        let confirmed = self.tentative > before
            || flying.is_some_and(|last| self.tentative > last)
            || self.capabilities.exclusive
            || mutation::is_on(Mutation::SkipFence);
        let waiting = Waiting {
            first: before.next(),
            rests_on: self.tentative,
            confirmed,
            asked,
            answer,
        };
        if self.tentative > self.durable.sequence {
            self.waiting.push_back(waiting);
        } else if confirmed {
            waiting.asked.answer(waiting.answer);
        } else {
            self.fence(waiting, out);
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
                deadline: self.machine.deadline(),
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
                self.start_append(now, out);
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

    /// Answers everything that rests on durable state, or has the head read for it first. The actor calls
    /// this after it has carried out the actions, so that a sender's own copy is queued before its
    /// acknowledgement.
    pub fn release(&mut self, out: &mut Vec<Action<M>>) {
        let early = mutation::is_on(Mutation::AcknowledgeEarly);
        while self
            .waiting
            .front()
            .is_some_and(|w| w.rests_on <= self.durable.sequence || early)
        {
            match self.waiting.pop_front() {
                Some(waiting) if waiting.confirmed => waiting.asked.answer(waiting.answer),
                Some(waiting) => self.fence(waiting, out),
                None => {}
            }
        }
    }
}
