//! One owner in the model: a real pipeline, what it has under way, and how to copy and compare both.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::note::{Ask, NOW, Notes, entity};
use crate::ids::Sequence;
use crate::journal::{Append, Capabilities};
use crate::runtime::RuntimeLimits;
use crate::runtime::admission::{Gate, NodeGate};
use crate::runtime::pipeline::{
    Action, Answer, Asked, Decided, InFlight, Pipeline, Readiness, Upkeep, Waiting,
};

/// What an owner waits for.
#[derive(Debug, Clone)]
pub enum Op {
    Recover,
    Append(Append),
    ResolveHead,
    ResolveRow(Sequence),
    FenceHead(u64),
}

pub type Receiver = oneshot::Receiver<Answer<Notes>>;

pub struct Owner {
    pub pipeline: Pipeline<Notes>,
    pub ops: Vec<Op>,
    gate: Arc<Gate>,
    /// Where answers will arrive.
    pub answers: BTreeMap<Ask, Receiver>,
}

impl Owner {
    pub fn new(limits: &Arc<RuntimeLimits>, mark: u64) -> Self {
        let capabilities = Capabilities {
            exclusive: false,
            atomic_side_writes: true,
            bucket: None,
            max_row_bytes: 1_024,
        };
        let mut out = Vec::new();
        let pipeline = Pipeline::new(
            entity(),
            capabilities,
            limits.clone(),
            Arc::new(()),
            mark,
            Arc::default(),
            &mut out,
        );
        let mut owner = Self {
            pipeline,
            ops: Vec::new(),
            gate: Gate::new(1_000, 1_000, NodeGate::new(1_000, 1)),
            answers: BTreeMap::new(),
        };
        owner.note(out);
        owner
    }

    pub fn ask(&mut self, ask: Ask) {
        let asked = asked(&self.gate, &mut self.answers, ask, false);
        self.step(|pipeline, out| pipeline.ask(asked, NOW, out));
    }

    /// Does something to the pipeline the way the actor does it.
    pub fn step(&mut self, with: impl FnOnce(&mut Pipeline<Notes>, &mut Vec<Action<Notes>>)) {
        let mut out = Vec::new();
        with(&mut self.pipeline, &mut out);
        self.note(out);
        let mut out = Vec::new();
        self.pipeline.release(&mut out);
        self.note(out);
    }

    fn note(&mut self, actions: Vec<Action<Notes>>) {
        for action in actions {
            self.ops.push(match action {
                Action::Recover { .. } => Op::Recover,
                Action::Append { append, .. } => Op::Append(append),
                Action::ResolveHead { .. } => Op::ResolveHead,
                Action::ResolveRow { after } => Op::ResolveRow(after),
                Action::FenceHead { fence } => Op::FenceHead(fence),
                Action::Publish { .. } | Action::Advanced(_) => continue,
                Action::Repair { .. }
                | Action::Load { .. }
                | Action::Snapshot(_)
                | Action::Errand { .. }
                | Action::PauseErrand { .. }
                | Action::WriteDown { .. }
                | Action::Clear(_) => {
                    panic!("nothing of the kind in this model")
                }
                Action::Fail(reason) => panic!("the owner stopped: {reason}"),
            });
        }
    }

