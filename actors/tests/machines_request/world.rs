//! A request among musicians with times of their own: errands are carried out late, twice, and again after a crash; answers
//! come late and again; everybody wishes anything at any time.

use std::collections::{BTreeMap, BTreeSet};

use actors::ids::{EntityId, UserId};
use actors::machines::Machine;
use actors::machines::errand::Errand;
use actors::machines::matching::Found;
use actors::machines::request::{Change, RequestCommand, RequestLimits, RequestReply};
use actors::machines::terms::{Caller, SlotFate, SlotRefusal};

use crate::desk::{Desk, MINUTE, candidate, user};

pub const MUSICIANS: [&str; 5] = ["mia", "max", "moe", "meg", "zoe"];

/// A musician's time, as the user entity keeps it.
#[derive(Debug, Clone, Default)]
pub struct Slot {
    pub busy: bool,
    /// Number of the last errand that was taken.
    pub last: u64,
    /// Number that reserved the time, and whether it is booked.
    pub held: Option<(u64, bool)>,
}

impl Slot {
    fn reserve(&mut self, number: u64) -> Result<(), SlotRefusal> {
        if number < self.last {
            return Err(SlotRefusal::Outdated);
        }
        self.last = number;
        if self.busy && self.held.is_none_or(|(held, _)| held != number) {
            self.held = None;
            return Err(SlotRefusal::NotAvailable);
        }
        self.held.get_or_insert((number, false));
        Ok(())
    }

    fn confirm(&mut self, number: u64) {
        if number < self.last {
            return;
        }
        self.last = number;
        // Without a held time, whoever held it has learnt already that it is not wanted any more: a release follows.
        if let Some(held) = &mut self.held {
            held.1 = true;
        }
    }

    fn release(&mut self, number: u64) {
        if number >= self.last {
            self.last = number;
            self.held = None;
        }
    }
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// Somebody wishes something, perhaps with a key.
    Ask(Caller, Change, Option<u64>),
    /// The next errand to one of the targets is carried out; it may not become known that it is done.
    Carry(usize, bool),
    /// A late copy of an earlier errand arrives.
    Copy(usize),
    /// An earlier answer arrives again.
    Again(usize),
    /// A musician with a held time asks what becomes of it.
    Settle(usize),
    /// A musician becomes busy, or free.
    Busy(usize),
    /// Time passes, in minutes, and the request is woken if it is time.
    Wait(u64),
    /// The node dies: of what is done, only this is known: all up to the first that is not.
    Crash,
}

/// Everything.
pub struct World {
    pub desk: Desk,
    pub slots: BTreeMap<UserId, Slot>,
    /// Numbers of the notifications in each inbox, and how often each was brought.
    pub inboxes: BTreeMap<UserId, BTreeSet<u64>>,
    /// Errands that are known to be done.
    done: BTreeSet<u64>,
    answers: Vec<RequestCommand>,
}

impl World {
    pub fn new(limits: RequestLimits) -> Self {
        let mut desk = Desk::new();
        desk.limits = limits;
        let slots = MUSICIANS.iter().map(|name| (user(name), Slot::default()));
        Self {
            desk,
            slots: slots.collect(),
            inboxes: BTreeMap::new(),
            done: BTreeSet::new(),
            answers: Vec::new(),
        }
    }

    pub fn step(&mut self, step: &Step) {
        match step {
            Step::Ask(by, change, key) => {
                let (by, key, change) = (by.clone(), *key, change.clone());
                // Refused or not: what counts is what follows.
                let _ = self.desk.send(RequestCommand::Change { by, key, change });
            }
            Step::Carry(which, known) => {
                let next = self.next_errands();
                if let Some((number, errand)) = pick(&next, *which) {
                    self.carry(*number, errand);
                    if *known {
                        self.finish(*number);
                    }
                }
            }
            Step::Copy(which) => {
                let carried: Vec<(u64, Errand)> = self.carried().collect();
                if let Some((number, errand)) = pick(&carried, *which) {
                    self.carry(*number, errand);
                }
            }
            Step::Again(which) => {
                if let Some(answer) = pick(&self.answers, *which).cloned() {
                    self.desk.send(answer).expect("answers are never refused");
                }
            }
            Step::Settle(which) => self.settle(&user(MUSICIANS[which % MUSICIANS.len()])),
            Step::Busy(which) => {
                let name = user(MUSICIANS[which % MUSICIANS.len()]);
                let slot = self.slots.get_mut(&name).expect("a musician");
                slot.busy = !slot.busy;
            }
            Step::Wait(minutes) => {
                self.desk.wait(minutes * MINUTE);
                self.wake();
            }
            Step::Crash => self.crash(),
        }
    }

