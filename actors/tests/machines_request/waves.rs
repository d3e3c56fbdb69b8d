//! The search: waves of offers, farther and farther out, until nobody is left to be asked.

use actors::machines::Machine;
use actors::machines::matching::NoMatch;
use actors::machines::notice::NoticeKind;
use actors::machines::request::{
    Change, Mode, RequestCommand, RequestEvent, RequestState, Standing,
};

use crate::desk::{Desk, HOUR, MINUTE, decline, user};

#[test]
fn a_wave_tells_each_and_the_best_three_that_they_are() {
    let mut desk = Desk::active(Mode::FirstAccept);
    // Not in order, one twice, one below the threshold, one without a score that is a number, and the organizer.
    desk.found(&[
        ("moe", 0.6),
        ("mia", 0.9),
        ("mia", 0.9),
        ("meg", 0.5),
        ("low", 0.29),
        ("nan", f64::NAN),
        ("olga", 1.0),
        ("max", 0.8),
    ]);
    let told = desk.told();
    let expected = [
        ("mia", NoticeKind::TopMatch),
        ("max", NoticeKind::TopMatch),
        ("moe", NoticeKind::TopMatch),
        ("meg", NoticeKind::NewRequest),
    ];
    assert_eq!(told, expected.map(|(name, kind)| (name.to_owned(), kind)));
    let data = desk.notice_to("mia").expect("told").data;
    assert_eq!(data["matchScore"], "0.900");
    assert_eq!(data["date"], "2023-12-14T22:13:20Z");
    assert_eq!(data["requestId"], "r-1");
    assert_eq!(data["location"], "Zona Colonial, Santo Domingo");
    let RequestEvent::Offered { until, next_at, .. } = desk.last().event else {
        panic!("no wave");
    };
    assert_eq!(until.since(desk.now), desk.limits.offer_ms);
    assert_eq!(next_at.since(desk.now), desk.limits.wave_wait_ms);
    assert_eq!(desk.request.deadline(), Some(next_at));
}

#[test]
fn a_wave_has_so_many_and_all_of_them_so_many() {
    let mut desk = Desk::active(Mode::FirstAccept);
    (desk.limits.wave_size, desk.limits.offers) = (2, 3);
    desk.found(&[("a", 0.9), ("b", 0.8), ("c", 0.7)]);
    assert_eq!(desk.told().len(), 2);
    desk.wait_and_wake();
    desk.found(&[("c", 0.7), ("d", 0.6)]);
    assert_eq!(desk.told().len(), 1);
    desk.wait_and_wake();
    desk.found(&[("e", 0.5)]);
    assert_eq!(
        desk.told(),
        [("olga".into(), NoticeKind::NoMusiciansAvailable)]
    );
}

#[test]
fn each_further_wave_looks_farther_and_asks_nobody_twice() {
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.found(&[("mia", 0.9)]);
    desk.ask("mia", decline()).expect("declined");
    let mut radii = vec![desk.aim().0];
    for name in ["a", "b", "c", "d"] {
        desk.wait_and_wake();
        let (radius, except) = desk.aim();
        radii.push(radius);
        assert!(except.contains(&"mia".into()) && except.contains(&"olga".into()));
        desk.found(&[("mia", 0.9), (name, 0.5)]);
        assert_eq!(desk.told(), [(name.into(), NoticeKind::TopMatch)]);
    }
    assert_eq!(radii, [50.0, 100.0, 150.0, 200.0, 200.0]);
    let inside = desk.view("olga").expect("hers").inside.expect("all");
    assert_eq!(inside.search.expect("under way").waves, 5);
}

#[test]
fn a_request_may_begin_with_a_radius_of_its_own() {
    let mut desk = Desk::new();
    let mut input = Box::new(crate::desk::input(desk.now, Mode::FirstAccept));
    input.radius_km = Some(12.5);
    desk.ask("olga", Change::Create { input }).expect("created");
    desk.submit();
    assert_eq!(desk.aim().0, 12.5);
    desk.found_nobody(&[], &[]);
    assert_eq!(desk.aim().0, 62.5);
}

#[test]
fn when_all_of_a_wave_have_said_no_the_next_one_need_not_wait() {
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.found(&[("mia", 0.9), ("max", 0.8)]);
    desk.wait(MINUTE);
    desk.ask("mia", decline()).expect("declined");
    let due = desk.request.deadline().expect("one");
    assert_eq!(due.since(desk.now), desk.limits.wave_wait_ms - MINUTE);
    desk.ask("max", decline()).expect("declined");
    assert_eq!(desk.request.deadline(), Some(desk.now));
    desk.wake();
    assert_eq!(desk.aim().0, 100.0);
}

#[test]
fn nobody_at_all_is_said_at_once_with_reasons_and_alternatives() {
    let mut desk = Desk::active(Mode::FirstAccept);
    for radius in [50.0, 100.0, 150.0, 200.0] {
        assert_eq!(desk.aim().0, radius, "without waiting");
        assert_eq!(desk.told(), []);
        desk.found_nobody(
            &[NoMatch::Place, NoMatch::Budget],
            &["zoe", "zack", "far", "four"],
        );
    }
    assert_eq!(
        desk.told(),
        [("olga".into(), NoticeKind::NoMusiciansAvailable)]
    );
    let data = desk.notice_to("olga").expect("told").data;
    assert_eq!(data["reasons"], "place,budget");
    assert_eq!(data["alternatives"], "zoe\nzack\nfar", "the nearest three");
    assert_eq!(data["radiusKm"], "200");
    assert_eq!(desk.state(), RequestState::Active);
    let nobody = desk.view("olga").expect("hers").inside.expect("all");
    let nobody = nobody.search.expect("goes on").nobody.expect("said");
    assert_eq!(nobody.alternatives.len(), 3);
}

