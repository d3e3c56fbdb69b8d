//! The timetable of a run: which operation of which story is due when. The same seed gives the same plan.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::operation::Verb;
use super::script::{Kind, Step};
use crate::timetable::Timetable;

/// Every so many operations a story of a request begins; the rest of the rate are its further steps, and visits.
pub const STORY_EVERY: usize = 48;
/// Of so many POSTs one is repeated with its key.
pub const REPEAT_OF: u32 = 20;
/// Milliseconds from one stage of a story to the next, at least and at most.
const PAUSE_MS: (f64, f64) = (200.0, 450.0);

/// What is asked for, as far as the plan is concerned.
#[derive(Clone, Debug)]
pub struct Order {
    /// When operations are due.
    pub times: Timetable,
    /// How many of them only warm up.
    pub measured_from: usize,
    /// How many there are.
    pub total: usize,
    /// When it is over, in nanoseconds since its beginning.
    pub until_ns: u64,
    /// Musicians there are.
    pub musicians: u32,
    /// Organizers there are.
    pub organizers: u32,
    /// What everything random follows from.
    pub seed: u64,
}

impl Order {
    /// The same rate from beginning to end, over seconds that warm up and seconds that are measured.
    pub fn steady(
        rate: f64,
        (warmup_s, measured_s): (f64, f64),
        (musicians, organizers): (u32, u32),
        seed: u64,
    ) -> Self {
        let times = Timetable::steady(1e9 / rate);
        let measured_from = (rate * warmup_s).ceil() as usize;
        let total = measured_from + ((rate * measured_s).ceil() as usize).max(1);
        Self {
            until_ns: times.ns(total as u32),
            times,
            measured_from,
            total,
            musicians,
            organizers,
            seed,
        }
    }
}

/// A story and who is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story {
    /// What happens.
    pub kind: Kind,
    /// Its organizer, or the visitor: the number among organizers or musicians.
    pub person: u32,
    /// The number of its request, from 0; of a visit, which of several things it looks at.
    pub number: u32,
}

/// One planned operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The story.
    pub story: u32,
    /// The stage in it.
    pub stage: u8,
    /// The step of the stage.
    pub step: u8,
    /// It repeats the step, with the same key.
    pub repeats: bool,
    /// It will be repeated.
    pub repeated: bool,
}

/// The timetable. Times are nanoseconds of the run's clock.
#[derive(Debug)]
pub struct Plan {
    /// When the first operation is due; known when everybody is there.
    pub start_ns: Cell<u64>,
    /// When the others are due after it.
    pub times: Timetable,
    /// When it is over, after that moment.
    until_ns: u64,
    /// All operations in the order of their times.
    pub slots: Vec<Slot>,
    /// Operations before this one only warm up: they are checked, not measured.
    pub measured_from: usize,
    /// All stories in the order of their beginnings.
    pub stories: Vec<Story>,
}

impl Plan {
    /// Fills all places with stories.
    pub fn new(order: &Order) -> Self {
        let mut author = Author::new(order);
        let slots = (0..order.total).map(|at| author.slot(at)).collect();
        Self {
            start_ns: Cell::new(0),
            times: order.times.clone(),
            until_ns: order.until_ns,
            slots,
            measured_from: order.measured_from,
            stories: author.stories,
        }
    }

    /// When this operation is due.
    #[inline]
    pub fn intended_ns(&self, at: usize) -> u64 {
        self.start_ns.get().saturating_add(self.times.ns(at as u32))
    }

    /// Operations per second at the beginning.
    pub fn rate(&self) -> f64 {
        self.times.rate_at(0)
    }

    /// When the measured part begins and when the last operation's interval is over.
    pub fn measured_ns(&self) -> (u64, u64) {
        (
            self.intended_ns(self.measured_from),
            self.start_ns.get() + self.until_ns,
        )
    }

    /// The step that an operation takes.
    pub fn step(&self, slot: Slot) -> Step {
        let story = &self.stories[slot.story as usize];
        story.kind.stages()[usize::from(slot.stage)][usize::from(slot.step)]
    }

    /// Requests that are made in it.
    pub fn requests(&self) -> u32 {
        let of_request = self.stories.iter().filter(|one| one.kind.is_of_request());
        of_request.count() as u32
    }
}

