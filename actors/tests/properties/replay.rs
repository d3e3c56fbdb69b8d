//! The journal is the truth: whatever way a state is rebuilt from it, it is the same.

use std::collections::{BTreeMap, BTreeSet};

use actors::delivery::Shown;
use actors::ids::{Sequence, UserId};
use actors::machines::Machine;
use actors::machines::room::codec::peek;
use actors::machines::room::latest::show;
use actors::machines::room::{MessageView, Room, RoomEvent, RoomLimits, invariants};
use proptest::prelude::*;

use crate::hall::Store;
use crate::world::{Step, World, commands, histories};

/// Small bounds everywhere but in time: nothing leaves the dedupe window.
fn limits() -> RoomLimits {
    RoomLimits {
        members: 4,
        edits_per_message: 3,
        emoji_per_message: 2,
        reactions_per_message: 3,
        send_burst: 20,
        dedupe_window_ms: u64::MAX,
        recent_messages: 3,
        edit_window_ms: 1_500,
        ..RoomLimits::default()
    }
}

/// The latest state of a message, worked out from the events alone.
#[derive(Debug, Default, Clone, PartialEq)]
struct Latest {
    text: String,
    deleted: bool,
    edits: Vec<Sequence>,
    reactions: BTreeMap<String, BTreeSet<UserId>>,
}

/// A second opinion on every message; texts of edits as they were when they happened.
fn work_out(events: &[(Sequence, RoomEvent)]) -> BTreeMap<Sequence, Latest> {
    let mut messages: BTreeMap<Sequence, Latest> = BTreeMap::new();
    for (sequence, event) in events {
        match event {
            RoomEvent::MessageSent(message) => {
                let text = message.content.as_ref().expect("sent with content");
                let text = text.text.clone();
                let latest = Latest {
                    text,
                    ..Latest::default()
                };
                messages.insert(*sequence, latest);
            }
            RoomEvent::MessageEdited { target, text, .. } => {
                let message = messages.get_mut(target).expect("an edit of a message");
                message.text = text.clone().expect("edited with text");
                message.edits.push(*sequence);
            }
            RoomEvent::MessageDeleted { target, .. } => {
                let message = messages.get_mut(target).expect("a deletion of a message");
                assert!(!message.deleted, "deleted once");
                message.deleted = true;
            }
            RoomEvent::ReactionAdded {
                target, emoji, by, ..
            } => {
                let message = messages.get_mut(target).expect("a reaction to a message");
                let users = message.reactions.entry(emoji.clone()).or_default();
                assert!(users.insert(by.clone()), "added once");
            }
            RoomEvent::ReactionRemoved {
                target, emoji, by, ..
            } => {
                let message = messages.get_mut(target).expect("a reaction to a message");
                let users = message.reactions.get_mut(emoji).expect("was there");
                assert!(users.remove(by), "was there");
                message.reactions.retain(|_, users| !users.is_empty());
            }
            _ => {}
        }
    }
    messages
}

fn assert_shown_is(view: &MessageView, latest: &Latest) {
    assert_eq!(view.state.deleted.is_some(), latest.deleted);
    assert_eq!(view.state.edits, latest.edits);
    if latest.deleted {
        assert_eq!(view.message.content, None);
        assert_eq!(view.state.text, None);
    } else {
        let content = view.message.content.as_ref().expect("not deleted");
        assert_eq!(content.text, latest.text);
        assert_eq!(view.state.reactions, latest.reactions);
    }
}

/// Numbers are dense and every header tells the true tally.
fn assert_tallies(store: &Store) {
    let (mut count, mut last) = (0, Sequence::ZERO);
    for (index, record) in store.records.iter().enumerate() {
        let entry = Room::decode(record).expect("readable");
        if let RoomEvent::MessageSent(message) = &entry.event {
            count += 1;
            last = Sequence(index as u64 + 1);
            assert_eq!(message.number, count);
        }
        let peeked = peek(&record.header).expect("a header");
        assert_eq!((peeked.message_count, peeked.last_message), (count, last));
        assert_eq!((entry.message_count, entry.last_message), (count, last));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_way_to_rebuild_a_room_gives_the_same_room(
        (create, steps) in histories(commands(), 120),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut world = World::new(limits());
        world.ask(0, &create).expect("created");
        let mut events = Vec::new();
        let mut snapshots = vec![Room::new(&world.entity).snapshot()];
        for step in &steps {
            let before = world.store.records.len();
            world.step(step);
            for index in before..world.store.records.len() {
                let entry = Room::decode(&world.store.records[index]).expect("readable");
                events.push((Sequence(index as u64 + 1), entry.event));
            }
            if let Step::Ask(owner, _) = step {
                let room = &world.owners[*owner];
                snapshots.push(room.snapshot());
            }
        }
        let truth = world.store.replay(Room::new(&world.entity));
        prop_assert_eq!(invariants::violated(&truth), None);
        for owner in 0..2 {
            let room = world.owners[owner].clone();
            prop_assert_eq!(world.store.replay(room).snapshot(), truth.snapshot());
        }
        let snapshot = cut.get(&snapshots);
        let restored = Room::restore(&world.entity, snapshot).expect("readable");
        prop_assert_eq!(&restored.snapshot(), snapshot);
        prop_assert_eq!(world.store.replay(restored).snapshot(), truth.snapshot());

        assert_tallies(&world.store);
        let latest = work_out(&events);
        let shown = show(&world.store.rows(), &world.store.overlays()).expect("readable");
        prop_assert_eq!(shown.len(), world.store.records.len());
        for (sequence, shown) in &shown {
            match shown {
                Shown::Message(view) => assert_shown_is(view, &latest[sequence]),
                _ => prop_assert!(!latest.contains_key(sequence)),
            }
        }
    }

    #[test]
    fn what_was_accepted_keeps_the_bounds_that_were_in_force(
        (create, steps) in histories(commands(), 100),
    ) {
        let mut world = World::new(limits());
        world.ask(0, &create).expect("created");
        for step in &steps {
            world.step(step);
        }
        for record in &world.store.records {
            match Room::decode(record).expect("readable").event {
                RoomEvent::MessageSent(message) => {
                    if let Some(content) = &message.content {
                        prop_assert!(content.text.chars().count() <= 1_000);
                        prop_assert_eq!(content.text.trim(), &content.text);
                    }
                }
                RoomEvent::Renamed { name, .. } => {
                    let length = name.chars().count();
                    prop_assert!((1..=100).contains(&length));
                }
                RoomEvent::ReactionAdded { emoji, .. } => {
                    prop_assert!((1..=64).contains(&emoji.len()));
                }
                _ => {}
            }
        }
        world.recover(0);
        world.step(&Step::Sweep(0));
    }
}
