//! Older messages, restarts, snapshots: the state is the same wherever it comes from.

use actors::ids::Sequence;
use actors::machines::room::{Room, RoomCommand, RoomRejection};
use actors::machines::{Context, Machine};

use crate::hall::{Hall, message, user, words};

#[test]
fn a_message_that_left_memory_is_loaded_with_its_latest_state() {
    let mut hall = Hall::group();
    hall.limits.recent_messages = 4;
    hall.limits.sends_per_second = 0;
    let target = hall.send("bob", "m", "first").expect("sent").sequence;
    hall.edit("bob", target, "second").expect("edited");
    hall.react("cy", target, "👍").expect("reacted");
    for n in 0..20 {
        hall.send("ada", &format!("a{n}"), "noise").expect("sent");
    }
    assert!(
        hall.room.working_set_len() > 20,
        "nothing is forgotten before it may be"
    );
    hall.sweep();
    assert_eq!(hall.room.working_set_len(), 4);
    let react = RoomCommand::React {
        by: user("cy"),
        target,
        emoji: "👍".into(),
        add: true,
    };
    assert_eq!(hall.room.needs(&react), Some(target));
    let head = hall.room.head();
    assert_eq!(hall.react("cy", target, "👍"), Ok(head), "already there");
    assert_eq!(hall.edit("bob", target, "second"), Ok(head), "already so");
    hall.delete("bob", target).expect("deleted");
    let stored = format!("{:?}", hall.store.records);
    assert!(
        !stored.contains("second"),
        "edits are erased though the message was loaded"
    );
}

#[test]
fn what_is_no_message_is_remembered_as_such() {
    let mut hall = Hall::group();
    hall.restart_from_snapshot();
    let delete = RoomCommand::Delete {
        by: user("ada"),
        target: Sequence(1),
    };
    assert_eq!(hall.room.needs(&delete), Some(Sequence(1)));
    assert_eq!(
        hall.ask(delete.clone()),
        Err(RoomRejection::MessageNotFound(Sequence(1)))
    );
    assert_eq!(hall.room.needs(&delete), None);
    let trimmed = hall.room.load(Sequence(2), None, None);
    assert_eq!(trimmed, Ok(()));
    assert_eq!(
        hall.delete("ada", Sequence(2)),
        Err(RoomRejection::MessageNotFound(Sequence(2)))
    );
}

#[test]
fn nothing_is_loaded_for_those_who_are_refused_anyway() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m", "hi").expect("sent").sequence;
    hall.restart_from_snapshot();
    let by_stranger = RoomCommand::Delete {
        by: user("zoe"),
        target,
    };
    assert_eq!(hall.room.needs(&by_stranger), None);
    let beyond = RoomCommand::Delete {
        by: user("bob"),
        target: target.next(),
    };
    assert_eq!(hall.room.needs(&beyond), None);
}

#[test]
fn loading_never_takes_back_what_was_decided_since() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m", "first").expect("sent").sequence;
    hall.edit("bob", target, "second").expect("edited");
    let record = hall.store.record(target).cloned();
    hall.room
        .load(target, record.as_ref(), None)
        .expect("readable");
    hall.send_content("cy", "r", words("?"), Some(target))
        .expect("replied");
    let reply = format!("{:?}", hall.events().pop());
    assert!(
        reply.contains("second") && !reply.contains("first"),
        "{reply}"
    );
}

#[test]
fn an_overlay_ahead_of_the_replay_is_not_applied_twice() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m", "first").expect("sent").sequence;
    let snapshot = hall.room.snapshot();
    let edits = [
        hall.edit("bob", target, "second").expect("edited"),
        hall.edit("bob", target, "third").expect("edited"),
    ];
    hall.react("cy", target, "👍").expect("reacted");
    hall.unreact("cy", target, "👍").expect("taken back");
    let restored = Room::restore(&hall.entity, &snapshot).expect("readable");
    hall.room = hall.store.replay(restored);
    // Writing the overlay anew shows what the machine believes.
    hall.react("cy", target, "🎺").expect("reacted");
    let state = actors::machines::room::codec::decode_state(&hall.store.overlays[&target].state);
    let state = state.expect("readable");
    assert_eq!(
        (state.text.as_deref(), state.edits),
        (Some("third"), edits.to_vec())
    );
    assert_eq!(state.reactions.len(), 1);
}

#[test]
fn effects_written_again_during_recovery_change_nothing() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m", "first").expect("sent").sequence;
    hall.edit("bob", target, "second").expect("edited");
    hall.quit("cy").expect("quit");
    hall.invite("ada", "cy").expect("invited");
    hall.delete("mo", target).expect("deleted");
    let stored = hall.store.clone();
    let mut room = Room::new(&hall.entity);
    for (index, record) in stored.records.iter().enumerate() {
        let sequence = Sequence(index as u64 + 1);
        let entry = Room::decode(record).expect("readable");
        if let Some(target) = room.replay_needs(&entry) {
            hall.store.load(&mut room, target);
        }
        room.apply(sequence, &entry);
        let side = room.effects(sequence, &entry);
        hall.store.write(&side);
    }
    assert_eq!(hall.store, stored);
}

#[test]
fn a_snapshot_does_not_grow_with_the_room() {
    let mut hall = Hall::group();
    hall.limits.sends_per_second = 0;
    hall.limits.dedupe_window_ms = 1_000;
    hall.limits.dedupe_per_sender = 10;
    let size = |hall: &mut Hall, from: u64, to: u64| {
        for n in from..to {
            hall.send("bob", &format!("m{n}"), "some words")
                .expect("sent");
            hall.wait(100);
        }
        hall.sweep();
        hall.room.snapshot().len()
    };
    let early = size(&mut hall, 0, 100);
    let late = size(&mut hall, 100, 3_000);
    assert!(late <= early + 16, "{early} bytes became {late}");
}

#[test]
fn damaged_snapshots_are_refused() {
    let mut hall = Hall::group();
    hall.send("bob", "m", "hi").expect("sent");
    let snapshot = hall.room.snapshot();
    for end in 0..snapshot.len() {
        let cut = Room::restore(&hall.entity, &snapshot.slice(..end));
        assert!(cut.is_err(), "{end} of {}", snapshot.len());
    }
    let mut version = snapshot.to_vec();
    version[0] = 9;
    assert!(Room::restore(&hall.entity, &version.into()).is_err());
}

#[test]
fn a_public_room_stays_usable_with_senders_who_never_joined() {
    let mut hall = Hall::public();
    let first = hall.send("zoe", "m", "hi").expect("sent");
    hall.restart();
    assert_eq!(hall.send("zoe", "m", "hi").expect("repeat"), first);
    let context = Context {
        now: hall.now,
        limits: &hall.limits,
    };
    let decision = hall.room.decide(
        &context,
        &RoomCommand::Send {
            by: user("ivy"),
            id: message("m"),
            content: words("hi"),
            reply_to: None,
        },
    );
    assert_eq!(decision.expect("decided").events.len(), 1);
    assert_eq!(
        hall.room.message_count(),
        1,
        "deciding alone changes nothing"
    );
}
