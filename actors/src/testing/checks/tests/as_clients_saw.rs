//! The rules shared with the chaos suite notice what they are for in histories of the simulation too.

use super::truth::{attempt, room, sent, truth};
use crate::ids::Sequence;
use crate::testing::checks::as_clients_saw::check;
use crate::testing::oracle::{History, Outcome, Seen};

/// What is said of the truth made false by `doctor`.
fn said(doctor: impl FnOnce(&mut History)) -> String {
    let mut history = truth();
    doctor(&mut history);
    check(&history).err().unwrap_or_default()
}

#[test]
fn the_truth_passes() {
    assert_eq!(said(|_| {}), "");
    // One attempt of unknown fate, and the refusal of another says nothing.
    let doctored = said(|history| {
        history.attempts[1].answer = Some((4, Outcome::Refused("unavailable".into())));
        attempt(history, sent("m2"), Outcome::Unknown);
    });
    assert_eq!(doctored, "");
}

#[test]
fn what_senders_were_told_is_compared_with_the_journal() {
    let lost = said(|history| attempt(history, sent("m5"), Outcome::Ok(Sequence(6))));
    assert!(lost.contains("stopped before 6"), "{lost}");
    let refused = said(|history| {
        history.attempts[1].answer = Some((4, Outcome::Refused("unavailable".into())));
    });
    assert!(refused.contains("was refused"), "{refused}");
    let unsent = said(|history| drop(history.attempts.remove(1)));
    assert!(unsent.contains("never sent"), "{unsent}");
    let overtaken = said(|history| {
        // Begun after it had been told that m2 is at 4.
        let mut late = history.attempts.remove(0);
        late.begun = history.moment();
        late.answer = Some((history.moment(), Outcome::Ok(Sequence(3))));
        history.attempts.push(late);
    });
    assert!(overtaken.contains("knew of 4"), "{overtaken}");
}

#[test]
fn what_readers_saw_is_compared_with_the_journal() {
    let hole = said(|history| drop(history.views[0].seen.remove(2)));
    assert!(hole.contains("owed 3, got 4"), "{hole}");
    let again = said(|history| {
        let again = history.views[0].seen[2].clone();
        history.views[0].seen.insert(3, again);
    });
    assert!(again.contains("came again"), "{again}");
    let forked = said(|history| {
        let Some(Seen::Event { fact, .. }) = history.views[0].seen.last_mut() else {
            panic!("an event");
        };
        fact.push('!');
    });
    assert!(forked.contains("one reader got"), "{forked}");
    let torn = said(|history| {
        let stored = history.rooms.get_mut(&room()).expect("the room");
        stored.rows.pop();
    });
    assert!(torn.contains("journal in band: stopped before 5"), "{torn}");
}