    fn wake(&mut self) {
        let due = self.desk.request.deadline();
        if due.is_some_and(|due| due <= self.desk.now) {
            self.desk.wake();
        }
    }

    fn crash(&mut self) {
        self.desk.request = self.desk.replayed();
        let first = self.desk.errands.iter().map(|(number, _)| *number);
        let first = first.filter(|number| !self.done.contains(number)).min();
        let known = first.map_or(u64::MAX, |number| number - 1);
        self.done.retain(|number| *number <= known);
        let outbox = self.desk.request.outbox_mut().expect("requests have one");
        outbox.done_up_to(known);
    }

    /// The first errand to each target that is not done.
    fn next_errands(&self) -> Vec<(u64, Errand)> {
        let mut targets: BTreeSet<Option<EntityId>> = BTreeSet::new();
        let outbox = self.desk.request.outbox().expect("requests have one");
        let waiting = outbox.waiting();
        let first = waiting.filter(|(_, errand)| targets.insert(errand.target()));
        first
            .map(|(number, errand)| (number, errand.clone()))
            .collect()
    }

    /// Errands that were carried out at least once, for all that is known.
    fn carried(&self) -> impl Iterator<Item = (u64, Errand)> + '_ {
        let all = self.desk.errands.iter();
        all.filter(|(number, _)| self.done.contains(number))
            .cloned()
    }

    fn finish(&mut self, number: u64) {
        self.done.insert(number);
        let outbox = self.desk.request.outbox_mut().expect("requests have one");
        outbox.done(number);
    }

    fn carry(&mut self, number: u64, errand: &Errand) {
        let answer = match errand {
            Errand::Notify { user, .. } => {
                self.inboxes.entry(user.clone()).or_default().insert(number);
                return;
            }
            Errand::Reserve { musician, .. } => {
                let answer = self.slot(musician).reserve(number);
                RequestCommand::SlotAnswered {
                    musician: musician.clone(),
                    number,
                    answer,
                }
            }
            Errand::Confirm { musician } => return self.slot(musician).confirm(number),
            Errand::Release { musician } | Errand::GiveBack { musician } => {
                return self.slot(musician).release(number);
            }
            Errand::Search { except, limit, .. } => {
                let fits = MUSICIANS
                    .iter()
                    .filter(|name| !except.contains(&user(name)));
                let fits = fits
                    .filter(|name| !self.slots[&user(name)].busy)
                    .take(*limit);
                let found = Found {
                    candidates: fits.map(|name| candidate(name, 0.5)).collect(),
                    ..Found::default()
                };
                let found = Box::new(found);
                RequestCommand::CandidatesFound { number, found }
            }
            Errand::Arrange { .. } | Errand::Settle { .. } => return,
        };
        self.answers.push(answer.clone());
        self.desk.send(answer).expect("answers are never refused");
    }

    fn slot(&mut self, musician: &UserId) -> &mut Slot {
        self.slots.get_mut(musician).expect("a musician")
    }

    fn settle(&mut self, musician: &UserId) {
        let Some((number, false)) = self.slots[musician].held else {
            return;
        };
        let wants = RequestCommand::Wants {
            musician: musician.clone(),
            reserved_by: number,
        };
        let Ok(RequestReply::Wants(fate)) = self.desk.send(wants) else {
            panic!("no fate");
        };
        let slot = self.slot(musician);
        match fate {
            SlotFate::Free => slot.held = None,
            SlotFate::Held => {}
            SlotFate::Booked => slot.held = Some((number, true)),
        }
    }

    /// Everything that waits is done, and everything that is due.
    pub fn come_to_rest(&mut self) {
        for _ in 0..2_000 {
            let next = self.next_errands();
            let Some((number, errand)) = next.first() else {
                let before = self.desk.records.len();
                self.wake();
                if self.desk.records.len() == before {
                    break;
                }
                continue;
            };
            self.carry(*number, errand);
            self.finish(*number);
        }
        for name in MUSICIANS {
            self.settle(&user(name));
        }
        let outbox = self.desk.request.outbox().expect("requests have one");
        assert!(outbox.is_empty(), "it never comes to rest");
    }
}

fn pick<T>(all: &[T], which: usize) -> Option<&T> {
    all.get(which.checked_rem(all.len())?)
}
