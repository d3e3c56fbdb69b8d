//! Doctored histories: a true one passes every check, and each falsehood is noticed by the check for it.

mod as_clients_saw;
mod people;
mod truth;

use bytes::Bytes;

use self::truth::{attempt, room, send, sent, truth};
use super::violations;
use crate::ids::{EntityId, Sequence, Timestamp};
use crate::journal::{Digest, Head, OverlayWrite, Row, TableRow};
use crate::machines::room::{Room, RoomCommand, RoomLimits, cards};
use crate::machines::{Context, Machine};
use crate::testing::oracle::{History, Outcome, Seen, Stored, Wish};
use crate::testing::words;

/// The truth, made false by `doctor`, violates exactly these checks.
fn noticed(checks: &[&str], doctor: impl FnOnce(&mut History)) {
    let mut history = truth();
    doctor(&mut history);
    let violated = violations(&history);
    let names = violated
        .iter()
        .filter_map(|violation| violation.split(':').next());
    let names: Vec<&str> = names.collect();
    assert_eq!(names, checks, "{violated:#?}");
}

fn band(history: &mut History) -> &mut Stored {
    history.rooms.get_mut(&room()).expect("the room")
}

#[test]
fn a_true_history_violates_nothing() {
    noticed(&[], |_| {});
}

#[test]
fn an_acknowledged_message_that_is_not_there_is_noticed() {
    noticed(&["acked_is_durable"], |history| {
        attempt(history, sent("m5"), Outcome::Ok(Sequence(6)));
    });
    // Nor could the next one be placed there, had it been true.
    noticed(&["acked_is_durable", "answers_are_current"], |history| {
        history.attempts[0].answer = Some((2, Outcome::Ok(Sequence(4))));
    });
}

#[test]
fn an_acknowledged_edit_that_is_not_there_is_noticed() {
    noticed(&["acked_is_durable"], |history| {
        let edit = Wish::Edit {
            target: Sequence(4),
            text: "never".into(),
        };
        attempt(history, edit, Outcome::Ok(Sequence(5)));
    });
}

#[test]
fn a_look_that_forgets_what_was_acknowledged_is_noticed() {
    noticed(&["answers_are_current"], |history| {
        attempt(history, Wish::Look, Outcome::Ok(Sequence(4)));
    });
}

#[test]
fn a_refused_message_that_stands_in_the_journal_is_noticed() {
    noticed(&["rejected_is_absent"], |history| {
        history.attempts[1].answer = Some((4, Outcome::Refused("unavailable".into())));
    });
    // One attempt of unknown fate, and the refusal of the other says nothing.
    noticed(&[], |history| {
        history.attempts[1].answer = Some((4, Outcome::Refused("unavailable".into())));
        attempt(history, sent("m2"), Outcome::Unknown);
    });
}

#[test]
fn a_message_that_stands_twice_is_noticed() {
    noticed(&["dedupe"], |history| {
        let mut twice = Room::new(&EntityId::room(&room()));
        let stored = band(history);
        let mut head = Head::default();
        for row in &stored.rows {
            for (sequence, record) in row.entries() {
                twice.apply(sequence, &Room::decode(record).expect("readable"));
            }
            head = row.head();
        }
        // As an owner without memory of m2 would decide.
        let (context, limits) = (Timestamp(9_000), RoomLimits::default());
        let context = Context {
            now: context,
            limits: &limits,
        };
        let decision = twice.decide(&context, &send("m9")).expect("allowed");
        let mut entry = decision.events[0].clone();
        if let crate::machines::room::RoomEvent::MessageSent(message) = &mut entry.event {
            let message = std::sync::Arc::make_mut(message);
            message.id = words::id("m2");
            message.content.as_mut().expect("a text").text = "text of m2".into();
        }
        stored
            .rows
            .push(Row::seal(head, 0, vec![Room::encode(&entry)]));
    });
    noticed(&["dedupe"], |history| {
        attempt(
            history,
            sent("m1"),
            Outcome::Refused("message_id_reused".into()),
        );
    });
}

