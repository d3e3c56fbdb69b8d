//! First accept: the first valid accept wins, others wait their turn.

use actors::ids::{RoomId, UserId};
use actors::machines::errand::Errand;
use actors::machines::notice::NoticeKind;
use actors::machines::request::{
    Change, Done, Mode, RequestRejection, RequestReply, RequestState, Standing,
};
use actors::machines::terms::{Demand, Place, SlotRefusal, Term};

use crate::desk::{Answer, Desk, HOUR, cancel, decline, user, withdraw};

fn done(answer: Answer) -> Done {
    match answer {
        Ok(RequestReply::Done(done)) => done,
        other => panic!("{other:?}"),
    }
}

/// An active request of which four musicians were told.
fn offered() -> Desk {
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.found(&[("mia", 0.9), ("max", 0.8), ("moe", 0.7), ("meg", 0.6)]);
    desk
}

/// What is expected of whoever accepts first.
fn demand() -> Demand {
    Demand {
        instrument: Term::parse("guitarra").expect("a term"),
        place: Place {
            lat: 18.4861,
            lng: -69.9312,
            address: String::new(),
        },
        reach_km: 200,
    }
}

#[test]
fn the_first_accept_is_reserved_assigned_and_told_to_everybody() {
    let mut desk = offered();
    let answer = done(desk.ask("mia", Change::Accept));
    assert_eq!(
        (answer.state, answer.standing),
        (RequestState::InReview, Some(Standing::Reserving))
    );
    let window = desk.view("olga").expect("her own").gig.window;
    assert_eq!(
        desk.new_errands(),
        [Errand::Reserve {
            musician: user("mia"),
            window,
            hold_ms: desk.limits.hold_ms,
            demand: Some(Box::new(demand())),
        }]
    );
    desk.answer_slot(Ok(()));
    assert_eq!(desk.state(), RequestState::Assigned);
    assert_eq!(desk.request.assigned(), Some(&user("mia")));
    let room = match &desk.entity.as_request() {
        Some(id) => RoomId::of_request(id),
        None => panic!("a request"),
    };
    assert_eq!(
        desk.new_errands()[..2],
        [
            Errand::Confirm {
                musician: user("mia")
            },
            Errand::Arrange {
                room,
                owner: user("olga"),
                members: vec![user("olga"), user("mia")],
                gone: Vec::new(),
            }
        ]
    );
    let told = desk.told();
    let expected = [
        ("mia", NoticeKind::RequestAssignment),
        ("olga", NoticeKind::RequestAssignment),
        ("max", NoticeKind::StatusChange),
        ("meg", NoticeKind::StatusChange),
        ("moe", NoticeKind::StatusChange),
    ];
    assert_eq!(told, expected.map(|(name, kind)| (name.to_owned(), kind)));
    assert_eq!(desk.standing("max"), Some(Standing::Lapsed));
    assert_eq!(
        desk.refused("max", Change::Accept),
        RequestRejection::AlreadyAssigned
    );
}

