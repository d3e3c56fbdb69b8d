//! What an entity has yet to do outside of its journal: errands, and the alarms that wake it should its node die before.
//!
//! An alarm is armed before the append that needs it and cleared when nothing needs it any more, so there is one in the
//! store whenever the durable state wants to be woken. One too many wakes an entity for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Action, Phase, Pipeline};
use crate::ids::{EntityId, Timestamp};
use crate::journal::{Table, TableWrite};
use crate::machines::Machine;
use crate::machines::errand::Outbox;
use crate::mutation::{self, Mutation};

/// An entity with errands is woken after so long if its node died, in milliseconds. Spread by life up to twice as long.
const ERRANDS_DUE_MS: u64 = 4_000;
/// An alarm that is due sooner than this is of no use for an append that begins now, in milliseconds.
const TOO_SOON_MS: u64 = 1_500;
/// No two lives of an entity arm the same moment, but by a chance of one in so many: else one would clear the alarm of
/// another, which goes on.
const SPREAD_MS: u64 = 997;
/// Errands of one entity under way at once.
const AT_ONCE: usize = 16;

/// Errands under way and alarms armed, as far as this life of the entity knows.
#[derive(Debug, Default, Clone)]
pub(super) struct Chores {
    /// Errands under way, or waiting for their next try, with who is asked.
    under_way: BTreeMap<u64, Option<EntityId>>,
    /// How often each failed in a row.
    failures: BTreeMap<u64, u32>,
    /// Done in this life, beyond what is written down: a state that is read anew has them again.
    done: BTreeSet<u64>,
    /// All up to here are done, and that is written down or about to be.
    written: u64,
    armed: BTreeSet<Timestamp>,
}

/// What an entity still wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attention {
    /// When it wants to be woken.
    pub deadline: Option<Timestamp>,
    /// Errands are not done yet.
    pub busy: bool,
}

/// Where it is written down how far an entity's errands are done.
pub(crate) fn done_key(entity: &EntityId) -> Vec<u8> {
    let mut key = vec![entity.kind as u8];
    key.extend_from_slice(entity.id().as_bytes());
    key
}

impl<M: Machine> Pipeline<M> {
    /// What the entity wants by all that was decided.
    pub fn attention(&self) -> Attention {
        Attention {
            deadline: self.machine.deadline(),
            busy: self.machine.outbox().is_some_and(|o| !o.is_empty()),
        }
    }

    /// Alarms that an append which begins now needs and nobody has armed yet.
    pub(super) fn alarms_to_arm(&mut self, now: Timestamp) -> Vec<Timestamp> {
        let mut wanted = Vec::new();
        if mutation::is_on(Mutation::SkipWakeup) {
            return wanted;
        }
        let Attention { deadline, busy } = self.attention();
        let deadline = deadline.map(|at| self.alarm_for(at));
        wanted.extend(deadline.filter(|at| !self.chores.armed.contains(at)));
        let soon = now.plus_millis(TOO_SOON_MS);
        let late = now.plus_millis(2 * ERRANDS_DUE_MS);
        if busy && self.chores.armed.range(soon..=late).next().is_none() {
            let spread = self.mark % ERRANDS_DUE_MS;
            wanted.push(now.plus_millis(ERRANDS_DUE_MS + spread));
        }
        self.chores.armed.extend(&wanted);
        wanted
    }

    /// A little later than what it is for.
    fn alarm_for(&self, deadline: Timestamp) -> Timestamp {
        deadline.plus_millis(self.mark % SPREAD_MS)
    }

    /// Begins whatever errands may begin: their event is durable, and nothing earlier waits for the same one.
    pub fn run_errands(&mut self, out: &mut Vec<Action<M>>) {
        let may = self.phase == Phase::Serving && !self.leaving;
        let Some(outbox) = self.machine.outbox().filter(|_| may) else {
            return;
        };
        let mut asked: BTreeSet<EntityId> = BTreeSet::new();
        let mut begun = Vec::new();
        for (number, errand) in outbox.waiting() {
            let durable = Outbox::event_of(number) <= self.durable.sequence
                || mutation::is_on(Mutation::ErrandsBeforeDurable);
            if !durable || self.chores.under_way.len() + begun.len() >= AT_ONCE {
                break;
            }
            let target = errand.target();
            let first = target.as_ref().is_none_or(|t| asked.insert(t.clone()));
            if first && !self.chores.under_way.contains_key(&number) {
                begun.push((number, target, errand.clone()));
            }
        }
        for (number, target, errand) in begun {
            self.chores.under_way.insert(number, target);
            let delay = self.errand_pause(number);
            out.push(Action::Errand {
                number,
                errand: Box::new(errand),
                delay,
            });
        }
    }

    /// Doubles with each failure of the errand.
    fn errand_pause(&self, number: u64) -> Duration {
        let limits = &self.limits;
        let failures = self.chores.failures.get(&number).copied().unwrap_or(0);
        if failures == 0 {
            return Duration::ZERO;
        }
        let full = limits.retry_first_ms.saturating_mul(1 << failures.min(16));
        let full = full.min(limits.retry_max_ms);
        let mixed = self.mark.wrapping_mul(u64::from(failures) | 1) >> 32;
        Duration::from_millis(full / 2 + mixed % (full / 2 + 1))
    }

    /// An errand was carried out, or will be tried again.
    pub fn errand_ended(&mut self, number: u64, done: bool, out: &mut Vec<Action<M>>) {
        self.chores.under_way.remove(&number);
        if !done {
            *self.chores.failures.entry(number).or_default() += 1;
            return;
        }
        self.chores.failures.remove(&number);
        self.chores.done.insert(number);
        if let Some(outbox) = self.machine.outbox_mut() {
            outbox.done(number);
        }
        self.write_down(out);
    }

    /// Errands that this life has done do not wait in a state that was read anew.
    pub(super) fn prune_errands(&mut self) {
        if let Some(outbox) = self.machine.outbox_mut() {
            for number in &self.chores.done {
                outbox.done(*number);
            }
        }
    }

    /// Writes down how far errands are done, once nothing is under way.
    fn write_down(&mut self, out: &mut Vec<Action<M>>) {
        let Some(outbox) = self.machine.outbox() else {
            return;
        };
        let up_to = outbox.done_below();
        let resting = self.chores.under_way.is_empty() && self.phase == Phase::Serving;
        if !resting || up_to <= self.chores.written {
            return;
        }
        self.chores.written = up_to;
        self.chores.done = self.chores.done.split_off(&(up_to + 1));
        out.push(Action::WriteDown {
            row: TableWrite {
                table: Table::ErrandsDone,
                key: done_key(&self.entity),
                rank: up_to,
                value: Some(bytes::Bytes::new()),
            },
            // An alarm is of no use any more once this is written, unless something else needs it.
            clear: self.needless_alarms(),
        });
    }

    /// Takes out the alarms that nothing needs which is decided and durable.
    pub(super) fn needless_alarms(&mut self) -> Vec<Timestamp> {
        let Attention { deadline, busy } = self.attention();
        let settled = self.in_flight.is_none() && self.next.is_empty();
        if !settled || busy {
            return Vec::new();
        }
        let kept = deadline.map(|at| self.alarm_for(at));
        let (kept, needless): (BTreeSet<_>, BTreeSet<_>) = std::mem::take(&mut self.chores.armed)
            .into_iter()
            .partition(|at| Some(*at) == kept);
        self.chores.armed = kept;
        needless.into_iter().collect()
    }
}
