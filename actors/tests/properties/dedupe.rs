//! A retry never makes a second entry while it is to be recognised, whoever owns the room by then.

use std::collections::BTreeMap;

use actors::ids::{MessageId, Sequence, Timestamp, UserId};
use actors::machines::Machine;
use actors::machines::room::{
    Content, Room, RoomCommand, RoomEvent, RoomLimits, RoomRejection, RoomReply,
};
use proptest::prelude::*;

use crate::world::{Step, World, histories, sends};

const WINDOW: u64 = 1_000;
const PER_SENDER: usize = 4;

fn limits(dedupe_entries: usize) -> RoomLimits {
    RoomLimits {
        sends_per_second: 0,
        dedupe_window_ms: WINDOW,
        dedupe_per_sender: PER_SENDER,
        dedupe_entries,
        dedupe_max: 60,
        recent_messages: 4,
        ..RoomLimits::default()
    }
}

struct Accepted {
    sender: UserId,
    id: MessageId,
    content: Content,
    reply_to: Option<Sequence>,
    at: Timestamp,
    sequence: Sequence,
}

/// What was accepted so far, and which of it must still be recognised.
#[derive(Default)]
struct Ledger {
    accepted: Vec<Accepted>,
}

impl Ledger {
    fn must_know(&self, sender: &UserId, id: &MessageId, now: Timestamp) -> Option<&Accepted> {
        let own = self.accepted.iter().rev().filter(|a| a.sender == *sender);
        own.enumerate()
            .find(|(_, a)| a.id == *id)
            .filter(|(later, a)| *later < PER_SENDER || now.since(a.at) < WINDOW)
            .map(|(_, accepted)| accepted)
    }

    /// Judges one answer to a message.
    fn check(
        &mut self,
        command: &RoomCommand,
        now: Timestamp,
        outcome: &Result<RoomReply, RoomRejection>,
        head: Sequence,
    ) {
        let RoomCommand::Send {
            by,
            id,
            content,
            reply_to,
        } = command
        else {
            return;
        };
        let known = self.must_know(by, id, now);
        match (outcome, known) {
            (Ok(RoomReply::Sent(sent)), Some(known)) => {
                assert_eq!((sent.sequence, sent.sent_at), (known.sequence, known.at));
                let same = known.content.text.trim() == content.text.trim()
                    && known.content.metadata == content.metadata
                    && known.content.kind == content.kind
                    && known.reply_to == *reply_to;
                assert!(same, "another content under the same id is not accepted");
            }
            (Err(_), Some(known)) => {
                let same = known.content.text.trim() == content.text.trim()
                    && known.content.metadata == content.metadata
                    && known.content.kind == content.kind
                    && known.reply_to == *reply_to;
                assert!(!same, "a repeat is answered");
                assert_eq!(outcome, &Err(RoomRejection::IdReused));
            }
            (Ok(RoomReply::Sent(sent)), None) if sent.sequence == head => {
                self.accepted.push(Accepted {
                    sender: by.clone(),
                    id: id.clone(),
                    content: content.clone(),
                    reply_to: *reply_to,
                    at: now,
                    sequence: sent.sequence,
                });
            }
            // Recognised for longer than promised, or refused by another rule.
            (_, None) => {}
            (Ok(other), Some(_)) => panic!("{other:?}"),
        }
    }
}

/// No two entries with one id of one sender stand closer than the window.
fn assert_no_twins(world: &World) {
    let mut seen: BTreeMap<(String, String), Timestamp> = BTreeMap::new();
    for record in &world.store.records {
        let entry = Room::decode(record).expect("readable");
        if let RoomEvent::MessageSent(message) = entry.event {
            let key = (message.sender.to_string(), message.id.as_str().to_owned());
            if let Some(before) = seen.insert(key, message.sent_at) {
                assert!(message.sent_at.since(before) >= WINDOW);
            }
        }
    }
}

fn run(dedupe_entries: usize, create: &RoomCommand, steps: &[Step], judge: bool) -> World {
    let mut world = World::new(limits(dedupe_entries));
    world.ask(0, create).expect("created");
    let mut ledger = Ledger::default();
    for step in steps {
        let before = world.store.head();
        let outcome = world.step(step);
        if let (Step::Ask(_, command), Some(outcome), true) = (step, &outcome, judge) {
            let head = world.store.head();
            let appended = if head > before {
                head
            } else {
                Sequence(u64::MAX)
            };
            ledger.check(command, world.now, outcome, appended);
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_retry_never_makes_a_second_entry(
        (create, steps) in histories(sends(), 200),
    ) {
        let world = run(1_000, &create, &steps, true);
        assert_no_twins(&world);
    }

    #[test]
    fn the_index_keeps_its_bounds_and_the_window_is_always_whole(
        (create, steps) in histories(sends(), 200),
    ) {
        let mut world = run(3, &create, &steps, false);
        assert_no_twins(&world);
        world.recover(0);
        let in_window = world.store.records.iter().filter(|record| {
            let entry = Room::decode(record).expect("readable");
            matches!(&entry.event, RoomEvent::MessageSent(message)
                if world.now.since(message.sent_at) < WINDOW)
        });
        let in_window = in_window.count();
        world.step(&Step::Sweep(0));
        let kept = world.owners[0].dedupe_len();
        prop_assert!((in_window..=in_window + 3).contains(&kept), "{kept} for {in_window}");
    }
}
