//! Holds that run out: the request is asked, and the time is kept until it has answered.

use actors::ids::Timestamp;
use actors::machines::Machine;
use actors::machines::errand::{Errand, Outbox};
use actors::machines::terms::{SlotFate, SlotRefusal};
use actors::machines::user::{SlotState, UserCommand, UserEvent, UserReply};

use crate::desk::{Desk, HOUR, MINUTE, request};

fn question(name: &str, reserved_by: u64) -> Errand {
    let request = request(name);
    Errand::Settle {
        request,
        reserved_by,
    }
}

/// A minute after `q` has asked for a time and said nothing since.
fn run_out() -> Desk {
    let mut desk = Desk::musician();
    desk.reserve("q", 7, desk.hours(30, 34)).expect("free");
    assert_eq!(desk.user.deadline(), Some(desk.now.plus_millis(MINUTE)));
    desk.wait(MINUTE);
    desk
}

#[test]
fn a_hold_that_runs_out_is_asked_about_and_kept() {
    let mut desk = run_out();
    let due = desk.user.deadline().expect("a deadline");
    assert_eq!(desk.wake().len(), 1);
    assert_eq!(desk.errands(), [question("q", 7)]);
    let (number, _) = desk
        .user
        .outbox()
        .expect("an outbox")
        .waiting()
        .next()
        .expect("one");
    assert_eq!(Outbox::event_of(number), desk.user.head());
    assert!(desk.user.deadline() > Some(due), "it is asked again later");
    let still = SlotRefusal::Booked {
        request: request("q"),
        window: desk.hours(30, 34),
    };
    assert_eq!(desk.reserve("other", 1, desk.hours(30, 34)), Err(still));
}

#[test]
fn a_wake_up_before_its_time_changes_nothing() {
    let mut desk = Desk::musician();
    assert!(desk.wake().is_empty() && desk.user.deadline().is_none());
    desk.reserve("q", 7, desk.hours(30, 34)).expect("free");
    desk.wait(MINUTE - 1);
    assert!(desk.wake().is_empty());
    desk.wait(1);
    assert_eq!(desk.wake().len(), 1);
    assert!(desk.wake().is_empty(), "asked just now");
}

#[test]
fn each_answer_has_its_end() {
    for (fate, taken, state) in [
        (SlotFate::Free, 0, None),
        (SlotFate::Held, 1, Some(SlotState::Held)),
        (SlotFate::Booked, 1, Some(SlotState::Booked)),
    ] {
        let mut desk = run_out();
        desk.wake();
        desk.settled("q", 7, fate);
        assert_eq!(desk.taken().len(), taken);
        assert_eq!(
            desk.user.slots().next().map(|slot| slot.state),
            state,
            "{fate:?}"
        );
        assert_eq!(desk.user.deadline().is_some(), fate == SlotFate::Held);
        assert!(desk.settled("q", 7, fate).is_empty(), "a copy");
    }
}

#[test]
fn a_request_that_does_not_answer_is_asked_again_ever_more_rarely() {
    let mut desk = run_out();
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let before = desk.now;
        desk.wake();
        desk.errands_done();
        desk.now = desk.user.deadline().expect("asked again");
        pauses.push(desk.now.since(before) / 1_000);
    }
    assert_eq!(
        pauses,
        [5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 600]
    );
}

#[test]
fn a_question_that_is_still_on_its_way_is_not_asked_twice() {
    let mut desk = run_out();
    desk.wake();
    desk.now = desk.user.deadline().expect("asked again");
    assert!(matches!(
        desk.wake()[..],
        [UserEvent::SlotAsked { ask: false, .. }]
    ));
    assert_eq!(desk.errands().len(), 1);
    desk.errands_done();
    desk.now = desk.user.deadline().expect("asked again");
    desk.wake();
    assert_eq!(desk.errands(), [question("q", 7)]);
}

#[test]
fn a_confirmation_after_the_answer_is_none_too_many() {
    let mut desk = run_out();
    desk.wake();
    desk.settled("q", 7, SlotFate::Booked);
    assert!(desk.confirm("q", 8).is_empty());
    assert_eq!(desk.release("q", 9).len(), 1, "the musician drops out");
    assert!(
        desk.settled("q", 7, SlotFate::Booked).is_empty(),
        "a late answer"
    );
    assert!(desk.taken().is_empty());
}

#[test]
fn a_confirmation_before_the_answer_stands() {
    let mut desk = run_out();
    desk.wake();
    desk.confirm("q", 8);
    assert!(desk.settled("q", 7, SlotFate::Held).is_empty());
    assert!(desk.wake().is_empty() && desk.user.deadline().is_none());
    assert_eq!(
        desk.user.slots().next().expect("there").state,
        SlotState::Booked
    );
}

#[test]
fn a_wish_that_comes_late_is_asked_about_and_let_go() {
    let mut desk = run_out();
    desk.wake();
    desk.settled("q", 7, SlotFate::Free);
    assert_eq!(desk.confirm("q", 8).len(), 0, "there is nothing to confirm");
    assert_eq!(
        desk.reserve("q", 7, desk.hours(30, 34)),
        Err(SlotRefusal::Outdated)
    );
}

#[test]
fn however_long_a_request_would_hold_a_time_it_is_asked() {
    let mut desk = Desk::musician();
    for (name, hold_ms, asked_after) in [("a", u64::MAX, 15 * MINUTE), ("b", 0, 1)] {
        let window = desk.hours(
            if name == "a" { 30 } else { 50 },
            if name == "a" { 31 } else { 51 },
        );
        let command = UserCommand::Reserve {
            request: request(name),
            number: 1,
            window,
            hold_ms,
            demand: None,
        };
        assert_eq!(desk.ask(command), Ok(UserReply::Slot(Ok(()))));
        assert_eq!(
            desk.user.deadline(),
            Some(Timestamp(desk.now.0 + asked_after))
        );
    }
}

#[test]
fn a_hold_of_a_time_that_is_long_over_is_forgotten() {
    let mut desk = run_out();
    desk.wait(34 * HOUR + desk.limits.past_ms);
    assert!(
        matches!(&desk.wake()[..], [UserEvent::Forgotten { requests, .. }] if requests.len() == 1)
    );
    assert_eq!((desk.user.slots_len(), desk.user.deadline()), (0, None));
    assert!(desk.errands().is_empty());
}
