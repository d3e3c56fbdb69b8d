//! The run: takes operations up when the plan says, keeps each story in its order, and enters what comes back.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::answers::{learn, unexpected};
use super::calls::{Scene, Turn};
use super::cast::Cast;
use super::client::{Answer, Call, Client, Trouble};
use super::contradictions::Contradictions;
use super::figures::{Tally, histogram};
use super::ledger::Repeats;
use super::operation::Operation;
use super::plan::{Plan, Slot};
use super::script::STAGES;
use crate::clock::Clock;
use crate::process::Meter;
use crate::run::log::Log;
use crate::run::record::class;
use crate::trial::mark::Mark;

/// Operations taken up before answers are read again, when the generator is behind its plan.
const PER_TURN: usize = 64;
/// An idle generator looks for answers this often.
const PAUSE_NS: u64 = 20_000;

/// A run under way; everything happens on one thread.
pub struct Run {
    /// Everybody.
    pub cast: Cast,
    /// What is due when.
    pub plan: Plan,
    /// The connections.
    pub client: Rc<Client>,
    clock: Clock,
    limit: Duration,
    /// Answers so far.
    answered: Cell<u64>,
    /// What changes while it runs.
    pub state: RefCell<State>,
}

/// The books of a run.
pub struct State {
    /// What each story knows.
    pub scenes: Vec<Scene>,
    /// Which operations are over.
    over: Vec<bool>,
    /// Steps of each stage of each story that have no answer yet.
    left: Vec<[u8; STAGES]>,
    /// Operations whose time has come before the answers that they wait for, by story.
    waiting: HashMap<u32, Vec<usize>>,
    /// Calls that will be repeated.
    calls: HashMap<(u32, u8, u8), Call>,
    /// First answers to them.
    pub repeats: Repeats,
    /// Latencies and errors.
    pub tally: Tally,
    /// What was wrong already.
    pub wrong: Contradictions,
    /// How late operations were taken up.
    pub lag: Histogram<u64>,
    /// Operations that waited for a free connection.
    pub held_back: u64,
    /// Operations that waited for an answer.
    pub waited: u64,
    /// Operations that had nothing to do.
    pub replaced: u64,
    /// Who is told of every operation, when somebody is.
    pub log: Option<Log>,
}

impl Run {
    /// Nothing is sent yet.
    pub fn new(
        cast: Cast,
        plan: Plan,
        client: Rc<Client>,
        clock: Clock,
        limit: Duration,
        log: Option<Log>,
    ) -> Self {
        let steps = plan.stories.iter().map(|story| {
            let mut left = [0; STAGES];
            for (left, stage) in left.iter_mut().zip(story.kind.stages()) {
                *left = stage.len() as u8;
            }
            left
        });
        let state = State {
            scenes: vec![Scene::default(); plan.stories.len()],
            over: vec![false; plan.slots.len()],
            left: steps.collect(),
            waiting: HashMap::new(),
            calls: HashMap::new(),
            repeats: Repeats::default(),
            tally: Tally::new(),
            wrong: Contradictions::default(),
            lag: histogram(),
            held_back: 0,
            waited: 0,
            replaced: 0,
            log,
        };
        Self {
            state: RefCell::new(state),
            answered: Cell::new(0),
            cast,
            plan,
            client,
            clock,
            limit,
        }
    }

    /// Makes the whole plan happen and waits for all answers; what was used in the measured part.
    pub async fn run(self: &Rc<Self>, server: Option<&Meter>) -> (Mark, Mark) {
        let (from_ns, until_ns) = self.plan.measured_ns();
        let (mut next, mut idle_ns) = (0, 0);
        let (mut begin, mut end) = (None, None);
        loop {
            let now_ns = self.clock.now_ns();
            let mark = || Mark::now(now_ns, self.answered.get(), idle_ns, server);
            if begin.is_none() && now_ns >= from_ns {
                begin = Some(mark());
            }
            if end.is_none() && now_ns >= until_ns && next == self.plan.slots.len() {
                end = Some(mark());
            }
            let all = self.answered.get() == self.plan.slots.len() as u64;
            let given_up = now_ns > until_ns + 2 * self.limit.as_nanos() as u64;
            if let (Some(begin), Some(end), true) = (begin, end, all || given_up) {
                self.give_up(now_ns);
                return (begin, end);
            }
            if let Some(log) = &mut self.state.borrow_mut().log {
                log.tick(now_ns, self.client.connections());
            }
            idle_ns += self.turn(&mut next).await;
        }
    }

