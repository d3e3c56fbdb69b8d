//! The checker passes a good history, and each of its checks fails on a history doctored for it alone.
#![allow(clippy::unwrap_used)]

use oracle::check::{Resets, Violation, check};
use oracle::history::{Event, History};

const ROOM: &str = "stage";

/// Two senders and two readers; `m3` was never answered and landed, `m4` was never answered and did not.
fn good() -> Vec<(&'static str, Event)> {
    let mut events = vec![
        ("early", Event::Subscribed { after: 0 }),
        ("early", received(1, "created")),
        ("alice", sent("m1")),
        ("bob", sent("m2")),
        ("alice", acknowledged("m1", 2)),
        ("early", received(2, "m1")),
        ("early", received(3, "m2")),
        ("bob", acknowledged("m2", 3)),
        ("alice", sent("m3")),
        ("bob", sent("m4")),
        // The hub dies here, and readers resume.
        ("late", Event::Subscribed { after: 1 }),
        ("late", received(2, "m1")),
        ("late", received(3, "m2")),
        ("late", received(4, "m3")),
        ("early", Event::Subscribed { after: 3 }),
        ("early", received(4, "m3")),
        ("bob", sent("m5")),
        ("bob", Event::Refused { id: "m5".into() }),
    ];
    // A retry of an acknowledged message is acknowledged with the same place.
    events.extend([("alice", sent("m1")), ("alice", acknowledged("m1", 2))]);
    events
}

fn sent(id: &str) -> Event {
    Event::Sent {
        id: id.into(),
        text: format!("text of {id}"),
    }
}

fn acknowledged(id: &str, sequence: u64) -> Event {
    Event::Acknowledged {
        id: id.into(),
        sequence,
    }
}

fn received(sequence: u64, what: &str) -> Event {
    let id = what.starts_with('m').then(|| what.to_owned());
    Event::Received {
        sequence,
        entry: what.into(),
        text: id.as_ref().map(|id| format!("text of {id}")),
        id,
    }
}

