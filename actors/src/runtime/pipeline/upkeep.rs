//! What is done now and then at a moment at which everything decided is durable.

use super::{Action, Pipeline, SWEEP_AT_REST, SWEEP_EVERY};
use crate::ids::Timestamp;
use crate::journal::Snapshot;
use crate::machines::{Context, Machine};

impl<M: Machine> Pipeline<M> {
    /// Sweeps and takes a snapshot when due, which needs a moment at which all is durable.
    pub(super) fn upkeep(&mut self, now: Timestamp, out: &mut Vec<Action<M>>) {
        let due = self.upkeep.records >= self.limits.snapshot_records
            && self.upkeep.bytes >= self.limits.snapshot_ratio * self.upkeep.snapshot_bytes;
        // What is being read was asked for because it is not in memory: it must not be let go before what it was read for is
        // decided, or the reading would shadow what happened since.
        let at_rest = self.in_flight.is_none() && self.next.is_empty() && self.parked.is_empty();
        let enough = if at_rest { SWEEP_AT_REST } else { SWEEP_EVERY };
        if !due && self.upkeep.swept < enough {
            return;
        }
        self.upkeep.holding = !at_rest;
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
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::oneshot::{self, Receiver};

    use super::super::shelf::{Call, KEPT, Shelf, StruckOut};
    use super::super::{Answer, Asked, Ticket};
    use super::*;
    use crate::ids::{EntityId, EntityKind, Sequence};
    use crate::journal::{Capabilities, Head, OverlayWrite, Record};
    use crate::runtime::admission::{Gate, NodeGate};
    use crate::runtime::recovery::{RecoverError, Recovered};
    use crate::runtime::{AskError, RuntimeLimits};

    const CAPABILITIES: Capabilities = Capabilities {
        exclusive: true,
        atomic_side_writes: true,
        bucket: None,
        max_row_bytes: 1 << 20,
    };

    type Found = (Option<Record>, Option<OverlayWrite>);

    /// A shelf that serves, and nobody else writes.
    struct Owner {
        pipeline: Pipeline<Shelf>,
        gate: Arc<Gate>,
    }

    impl Owner {
        fn new() -> Self {
            let entity = EntityId::new(EntityKind::Room, "shelf").expect("a valid id");
            let limits = Arc::new(RuntimeLimits::default());
            let rules = Arc::new(());
            let mut out = Vec::new();
            let tally = Arc::default();
            let mut pipeline =
                Pipeline::new(entity, CAPABILITIES, limits, rules, 1, tally, &mut out);
            let recovered = Recovered {
                machine: Shelf::default(),
                head: Head::default(),
                snapshot: Sequence::ZERO,
                snapshot_bytes: 0,
            };
            pipeline.recovered(Ok(recovered), Timestamp(0), &mut out);
            let gate = Gate::new(100, 1 << 20, NodeGate::new(1 << 20, 1));
            Self { pipeline, gate }
        }

        /// Asks; where the answer will be, and what is to be done.
        fn ask(&mut self, command: Call) -> (Receiver<Answer<Shelf>>, Vec<Action<Shelf>>) {
            let (reply, answer) = oneshot::channel();
            let asked = Asked {
                command,
                reply,
                permit: self.gate.try_enter(1).expect("room for one"),
                admitted: false,
            };
            let mut out = Vec::new();
            self.pipeline.ask(asked, Timestamp(0), &mut out);
            self.pipeline.release(&mut out);
            (answer, out)
        }

        /// Asks something about a thing that is not in memory.
        fn ask_old(&mut self, command: Call) -> (Receiver<Answer<Shelf>>, Ticket) {
            let (answer, out) = self.ask(command);
            match out[..] {
                [Action::Load { ticket, .. }] => (answer, ticket),
                _ => panic!("it is in memory"),
            }
        }

        /// The thing as it was put comes from the journal.
        fn loaded(&mut self, ticket: Ticket, at: Sequence) {
            self.read(ticket, at, Ok((None, None)));
        }

        fn read(&mut self, ticket: Ticket, at: Sequence, found: Result<Found, RecoverError>) {
            let mut out = Vec::new();
            self.pipeline
                .loaded(ticket, at, found, Timestamp(0), &mut out);
            self.pipeline.release(&mut out);
        }

        fn put(&mut self) {
            self.ask(Call::Put);
        }

        /// The append that is on its way is durable.
        fn land(&mut self) {
            let mut out = Vec::new();
            self.pipeline.appended(Ok(()), Timestamp(0), &mut out);
            self.pipeline.release(&mut out);
        }

        fn put_one_by_one(&mut self, count: usize) {
            for _ in 0..count {
                self.put();
                self.land();
                assert!(self.kept() <= 200, "{}", self.kept());
            }
        }

        fn kept(&self) -> usize {
            self.pipeline.machine.things.len()
        }
    }

    #[test]
    fn an_entity_with_pauses_keeps_little_in_memory() {
        let mut owner = Owner::new();
        owner.put_one_by_one(1_000);
        assert!(owner.kept() >= KEPT);
    }

    #[test]
    fn an_entity_that_is_never_at_rest_is_swept_all_the_same_and_goes_on() {
        let mut owner = Owner::new();
        owner.put();
        let mut most = 0;
        for _ in 1..3_000 {
            owner.put();
            owner.land();
            most = most.max(owner.kept());
        }
        // What came meanwhile waits for the sweep and is decided after it.
        assert!(most > 1_000, "it was at rest");
        assert!(most <= KEPT + 1_026, "{most}");
        owner.land();
        assert_eq!(owner.pipeline.durable.sequence, Sequence(3_000));
        assert_eq!(owner.pipeline.tentative, Sequence(3_000));
        assert!(owner.pipeline.backlog.is_empty());
    }

    /// Two commands read the same old thing; what the first one did to it must not be shadowed by what the second one read
    /// before, however much comes in between.
    #[test]
    fn what_is_being_read_is_not_let_go() {
        let mut owner = Owner::new();
        owner.put_one_by_one(300);
        let target = Sequence(1);
        let (mut struck, first) = owner.ask_old(Call::Strike(target));
        let (mut looked, second) = owner.ask_old(Call::Look(target));
        owner.loaded(first, target);
        owner.land();
        assert_eq!(struck.try_recv(), Ok(Ok(())));
        for _ in 0..300 {
            owner.put();
            owner.land();
        }
        owner.loaded(second, target);
        assert_eq!(looked.try_recv(), Ok(Err(AskError::Rejected(StruckOut))));
    }

    #[test]
    fn what_could_not_be_read_holds_nobody_up() {
        let mut owner = Owner::new();
        owner.put_one_by_one(300);
        let target = Sequence(1);
        let (mut looked, ticket) = owner.ask_old(Call::Look(target));
        // A sweep is due and waits for what is read, and the next command for the sweep.
        while !owner.pipeline.upkeep.holding {
            owner.put();
            owner.land();
        }
        let (mut put, _) = owner.ask(Call::Put);
        let refused = RecoverError::Unavailable {
            entity: owner.pipeline.entity.clone(),
            reason: "not now".into(),
        };
        owner.read(ticket, target, Err(refused));
        assert!(matches!(
            looked.try_recv(),
            Ok(Err(AskError::Unavailable { .. }))
        ));
        owner.land();
        assert_eq!(put.try_recv(), Ok(Ok(())));
    }
}
