//! The world of the model: a store with compare-and-set, two owners, producers that retry, and faults.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::note::{NOW, Notes, Wish, entity};
use super::owner::{Op, Owner};
use super::producer::Producer;
use crate::ids::Sequence;
use crate::journal::{Append, AppendError, Head, Row};
use crate::machines::Machine;
use crate::runtime::RuntimeLimits;
use crate::runtime::recovery::Recovered;

/// How many of each may happen.
#[derive(Debug, Clone, Copy, Hash)]
pub struct Faults {
    /// Appends whose answer is lost; each is applied at once, later or never.
    pub timeouts: u8,
    /// Appends that the store refuses for certain.
    pub refusals: u8,
    /// Deaths of an owner.
    pub crashes: u8,
    /// Tries of a producer beyond its first, per command.
    pub retries: u8,
}

/// One thing that may happen next.
#[derive(Debug, Clone, Copy)]
pub enum Choice {
    /// What an owner waits for comes back as it should.
    Answer(usize, usize),
    /// An append is applied and its answer lost.
    LoseAnswer(usize, usize),
    /// An append's answer is "time-out", and it lies about somewhere.
    Delay(usize, usize),
    /// The store refuses an append.
    Refuse(usize, usize),
    /// An append that lies about arrives.
    Land(usize),
    /// An owner dies and starts anew.
    Crash(usize),
    /// A producer asks an owner.
    Ask(usize, usize),
    /// A producer stops waiting.
    Leave(usize),
}

pub struct World {
    store: Vec<Row>,
    pub(super) owners: Vec<Owner>,
    late: Vec<Append>,
    pub(super) producers: Vec<Producer>,
    pub(super) acknowledged: Vec<(u8, Sequence)>,
    /// Notes of which every try was refused for certain.
    pub(super) refused: Vec<u8>,
    pub(super) faults: Faults,
    limits: Arc<RuntimeLimits>,
    /// The owners are no longer alike: one has been asked something.
    pub(super) begun: bool,
}

impl World {
    /// Producers with these scripts, and two owners with these marks.
    pub fn new(scripts: &[&[Wish]], faults: Faults, marks: [u64; 2]) -> Self {
        let limits = Arc::new(RuntimeLimits {
            refused_attempts: 1,
            batch_records: 2,
            ..RuntimeLimits::default()
        });
        let mut world = Self {
            store: Vec::new(),
            owners: marks.map(|mark| Owner::new(&limits, mark)).into(),
            late: Vec::new(),
            producers: scripts.iter().map(|script| Producer::new(script)).collect(),
            acknowledged: Vec::new(),
            refused: Vec::new(),
            faults,
            limits,
            begun: false,
        };
        for i in 0..world.owners.len() {
            let op = world.owners[i].ops.remove(0);
            world.answer(i, op);
        }
        world
    }