/// What is due at a place of the plan; the first in this order comes first.
type Due = Reverse<(usize, u64, Waiting)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    story: u32,
    stage: u8,
    step: u8,
    repeats: bool,
}

/// Writes a plan from its beginning to its end.
struct Author {
    rng: SmallRng,
    musicians: u32,
    organizers: u32,
    times: Timetable,
    stories: Vec<Story>,
    requests: u32,
    due: BinaryHeap<Due>,
    entered: u64,
}

impl Author {
    fn new(order: &Order) -> Self {
        Self {
            rng: SmallRng::seed_from_u64(order.seed),
            musicians: order.musicians.max(1),
            organizers: order.organizers.max(1),
            times: order.times.clone(),
            stories: Vec::new(),
            requests: 0,
            due: BinaryHeap::new(),
            entered: 0,
        }
    }

    /// What place `at` is for: every so often a new request, else what is due longest, else a new visit.
    fn slot(&mut self, at: usize) -> Slot {
        let next = match self.due.peek() {
            _ if at.is_multiple_of(STORY_EVERY) => self.begin(&Kind::OF_REQUESTS),
            Some(Reverse((due, _, waiting))) if *due <= at => {
                let waiting = *waiting;
                self.due.pop();
                waiting
            }
            _ => self.begin(&Kind::VISITS),
        };
        self.take(at, next)
    }

    /// A new story; its first step.
    fn begin(&mut self, kinds: &[(Kind, u32)]) -> Waiting {
        let all: u32 = kinds.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.rng.random_range(0..all);
        let mut kind = kinds[0].0;
        for (one, weight) in kinds {
            kind = *one;
            match drawn.checked_sub(*weight) {
                Some(rest) => drawn = rest,
                None => break,
            }
        }
        let of_request = kind.is_of_request();
        let people = match of_request || kind.visits_as_organizer() {
            true => self.organizers,
            false => self.musicians,
        };
        let number = match of_request {
            true => self.requests,
            false => self.rng.random(),
        };
        self.requests += u32::from(of_request);
        let story = self.stories.len() as u32;
        let person = self.rng.random_range(0..people);
        self.stories.push(Story {
            kind,
            person,
            number,
        });
        Waiting {
            story,
            stage: 0,
            step: 0,
            repeats: false,
        }
    }

    /// Takes a step at this place and says what becomes due by it.
    fn take(&mut self, at: usize, taken: Waiting) -> Slot {
        let stages = self.stories[taken.story as usize].kind.stages();
        let stage = stages[usize::from(taken.stage)];
        let mut repeated = false;
        if !taken.repeats {
            let operation = stage[usize::from(taken.step)].operation;
            repeated = operation.verb() == Verb::Post && self.rng.random_range(0..REPEAT_OF) == 0;
            if repeated {
                let again = Waiting {
                    repeats: true,
                    ..taken
                };
                // Half of the clients lose patience at once: then both are under way together.
                let pause = match self.rng.random() {
                    true => 0,
                    false => self.pause(at),
                };
                self.enter(at + 1 + pause, again);
            }
            let next = if usize::from(taken.step) + 1 < stage.len() {
                Some((at + 1, taken.stage, taken.step + 1))
            } else if usize::from(taken.stage) + 1 < stages.len() {
                Some((at + 1 + self.pause(at), taken.stage + 1, 0))
            } else {
                None
            };
            if let Some((due, stage, step)) = next {
                let next = Waiting {
                    stage,
                    step,
                    ..taken
                };
                self.enter(due, next);
            }
        }
        Slot {
            story: taken.story,
            stage: taken.stage,
            step: taken.step,
            repeats: taken.repeats,
            repeated,
        }
    }

    /// Places of the plan until somebody goes on.
    fn pause(&mut self, at: usize) -> usize {
        let ms = self.rng.random_range(PAUSE_MS.0..PAUSE_MS.1);
        let rate = self.times.rate_at(self.times.ns(at as u32));
        (ms / 1_000.0 * rate) as usize
    }

    fn enter(&mut self, due: usize, waiting: Waiting) {
        self.due.push(Reverse((due, self.entered, waiting)));
        self.entered += 1;
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
