//! Sending, replying, editing, deleting, reacting, and how fast.

use actors::ids::Sequence;
use actors::machines::room::codec::decode_state;
use actors::machines::room::invariants::r9_bounds_hold;
use actors::machines::room::{MessageState, RoomEvent, RoomRejection};

use crate::hall::{Hall, message, user, words};

fn state(hall: &Hall, target: Sequence) -> MessageState {
    match hall.store.overlays.get(&target) {
        Some(overlay) => decode_state(&overlay.state).expect("readable"),
        None => MessageState::default(),
    }
}

fn forbidden<T>(answer: Result<T, RoomRejection>) -> bool {
    matches!(answer, Err(RoomRejection::Forbidden(_)))
}

#[test]
fn messages_get_dense_numbers_whatever_lies_between_them() {
    let mut hall = Hall::group();
    let first = hall.send("bob", "m1", "  one ").expect("sent");
    hall.react("cy", first.sequence, "👍").expect("reacted");
    hall.invite("cy", "zoe").expect("invited");
    let second = hall.send("zoe", "m1", "two").expect("sent");
    let sent: Vec<_> = hall
        .events()
        .into_iter()
        .filter_map(|event| match event {
            RoomEvent::MessageSent(message) => Some((message.number, message.content.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(sent, [(1, Some(words("one"))), (2, Some(words("two")))]);
    assert_eq!(
        (first.sequence, second.sequence),
        (Sequence(7), Sequence(10))
    );
    let view = hall.view("bob").expect("view");
    assert_eq!((view.message_count, view.last_message), (2, Sequence(10)));
    assert_eq!((second.id, second.sent_at), (message("m1"), hall.now));
}

#[test]
fn only_members_write_in_a_group_and_anyone_in_a_public_room() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m", "hi").expect("sent").sequence;
    assert_eq!(hall.send("zoe", "m", "hi"), Err(RoomRejection::NotAMember));
    assert_eq!(
        hall.edit("zoe", target, "x"),
        Err(RoomRejection::NotAMember)
    );
    assert_eq!(hall.delete("zoe", target), Err(RoomRejection::NotAMember));
    assert_eq!(
        hall.react("zoe", target, "👍"),
        Err(RoomRejection::NotAMember)
    );
    let mut hall = Hall::public();
    let target = hall.send("zoe", "m", "hi").expect("sent").sequence;
    hall.react("ivy", target, "👍").expect("anyone reacts");
    hall.send_content("ivy", "r", words("hello"), Some(target))
        .expect("anyone replies");
    hall.edit("zoe", target, "hello").expect("the author edits");
    assert!(forbidden(hall.delete("ivy", target)));
    hall.delete("zoe", target).expect("the author deletes");
}

#[test]
fn a_reply_keeps_the_beginning_of_the_latest_text() {
    let mut hall = Hall::group();
    hall.limits.reply_chars = 5;
    let target = hall.send("bob", "m1", "first").expect("sent").sequence;
    hall.edit("bob", target, "años después").expect("edited");
    hall.send_content("cy", "m2", words("yes"), Some(target))
        .expect("replied");
    let Some(RoomEvent::MessageSent(reply)) = hall.events().pop() else {
        panic!("the last event is the reply")
    };
    let quoted = reply.reply_to.clone().expect("a snapshot");
    assert_eq!(quoted.text.as_deref(), Some("años "));
    assert_eq!((quoted.sequence, quoted.sender), (target, user("bob")));
    hall.delete("bob", target).expect("deleted");
    let to_deleted = hall.send_content("cy", "m3", words("and?"), Some(target));
    assert_eq!(to_deleted, Err(RoomRejection::MessageDeleted(target)));
    for nowhere in [
        Sequence::ZERO,
        Sequence(1),
        Sequence(999),
        Sequence(u64::MAX),
    ] {
        let refused = hall.send_content("cy", "m3", words("and?"), Some(nowhere));
        assert_eq!(refused, Err(RoomRejection::MessageNotFound(nowhere)));
    }
}

#[test]
fn the_author_edits_within_the_window_and_nobody_else_does() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m", "helo").expect("sent").sequence;
    assert!(forbidden(hall.edit("ada", target, "x")));
    assert!(forbidden(hall.edit("mo", target, "x")));
    let edited = hall.edit("bob", target, " hello ").expect("edited");
    assert_eq!(edited, target.next());
    assert_eq!(
        hall.edit("bob", target, "hello"),
        Ok(edited),
        "no change, no event"
    );
    let latest = state(&hall, target);
    assert_eq!(latest.text.as_deref(), Some("hello"));
    assert_eq!(
        (latest.edited_at, latest.edits),
        (Some(hall.now), vec![edited])
    );
    hall.wait(15 * 60_000);
    hall.edit("bob", target, "hello!").expect("the last moment");
    hall.wait(1);
    let late = hall.edit("bob", target, "hello?");
    assert_eq!(late, Err(RoomRejection::EditWindowClosed { minutes: 15 }));
}

#[test]
fn an_edit_obeys_the_rules_of_sending() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m", "hello").expect("sent").sequence;
    let invalid = |answer| matches!(answer, Err(RoomRejection::Invalid { field: "text", .. }));
    assert!(invalid(hall.edit("bob", target, "  ")));
    assert!(invalid(hall.edit("bob", target, &"x".repeat(1_001))));
    assert!(invalid(hall.edit("bob", target, "a\0b")));
    assert!(hall.edit("bob", target, &"ñ".repeat(1_000)).is_ok());
    hall.limits.edits_per_message = 2;
    hall.edit("bob", target, "again").expect("the second edit");
    let third = hall.edit("bob", target, "and again");
    assert!(matches!(
        third,
        Err(RoomRejection::Invalid {
            field: "sequence",
            ..
        })
    ));
    assert_eq!(
        hall.edit("bob", Sequence(1), "x"),
        Err(RoomRejection::MessageNotFound(Sequence(1)))
    );
}

#[test]
fn author_and_moderators_delete_once_and_for_all() {
    let mut hall = Hall::group();
    let own = hall.send("bob", "m1", "mine").expect("sent").sequence;
    let others = hall
        .send("ada", "m2", "the owner's")
        .expect("sent")
        .sequence;
    assert!(forbidden(hall.delete("cy", own)));
    let deleted = hall.delete("bob", own).expect("the author");
    assert_eq!(
        hall.delete("ada", own),
        Ok(deleted),
        "again changes nothing"
    );
    assert!(forbidden(hall.delete("cy", own)));
    assert!(hall.delete("mo", others).is_ok(), "a moderator");
    assert_eq!(state(&hall, own).deleted, Some((user("bob"), hall.now)));
    assert_eq!(
        hall.edit("bob", own, "x"),
        Err(RoomRejection::MessageDeleted(own))
    );
    assert_eq!(
        hall.react("cy", own, "👍"),
        Err(RoomRejection::MessageDeleted(own))
    );
    assert_eq!(
        hall.unreact("cy", own, "👍"),
        Err(RoomRejection::MessageDeleted(own))
    );
    let nowhere = Sequence(99);
    assert_eq!(
        hall.delete("ada", nowhere),
        Err(RoomRejection::MessageNotFound(nowhere))
    );
}

#[test]
fn in_a_direct_room_only_the_author_deletes() {
    let mut hall = Hall::direct();
    let target = hall.send("bob", "m", "hi").expect("sent").sequence;
    assert!(forbidden(hall.delete("ada", target)));
    assert!(hall.delete("bob", target).is_ok());
}

#[test]
fn deleting_erases_the_text_and_every_edit_of_it() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m", "secret one").expect("sent").sequence;
    hall.edit("bob", target, "secret two").expect("edited");
    hall.react("cy", target, "👀").expect("reacted");
    hall.edit("bob", target, "secret three").expect("edited");
    hall.delete("bob", target).expect("deleted");
    let stored = format!("{:?} {:?}", hall.store.records, hall.store.overlays);
    assert!(!stored.contains("secret"), "{stored}");
    let erased = hall
        .store
        .records
        .iter()
        .filter(|record| record.is_erased());
    assert_eq!(erased.count(), 3);
    let latest = state(&hall, target);
    assert_eq!((latest.text, latest.reactions.len()), (None, 0));
}