    /// The same owner again, with channels of its own.
    pub fn fork(&self) -> Self {
        let mut answers = BTreeMap::new();
        let gate = Gate::new(1_000, 1_000, NodeGate::new(1_000, 1));
        let from = &self.pipeline;
        let mut again = |old: &Asked<Notes>| asked(&gate, &mut answers, old.command, old.admitted);
        let mut waits = |list: &mut dyn Iterator<Item = &Waiting<Notes>>| -> Vec<Waiting<Notes>> {
            list.map(|old| Waiting {
                first: old.first,
                rests_on: old.rests_on,
                confirmed: old.confirmed,
                asked: again(&old.asked),
                answer: old.answer.clone(),
            })
            .collect()
        };
        let waiting = waits(&mut from.waiting.iter()).into();
        let fence_running = waits(&mut from.fence_running.iter());
        let fence_next = waits(&mut from.fence_next.iter());
        let pipeline = Pipeline {
            entity: from.entity.clone(),
            capabilities: from.capabilities,
            limits: from.limits.clone(),
            rules: from.rules.clone(),
            phase: from.phase,
            machine: from.machine.clone(),
            durable: from.durable,
            tentative: from.tentative,
            next: from.next.iter().map(decided).collect(),
            in_flight: from.in_flight.as_ref().map(in_flight),
            waiting,
            backlog: from.backlog.iter().map(again).collect(),
            parked: BTreeMap::new(),
            fence_running,
            fence_next,
            fences: from.fences,
            generation: from.generation,
            tickets: from.tickets,
            setbacks: from.setbacks,
            refused: from.refused,
            unrecovered: from.unrecovered,
            turns: from.turns,
            leaving: from.leaving,
            mark: from.mark,
            upkeep: Upkeep::default(),
            readiness: Readiness::default(),
            chores: from.chores.clone(),
            tally: from.tally.clone(),
        };
        Self {
            pipeline,
            ops: self.ops.clone(),
            gate,
            answers,
        }
    }
}

fn asked(
    gate: &Arc<Gate>,
    answers: &mut BTreeMap<Ask, Receiver>,
    command: Ask,
    admitted: bool,
) -> Asked<Notes> {
    let (reply, receiver) = oneshot::channel();
    answers.insert(command, receiver);
    Asked {
        command,
        reply,
        permit: gate.try_enter(1).expect("room"),
        admitted,
    }
}

fn decided(old: &Decided<u8>) -> Decided<u8> {
    Decided {
        event: old.event,
        record: old.record.clone(),
        side: old.side.clone(),
        deadline: old.deadline,
        ends: old.ends,
    }
}

fn in_flight(old: &InFlight<Notes>) -> InFlight<Notes> {
    InFlight {
        append: old.append.clone(),
        arm: old.arm.clone(),
        events: old.events.clone(),
        wakes: old.wakes,
        doubt: old.doubt,
        refusals: old.refusals,
        attempt: old.attempt,
    }
}

impl Hash for Owner {
    /// All that decides what comes next. Counters that only name things or lengthen pauses do not.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let pipeline = &self.pipeline;
        (pipeline.phase as u8).hash(state);
        pipeline.machine.hash(state);
        (pipeline.durable, pipeline.tentative).hash(state);
        pipeline
            .next
            .iter()
            .for_each(|d| (d.event, d.ends).hash(state));
        if let Some(flight) = &pipeline.in_flight {
            flight.append.row.digest.hash(state);
            (flight.doubt, flight.refusals, flight.attempt > 0).hash(state);
        }
        for list in [
            &mut pipeline.waiting.iter() as &mut dyn Iterator<Item = _>,
            &mut pipeline.fence_running.iter(),
            &mut pipeline.fence_next.iter(),
        ] {
            for waiting in list {
                (waiting.first, waiting.rests_on, waiting.confirmed).hash(state);
                waiting.asked.command.hash(state);
                waiting.answer.as_ref().ok().hash(state);
            }
            0xFF_u8.hash(state);
        }
        pipeline.backlog.iter().for_each(|a| a.command.hash(state));
        let mut ops: Vec<_> = self.ops.iter().map(|op| self.name(op)).collect();
        ops.sort_unstable();
        ops.hash(state);
        self.answers.keys().for_each(|ask| ask.hash(state));
    }
}

impl Owner {
    fn name(&self, op: &Op) -> (u8, [u8; 16]) {
        match op {
            Op::Recover => (0, [0; 16]),
            Op::Append(append) => (1, append.row.digest.0),
            Op::ResolveHead => (2, [0; 16]),
            Op::ResolveRow(after) => (3, [after.0 as u8; 16]),
            Op::FenceHead(fence) => (4, [u8::from(*fence == self.pipeline.fences); 16]),
        }
    }
}
