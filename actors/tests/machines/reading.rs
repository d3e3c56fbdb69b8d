//! What readers are shown: live events, and history with the latest state of each message.

use actors::delivery::Shown;
use actors::ids::Sequence;
use actors::machines::Machine;
use actors::machines::room::codec::{RecordKind, peek};
use actors::machines::room::latest::{show, show_event};
use actors::machines::room::{MessageView, Room, RoomEvent};

use crate::hall::{Hall, user, words};

fn history(hall: &Hall) -> Vec<(Sequence, Shown)> {
    show(&hall.store.rows(), &hall.store.overlays()).expect("readable")
}

fn message(hall: &Hall, sequence: Sequence) -> MessageView {
    match &history(hall)[sequence.0 as usize - 1] {
        (found, Shown::Message(view)) if *found == sequence => (**view).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn history_shows_every_sequence_once_and_messages_as_they_are_now() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m1", "first").expect("sent").sequence;
    hall.react("cy", target, "👍").expect("reacted");
    hall.edit("bob", target, "second").expect("edited");
    let shown = history(&hall);
    let sequences: Vec<u64> = shown.iter().map(|(sequence, _)| sequence.0).collect();
    assert_eq!(sequences, (1..=9).collect::<Vec<u64>>());
    let view = message(&hall, target);
    assert_eq!(view.message.content, Some(words("second")));
    assert_eq!(view.state.edited_at, Some(hall.now));
    assert!(view.state.reactions["👍"].contains(&user("cy")));
    let Shown::Other(edit) = &shown[8].1 else {
        panic!("the edit is an event of its own")
    };
    assert!(
        matches!(&**edit, RoomEvent::MessageEdited { text: Some(text), .. } if text == "second")
    );
}

#[test]
fn a_deleted_message_is_shown_at_its_sequence_without_text() {
    let mut hall = Hall::group();
    let topic = hall.send("ada", "t", "topic").expect("sent").sequence;
    let target = hall
        .send_content("bob", "m1", words("first"), Some(topic))
        .expect("sent")
        .sequence;
    hall.edit("bob", target, "second").expect("edited");
    hall.delete("mo", target).expect("deleted");
    let view = message(&hall, target);
    assert_eq!(view.message.content, None);
    assert_eq!(
        view.message
            .reply_to
            .as_ref()
            .and_then(|reply| reply.text.clone()),
        None
    );
    assert_eq!(view.state.deleted, Some((user("mo"), hall.now)));
    assert_eq!(
        (view.message.number, &view.message.sender),
        (2, &user("bob"))
    );
    let edits = history(&hall)
        .into_iter()
        .filter_map(|(_, shown)| match shown {
            Shown::Other(event) => match &*event {
                RoomEvent::MessageEdited { text, .. } => Some(text.clone()),
                _ => None,
            },
            _ => None,
        });
    assert_eq!(edits.collect::<Vec<_>>(), [None]);
}

#[test]
fn a_deletion_hides_the_text_even_before_the_body_is_erased() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m1", "first").expect("sent").sequence;
    hall.edit("bob", target, "second").expect("edited");
    let kept = hall.store.records.clone();
    hall.delete("bob", target).expect("deleted");
    hall.store.records[..kept.len()].clone_from_slice(&kept);
    let shown = format!("{:?}", history(&hall));
    assert!(
        !shown.contains("first") && !shown.contains("second"),
        "{shown}"
    );
}

#[test]
fn a_live_event_is_shown_as_it_happened() {
    let mut hall = Hall::group();
    hall.send("bob", "m1", "first").expect("sent");
    let events = hall.events();
    let (added, sent) = (&events[1], &events[6]);
    assert_eq!(show_event(added), Shown::Other(added.clone().into()));
    let Shown::Message(view) = show_event(sent) else {
        panic!("a message")
    };
    assert_eq!(view.message.content, Some(words("first")));
    assert!(view.state.is_plain());
}

#[test]
fn every_header_tells_the_tally_without_being_decoded() {
    let mut hall = Hall::group();
    let target = hall.send("bob", "m1", "one").expect("sent").sequence;
    hall.react("cy", target, "👍").expect("reacted");
    let newest = hall.send("bob", "m2", "two").expect("sent").sequence;
    hall.delete("bob", target).expect("deleted");
    let peeked: Vec<_> = hall.store.records[5..]
        .iter()
        .map(|record| peek(&record.header).expect("a header"))
        .map(|peeked| (peeked.kind, peeked.message_count, peeked.last_message))
        .collect();
    let expected = [
        (RecordKind::RoleChanged, 0, Sequence::ZERO),
        (RecordKind::MessageSent, 1, target),
        (RecordKind::ReactionAdded, 1, target),
        (RecordKind::MessageSent, 2, newest),
        (RecordKind::MessageDeleted, 2, newest),
    ];
    assert_eq!(peeked, expected);
    assert_eq!(peek(&hall.store.records[0].header[..17]), None);
}

#[test]
fn a_record_of_an_unknown_version_or_kind_is_an_error_and_no_guess() {
    let hall = Hall::group();
    for (at, value) in [(0, 9), (1, 0), (1, 12)] {
        let mut record = hall.store.records[0].clone();
        let mut header = record.header.to_vec();
        header[at] = value;
        record.header = header.into();
        assert!(Room::decode(&record).is_err());
        assert_eq!(peek(&record.header), None);
    }
}