#[test]
fn a_hole_in_the_journal_is_noticed() {
    noticed(
        &[
            "acked_is_durable",
            "chain_verifies",
            "dense",
            "one_value_per_sequence",
            "side_writes_agree",
        ],
        |history| {
            let stored = band(history);
            // Without the first message nobody can replay its edit either.
            stored.rows.remove(1);
            stored.rows.pop();
        },
    );
}

#[test]
fn a_row_of_another_history_is_noticed() {
    noticed(&["chain_verifies"], |history| {
        band(history).rows[1].previous = Digest::of(b"another");
    });
    noticed(&["chain_verifies"], |history| {
        band(history).rows[1].digest = Digest::of(b"another");
    });
}

#[test]
fn a_reader_who_saw_something_else_is_noticed() {
    noticed(&["one_value_per_sequence"], |history| {
        let Some(Seen::Event { fact, .. }) = history.views[0].seen.last_mut() else {
            panic!("an event");
        };
        fact.push('!');
    });
    noticed(&["one_value_per_sequence"], |history| {
        history.glimpses[0].sequence = Sequence(4);
        history.glimpses[0].text = None;
    });
}

#[test]
fn a_gap_a_repeat_and_a_silent_jump_are_noticed() {
    noticed(&["delivered_runs"], |history| {
        drop(history.views[0].seen.remove(2))
    });
    noticed(&["delivered_runs"], |history| {
        let again = history.views[0].seen[2].clone();
        history.views[0].seen.insert(3, again);
    });
    noticed(&["delivered_runs"], |history| {
        history.views[0].after = Some(Sequence(99))
    });
    // With a reset the same jump is honest.
    noticed(&[], |history| {
        history.views[0].after = Some(Sequence(99));
        history.views[0]
            .seen
            .insert(0, Seen::Reset { from: Sequence(1) });
    });
}

#[test]
fn a_reset_past_what_could_be_read_is_noticed() {
    let leap = |history: &mut History, from| {
        let seen = &mut history.views[0].seen;
        seen.splice(1..3, [Seen::Reset { from }]);
    };
    noticed(&["delivered_runs"], |history| leap(history, Sequence(4)));
    // What was trimmed cannot be read, and nothing else is passed over.
    noticed(&[], |history| {
        leap(history, Sequence(4));
        band(history).retained.insert(Sequence(4));
    });
    noticed(&["delivered_runs"], |history| {
        leap(history, Sequence(4));
        band(history).retained.insert(Sequence(3));
    });
    // No reset leads back, but that of a reader who asked for more than there was, as the first thing it hears.
    for place in [0, 5] {
        noticed(&["delivered_runs"], |history| {
            let again = Seen::Reset { from: Sequence(1) };
            history.views[0].seen.insert(place, again);
        });
    }
}

#[test]
fn a_text_of_another_message_is_noticed() {
    noticed(&["acked_is_durable", "texts_were_said"], |history| {
        let Wish::Send { text, .. } = &mut history.attempts[1].wish else {
            panic!("a message");
        };
        *text = "text of m1".into();
    });
    let show = |history: &mut History, at: usize, other: &str| {
        let Seen::Event { text, .. } = &mut history.views[0].seen[at] else {
            panic!("an event");
        };
        *text = Some(other.into());
    };
    for (at, other) in [
        (3, "text of m1"),
        (3, "edited"),
        (4, "text of m1"),
        (1, "edited"),
    ] {
        noticed(&["texts_were_said"], |history| show(history, at, other));
    }
    // The message may be shown as it was edited later.
    noticed(&[], |history| show(history, 2, "edited"));
    noticed(&["texts_were_said"], |history| {
        history.glimpses[0].text = Some("text of m2".into())
    });
}