fn judge(events: Vec<(&'static str, Event)>) -> Vec<Violation> {
    judge_with(events, Resets::Forbidden)
}

fn judge_with(events: Vec<(&'static str, Event)>, resets: Resets) -> Vec<Violation> {
    let history = History::new(1000);
    for (client, event) in events {
        history.record(client, ROOM, event);
    }
    check(&history, resets)
}

fn position(events: &[(&str, Event)], client: &str, event: &Event) -> usize {
    events
        .iter()
        .position(|(c, e)| *c == client && e == event)
        .expect("no such record")
}

#[test]
fn a_good_history_passes() {
    assert_eq!(judge(good()), []);
    assert_eq!(judge(Vec::new()), []);
}

#[test]
fn an_entry_left_out_is_a_hole() {
    let mut events = good();
    events.remove(position(&events, "late", &received(3, "m2")));
    let found = judge(events);
    assert_eq!(
        found,
        [Violation::Hole {
            client: "late".into(),
            room: ROOM.into(),
            owed: 3,
            got: 4
        }]
    );
}

#[test]
fn an_entry_given_again_after_a_resume_is_found() {
    let mut events = good();
    let resumed = position(&events, "early", &Event::Subscribed { after: 3 });
    events.insert(resumed + 1, ("early", received(3, "m2")));
    let found = judge(events);
    assert_eq!(
        found,
        [Violation::Again {
            client: "early".into(),
            room: ROOM.into(),
            owed: 4,
            got: 3
        }]
    );
}

#[test]
fn entries_in_another_order_are_found() {
    let mut events = good();
    let one = position(&events, "late", &received(2, "m1"));
    let other = position(&events, "late", &received(3, "m2"));
    events.swap(one, other);
    assert!(matches!(
        judge(events)[..],
        [Violation::Hole { .. }, Violation::Again { .. }]
    ));
}

#[test]
fn another_entry_at_the_same_place_is_a_fork() {
    let mut events = good();
    let place = position(&events, "late", &received(1 + 2, "m2"));
    events[place].1 = received(3, "another");
    let found = judge(events);
    let (one, other) = ("m2".into(), "another".into());
    assert_eq!(
        found,
        [Violation::Fork {
            room: ROOM.into(),
            sequence: 3,
            one,
            other
        }]
    );
}

#[test]
fn an_acknowledged_message_that_nobody_saw_is_lost() {
    let mut events = good();
    events.extend([("bob", sent("m6")), ("bob", acknowledged("m6", 4))]);
    let found = judge(events);
    assert_eq!(
        found,
        [Violation::Lost {
            room: ROOM.into(),
            id: "m6".into(),
            sequence: 4
        }]
    );
}

#[test]
fn an_acknowledgement_that_names_another_place_is_found() {
    let mut events = good();
    let answer = position(&events, "bob", &acknowledged("m2", 3));
    events[answer].1 = acknowledged("m2", 4);
    let found = judge(events);
    assert_eq!(
        found,
        [Violation::Lost {
            room: ROOM.into(),
            id: "m2".into(),
            sequence: 4
        }]
    );
}

#[test]
fn a_retry_that_made_a_second_entry_is_found() {
    let mut events = good();
    events.extend([("early", received(5, "m1")), ("late", received(5, "m1"))]);
    let found = judge(events);
    assert_eq!(
        found,
        [Violation::Twice {
            room: ROOM.into(),
            id: "m1".into(),
            first: 2,
            second: 5
        }]
    );
}

#[test]
fn a_reader_that_stopped_short_is_behind_unless_it_left() {
    let mut events = good();
    events.remove(position(&events, "early", &received(4, "m3")));
    let found = judge(events.clone());
    assert_eq!(
        found,
        [Violation::Behind {
            client: "early".into(),
            room: ROOM.into(),
            owed: 4,
            head: 4
        }]
    );
    events.push(("early", Event::Left));
    assert_eq!(judge(events), []);
}

#[test]
fn a_promise_beyond_what_readers_saw_leaves_them_behind() {
    let mut events = good();
    events.extend([("bob", sent("m6")), ("bob", acknowledged("m6", 5))]);
    let found = judge(events);
    let behind = found.iter().filter(|v| {
        matches!(
            v,
            Violation::Behind {
                owed: 5,
                head: 5,
                ..
            }
        )
    });
    assert_eq!(behind.count(), 2, "{found:?}");
    assert!(found.contains(&Violation::Lost {
        room: ROOM.into(),
        id: "m6".into(),
        sequence: 5
    }));
}

#[test]
fn messages_out_of_nowhere_and_refused_ones_are_phantoms() {
    for (id, why) in [("m9", "never sent"), ("m5", "refused")] {
        let mut events = good();
        events.extend([("early", received(5, id)), ("late", received(5, id))]);
        let found = judge(events);
        assert_eq!(
            found,
            [Violation::Phantom {
                room: ROOM.into(),
                id: id.into(),
                sequence: 5,
                why
            }]
        );
    }
}

#[test]
fn an_entry_without_a_subscription_is_found() {
    let mut events = good();
    events.push(("stranger", received(1, "created")));
    let found = judge(events);
    assert_eq!(
        found,
        [Violation::Unasked {
            client: "stranger".into(),
            room: ROOM.into(),
            got: 1
        }]
    );
}

#[test]
fn a_reset_is_found_where_none_is_due_and_moves_the_place() {
    let mut events = good();
    events.extend([
        ("new", Event::Subscribed { after: 1 }),
        ("new", Event::Reset { from: 4 }),
        ("new", received(4, "m3")),
    ]);
    assert_eq!(judge_with(events.clone(), Resets::Allowed), []);
    assert_eq!(
        judge(events),
        [Violation::Reset {
            client: "new".into(),
            room: ROOM.into(),
            owed: 2,
            from: 4
        }]
    );
}

#[test]
fn a_sender_whose_messages_overtake_each_other_is_found() {
    // Alice knew of 4 before she sent m7; it must not be at 4 or before, acknowledged or not.
    let first = [("alice", sent("m3")), ("alice", acknowledged("m3", 4))];
    let next = [
        ("alice", sent("m7")),
        ("early", received(5, "m7")),
        ("late", received(5, "m7")),
    ];
    let mut events = good();
    events.extend(first.clone());
    events.extend(next.clone());
    assert_eq!(judge(events.clone()), []);
    events.push(("alice", acknowledged("m7", 3)));
    let overtaken = Violation::Overtaken {
        room: ROOM.into(),
        id: "m7".into(),
        sequence: 3,
        known: 4,
    };
    assert!(judge(events).contains(&overtaken));

    let mut events = good();
    events.extend([("alice", sent("m8")), ("alice", acknowledged("m8", 6))]);
    events.extend(next);
    events.extend([("early", received(6, "m8")), ("late", received(6, "m8"))]);
    assert_eq!(
        judge(events),
        [Violation::Overtaken {
            room: ROOM.into(),
            id: "m7".into(),
            sequence: 5,
            known: 6
        }]
    );
}

#[test]
fn another_text_than_was_sent_is_found() {
    let mut events = good();
    let place = position(&events, "late", &received(3, "m2"));
    if let Event::Received { text, .. } = &mut events[place].1 {
        *text = Some("text of m1".into());
    }
    assert_eq!(
        judge(events),
        [Violation::Altered {
            client: "late".into(),
            room: ROOM.into(),
            id: "m2".into(),
            sent: "text of m2".into(),
            got: "text of m1".into()
        }]
    );
}

#[test]
fn a_history_that_overflowed_proves_nothing() {
    let history = History::new(1);
    history.record("a", ROOM, Event::Left);
    history.record("a", ROOM, Event::Left);
    assert_eq!(check(&history, Resets::Allowed), [Violation::Overflowed]);
}
