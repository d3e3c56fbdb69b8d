//! Organizer chooses: musicians apply, the organizer takes one, the rest are told.

use actors::machines::errand::Errand;
use actors::machines::notice::NoticeKind;
use actors::machines::request::{Change, Mode, RequestRejection, RequestState, Standing};
use actors::machines::terms::SlotRefusal;

use crate::desk::{Desk, apply_for, choose, decline, user, withdraw};

/// Three have applied; mia and max were offered it.
fn applied() -> Desk {
    let mut desk = Desk::active(Mode::OrganizerChooses);
    desk.found(&[("mia", 0.9), ("max", 0.8), ("meg", 0.7)]);
    for (name, rate) in [("mia", 60_000), ("max", 55_000), ("zoe", 40_000)] {
        desk.ask(name, apply_for(rate)).expect("applied");
        assert_eq!(
            desk.told(),
            [("olga".into(), NoticeKind::MusicianApplication)]
        );
    }
    desk
}

fn reject(name: &str) -> Change {
    Change::RejectApplication {
        musician: user(name),
        reason: "Too far".into(),
    }
}

#[test]
fn the_chosen_one_is_reserved_and_the_rest_are_told_once_it_is_certain() {
    let mut desk = applied();
    let notice_of = desk.notice_to("olga").expect("told of zoe");
    assert_eq!(notice_of.data["rate"], "40000");
    desk.ask("olga", reject("zoe")).expect("rejected");
    assert_eq!(
        desk.told(),
        [("zoe".into(), NoticeKind::ApplicationRejected)]
    );
    assert_eq!(
        desk.notice_to("zoe").expect("told").data["reason"],
        "Too far"
    );

    desk.ask("olga", choose("max")).expect("chosen");
    assert_eq!(
        (desk.state(), desk.told()),
        (RequestState::InReview, vec![])
    );
    assert_eq!(desk.reservation().0, "max");
    let asked = desk.new_errands();
    assert!(
        matches!(asked[..], [Errand::Reserve { demand: None, .. }]),
        "the organizer has looked at the application: {asked:?}"
    );
    assert_eq!(
        desk.refused("olga", choose("mia")),
        RequestRejection::ReservationPending
    );
    desk.answer_slot(Ok(()));
    let told = desk.told();
    let expected = [
        ("max", NoticeKind::RequestAssignment),
        ("olga", NoticeKind::RequestAssignment),
        ("meg", NoticeKind::StatusChange),
        ("mia", NoticeKind::ApplicationRejected),
    ];
    assert_eq!(told, expected.map(|(name, kind)| (name.to_owned(), kind)));
    assert_eq!(
        desk.notice_to("mia").expect("told").data["reason"],
        "Another application was accepted"
    );
    assert_eq!(desk.notice_to("max").expect("told").data["rate"], "55000");
    assert_eq!(
        desk.standing("zoe"),
        Some(Standing::Rejected),
        "told before"
    );
}

#[test]
fn a_chosen_one_who_cannot_come_leaves_the_choice_open() {
    let mut desk = applied();
    desk.ask("olga", choose("max")).expect("chosen");
    desk.answer_slot(Err(SlotRefusal::NotAvailable));
    assert_eq!(desk.state(), RequestState::Active);
    let told = [
        ("max", NoticeKind::ConflictWarning),
        ("olga", NoticeKind::ConflictWarning),
    ];
    assert_eq!(
        desk.told(),
        told.map(|(name, kind)| (name.to_owned(), kind))
    );
    let to_olga = desk.notice_to("olga").expect("told").data;
    assert_eq!(to_olga["musicianId"], "max");
    assert!(!to_olga.keys().any(|name| name.starts_with("conflict")));
    assert_eq!(
        desk.refused("olga", choose("max")),
        RequestRejection::ApplicationNotFound
    );
    desk.ask("max", apply_for(50_000)).expect("has time now");
    desk.ask("olga", choose("mia")).expect("the other one");
}

/// Olga has chosen max before the deadline, which is over now.
fn chosen_late() -> Desk {
    let mut desk = applied();
    desk.ask("olga", Change::Review).expect("looks at them");
    let deadline = desk.view("olga").expect("her own").deadline;
    desk.ask("olga", choose("max")).expect("chosen");
    desk.now = deadline.expect("one").plus_millis(1);
    desk
}

#[test]
fn after_the_deadline_the_choice_goes_on_among_the_applications_that_are_left() {
    let told_of = |desk: &Desk, name: &str, kind| desk.told().contains(&(name.into(), kind));
    let mut refused = chosen_late();
    refused.answer_slot(Err(SlotRefusal::NotAvailable));
    assert!(told_of(&refused, "olga", NoticeKind::ConflictWarning));
    assert!(told_of(&refused, "max", NoticeKind::ConflictWarning));
    let mut let_go = chosen_late();
    let_go.ask("max", withdraw()).expect("lets go");
    assert!(told_of(&let_go, "olga", NoticeKind::StatusChange));
    for mut desk in [refused, let_go] {
        let release = Errand::Release {
            musician: user("max"),
        };
        assert_eq!(desk.new_errands()[0], release);
        assert_eq!(desk.state(), RequestState::InReview);
        desk.wake();
        assert_eq!(desk.state(), RequestState::InReview, "nothing expires");
        let window = desk.view("olga").expect("her own").gig.window;
        assert_eq!(
            actors::machines::Machine::deadline(&desk.request),
            Some(window.from)
        );
        desk.ask("olga", choose("mia")).expect("the other one");
        desk.answer_slot(Ok(()));
        assert_eq!(desk.state(), RequestState::Assigned);
    }
}

