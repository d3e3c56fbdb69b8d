//! From a draft to an open request: repeats, edits, moderation.

use actors::ids::Sequence;
use actors::machines::errand::Errand;
use actors::machines::notice::NoticeKind;
use actors::machines::repeat_key::{KeyReused, RepeatKey};
use actors::machines::request::{
    Change, Done, Mode, RequestCommand, RequestRejection, RequestReply, RequestState, Trigger,
};

use crate::desk::{Answer, DAY, Desk, HOUR, caller, cancel, input};

fn create(desk: &Desk) -> Change {
    let input = Box::new(input(desk.now, Mode::FirstAccept));
    Change::Create { input }
}

fn edit(desk: &Desk, description: &str, expected: Option<Sequence>) -> Change {
    let mut input = Box::new(input(desk.now, Mode::OrganizerChooses));
    input.description = description.into();
    Change::Edit { input, expected }
}

const SUBMIT: Change = Change::Submit { expected: None };

fn sequence(answer: Answer) -> Sequence {
    match answer {
        Ok(RequestReply::Done(Done { sequence, .. })) => sequence,
        other => panic!("{other:?}"),
    }
}

#[test]
fn creating_again_is_answered_as_the_first_time_for_the_same_organizer_only() {
    let mut desk = Desk::draft(Mode::FirstAccept);
    desk.submit();
    let again = create(&desk);
    assert_eq!(sequence(desk.ask("olga", again.clone())), Sequence(1));
    assert_eq!(desk.records.len(), 2);
    assert_eq!(desk.refused("otto", again), RequestRejection::Exists);
    let mut fresh = Desk::new();
    for name in ["mia", "mod", "uwe"] {
        let create = create(&fresh);
        let forbidden = RequestRejection::Forbidden(Trigger::Create);
        assert_eq!(fresh.refused(name, create), forbidden);
    }
    let create = create(&fresh);
    fresh.ask("ada", create).expect("admins may");
}

#[test]
fn a_key_makes_a_repeat_known_among_the_last_ones() {
    let mut desk = Desk::draft(Mode::FirstAccept);
    desk.limits.keys = 2;
    let keyed = |key: u64, change: Change| RequestCommand::Change {
        by: caller("olga"),
        key: Some(RepeatKey::new(key << 32, 1).number()),
        change,
    };
    let first = sequence(desk.send(keyed(7, edit(&desk, "one", None))));
    let second = sequence(desk.send(keyed(8, edit(&desk, "two", None))));
    let again = keyed(7, edit(&desk, "one", Some(Sequence(1))));
    assert_eq!(
        sequence(desk.send(again)),
        first,
        "whatever the rules say by now"
    );
    assert_eq!(desk.request.head(), second);
    sequence(desk.send(keyed(9, SUBMIT)));
    assert_eq!(desk.state(), RequestState::Active);
    assert_eq!(sequence(desk.send(keyed(8, SUBMIT))), second);
    let forgotten = desk.send(keyed(7, SUBMIT));
    assert!(matches!(
        forgotten,
        Err(RequestRejection::WrongState { .. })
    ));
}

#[test]
fn a_key_that_stands_for_another_wish_is_refused_and_nothing_is_done() {
    let mut desk = Desk::draft(Mode::FirstAccept);
    let keyed = |wish: u64, change: Change| RequestCommand::Change {
        by: caller("olga"),
        key: Some(RepeatKey::new(5 << 32, wish).number()),
        change,
    };
    let submitted = sequence(desk.send(keyed(1, SUBMIT)));
    let head = desk.request.head();
    let refused = desk.send(keyed(2, cancel()));
    assert_eq!(refused, Err(RequestRejection::KeyReused(KeyReused)));
    let again = create(&desk);
    let refused = desk.send(keyed(3, again));
    assert_eq!(refused, Err(RequestRejection::KeyReused(KeyReused)));
    assert_eq!(
        RequestRejection::KeyReused(KeyReused).code(),
        "idempotency_key_reused"
    );
    assert_eq!(
        (desk.request.head(), desk.state()),
        (head, RequestState::Active)
    );
    assert_eq!(sequence(desk.send(keyed(1, SUBMIT))), submitted);
}

#[test]
fn an_edit_replaces_the_draft_if_it_is_the_one_that_was_read() {
    let mut desk = Desk::draft(Mode::FirstAccept);
    let head = desk.request.head();
    let ours = edit(&desk, "  ours ", Some(head));
    desk.ask("olga", ours).expect("edited");
    let theirs = edit(&desk, "theirs", Some(head));
    let changed = RequestRejection::Changed {
        expected: head,
        actual: head.next(),
    };
    assert_eq!(desk.refused("ada", theirs), changed);
    let submit = Change::Submit {
        expected: Some(head),
    };
    assert_eq!(desk.refused("olga", submit), changed);
    let view = desk.view("olga").expect("her own");
    assert_eq!(
        (view.texts.description.as_str(), view.sequence),
        ("ours", head.next())
    );
    assert_eq!(view.mode, Mode::OrganizerChooses);
    desk.ask("olga", SUBMIT).expect("submitted");
    let late = edit(&desk, "late", None);
    assert_eq!(
        desk.refused("olga", late),
        RequestRejection::WrongState {
            trigger: Trigger::Edit,
            state: RequestState::Active
        }
    );
}