    /// Takes up what is due and lets connections move; how long there was nothing to do.
    async fn turn(self: &Rc<Self>, next: &mut usize) -> u64 {
        let (first, started_ns) = (*next, self.clock.now_ns());
        while *next < self.plan.slots.len() && *next - first < PER_TURN {
            let (intended_ns, now_ns) = (self.plan.intended_ns(*next), self.clock.now_ns());
            if now_ns < intended_ns {
                break;
            }
            self.take_up(*next, (now_ns - intended_ns) / 1_000);
            *next += 1;
        }
        let answered = self.answered.get();
        tokio::task::yield_now().await;
        if *next > first || self.answered.get() > answered {
            return 0;
        }
        self.pause(*next);
        self.clock.now_ns() - started_ns
    }

    /// Leaves the kernel alone for a moment, or until the next operation is due.
    fn pause(&self, next: usize) {
        let now_ns = self.clock.now_ns();
        let due_ns = match next < self.plan.slots.len() {
            true => self.plan.intended_ns(next),
            false => u64::MAX,
        };
        let until_ns = due_ns.min(now_ns + PAUSE_NS);
        while self.clock.now_ns() < until_ns {
            std::hint::spin_loop();
        }
    }

    /// The time of an operation has come: it is asked for, or waits for the answers of the stages before its own.
    fn take_up(self: &Rc<Self>, at: usize, late_us: u64) {
        let slot = self.plan.slots[at];
        {
            let mut state = self.state.borrow_mut();
            if at >= self.plan.measured_from {
                state.lag.saturating_record(late_us);
            }
            let intended_ns = self.plan.intended_ns(at);
            if let Some(log) = &mut state.log {
                log.late(intended_ns, intended_ns + late_us * 1_000);
            }
            if !state.is_open(slot) {
                state.waited += u64::from(at >= self.plan.measured_from);
                state.waiting.entry(slot.story).or_default().push(at);
                return;
            }
        }
        self.begin(at);
    }

    fn turn_of(&self, slot: Slot) -> Turn<'_> {
        Turn {
            cast: &self.cast,
            story: &self.plan.stories[slot.story as usize],
            slot,
            step: self.plan.step(slot),
        }
    }

    /// Asks.
    fn begin(self: &Rc<Self>, at: usize) {
        let slot = self.plan.slots[at];
        let turn = self.turn_of(slot);
        let mut state = self.state.borrow_mut();
        let call = match slot.repeats {
            true => state.calls.remove(&slot.place()),
            false => turn.call(&mut state.scenes[slot.story as usize]),
        };
        if let (Some(call), true) = (&call, slot.repeated) {
            state.calls.insert(slot.place(), call.clone());
        }
        let is_replaced = call.is_none();
        state.replaced += u64::from(is_replaced && at >= self.plan.measured_from);
        let call = call.unwrap_or_else(|| turn.instead());
        drop(state);
        let run = self.clone();
        tokio::task::spawn_local(async move {
            if run.client.is_full() && at >= run.plan.measured_from {
                run.state.borrow_mut().held_back += 1;
            }
            let answer = run.client.call(&call).await;
            run.over(at, &call, is_replaced, answer);
        });
    }

    /// An operation is over, one way or another.
    fn over(
        self: &Rc<Self>,
        at: usize,
        call: &Call,
        is_replaced: bool,
        came: Result<Answer, Trouble>,
    ) {
        let slot = self.plan.slots[at];
        let turn = self.turn_of(slot);
        let us = self
            .clock
            .now_ns()
            .saturating_sub(self.plan.intended_ns(at))
            / 1_000;
        self.answered.set(self.answered.get() + 1);
        let mut state = self.state.borrow_mut();
        let (operation, error) = match is_replaced {
            true => (Operation::Unread, replaced_error(came)),
            false => (turn.step.operation, state.enter(&turn, call, came)),
        };
        let is_measured = at >= self.plan.measured_from;
        state.tell(self.plan.intended_ns(at), us, error.is_some());
        state.tally.over(operation, us, error, is_measured);
        state.over[at] = true;
        let ready = state.close(slot, &self.plan);
        drop(state);
        for at in ready {
            self.begin(at);
        }
    }
}

