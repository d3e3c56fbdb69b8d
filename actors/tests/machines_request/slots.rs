//! A musician's time: answers that come late or twice, and what the request says when it is asked.

use actors::machines::request::{Change, Mode, RequestCommand, RequestReply, RequestState};
use actors::machines::terms::{SlotFate, SlotRefusal};

use crate::desk::{Desk, cancel, user, withdraw};

fn fate(desk: &mut Desk, name: &str, number: u64) -> SlotFate {
    let wants = RequestCommand::Wants {
        musician: user(name),
        reserved_by: number,
    };
    match desk.send(wants) {
        Ok(RequestReply::Wants(fate)) => fate,
        other => panic!("{other:?}"),
    }
}

fn accepted() -> (Desk, u64) {
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.ask("mia", Change::Accept).expect("accepted");
    let (_, number) = desk.reservation();
    (desk, number)
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let (mut desk, number) = accepted();
    let events = desk.records.len();
    for (name, number) in [("mia", number + 1), ("mia", number - 1), ("max", number)] {
        desk.answer_slot_of(name, number, Ok(()));
        desk.answer_slot_of(name, number, Err(SlotRefusal::Outdated));
    }
    assert_eq!(desk.records.len(), events);
    desk.answer_slot(Ok(()));
    desk.answer_slot(Ok(()));
    desk.answer_slot(Err(SlotRefusal::Full));
    assert_eq!(desk.records.len(), events + 1);
    assert_eq!(desk.state(), RequestState::Assigned);
}

#[test]
fn an_earlier_reservation_of_the_same_musician_is_not_answered_for_a_later_one() {
    let (mut desk, first) = accepted();
    desk.ask("mia", withdraw()).expect("lets go");
    desk.ask("mia", Change::Accept).expect("wants it after all");
    let (_, second) = desk.reservation();
    assert!(second > first);
    desk.answer_slot_of("mia", first, Ok(()));
    assert_eq!(desk.state(), RequestState::InReview);
    assert_eq!(fate(&mut desk, "mia", first), SlotFate::Free);
    assert_eq!(fate(&mut desk, "mia", second), SlotFate::Held);
}

#[test]
fn the_fate_of_a_held_time_follows_the_state() {
    let (mut desk, number) = accepted();
    assert_eq!(fate(&mut desk, "mia", number), SlotFate::Held);
    assert_eq!(fate(&mut desk, "max", number), SlotFate::Free);
    desk.answer_slot(Ok(()));
    assert_eq!(fate(&mut desk, "mia", number), SlotFate::Booked);
    assert_eq!(fate(&mut desk, "max", number), SlotFate::Free);
    desk.ask("olga", cancel()).expect("cancelled");
    assert_eq!(fate(&mut desk, "mia", number), SlotFate::Free);
    assert_eq!(fate(&mut Desk::new(), "mia", number), SlotFate::Free);
}

#[test]
fn what_the_hub_brings_to_a_request_that_is_not_there_is_no_error() {
    let mut desk = Desk::new();
    desk.wake();
    desk.answer_slot_of("mia", 1, Ok(()));
    let found = Box::default();
    desk.send(RequestCommand::CandidatesFound { number: 1, found })
        .expect("noted");
    assert!(desk.records.is_empty());
}