    pub fn fork(&self) -> Self {
        Self {
            store: self.store.clone(),
            owners: self.owners.iter().map(Owner::fork).collect(),
            late: self.late.clone(),
            producers: self.producers.clone(),
            acknowledged: self.acknowledged.clone(),
            refused: self.refused.clone(),
            faults: self.faults,
            limits: self.limits.clone(),
            begun: self.begun,
        }
    }

    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.store
            .iter()
            .for_each(|row| row.digest.hash(&mut hasher));
        self.owners.hash(&mut hasher);
        let mut late: Vec<_> = self.late.iter().map(|append| append.row.digest).collect();
        late.sort_unstable();
        late.hash(&mut hasher);
        self.producers.hash(&mut hasher);
        (&self.acknowledged, &self.refused, self.faults).hash(&mut hasher);
        hasher.finish()
    }

    pub fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        for (i, owner) in self.owners.iter().enumerate() {
            for (k, op) in owner.ops.iter().enumerate() {
                choices.push(Choice::Answer(i, k));
                if matches!(op, Op::Append(_)) {
                    if self.faults.timeouts > 0 {
                        choices.extend([Choice::LoseAnswer(i, k), Choice::Delay(i, k)]);
                    }
                    if self.faults.refusals > 0 {
                        choices.push(Choice::Refuse(i, k));
                    }
                }
            }
            if self.faults.crashes > 0 && self.begun {
                choices.push(Choice::Crash(i));
            }
        }
        choices.extend((0..self.late.len()).map(Choice::Land));
        for (p, producer) in self.producers.iter().enumerate() {
            match producer.waiting {
                None if producer.at < producer.script.len() => {
                    let owners = if self.begun { self.owners.len() } else { 1 };
                    choices.extend((0..owners).map(|i| Choice::Ask(p, i)));
                }
                Some(_) if producer.attempt < self.faults.retries => {
                    choices.push(Choice::Leave(p));
                }
                _ => {}
            }
        }
        choices
    }

    /// Whether someone still waits for an answer.
    pub fn is_waiting(&self) -> bool {
        self.producers.iter().any(|p| p.waiting.is_some())
    }

    /// Does one thing; tells what went wrong by it, if anything did.
    pub fn take(&mut self, choice: Choice) -> Result<(), String> {
        match choice {
            Choice::Answer(i, k) => {
                let op = self.owners[i].ops.remove(k);
                self.answer(i, op);
            }
            Choice::LoseAnswer(i, k) => {
                let append = self.remove_append(i, k);
                let _lost = self.append(&append);
                self.time_out(i);
            }
            Choice::Delay(i, k) => {
                let append = self.remove_append(i, k);
                self.late.push(append);
                self.time_out(i);
            }
            Choice::Refuse(i, k) => {
                self.remove_append(i, k);
                self.faults.refusals -= 1;
                let refused = Err(AppendError::Unavailable("not now".into()));
                self.owners[i].step(|pipeline, out| pipeline.appended(refused, NOW, out));
            }
            Choice::Land(j) => {
                let append = self.late.swap_remove(j);
                let _nobody_hears = self.append(&append);
            }
            Choice::Crash(i) => self.crash(i),
            Choice::Ask(p, i) => self.ask(p, i),
            Choice::Leave(p) => self.leave(p),
        }
        self.hear()?;
        self.check()
    }

    fn remove_append(&mut self, i: usize, k: usize) -> Append {
        match self.owners[i].ops.remove(k) {
            Op::Append(append) => append,
            other => panic!("{other:?} is no append"),
        }
    }

    fn time_out(&mut self, i: usize) {
        self.faults.timeouts -= 1;
        let doubt = Err(AppendError::InDoubt("no answer".into()));
        self.owners[i].step(|pipeline, out| pipeline.appended(doubt, NOW, out));
    }

    fn crash(&mut self, i: usize) {
        self.faults.crashes -= 1;
        let mark = 2 * (1 + u64::from(self.faults.crashes)) + i as u64;
        let dead = std::mem::replace(&mut self.owners[i], Owner::new(&self.limits, mark));
        for op in dead.ops {
            if let Op::Append(append) = op {
                self.late.push(append);
            }
        }
        for p in 0..self.producers.len() {
            if self.producers[p].waiting.is_some_and(|(at, _)| at == i) {
                self.unknown(p);
            }
        }
    }

    fn head(&self) -> Head {
        self.store.last().map_or_else(Head::default, Row::head)
    }

    fn append(&mut self, append: &Append) -> Result<(), AppendError> {
        let head = self.head();
        if head != append.after {
            return Err(AppendError::Conflict { head });
        }
        self.store.push(append.row.clone());
        Ok(())
    }

    fn answer(&mut self, i: usize, op: Op) {
        let head = self.head();
        match op {
            Op::Append(append) => {
                let outcome = self.append(&append);
                self.owners[i].step(|pipeline, out| pipeline.appended(outcome, NOW, out));
            }
            Op::Recover => {
                let recovered = Ok(self.recover());
                self.owners[i].step(|pipeline, out| pipeline.recovered(recovered, NOW, out));
            }
            Op::ResolveHead => {
                self.owners[i].step(|pipeline, out| pipeline.head_resolved(Ok(head), NOW, out));
            }
            Op::FenceHead(fence) => {
                self.owners[i].step(|pipeline, out| pipeline.head_fenced(fence, Ok(head), NOW, out))
            }
            Op::ResolveRow(after) => {
                let row = self.store.iter().find(|row| row.last() > after).cloned();
                self.owners[i].step(|pipeline, out| pipeline.row_resolved(Ok(row), NOW, out));
            }
        }
    }

    fn recover(&self) -> Recovered<Notes> {
        let mut machine = Notes::new(&entity());
        machine.0 = self.notes();
        Recovered {
            machine,
            head: self.head(),
            snapshot: Sequence::ZERO,
            snapshot_bytes: 0,
        }
    }

    fn notes(&self) -> Vec<u8> {
        let records = self.store.iter().flat_map(|row| row.records.iter());
        records
            .map(|record| Notes::decode(record).expect("a note"))
            .collect()
    }

    /// What must hold in every state.
    fn check(&self) -> Result<(), String> {
        let notes = self.notes();
        for (id, sequence) in &self.acknowledged {
            if notes.get(sequence.0 as usize - 1) != Some(id) {
                return Err(format!(
                    "{id} was acknowledged at {sequence}, stored: {notes:?}"
                ));
            }
        }
        for (place, id) in notes.iter().enumerate() {
            if notes[..place].contains(id) {
                return Err(format!("{id} is stored twice: {notes:?}"));
            }
            if self.refused.contains(id) {
                return Err(format!("{id} was refused and is stored: {notes:?}"));
            }
        }
        for producer in &self.producers {
            let own = |id: &u8| producer.script.contains(&Wish::Note(*id));
            let stored: Vec<u8> = notes.iter().copied().filter(own).collect();
            if !stored.is_sorted() {
                return Err(format!("a producer's order is lost: {notes:?}"));
            }
        }
        let mut head = Head::default();
        for row in &self.store {
            row.verify(head).map_err(|error| error.to_string())?;
            head = row.head();
        }
        Ok(())
    }
}
