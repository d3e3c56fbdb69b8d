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
    use std::time::Duration;

    use tokio::sync::oneshot::{self, Receiver};

    use super::super::{Answer, Asked, Ticket};
    use super::*;
    use crate::ids::{EntityId, EntityKind, MessageId, Sequence, UserId};
    use crate::journal::{Capabilities, Record};
    use crate::machines::room::{
        Content, MessageKind, Room, RoomCommand, RoomKind, RoomLimits, RoomRejection,
    };
    use crate::runtime::admission::{Gate, NodeGate};
    use crate::runtime::recovery::Recovered;
    use crate::runtime::{AskError, RuntimeLimits};

    const CAPABILITIES: Capabilities = Capabilities {
        exclusive: true,
        atomic_side_writes: true,
        bucket: None,
        max_row_bytes: 1 << 20,
    };

    /// A room that serves, and nobody else writes.
    struct Hall {
        pipeline: Pipeline<Room>,
        gate: Arc<Gate>,
        now: u64,
    }

    impl Hall {
        fn new() -> Self {
            let entity = EntityId::new(EntityKind::Room, "hall").expect("a valid id");
            let machine = Room::new(&entity);
            let (limits, rules) = (RuntimeLimits::default(), RoomLimits::default());
            let mut out = Vec::new();
            let pipeline = Pipeline::new(
                entity,
                CAPABILITIES,
                Arc::new(limits),
                Arc::new(rules),
                1,
                Arc::default(),
                &mut out,
            );
            let node = NodeGate::new(1 << 20, 1);
            let gate = Gate::new(100, 1 << 20, node);
            let now = 1_700_000_000_000;
            let mut hall = Self {
                pipeline,
                gate,
                now,
            };
            let recovered = Recovered {
                machine,
                head: crate::journal::Head::default(),
                snapshot: Sequence::ZERO,
                snapshot_bytes: 0,
            };
            let at = Timestamp(now);
            hall.pipeline.recovered(Ok(recovered), at, &mut out);
            hall.ask(RoomCommand::Create {
                by: ada(),
                kind: RoomKind::Public,
                name: Some("Hall".to_owned()),
                members: Vec::new(),
            });
            hall.land();
            hall
        }

        /// Asks; where the answer will be, and what is to be done.
        fn ask(&mut self, command: RoomCommand) -> (Receiver<Answer<Room>>, Vec<Action<Room>>) {
            // No sender's rate is at its limit.
            self.now += Duration::from_secs(1).as_millis() as u64;
            let (reply, answer) = oneshot::channel();
            let permit = self.gate.try_enter(1).expect("room for one");
            let asked = Asked {
                command,
                reply,
                permit,
                admitted: false,
            };
            let mut out = Vec::new();
            self.pipeline.ask(asked, Timestamp(self.now), &mut out);
            self.pipeline.release(&mut out);
            (answer, out)
        }

        /// Asks something about a message that is not in memory.
        fn ask_old(&mut self, command: RoomCommand) -> (Receiver<Answer<Room>>, Ticket) {
            let (answer, out) = self.ask(command);
            match out[..] {
                [Action::Load { ticket, .. }] => (answer, ticket),
                _ => panic!("it is in memory"),
            }
        }

        /// The message as it was sent comes from the journal.
        fn loaded(&mut self, ticket: Ticket, at: Sequence, record: &Record) {
            let (mut out, found) = (Vec::new(), Ok((Some(record.clone()), None)));
            let now = Timestamp(self.now);
            self.pipeline.loaded(ticket, at, found, now, &mut out);
            self.pipeline.release(&mut out);
        }

        fn send(&mut self, number: usize) -> Option<Record> {
            let (_, out) = self.ask(RoomCommand::Send {
                by: ada(),
                id: MessageId::parse(&format!("m{number}")).expect("a valid id"),
                content: Content {
                    kind: MessageKind::Text,
                    text: "hello".to_owned(),
                    metadata: None,
                },
                reply_to: None,
            });
            out.into_iter().find_map(|action| match action {
                Action::Append { append, .. } => append.row.records.first().cloned(),
                _ => None,
            })
        }

        /// The append that is on its way is durable.
        fn land(&mut self) {
            let mut out = Vec::new();
            let at = Timestamp(self.now);
            self.pipeline.appended(Ok(()), at, &mut out);
            self.pipeline.release(&mut out);
        }

        fn kept(&self) -> u64 {
            self.pipeline.machine.working_set_len() as u64
        }
    }

    const RECENT: u64 = 64;

    fn ada() -> UserId {
        UserId::parse("ada").expect("a valid id")
    }

    #[test]
    fn a_room_with_pauses_keeps_few_messages_in_memory() {
        let mut hall = Hall::new();
        for number in 0..1_000 {
            hall.send(number);
            hall.land();
            assert!(hall.kept() <= 200, "{}", hall.kept());
        }
        assert!(hall.kept() >= RECENT);
    }

    #[test]
    fn a_room_that_is_never_at_rest_is_swept_all_the_same_and_goes_on() {
        let mut hall = Hall::new();
        hall.send(0);
        let mut most = 0;
        for number in 1..3_000 {
            hall.send(number);
            hall.land();
            most = most.max(hall.kept());
        }
        // What came meanwhile waits for the sweep and is decided after it.
        assert!(most > RECENT + SWEEP_AT_REST, "it was at rest");
        assert!(most <= RECENT + SWEEP_EVERY + 2, "{most}");
        hall.land();
        assert_eq!(hall.pipeline.durable.sequence, hall.pipeline.tentative);
        assert!(hall.pipeline.durable.sequence >= Sequence(3_000));
        assert!(hall.pipeline.backlog.is_empty());
    }

    /// Two commands read the same old message; what the first one did to it must not be shadowed by what the second one read
    /// before, however much comes in between.
    #[test]
    fn what_is_being_read_is_not_let_go() {
        let mut hall = Hall::new();
        let record = hall.send(0).expect("it is appended");
        let target = hall.pipeline.tentative;
        hall.land();
        for number in 1..300 {
            hall.send(number);
            hall.land();
        }
        let by = ada();
        let (mut deleted, first) = hall.ask_old(RoomCommand::Delete { by, target });
        let (mut reacted, second) = hall.ask_old(RoomCommand::React {
            by: ada(),
            target,
            emoji: "👍".to_owned(),
            add: true,
        });
        hall.loaded(first, target, &record);
        hall.land();
        assert!(matches!(deleted.try_recv(), Ok(Ok(_))));
        for number in 300..600 {
            hall.send(number);
            hall.land();
        }
        hall.loaded(second, target, &record);
        let refused = AskError::Rejected(RoomRejection::MessageDeleted(target));
        assert_eq!(reacted.try_recv(), Ok(Err(refused)));
    }
}
