//! Repeats: what a retry is answered, how long it is recognised, and what bounds the memory for it.

use actors::ids::Sequence;
use actors::machines::room::{Content, Location, MessageKind, Metadata, RoomKind, RoomRejection};

use crate::hall::{Hall, words};

/// Without a rate limit and with small bounds.
fn busy() -> Hall {
    let mut hall = Hall::public();
    hall.limits.sends_per_second = 0;
    hall.limits.dedupe_window_ms = 1_000;
    hall.limits.dedupe_per_sender = 3;
    hall.limits.dedupe_entries = 5;
    hall.limits.dedupe_max = 20;
    hall
}

#[test]
fn a_repeat_gets_the_first_answer_and_makes_no_entry() {
    let mut hall = Hall::group();
    let first = hall.send("bob", "m1", "hello").expect("sent");
    let head = hall.room.head();
    hall.wait(5_000);
    assert_eq!(hall.send("bob", "m1", "  hello\n").expect("repeat"), first);
    assert_eq!(hall.room.head(), head);
    assert_ne!(
        hall.send("cy", "m1", "hello")
            .expect("another sender")
            .sequence,
        first.sequence
    );
}

#[test]
fn the_same_id_with_anything_else_is_refused() {
    let mut hall = Hall::group();
    let target = hall.send("ada", "t", "topic").expect("sent").sequence;
    hall.send("bob", "m1", "hello").expect("sent");
    let place = |lat| Content {
        kind: MessageKind::Location,
        text: "hello".into(),
        metadata: Some(Metadata::Location(Location {
            lat,
            lng: 0.0,
            address: None,
        })),
    };
    assert_eq!(
        hall.send("bob", "m1", "hello!"),
        Err(RoomRejection::IdReused)
    );
    assert_eq!(hall.send("bob", "m1", ""), Err(RoomRejection::IdReused));
    for target in [target, Sequence::ZERO] {
        let reply = hall.send_content("bob", "m1", words("hello"), Some(target));
        assert_eq!(reply, Err(RoomRejection::IdReused));
    }
    assert_eq!(
        hall.send_content("bob", "m1", place(1.0), None),
        Err(RoomRejection::IdReused)
    );
    hall.send_content("bob", "m3", words("yes"), Some(target))
        .expect("sent");
    let other = hall.send("ada", "o", "other topic").expect("sent").sequence;
    let reply = hall.send_content("bob", "m3", words("yes"), Some(other));
    assert_eq!(reply, Err(RoomRejection::IdReused));
    hall.send_content("bob", "m2", place(1.0), None)
        .expect("sent");
    assert_eq!(
        hall.send_content("bob", "m2", place(2.0), None),
        Err(RoomRejection::IdReused)
    );
    assert!(hall.send_content("bob", "m2", place(1.0), None).is_ok());
}

#[test]
fn a_repeat_is_recognised_after_deletion_removal_and_restart() {
    let mut hall = Hall::group();
    let first = hall.send("bob", "m1", "hello").expect("sent");
    hall.edit("bob", first.sequence, "goodbye").expect("edited");
    hall.delete("bob", first.sequence).expect("deleted");
    hall.remove("ada", "bob").expect("removed");
    for restart in [Hall::restart, Hall::restart_from_snapshot] {
        restart(&mut hall);
        assert_eq!(hall.send("bob", "m1", "hello").expect("repeat"), first);
        assert_eq!(
            hall.send("bob", "m1", "goodbye"),
            Err(RoomRejection::IdReused)
        );
        assert_eq!(
            hall.send("bob", "m2", "hello"),
            Err(RoomRejection::NotAMember)
        );
    }
}

