//! How requests end: played, called off, expired, disputed; and the reminder before.

use actors::machines::Machine;
use actors::machines::errand::Errand;
use actors::machines::notice::NoticeKind;
use actors::machines::request::{
    Actor, Change, Mode, Outcome, RequestRejection, RequestState, Standing, Trigger,
};

use crate::desk::{DAY, Desk, HOUR, MINUTE, apply_for, cancel, user};

/// Mia has it; the event is thirty days ahead.
fn assigned() -> Desk {
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.found(&[("mia", 0.9), ("max", 0.8)]);
    desk.ask("mia", Change::Accept).expect("accepted");
    desk.answer_slot(Ok(()));
    desk
}

fn started() -> Desk {
    let mut desk = assigned();
    desk.now = desk.view("olga").expect("hers").gig.window.from;
    desk.ask("mia", Change::Start).expect("started");
    desk
}

fn dispute() -> Change {
    Change::Dispute {
        reason: "Out of tune".into(),
    }
}

fn resolve(outcome: Outcome) -> Change {
    let details = "As agreed".into();
    Change::Resolve { outcome, details }
}

fn both(kind: NoticeKind) -> [(String, NoticeKind); 2] {
    [("mia".into(), kind), ("olga".into(), kind)]
}

#[test]
fn a_reminder_goes_to_both_sides_once() {
    let mut desk = assigned();
    let begins = desk.view("olga").expect("hers").gig.window.from;
    assert_eq!(begins.since(desk.request.deadline().expect("one")), DAY);
    desk.wait_and_wake();
    assert_eq!(desk.told(), both(NoticeKind::EventReminder));
    assert_eq!(desk.request.deadline(), None);

    let mut desk = assigned();
    desk.now = begins.plus_millis(DAY);
    desk.wake();
    assert_eq!(desk.told(), [], "nobody is reminded of what is over");
    assert_eq!(desk.request.deadline(), None);
}

#[test]
fn what_is_assigned_late_needs_no_reminder() {
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.limits.remind_before_ms = 31 * DAY;
    desk.ask("mia", Change::Accept).expect("accepted");
    desk.answer_slot(Ok(()));
    assert_eq!(desk.request.deadline(), None);
}

#[test]
fn an_event_begins_about_when_it_should() {
    let mut desk = assigned();
    let window = desk.view("olga").expect("hers").gig.window;
    let from = actors::ids::Timestamp(window.from.0 - 15 * MINUTE);
    desk.now = actors::ids::Timestamp(from.0 - 1);
    assert_eq!(
        desk.refused("mia", Change::Start),
        RequestRejection::TooEarly { from }
    );
    desk.now = window.to;
    assert_eq!(
        desk.refused("mia", Change::Start),
        RequestRejection::EventOver
    );
    desk.now = from;
    desk.ask("mia", Change::Start).expect("about to begin");
    assert_eq!(desk.told(), [("olga".into(), NoticeKind::StatusChange)]);
    assert_eq!(desk.last().role, Actor::Assigned);
    assert!(matches!(
        desk.refused("olga", cancel()),
        RequestRejection::WrongState { .. }
    ));
}

#[test]
fn the_musician_waits_for_the_end_and_the_organizer_may_say_so_before() {
    let mut desk = started();
    let window = desk.view("olga").expect("hers").gig.window;
    let from = desk.now.plus_millis(desk.limits.complete_after_ms);
    assert_eq!(
        desk.refused("olga", Change::Complete),
        RequestRejection::TooEarly { from }
    );
    desk.now = from;
    assert_eq!(
        desk.refused("mia", Change::Complete),
        RequestRejection::TooEarly { from: window.to }
    );
    desk.ask("olga", Change::Complete).expect("over");
    assert_eq!(desk.told(), [("mia".into(), NoticeKind::StatusChange)]);

    let mut desk = started();
    desk.now = window.to;
    desk.ask("mia", Change::Complete).expect("its time is over");
    assert_eq!(desk.state(), RequestState::Completed);

    let mut desk = assigned();
    desk.now = window.to;
    desk.ask("ada", Change::Complete)
        .expect("also if nobody said that it began");
    assert_eq!(desk.told(), both(NoticeKind::StatusChange));
}

#[test]
fn calling_off_frees_the_time_keeps_the_room_and_tells_the_other_side() {
    let mut desk = assigned();
    let blank = Change::Cancel {
        reason: " \n".into(),
    };
    assert!(matches!(
        desk.refused("olga", blank),
        RequestRejection::Invalid(errors) if errors[0].field == "reason"
    ));
    desk.ask("ada", cancel()).expect("called off");
    let errands = desk.new_errands();
    assert_eq!(
        errands[0],
        Errand::Release {
            musician: user("mia")
        }
    );
    assert!(matches!(
        &errands[1],
        Errand::Arrange { members, gone, .. } if members.len() == 2 && gone.is_empty()
    ));
    assert_eq!(desk.told(), both(NoticeKind::StatusChange));
    assert_eq!(
        desk.notice_to("mia").expect("told").data["reason"],
        "It rains"
    );
    assert_eq!(desk.standing("mia"), Some(Standing::Released));
    assert_eq!(desk.last().role, Actor::Admin);
}

