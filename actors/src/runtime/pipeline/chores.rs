//! What an entity has yet to do outside of its journal: errands, and the alarms that wake it should its node die before.
//!
//! An alarm is armed before the append that needs it and cleared when nothing needs it any more, so there is one in the
//! store whenever the durable state wants to be woken. One too many wakes an entity for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::{Action, Phase, Pipeline};
use crate::ids::{EntityId, Timestamp};
use crate::journal::{Table, TableWrite};
use crate::machines::Machine;
use crate::machines::errand::Outbox;
use crate::mutation::{self, Mutation};
use crate::runtime::alarm::Kind;

/// An entity with errands is woken after so long if its node died, in milliseconds. Spread by life up to twice as long.
const ERRANDS_DUE_MS: u64 = 4_000;
/// An alarm that is due sooner than this is of no use for an append that begins now, in milliseconds.
const TOO_SOON_MS: u64 = 1_500;
/// No two lives of an entity arm the same moment, but by a chance of one in so many, and no life the same one twice in a
/// row: else an alarm would be cleared in place of another one, which is needed. They lie two milliseconds apart, for
/// every other moment is for alarms of other kinds.
const SPREADS: u64 = 499;
/// The alarm for a deadline that is farther away than this, in milliseconds, is the same for all lives, lest each of them
/// leaves one of its own behind. It goes off in any case.
const FAR_MS: u64 = 60_000;
/// Errands of one entity that are carried out at once.
const AT_ONCE: usize = 16;

/// Errands under way and alarms armed, as far as this life of the entity knows.
#[derive(Debug, Default, Clone)]
pub(super) struct Chores {
    /// Errands that are being carried out.
    running: BTreeSet<u64>,
    /// Errands that failed and wait for their next try. They take up no place: what cannot be done now, however much of
    /// it, must not hold up what can.
    pausing: BTreeSet<u64>,
    /// How often each failed in a row.
    failures: BTreeMap<u64, u32>,
    /// Done in this life, and not known to be written down: a state that is read anew has them again.
    done: BTreeSet<u64>,
    /// They are being written down; how often that failed in a row.
    writing: bool,
    refused: u32,
    armed: BTreeMap<Timestamp, Reason>,
    /// Alarms that this life ever armed.
    alarms: u64,
}

/// What an alarm is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Errands,
    Deadline(Timestamp),
    FarDeadline(Timestamp),
}

/// Where it is written down how far an entity's errands are done.
pub(crate) fn done_key(entity: &EntityId) -> Vec<u8> {
    let mut key = vec![entity.kind as u8];
    key.extend_from_slice(entity.id().as_bytes());
    key
}

impl<M: Machine> Pipeline<M> {
    /// Whether an alarm that went off is of no use any more; then it is not counted on.
    pub fn let_alarm_go(&mut self, alarm: Timestamp) -> bool {
        let deadline = self.machine.deadline();
        let needless = self.rests() && deadline.is_none_or(|at| at > alarm);
        if needless {
            self.chores.armed.remove(&alarm);
        }
        needless
    }

    /// Everything decided is durable, and nothing is left to be done elsewhere, nor would a later life do it again.
    fn rests(&self) -> bool {
        let settled = self.in_flight.is_none() && self.next.is_empty();
        self.phase == Phase::Serving && settled && !self.has_errands() && !self.has_to_note()
    }

    pub(super) fn has_errands(&self) -> bool {
        self.machine.outbox().is_some_and(|o| !o.is_empty())
    }

    fn has_to_note(&self) -> bool {
        let mut done = self.chores.done.range(..=self.done_up_to());
        done.next().is_some()
    }

    /// All errands up to this number are done. Beyond what is durable another owner may bring errands about under the
    /// numbers of those that are known here.
    fn done_up_to(&self) -> u64 {
        let durable = Outbox::number(self.durable.sequence.next(), 0) - 1;
        let done = self.machine.outbox().map_or(0, Outbox::done_below);
        match mutation::is_on(Mutation::NoteBeyondDurable) {
            true => done,
            false => done.min(durable),
        }
    }