#[test]
fn what_was_right_when_it_was_written_may_be_wrong_when_it_is_submitted() {
    let mut desk = Desk::new();
    let mut input = Box::new(input(desk.now, Mode::FirstAccept));
    input.description = " ".into();
    desk.ask("olga", Change::Create { input })
        .expect("a draft may lack words");
    desk.wait(30 * DAY - HOUR);
    let RequestRejection::Invalid(errors) = desk.refused("olga", SUBMIT) else {
        panic!("not what is wrong");
    };
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["window.from", "description"]);
}

#[test]
fn the_deadline_is_the_organizers_or_follows_from_the_event() {
    let submitted = |wait: u64, deadline: Option<u64>| {
        let mut desk = Desk::new();
        let mut input = Box::new(input(desk.now, Mode::FirstAccept));
        let begins = input.window.from;
        input.deadline = deadline.map(|before| actors::ids::Timestamp(begins.0 - before));
        desk.ask("olga", Change::Create { input }).expect("created");
        desk.wait(wait);
        desk.submit();
        let deadline = desk.view("olga").expect("hers").deadline.expect("one");
        begins.since(deadline)
    };
    assert_eq!(submitted(0, Some(DAY)), DAY);
    assert_eq!(submitted(0, None), 7 * DAY);
    assert_eq!(submitted(24 * DAY, None), 0, "too near: until it begins");
    let mut desk = Desk::draft(Mode::FirstAccept);
    desk.limits.open_ms = HOUR;
    desk.submit();
    let deadline = desk.view("olga").expect("hers").deadline.expect("one");
    assert_eq!(deadline.since(desk.now), HOUR);
}

#[test]
fn submitting_looks_for_musicians_at_once() {
    let desk = Desk::active(Mode::FirstAccept);
    let [
        Errand::Search {
            gig,
            radius_km,
            except,
            limit,
        },
    ] = &desk.new_errands()[..]
    else {
        panic!("{:?}", desk.new_errands());
    };
    assert_eq!(gig.instrument.as_str(), "guitarra");
    assert_eq!((*radius_km, *limit), (50.0, 5));
    assert_eq!(except, &[crate::desk::user("olga")]);
}

#[test]
fn with_moderation_a_moderator_is_waited_for() {
    let mut desk = Desk::draft(Mode::FirstAccept);
    desk.limits.moderation = true;
    desk.submit();
    assert_eq!(desk.state(), RequestState::Pending);
    assert!(desk.new_errands().is_empty());
    assert_eq!(
        desk.refused("olga", Change::Approve),
        RequestRejection::Forbidden(Trigger::Approve)
    );
    let reason = "Which church?".to_owned();
    desk.ask("mod", Change::Refuse { reason })
        .expect("sent back");
    assert_eq!(desk.told(), [("olga".into(), NoticeKind::StatusChange)]);
    let view = desk.view("olga").expect("hers");
    assert_eq!(
        (view.state, view.inside.and_then(|inside| inside.reason)),
        (RequestState::Draft, Some("Which church?".into()))
    );
    desk.submit();
    desk.ask("mod", Change::Approve).expect("approved");
    assert_eq!(desk.state(), RequestState::Active);
    assert!(matches!(desk.new_errands()[0], Errand::Search { .. }));
    assert_eq!(desk.told(), [("olga".into(), NoticeKind::StatusChange)]);
}

#[test]
fn a_moderator_lets_nothing_pass_that_is_too_near() {
    let mut desk = Desk::draft(Mode::FirstAccept);
    desk.limits.moderation = true;
    desk.wait(24 * DAY);
    desk.submit();
    desk.wait(6 * DAY - HOUR);
    assert_eq!(
        desk.refused("mod", Change::Approve),
        RequestRejection::TooNear
    );
    desk.wait(HOUR);
    assert_eq!(
        desk.refused("mod", Change::Approve),
        RequestRejection::DeadlineOver
    );
    desk.wait_and_wake();
    assert_eq!(desk.state(), RequestState::Expired);
    assert_eq!(desk.told(), [("olga".into(), NoticeKind::StatusChange)]);
}

#[test]
fn a_request_that_is_behind_with_its_errands_takes_nothing_new() {
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.limits.outbox = 0;
    assert!(matches!(
        desk.refused("olga", cancel()),
        RequestRejection::Overloaded {
            retry_after_ms: 1..
        }
    ));
    desk.wait(DAY);
    let events = desk.records.len();
    desk.wake();
    assert_eq!(desk.records.len(), events, "nor does it look further");
    desk.found(&[("mia", 0.9)]);
    assert_eq!(desk.records.len(), events + 1, "answers are taken");
}