#[test]
fn nothing_is_called_off_once_the_event_has_begun() {
    let mut desk = assigned();
    desk.now = desk.view("olga").expect("hers").gig.window.from;
    assert_eq!(desk.refused("olga", cancel()), RequestRejection::EventBegun);
    let reason = "Ill".to_owned();
    assert_eq!(
        desk.refused("mia", Change::DropOut { reason }),
        RequestRejection::EventBegun
    );
    let mut draft = Desk::draft(Mode::FirstAccept);
    draft.wait(40 * DAY);
    draft.ask("olga", cancel()).expect("a draft always");
}

#[test]
fn dropping_out_after_the_deadline_leaves_time_until_the_event() {
    let mut desk = assigned();
    let begins = desk.view("olga").expect("hers").gig.window.from;
    desk.now = actors::ids::Timestamp(begins.0 - 2 * DAY);
    let reason = "Ill".to_owned();
    desk.ask("mia", Change::DropOut { reason })
        .expect("gave it back");
    assert_eq!(desk.view("olga").expect("hers").deadline, Some(begins));
    desk.found(&[("max", 0.9)]);
    desk.ask("max", Change::Accept).expect("in time");
}

#[test]
fn a_request_expires_at_its_deadline_with_a_word_to_everybody_in_it() {
    let mut desk = Desk::active(Mode::OrganizerChooses);
    desk.found(&[("mia", 0.9), ("max", 0.8)]);
    desk.ask("mia", apply_for(50_000)).expect("applied");
    desk.wait_and_wake();
    assert_eq!(desk.state(), RequestState::Expired);
    assert_eq!(desk.last().role, Actor::System);
    let told: Vec<String> = desk.told().into_iter().map(|(name, _)| name).collect();
    assert_eq!(told, ["olga", "max", "mia"]);
    assert_eq!(desk.request.deadline(), None);
    assert_eq!(desk.standing("mia"), Some(Standing::Missed));
}

#[test]
fn a_deadline_does_not_cut_off_what_was_accepted_in_time() {
    let mut desk = Desk::active(Mode::FirstAccept);
    let deadline = desk.view("olga").expect("hers").deadline.expect("one");
    desk.ask("mia", Change::Accept).expect("accepted");
    desk.now = deadline;
    desk.wake();
    assert_eq!(desk.state(), RequestState::InReview);
    desk.answer_slot(Ok(()));
    assert_eq!(desk.state(), RequestState::Assigned);
}

#[test]
fn an_organizer_who_is_choosing_has_until_the_event_begins() {
    let mut desk = Desk::active(Mode::OrganizerChooses);
    desk.ask("mia", apply_for(50_000)).expect("applied");
    desk.ask("olga", Change::Review).expect("choosing");
    let begins = desk.view("olga").expect("hers").gig.window.from;
    assert_eq!(desk.request.deadline(), Some(begins));
    desk.now = actors::ids::Timestamp(begins.0 - HOUR);
    desk.wake();
    assert_eq!(desk.state(), RequestState::InReview);
    assert_eq!(
        desk.refused("olga", Change::Reopen),
        RequestRejection::DeadlineOver
    );
    desk.wait_and_wake();
    assert_eq!(desk.state(), RequestState::Expired);
}

#[test]
fn either_side_disputes_and_a_moderator_decides() {
    let mut desk = started();
    desk.ask("olga", dispute()).expect("disputed");
    assert_eq!(desk.told(), [("mia".into(), NoticeKind::StatusChange)]);
    assert_eq!(
        desk.refused("olga", resolve(Outcome::Cancelled)),
        RequestRejection::Forbidden(Trigger::Resolve)
    );
    desk.ask("mod", resolve(Outcome::Cancelled))
        .expect("decided");
    assert_eq!(desk.state(), RequestState::Cancelled);
    assert!(matches!(&desk.new_errands()[0], Errand::Release { .. }));
    assert_eq!(desk.told(), both(NoticeKind::StatusChange));

    let mut desk = started();
    desk.wait(4 * HOUR);
    desk.ask("mia", Change::Complete).expect("over");
    desk.wait(desk.limits.dispute_ms - 1);
    desk.ask("mia", dispute()).expect("in time");
    desk.ask("ada", resolve(Outcome::Completed))
        .expect("decided");
    assert_eq!(desk.state(), RequestState::Completed);
    desk.wait(1);
    assert_eq!(
        desk.refused("mia", dispute()),
        RequestRejection::DisputeOver
    );
}