    /// Alarms that an append which begins now needs and nobody has armed yet. Once it is durable, and until the next one
    /// is, the entity wants to be woken at `deadline`.
    pub(super) fn alarms_to_arm(
        &mut self,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Vec<Timestamp> {
        if mutation::is_on(Mutation::SkipWakeup) {
            return Vec::new();
        }
        let mut armed = Vec::new();
        if let Some(deadline) = deadline {
            let (near, far) = (Reason::Deadline(deadline), Reason::FarDeadline(deadline));
            let mut known = self.chores.armed.values();
            let is_armed = known.any(|it| *it == near || *it == far);
            if !is_armed {
                let (salt, reason) = match deadline.since(now) >= FAR_MS {
                    true => (xxh3_64(self.entity.id().as_bytes()), far),
                    false => (self.spread(), near),
                };
                let at = deadline.plus_millis(2 * (salt % SPREADS));
                armed.push(self.arm(at, reason));
            }
        }
        let soon = now.plus_millis(TOO_SOON_MS);
        let late = now.plus_millis(2 * ERRANDS_DUE_MS);
        let covered = self.chores.armed.range(soon..=late).next().is_some();
        if self.has_errands() && !covered {
            let spread = 2 * (self.spread() % (ERRANDS_DUE_MS / 2));
            let at = now.plus_millis(ERRANDS_DUE_MS + spread);
            armed.push(self.arm(at, Reason::Errands));
        }
        armed
    }

    /// Notes an alarm at the first moment from `at` on that is its own: two at one moment would be one row in the store,
    /// and whoever needs one of them no more would clear both.
    fn arm(&mut self, at: Timestamp, reason: Reason) -> Timestamp {
        let mut at = Kind::Chores.at(at);
        while self.chores.armed.contains_key(&at) {
            at = Kind::Chores.at(at.plus_millis(1));
        }
        self.chores.armed.insert(at, reason);
        at
    }

    fn spread(&mut self) -> u64 {
        self.chores.alarms += 1;
        self.mark.wrapping_add(self.chores.alarms)
    }

    /// The store refused an append, or the alarms before it: nobody knows whether they were armed.
    pub(super) fn forget_alarms(&mut self, alarms: &[Timestamp]) {
        for at in alarms {
            self.chores.armed.remove(at);
        }
    }

    /// Begins whatever errands may begin: their event is durable, and nothing earlier waits for the same one. If nothing is
    /// under way, what was done is noted.
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
            if !durable || self.chores.running.len() + begun.len() >= AT_ONCE {
                break;
            }
            let target = errand.target();
            let first = target.is_none_or(|target| asked.insert(target));
            let begins = !self.chores.running.contains(&number);
            if first && begins && !self.chores.pausing.contains(&number) {
                begun.push((number, errand.clone()));
            }
        }
        for (number, errand) in begun {
            self.chores.running.insert(number);
            out.push(Action::Errand {
                number,
                errand: Box::new(errand),
            });
        }
        // What was done while the state was in doubt, or before an errand that has come to nothing, is still to be noted.
        self.write_down(out);
    }

    /// Doubles with each failure in a row.
    fn errand_pause(&self, failures: u32) -> Duration {
        let limits = &self.limits;
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
        self.chores.running.remove(&number);
        if !done {
            let failures = self.chores.failures.entry(number).or_default();
            *failures = failures.saturating_add(1);
            // A node that goes leaves it to the next owner.
            if self.leaving {
                return;
            }
            let delay = self.errand_pause(self.chores.failures[&number]);
            self.chores.pausing.insert(number);
            out.push(Action::PauseErrand { number, delay });
            return;
        }
        self.chores.failures.remove(&number);
        self.chores.done.insert(number);
        if let Some(outbox) = self.machine.outbox_mut() {
            outbox.done(number);
        }
        self.write_down(out);
    }

    /// An errand that failed may be tried again.
    pub fn errand_due(&mut self, number: u64) {
        self.chores.pausing.remove(&number);
    }

    /// The state was read anew. Errands that this life has done do not wait; what is left was left undone by an earlier life,
    /// or done without being noted.
    pub(super) fn take_over_errands(&mut self) {
        let Some(outbox) = self.machine.outbox_mut() else {
            return;
        };
        for number in &self.chores.done {
            outbox.done(*number);
        }
        metrics::counter!("mussikon_errands_taken_over_total").increment(outbox.len() as u64);
    }

    /// Writes down how far errands are done, once nothing is under way.
    pub(super) fn write_down(&mut self, out: &mut Vec<Action<M>>) {
        let idle = self.chores.running.is_empty() && self.chores.pausing.is_empty();
        let may = idle && self.phase == Phase::Serving;
        if !may || self.chores.writing || !self.has_to_note() {
            return;
        }
        let up_to = self.done_up_to();
        self.chores.writing = true;
        out.push(Action::WriteDown {
            up_to,
            row: TableWrite {
                table: Table::ErrandsDone,
                key: done_key(&self.entity),
                rank: up_to,
                value: Some(bytes::Bytes::new()),
            },
            delay: self.errand_pause(self.chores.refused),
        });
    }

    /// How far errands are done is written down, or will be tried again.
    pub fn written_down(&mut self, up_to: u64, done: bool, out: &mut Vec<Action<M>>) {
        self.chores.writing = false;
        if !done && !mutation::is_on(Mutation::NoteOnce) {
            self.chores.refused += 1;
            // A node that goes leaves it to the next owner, who is woken.
            if !self.leaving {
                self.write_down(out);
            }
            return;
        }
        self.chores.refused = 0;
        self.chores.done = self.chores.done.split_off(&(up_to + 1));
        self.write_down(out);
        self.clear_needless(out);
    }

    /// Clears the alarms that nothing needs which is decided and durable.
    pub(super) fn clear_needless(&mut self, out: &mut Vec<Action<M>>) {
        if !self.rests() {
            return;
        }
        let wanted = self.machine.deadline();
        let needless = |reason: &Reason| match reason {
            Reason::Errands => true,
            Reason::Deadline(deadline) => Some(*deadline) != wanted,
            // Another life may have come to want it.
            Reason::FarDeadline(_) => false,
        };
        let alarms = self.chores.armed.iter();
        let alarms: Vec<Timestamp> = alarms
            .filter(|(_, reason)| needless(reason))
            .map(|(at, _)| *at)
            .collect();
        if !alarms.is_empty() {
            self.chores.armed.retain(|_, reason| !needless(reason));
            out.push(Action::Clear(alarms));
        }
    }
}