#[test]
fn a_text_that_was_deleted_before_its_reader_came_is_noticed() {
    let delete = |history: &mut History, target| {
        let stored = band(history);
        let head = stored.rows.last().expect("rows").head();
        let entries = stored.rows.iter().flat_map(Row::entries);
        let (_, last) = entries.last().expect("an entry");
        let mut entry = Room::decode(last).expect("readable");
        entry.event = crate::machines::room::RoomEvent::MessageDeleted {
            target,
            by: truth::user(),
            at: Timestamp(2_000),
        };
        stored
            .rows
            .push(Row::seal(head, 0, vec![Room::encode(&entry)]));
        let effects = effects_of(&stored.rows);
        stored.overlays = effects;
        history.deletes_at_once = true;
    };
    // The message, and its edit; the other one stands.
    for (target, head, checks) in [
        (3, 6, &["deleted_is_gone"][..]),
        (4, 6, &["deleted_is_gone"]),
        (3, 5, &[]),
    ] {
        noticed(checks, |history| {
            delete(history, Sequence(target));
            history.views[0].head = Sequence(head);
        });
    }
    noticed(&[], |history| {
        delete(history, Sequence(3));
        history.views[0].head = Sequence(6);
        history.deletes_at_once = false;
    });
}

/// The overlays that these rows make.
fn effects_of(rows: &[Row]) -> Vec<OverlayWrite> {
    let mut machine = Room::new(&EntityId::room(&room()));
    let mut overlays = std::collections::BTreeMap::new();
    for (sequence, record) in rows.iter().flat_map(Row::entries) {
        let entry = Room::decode(record).expect("readable");
        machine.apply(sequence, &entry);
        let written = machine.effects(sequence, &entry).overlays;
        overlays.extend(
            written
                .into_iter()
                .map(|overlay| (overlay.sequence, overlay)),
        );
    }
    overlays.into_values().collect()
}

#[test]
fn what_nobody_asked_for_is_noticed() {
    noticed(&["rejected_is_absent"], |history| {
        drop(history.attempts.remove(1))
    });
    noticed(&["rejected_is_absent", "texts_were_said"], |history| {
        drop(history.attempts.remove(4))
    });
}

#[test]
fn a_message_that_is_placed_before_what_its_sender_could_know_is_noticed() {
    noticed(&["acked_is_durable", "answers_are_current"], |history| {
        attempt(history, sent("m5"), Outcome::Ok(Sequence(5)));
    });
    // A repeat is as old as the first attempt.
    noticed(&[], |history| {
        attempt(history, sent("m1"), Outcome::Ok(Sequence(3)))
    });
}

#[test]
fn a_queue_beyond_its_bound_is_noticed() {
    noticed(&["queues_bounded"], |history| history.gauges[0].highest = 5);
}

#[test]
fn what_does_not_come_about_is_noticed() {
    noticed(&["converges"], |history| {
        history.awaited[0].missed = Some("at 3 of 5".into())
    });
    noticed(&["converges"], |history| history.awaited.clear());
}

#[test]
fn side_data_that_lags_is_noticed() {
    noticed(&["side_writes_agree"], |history| {
        band(history).overlays.clear()
    });
    noticed(&["side_writes_agree"], |history| {
        band(history).overlays.push(OverlayWrite {
            sequence: Sequence(4),
            applied: Sequence(5),
            state: Bytes::from_static(b"?"),
        });
    });
    noticed(&["side_writes_agree"], |history| band(history).card = None);
    noticed(&["side_writes_agree"], |history| {
        band(history).memberships.clear()
    });
    let key = cards::room_card_key(&room());
    noticed(&["side_writes_agree"], |history| {
        band(history).card = Some(TableRow {
            key,
            rank: 9,
            value: Bytes::new(),
        });
    });
}

#[test]
fn an_edit_that_stands_twice_is_noticed() {
    let again = RoomCommand::Edit {
        by: truth::user(),
        target: Sequence(4),
        text: "edited".into(),
    };
    let found = ["dedupe", "texts_were_said"];
    noticed(&found, |history| truth::append(band(history), &again));
}