#[test]
fn reactions_are_a_set_per_user_and_emoji() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m", "hi").expect("sent").sequence;
    let first = hall.react("cy", target, "👍").expect("reacted");
    assert_eq!(
        hall.react("cy", target, "👍"),
        Ok(first),
        "again changes nothing"
    );
    assert_eq!(
        hall.unreact("ada", target, "👍"),
        Ok(first),
        "nor does taking back what is not there"
    );
    hall.react("ada", target, "👍").expect("reacted");
    hall.react("cy", target, "🎺").expect("reacted");
    let latest = state(&hall, target);
    assert_eq!(latest.reactions["👍"].len(), 2);
    hall.unreact("cy", target, "🎺").expect("taken back");
    let latest = state(&hall, target);
    assert_eq!(latest.reactions.keys().collect::<Vec<_>>(), ["👍"]);
    assert_eq!(hall.room.head(), Sequence(first.0 + 3));
}

#[test]
fn reactions_and_emoji_are_bounded() {
    let mut hall = Hall::group();
    hall.limits.emoji_per_message = 2;
    hall.limits.reactions_per_message = 3;
    let target = hall.send("bob", "m", "hi").expect("sent").sequence;
    let invalid = |answer| matches!(answer, Err(RoomRejection::Invalid { field: "emoji", .. }));
    let long = "x".repeat(65);
    for emoji in ["", " ", "a b", "\u{7}", &long] {
        assert!(invalid(hall.react("cy", target, emoji)), "{emoji:?}");
    }
    hall.react("cy", target, "a").expect("one");
    hall.react("cy", target, "b").expect("two");
    assert!(invalid(hall.react("cy", target, "c")), "a third emoji");
    hall.react("ada", target, "a").expect("three");
    assert!(invalid(hall.react("mo", target, "a")), "a fourth reaction");
    hall.unreact("ada", target, "a").expect("taken back");
    assert!(hall.react("mo", target, "a").is_ok());
    assert_eq!(
        hall.react("mo", Sequence(2), "a"),
        Err(RoomRejection::MessageNotFound(Sequence(2)))
    );
}