#[test]
fn the_same_is_not_said_twice_and_the_next_try_is_ever_later() {
    let mut desk = Desk::active(Mode::FirstAccept);
    for _ in 0..4 {
        desk.found_nobody(&[NoMatch::Place], &["zoe"]);
    }
    assert_eq!(desk.told().len(), 1);
    let mut waits = Vec::new();
    for _ in 0..6 {
        let due = desk.request.deadline().expect("one");
        waits.push(due.since(desk.now) / MINUTE);
        desk.wait_and_wake();
        assert_eq!(desk.aim().0, 200.0);
        desk.found_nobody(&[NoMatch::Place], &["zoe"]);
        assert_eq!(desk.told(), []);
    }
    assert_eq!(waits, [15, 30, 60, 120, 240, 360]);
    desk.wait_and_wake();
    desk.found_nobody(&[NoMatch::Date], &["zoe"]);
    assert_eq!(desk.told().len(), 1, "this is news");
    desk.wait_and_wake();
    desk.found(&[("new", 0.9)]);
    assert_eq!(desk.told(), [("new".into(), NoticeKind::TopMatch)]);
    desk.wait_and_wake();
    desk.found_nobody(&[NoMatch::Date], &["zoe"]);
    assert_eq!(desk.told(), [], "said before");
}

#[test]
fn an_answer_is_taken_once_and_only_that_of_the_last_search() {
    let mut desk = Desk::active(Mode::FirstAccept);
    let first = desk.search();
    desk.found(&[("mia", 0.9)]);
    let events = desk.records.len();
    desk.found(&[("max", 0.9)]);
    assert_eq!(desk.records.len(), events, "it was answered");
    desk.wait_and_wake();
    assert!(desk.search() > first);
    let found = actors::machines::matching::Found {
        candidates: vec![crate::desk::candidate("max", 0.9)],
        ..Default::default()
    };
    let late = actors::machines::request::RequestCommand::CandidatesFound {
        number: first,
        found: Box::new(found),
    };
    desk.send(late).expect("noted");
    assert_eq!(desk.standing("max"), None);
}

#[test]
fn a_repeated_answer_whose_candidates_were_all_asked_brings_no_search_about() {
    let mut desk = Desk::active(Mode::FirstAccept);
    let answer = [("mia", 0.9), ("max", 0.8)];
    desk.found(&answer);
    let (events, due) = (desk.records.len(), desk.request.deadline());
    desk.found(&answer);
    assert_eq!(desk.records.len(), events, "the wave is waited for");
    assert_eq!(desk.request.deadline(), due);
    desk.wait(desk.limits.wave_wait_ms);
    desk.found(&answer);
    assert_eq!(desk.records.len(), events, "it is time that says so");
    desk.wake();
    assert_eq!(desk.aim().0, 100.0);
}

#[test]
fn a_late_empty_answer_says_nothing_of_the_search_that_runs() {
    let mut desk = Desk::active(Mode::FirstAccept);
    let first = desk.search();
    desk.wait_and_wake();
    let second = desk.search();
    assert!(second > first);
    let events = desk.records.len();
    let late = || RequestCommand::CandidatesFound {
        number: first,
        found: Box::default(),
    };
    desk.send(late()).expect("noted");
    desk.wait(desk.limits.search_wait_ms);
    desk.send(late()).expect("noted, also when one is due");
    assert_eq!(desk.records.len(), events);
    desk.found(&[("mia", 0.9)]);
    assert_eq!(desk.told(), [("mia".into(), NoticeKind::TopMatch)]);
    assert_eq!(desk.aim().0, 50.0);
}

#[test]
fn a_search_without_an_answer_is_made_again() {
    let mut desk = Desk::active(Mode::FirstAccept);
    let first = desk.search();
    let due = desk.request.deadline().expect("one");
    assert_eq!(due.since(desk.now), desk.limits.search_wait_ms);
    desk.wait_and_wake();
    assert!(desk.search() > first);
    assert_eq!(desk.aim().0, 50.0, "no farther than it was");
}

#[test]
fn a_search_that_an_accept_cut_short_is_made_again_when_the_request_is_open_again() {
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.found(&[("mia", 0.9)]);
    desk.wait_and_wake();
    let search = desk.search();
    desk.ask("mia", Change::Accept).expect("accepted");
    desk.found(&[("max", 0.8)]);
    assert_eq!(
        desk.standing("max"),
        None,
        "nobody is told of what may be taken"
    );
    desk.wait(HOUR);
    desk.answer_slot(Err(actors::machines::terms::SlotRefusal::Paused));
    assert!(desk.request.deadline().expect("one") <= desk.now);
    desk.wake();
    assert!(desk.search() > search);
    assert_eq!(desk.aim().1, ["mia", "olga"]);
}

#[test]
fn needless_waking_does_nothing() {
    let mut desk = Desk::active(Mode::FirstAccept);
    desk.found(&[("mia", 0.9)]);
    let before = desk.request.clone();
    for _ in 0..3 {
        desk.wake();
    }
    assert!(desk.request == before);
    assert_eq!(desk.request.standing(&user("mia")), Some(Standing::Offered));
}