impl Run {
    /// What has no answer now is an error, and may have happened or not.
    fn give_up(&self, now_ns: u64) {
        let mut state = self.state.borrow_mut();
        for (at, slot) in self.plan.slots.iter().enumerate() {
            if state.over[at] {
                continue;
            }
            let operation = self.plan.step(*slot).operation;
            let us = now_ns.saturating_sub(self.plan.intended_ns(at)) / 1_000;
            let is_measured = at >= self.plan.measured_from;
            let error = Some("no answer".to_owned());
            state.tell(self.plan.intended_ns(at), us, true);
            state.tally.over(operation, us, error, is_measured);
            state.scenes[slot.story as usize].books.unsure |= !operation.is_read();
        }
    }
}

impl Slot {
    /// The step that it is, or repeats.
    fn place(&self) -> (u32, u8, u8) {
        (self.story, self.stage, self.step)
    }
}

fn replaced_error(came: Result<Answer, Trouble>) -> Option<String> {
    match came {
        Ok(answer) if answer.status == 200 => None,
        Ok(answer) => Some(answer.status.to_string()),
        Err(trouble) => Some(trouble.name().to_owned()),
    }
}

impl State {
    /// Tells the log of an operation that is over.
    fn tell(&mut self, intended_ns: u64, us: u64, is_error: bool) {
        match &mut self.log {
            Some(log) if is_error => log.error(class::HTTP, intended_ns),
            Some(log) => log.record(class::HTTP, intended_ns, intended_ns + us * 1_000),
            None => {}
        }
    }

    /// All stages before that of an operation have their answers.
    fn is_open(&self, slot: Slot) -> bool {
        let left = &self.left[slot.story as usize];
        left[..usize::from(slot.stage)]
            .iter()
            .all(|left| *left == 0)
    }

    /// Enters what came into the books; why it is an error, if it is one.
    fn enter(
        &mut self,
        turn: &Turn<'_>,
        call: &Call,
        came: Result<Answer, Trouble>,
    ) -> Option<String> {
        let slot = turn.slot;
        let scene = &mut self.scenes[slot.story as usize];
        let error = match &came {
            Err(trouble) => Some(trouble.name().to_owned()),
            Ok(answer) => match unexpected(turn, scene, answer) {
                None if slot.repeats => None,
                None if learn(turn, call, scene, answer, &mut self.wrong) => None,
                None => Some("an answer of another shape".to_owned()),
                error => error,
            },
        };
        // What a repeat was told says nothing of the first time.
        scene.books.unsure |= error.is_some() && !turn.step.operation.is_read() && !slot.repeats;
        if let (Ok(answer), true) = (&came, slot.repeats || slot.repeated) {
            self.repeats.answered(slot.place(), answer, &mut self.wrong);
        }
        error
    }

    /// A step has its answer; the operations that waited for nothing else.
    fn close(&mut self, slot: Slot, plan: &Plan) -> Vec<usize> {
        if slot.repeats {
            return Vec::new();
        }
        let left = &mut self.left[slot.story as usize][usize::from(slot.stage)];
        *left = left.saturating_sub(1);
        let waiting = match *left {
            0 => self.waiting.remove(&slot.story).unwrap_or_default(),
            _ => return Vec::new(),
        };
        let (ready, others): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|at| self.is_open(plan.slots[*at]));
        if !others.is_empty() {
            self.waiting.insert(slot.story, others);
        }
        ready
    }
}