#[test]
fn a_sender_who_is_too_fast_waits_as_long_as_told() {
    let mut hall = Hall::group();
    (hall.limits.sends_per_second, hall.limits.send_burst) = (4, 3);
    for n in 0..3 {
        hall.send("bob", &format!("m{n}"), "hi")
            .expect("within the burst");
    }
    let wait = Err(RoomRejection::RateLimited {
        retry_after_ms: 250,
    });
    assert_eq!(hall.send("bob", "m3", "hi"), wait);
    assert!(
        hall.send("bob", "m1", "hi").is_ok(),
        "a repeat is always answered"
    );
    assert!(
        hall.send("cy", "m3", "hi").is_ok(),
        "others are not held up"
    );
    hall.wait(249);
    let wait = Err(RoomRejection::RateLimited { retry_after_ms: 1 });
    assert_eq!(hall.send("bob", "m3", "hi"), wait);
    hall.wait(1);
    assert!(hall.send("bob", "m3", "hi").is_ok());
    assert!(hall.send("bob", "m4", "hi").is_err());
    hall.limits.sends_per_second = 0;
    assert!(hall.send("bob", "m4", "hi").is_ok(), "0 lifts the limit");
}

#[test]
fn a_clock_that_jumps_back_locks_no_sender_out() {
    let mut hall = Hall::group();
    (hall.limits.sends_per_second, hall.limits.send_burst) = (1, 2);
    hall.send("bob", "m1", "hi").expect("sent");
    hall.now.0 -= 3_600_000;
    let waited = (0..3).find_map(|n| {
        let sent = hall.send("bob", &format!("n{n}"), "hi");
        hall.wait(1_000);
        sent.ok()
    });
    assert!(waited.is_some());
}

#[test]
fn rates_of_many_senders_stay_within_their_bound() {
    let mut hall = Hall::public();
    (hall.limits.rate_senders, hall.limits.recent_messages) = (8, 1_000);
    (hall.limits.sends_per_second, hall.limits.send_burst) = (1, 2);
    hall.send("bob", "m1", "hi").expect("sent");
    hall.send("bob", "m2", "hi").expect("sent");
    for n in 0..100 {
        hall.send(&format!("user{n}"), "m", "hi").expect("sent");
    }
    assert!(r9_bounds_hold(&hall.room, &hall.limits));
    hall.sweep();
    assert!(r9_bounds_hold(&hall.room, &hall.limits));
    assert!(
        hall.send("bob", "m3", "hi").is_err(),
        "who sent most is not forgotten"
    );
}