#[test]
fn who_accepts_meanwhile_waits_and_is_tried_in_order() {
    let mut desk = offered();
    desk.ask("mia", Change::Accept).expect("the first");
    for name in ["meg", "max", "moe"] {
        let answer = done(desk.ask(name, Change::Accept));
        assert_eq!(answer.standing, Some(Standing::Waiting));
        assert!(desk.new_errands().is_empty(), "nothing is reserved twice");
    }
    let waiting = desk
        .view("olga")
        .expect("her own")
        .inside
        .expect("all")
        .waiting;
    assert_eq!(waiting, ["meg", "max", "moe"].map(user));

    desk.answer_slot(Err(SlotRefusal::NotAvailable));
    assert_eq!(desk.state(), RequestState::InReview);
    assert_eq!(desk.reservation().0, "meg");
    assert_eq!(
        desk.told(),
        [("mia".to_owned(), NoticeKind::ConflictWarning)],
        "only the one whose time it is"
    );
    assert_eq!(
        desk.new_errands()[0],
        Errand::Release {
            musician: user("mia")
        },
        "a repeat of the errand might have found the time free"
    );
    assert_eq!(desk.standing("mia"), Some(Standing::Conflicted));

    desk.answer_slot(Err(SlotRefusal::Paused));
    assert_eq!(desk.reservation().0, "max");
    desk.answer_slot(Ok(()));
    assert_eq!(desk.request.assigned(), Some(&user("max")));
    let rejected: Vec<(String, NoticeKind)> = desk.told();
    let of = |name: &str| {
        rejected
            .iter()
            .filter(|(to, _)| to == name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("moe"),
        [&("moe".into(), NoticeKind::ApplicationRejected)]
    );
    assert!(of("mia").is_empty() && of("meg").is_empty());
    assert_eq!(desk.standing("moe"), Some(Standing::Missed));
}

#[test]
fn without_another_one_a_refused_reservation_opens_the_request_again() {
    let mut desk = offered();
    desk.ask("mia", Change::Accept).expect("the first");
    let busy = SlotRefusal::Busy {
        window: desk.view("mia").expect("offered").gig.window,
    };
    desk.answer_slot(Err(busy));
    assert_eq!(desk.state(), RequestState::Active);
    let notice = desk.notice_to("mia").expect("told");
    assert_eq!(notice.data["reason"], "musician_busy");
    assert!(notice.data.contains_key("conflictFrom"));
    assert_eq!(desk.told().len(), 1, "the organizer had nothing to choose");
    desk.ask("mia", Change::Accept)
        .expect("the time may be free by now");
    desk.ask("max", Change::Accept).expect("waits");
}

#[test]
fn a_repeated_accept_is_answered_as_the_first_was() {
    let mut desk = offered();
    desk.ask("mia", Change::Accept).expect("the first");
    desk.ask("max", Change::Accept).expect("waits");
    let events = desk.records.len();
    for (name, standing) in [("mia", Standing::Reserving), ("max", Standing::Waiting)] {
        assert_eq!(
            done(desk.ask(name, Change::Accept)).standing,
            Some(standing)
        );
    }
    desk.answer_slot(Ok(()));
    let again = done(desk.ask("mia", Change::Accept));
    assert_eq!(again.standing, Some(Standing::Assigned));
    assert_eq!(desk.records.len(), events + 1);
}

#[test]
fn whoever_finds_the_request_may_accept_unless_only_offers_count() {
    let mut desk = offered();
    desk.ask("zoe", Change::Accept).expect("found it herself");
    assert_eq!(desk.reservation().0, "zoe");

    let mut desk = offered();
    desk.limits.accept_without_offer = false;
    assert_eq!(
        desk.refused("zoe", Change::Accept),
        RequestRejection::NoOffer
    );
    desk.ask("moe", decline()).expect("does not want it");
    assert_eq!(
        desk.refused("moe", Change::Accept),
        RequestRejection::NoOffer
    );
    desk.wait(desk.limits.offer_ms);
    assert_eq!(
        desk.refused("mia", Change::Accept),
        RequestRejection::NoOffer
    );

    let mut desk = offered();
    desk.limits.applications = 1;
    desk.ask("zoe", Change::Accept).expect("one has room");
    assert_eq!(
        desk.refused("zack", Change::Accept),
        RequestRejection::ApplicationsFull
    );
    desk.ask("mia", Change::Accept).expect("was offered it");
}

#[test]
fn only_so_many_wait() {
    let mut desk = offered();
    desk.limits.standbys = 2;
    for name in ["mia", "max", "moe"] {
        desk.ask(name, Change::Accept).expect("has room");
    }
    assert_eq!(
        desk.refused("meg", Change::Accept),
        RequestRejection::WaitingListFull
    );
}

#[test]
fn who_takes_back_what_is_being_reserved_makes_room_for_the_next() {
    let mut desk = offered();
    for name in ["mia", "max", "moe"] {
        desk.ask(name, Change::Accept).expect("accepted");
    }
    let (_, first) = desk.reservation();
    desk.ask("max", withdraw()).expect("waits no more");
    desk.ask("mia", withdraw()).expect("lets go");
    let new = desk.new_errands();
    assert_eq!(
        new[0],
        Errand::Release {
            musician: user("mia")
        }
    );
    let next = |musician: &_, asked: &Option<Box<Demand>>| {
        *musician == user("moe") && asked.as_deref() == Some(&demand())
    };
    assert!(matches!(&new[1], Errand::Reserve { musician, demand, .. } if next(musician, demand)));
    // Too late: the time is free again already.
    desk.answer_slot_of("mia", first, Ok(()));
    assert_eq!(desk.state(), RequestState::InReview);
    desk.ask("moe", withdraw()).expect("lets go too");
    assert_eq!(desk.state(), RequestState::Active);
    assert_eq!(desk.told(), []);
    assert_eq!(
        desk.refused("moe", withdraw()),
        RequestRejection::NothingToWithdraw
    );
}

#[test]
fn after_the_deadline_nobody_accepts() {
    let mut desk = offered();
    let deadline = desk.view("olga").expect("her own").deadline.expect("one");
    desk.now = deadline;
    assert_eq!(
        desk.refused("mia", Change::Accept),
        RequestRejection::DeadlineOver
    );
    assert_eq!(desk.refused("ada", Change::Accept), forbidden());
    assert_eq!(desk.refused("olga", Change::Accept), forbidden());
}

fn forbidden() -> RequestRejection {
    RequestRejection::Forbidden(actors::machines::request::Trigger::Accept)
}

#[test]
fn one_does_not_accept_ones_own_request() {
    let mut desk = offered();
    let mut olga = crate::desk::caller("olga");
    olga.role = actors::machines::terms::PlatformRole::Musician;
    let own = actors::machines::request::RequestCommand::Change {
        by: olga,
        key: None,
        change: Change::Accept,
    };
    assert_eq!(desk.send(own), Err(RequestRejection::OwnRequest));
}

#[test]
fn a_musician_who_drops_out_is_left_out_and_the_others_are_asked_again() {
    let mut desk = offered();
    desk.ask("max", Change::Accept).expect("accepted");
    desk.ask("moe", Change::Accept).expect("waits");
    desk.ask("meg", decline()).expect("declined");
    desk.answer_slot(Ok(()));
    desk.wait(HOUR);
    let reason = "A broken string".to_owned();
    desk.ask("max", Change::DropOut { reason })
        .expect("dropped out");
    assert_eq!(desk.state(), RequestState::Active);
    assert_eq!(desk.told(), [("olga".into(), NoticeKind::StatusChange)]);
    let notice = desk.notice_to("olga").expect("told");
    assert_eq!(notice.data["reason"], "A broken string");
    let (radius, except) = desk.aim();
    assert_eq!(radius, desk.limits.radius_km, "from the beginning");
    assert_eq!(except, ["max", "meg", "olga"]);
    let gone: Vec<Vec<UserId>> = desk
        .new_errands()
        .into_iter()
        .filter_map(|errand| match errand {
            Errand::Arrange { gone, .. } => Some(gone),
            _ => None,
        })
        .collect();
    assert_eq!(gone, [[user("max")]]);
    assert_eq!(
        desk.refused("max", Change::Accept),
        RequestRejection::GaveBack
    );
    desk.found(&[("max", 1.0), ("mia", 0.9), ("moe", 0.8)]);
    assert_eq!(desk.told().len(), 2);
    desk.ask("moe", Change::Accept)
        .expect("this time the first");
    desk.answer_slot(Ok(()));
    let arranged = desk
        .new_errands()
        .into_iter()
        .find_map(|errand| match errand {
            Errand::Arrange { members, gone, .. } => Some((members, gone)),
            _ => None,
        });
    let members = vec![user("olga"), user("moe")];
    assert_eq!(arranged, Some((members, vec![user("max")])));
}

#[test]
fn who_cancels_while_a_time_is_being_held_frees_it() {
    let mut desk = offered();
    desk.ask("mia", Change::Accept).expect("accepted");
    desk.ask("max", Change::Accept).expect("waits");
    let (_, number) = desk.reservation();
    desk.ask("olga", cancel()).expect("cancelled");
    assert_eq!(
        desk.new_errands()[0],
        Errand::Release {
            musician: user("mia")
        }
    );
    let told: Vec<String> = desk.told().into_iter().map(|(name, _)| name).collect();
    assert_eq!(told, ["max", "meg", "mia", "moe"]);
    desk.answer_slot_of("mia", number, Ok(()));
    assert_eq!(desk.state(), RequestState::Cancelled);
}