#[test]
fn beyond_the_window_the_last_of_each_sender_stay() {
    let mut hall = busy();
    for n in 0..5 {
        hall.send("bob", &format!("b{n}"), "hi").expect("sent");
    }
    hall.send("cy", "c0", "hi").expect("sent");
    hall.wait(1_000);
    hall.sweep();
    assert_eq!(hall.room.dedupe_len(), 4, "three of bob, one of cy");
    let head = hall.room.head();
    for id in ["b2", "b3", "b4"] {
        hall.send("bob", id, "hi").expect("a repeat");
    }
    hall.send("cy", "c0", "hi").expect("a repeat");
    assert_eq!(hall.room.head(), head);
    hall.send("bob", "b1", "hi")
        .expect("forgotten: a new message");
    assert_eq!(hall.room.head(), head.next());
}

#[test]
fn one_sender_cannot_push_out_the_last_of_the_others() {
    let mut hall = busy();
    hall.limits.dedupe_max = 1_000;
    hall.send("cy", "c0", "hi").expect("sent");
    for n in 0..500 {
        hall.send("bob", &format!("b{n}"), "hi").expect("sent");
        hall.wait(10);
    }
    hall.wait(5_000);
    hall.sweep();
    assert_eq!(hall.room.dedupe_len(), 4);
    let head = hall.room.head();
    hall.send("cy", "c0", "hi").expect("a repeat");
    assert_eq!(hall.room.head(), head);
}

#[test]
fn older_entries_together_stay_within_their_bound_oldest_first() {
    let mut hall = busy();
    for n in 0..8 {
        hall.send(&format!("user{n}"), "m", "hi").expect("sent");
        hall.wait(1);
    }
    hall.wait(1_000);
    hall.sweep();
    assert_eq!(hall.room.dedupe_len(), 5);
    let head = hall.room.head();
    for n in 3..8 {
        hall.send(&format!("user{n}"), "m", "hi").expect("a repeat");
    }
    assert_eq!(hall.room.head(), head);
    hall.send("user2", "m", "hi").expect("forgotten");
    assert_eq!(hall.room.head(), head.next());
}

#[test]
fn a_full_index_refuses_new_messages_until_the_window_moves_on() {
    let mut hall = busy();
    for n in 0..20 {
        hall.send("bob", &format!("b{n}"), "hi").expect("sent");
    }
    hall.wait(400);
    let full = hall.send("cy", "c", "hi");
    assert_eq!(
        full,
        Err(RoomRejection::Overloaded {
            retry_after_ms: 600
        })
    );
    assert!(hall.send("bob", "b7", "hi").is_ok(), "repeats are answered");
    hall.wait(600);
    // Without any sweep: each attempt moves the window on.
    let sent = (0..10).find_map(|_| hall.send("cy", "c", "hi").ok());
    assert!(sent.is_some());
}

#[test]
fn memory_stays_bounded_without_any_sweep() {
    let mut hall = busy();
    for n in 0..2_000 {
        hall.send(&format!("user{}", n % 7), &format!("m{n}"), "hi")
            .expect("sent");
        hall.wait(100);
    }
    assert!(
        hall.room.dedupe_len() <= 15 + 5,
        "{}",
        hall.room.dedupe_len()
    );
}

#[test]
fn a_repeat_does_not_load_the_message_it_answers() {
    use actors::machines::Machine;
    let mut hall = Hall::group();
    let target = hall.send("ada", "t", "topic").expect("sent").sequence;
    let first = hall
        .send_content("bob", "m", words("yes"), Some(target))
        .expect("sent");
    hall.restart_from_snapshot();
    let repeat = actors::machines::room::RoomCommand::Send {
        by: crate::hall::user("bob"),
        id: crate::hall::message("m"),
        content: words("yes"),
        reply_to: Some(target),
    };
    assert_eq!(hall.room.needs(&repeat), None);
    let again = hall.send_content("bob", "m", words("yes"), Some(target));
    assert_eq!(again.expect("repeat"), first);
}

#[test]
fn ids_of_different_senders_do_not_meet_even_if_they_look_alike_together() {
    let mut hall = Hall::new("stage");
    hall.create("ada", RoomKind::Public, &[]).expect("created");
    hall.send("ab", "c", "hi").expect("sent");
    let other = hall.send("a", "bc", "hi").expect("sent");
    assert_eq!(other.sequence, Sequence(4));
}