#[test]
fn after_the_deadline_a_request_without_another_application_expires() {
    let mut desk = chosen_late();
    for name in ["mia", "zoe"] {
        desk.ask(name, withdraw()).expect("taken back");
    }
    desk.answer_slot(Err(SlotRefusal::NotAvailable));
    assert_eq!(desk.state(), RequestState::Active);
    desk.wake();
    assert_eq!(desk.state(), RequestState::Expired);
}

#[test]
fn one_applies_once_and_may_take_it_back() {
    let mut desk = applied();
    let again = RequestRejection::AlreadyApplied;
    assert_eq!(desk.refused("mia", apply_for(10)), again);
    desk.ask("mia", withdraw()).expect("taken back");
    assert_eq!(desk.told(), [("olga".into(), NoticeKind::StatusChange)]);
    assert_eq!(desk.refused("mia", apply_for(10)), again);
    assert_eq!(
        desk.refused("olga", choose("mia")),
        RequestRejection::ApplicationNotFound
    );
    desk.ask("olga", choose("max")).expect("chosen");
    desk.ask("max", withdraw())
        .expect("lets go while it is being reserved");
    assert_eq!(desk.state(), RequestState::Active);
    assert_eq!(
        desk.new_errands()[0],
        Errand::Release {
            musician: user("max")
        }
    );
    assert_eq!(desk.told(), [("olga".into(), NoticeKind::StatusChange)]);
}

#[test]
fn nobody_else_is_asked_while_an_application_waits() {
    let mut desk = applied();
    let deadline = desk.view("olga").expect("her own").deadline;
    assert_eq!(actors::machines::Machine::deadline(&desk.request), deadline);
    desk.wait(desk.limits.wave_wait_ms);
    let events = desk.records.len();
    desk.wake();
    assert_eq!(desk.records.len(), events);
    desk.ask("mia", withdraw()).expect("taken back");
    desk.ask("olga", reject("max")).expect("rejected");
    desk.ask("olga", reject("zoe")).expect("rejected");
    desk.wake();
    assert_eq!(desk.aim().0, 100.0);
    assert_eq!(desk.aim().1, ["max", "meg", "mia", "zoe", "olga"]);
}

#[test]
fn while_the_organizer_looks_at_the_applications_no_more_are_taken() {
    let mut desk = applied();
    desk.ask("olga", Change::Review).expect("looks at them");
    assert_eq!(desk.state(), RequestState::InReview);
    let closed = RequestRejection::ApplicationsClosed;
    assert_eq!(desk.refused("meg", apply_for(50_000)), closed);
    desk.ask("meg", decline()).expect("may say no all the same");
    desk.ask("olga", reject("zoe")).expect("rejected");
    desk.ask("olga", Change::Reopen).expect("wants more");
    assert_eq!(desk.state(), RequestState::Active);
    assert!(matches!(desk.new_errands()[..], [Errand::Search { .. }]));
    desk.ask("meg", apply_for(50_000))
        .expect("changed her mind");
    desk.ask("olga", Change::Review).expect("looks again");
    desk.ask("olga", choose("meg")).expect("chosen");
    desk.ask("zack", apply_for(45_000))
        .expect("a reservation closes nothing");
    desk.answer_slot(Ok(()));
    assert_eq!(desk.standing("zack"), Some(Standing::Missed));
}

#[test]
fn looking_needs_something_to_look_at() {
    let mut desk = Desk::active(Mode::OrganizerChooses);
    assert_eq!(
        desk.refused("olga", Change::Review),
        RequestRejection::NoApplications
    );
}

#[test]
fn only_so_many_apply_who_were_not_asked() {
    let mut desk = Desk::active(Mode::OrganizerChooses);
    desk.limits.applications = 1;
    desk.found(&[("mia", 0.9)]);
    desk.ask("zoe", apply_for(50_000)).expect("has room");
    assert_eq!(
        desk.refused("zack", apply_for(50_000)),
        RequestRejection::ApplicationsFull
    );
    desk.ask("mia", apply_for(50_000)).expect("was asked");
}

#[test]
fn each_way_to_assign_knows_its_own_answers_only() {
    let mut desk = applied();
    assert_eq!(
        desk.refused("meg", Change::Accept),
        RequestRejection::WrongMode(Mode::OrganizerChooses)
    );
    let mut desk = Desk::active(Mode::FirstAccept);
    let wrong = RequestRejection::WrongMode(Mode::FirstAccept);
    assert_eq!(desk.refused("mia", apply_for(50_000)), wrong);
    assert_eq!(desk.refused("olga", choose("mia")), wrong);
    assert_eq!(desk.refused("olga", reject("mia")), wrong);
    assert_eq!(desk.refused("olga", Change::Review), wrong);
}
