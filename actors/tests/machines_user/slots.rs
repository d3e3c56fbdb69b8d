//! Times of requests: two that race for one, late copies, what a time may collide with.

use actors::machines::Machine;
use actors::machines::terms::{SlotFate, SlotRefusal};
use actors::machines::user::input::{HoursInput, WeekInput};
use actors::machines::user::{
    AvailabilityInput, BusyInput, ProfileInput, SlotState, User, UserCommand, UserEvent,
    UserRejection,
};

use crate::desk::{Desk, HOUR, ann, pianist, request};

#[test]
fn of_two_requests_that_race_for_a_time_the_first_has_it() {
    let mut desk = Desk::musician();
    let window = desk.hours(30, 34);
    assert_eq!(desk.reserve("first", 5, window), Ok(()));
    let booked = SlotRefusal::Booked {
        request: request("first"),
        window,
    };
    assert_eq!(
        desk.reserve("second", 3, desk.hours(33, 36)),
        Err(booked.clone())
    );
    assert_eq!(booked.code(), "musician_booked");
    desk.confirm("first", 6);
    assert_eq!(desk.reserve("second", 4, window), Err(booked));
    desk.release("first", 7);
    assert_eq!(desk.reserve("second", 5, window), Ok(()));
}

#[test]
fn between_two_gigs_lies_the_time_to_travel() {
    let mut desk = Desk::musician();
    desk.limits.travel_ms = 2 * HOUR;
    desk.reserve("q", 1, desk.hours(30, 32)).expect("free");
    assert!(desk.reserve("before", 1, desk.hours(26, 29)).is_err());
    assert!(desk.reserve("after", 1, desk.hours(33, 35)).is_err());
    assert_eq!(desk.reserve("before", 2, desk.hours(26, 28)), Ok(()));
    assert_eq!(desk.reserve("after", 2, desk.hours(34, 35)), Ok(()));
    // What was agreed with more time to travel keeps it.
    desk.limits.travel_ms = 0;
    assert!(desk.reserve("late", 1, desk.hours(36, 37)).is_err());
    assert_eq!(desk.reserve("late", 2, desk.hours(37, 38)), Ok(()));
    assert_eq!(desk.reserve("next", 1, desk.hours(38, 39)), Ok(()));
}

#[test]
fn a_time_is_refused_for_the_reason_that_stands_in_its_way() {
    let mut desk = Desk::new();
    let window = desk.hours(30, 34);
    assert_eq!(desk.reserve("q", 1, window), Err(SlotRefusal::NotAMusician));
    assert!(
        desk.records.is_empty(),
        "nobody is made a user by being asked"
    );
    let paused = ProfileInput {
        available: false,
        ..pianist()
    };
    desk.set_profile(paused).expect("good");
    assert_eq!(desk.reserve("q", 1, window), Err(SlotRefusal::Paused));
    desk.set_profile(pianist()).expect("good");
    let busy = BusyInput {
        window: desk.hours(33, 35),
        note: String::new(),
    };
    let key = None;
    desk.done(UserCommand::Block {
        by: ann(),
        key,
        busy,
    })
    .expect("good");
    let collides = desk.hours(33, 35);
    assert_eq!(
        desk.reserve("q", 1, window),
        Err(SlotRefusal::Busy { window: collides })
    );
    assert_eq!(
        desk.reserve("q", 1, desk.hours(30, 33)),
        Ok(()),
        "up to the busy time"
    );
    let availability = AvailabilityInput {
        zone: "UTC".into(),
        weekly: Some(
            (1..=7)
                .map(|weekday| WeekInput {
                    weekday,
                    hours: HoursInput {
                        from: "00:00".into(),
                        to: "00:01".into(),
                    },
                })
                .collect(),
        ),
        dates: Vec::new(),
    };
    desk.done(UserCommand::SetAvailability {
        by: ann(),
        key,
        expected: None,
        availability,
    })
    .expect("good");
    assert_eq!(
        desk.reserve("r", 1, desk.hours(50, 52)),
        Err(SlotRefusal::NotAvailable)
    );
}

#[test]
fn only_a_time_to_come_of_some_length_can_be_held() {
    let mut desk = Desk::musician();
    desk.wait(10 * HOUR);
    let longest = desk.limits.slot_longest_ms / HOUR;
    let ahead = 10 + desk.limits.ahead_ms / HOUR;
    for (from, to) in [
        (12, 12),
        (13, 12),
        (5, 10),
        (12, 13 + longest),
        (ahead + 1, ahead + 2),
    ] {
        let window = desk.hours(from, to);
        assert_eq!(
            desk.reserve("q", 1, window),
            Err(SlotRefusal::NoSuchTime),
            "{from} {to}"
        );
    }
    assert_eq!(
        desk.reserve("q", 1, desk.hours(9, 11)),
        Ok(()),
        "it has begun, but is not over"
    );
}

#[test]
fn copies_change_nothing() {
    let mut desk = Desk::musician();
    let window = desk.hours(30, 34);
    desk.reserve("q", 10, window).expect("free");
    let head = desk.user.head();
    assert_eq!(desk.reserve("q", 10, window), Ok(()), "granted already");
    assert!(desk.records.len() as u64 == head.0);
    assert_eq!(desk.confirm("q", 11).len(), 1);
    assert_eq!(desk.confirm("q", 11).len(), 0);
    assert_eq!(desk.reserve("q", 10, window), Ok(()));
    assert_eq!(
        desk.user.slots().next().expect("there").state,
        SlotState::Booked
    );
    assert_eq!(desk.release("q", 12).len(), 1);
    assert_eq!(desk.release("q", 12).len(), 0);
    assert!(desk.taken().is_empty());
}

#[test]
fn whatever_was_overtaken_is_ignored() {
    let mut desk = Desk::musician();
    let window = desk.hours(30, 34);
    desk.reserve("q", 10, window).expect("free");
    desk.release("q", 11);
    assert_eq!(
        desk.reserve("q", 10, window),
        Err(SlotRefusal::Outdated),
        "a late copy"
    );
    assert_eq!(desk.confirm("q", 12).len(), 0, "nothing to confirm");
    desk.reserve("q", 20, window).expect("wanted again");
    assert_eq!(desk.release("q", 11).len(), 0, "a late copy");
    assert_eq!(desk.confirm("q", 12).len(), 0, "a late copy");
    assert_eq!(desk.reserve("q", 10, window), Err(SlotRefusal::Outdated));
    assert_eq!(
        desk.user.slots().next().expect("there").state,
        SlotState::Held
    );
    desk.confirm("q", 21);
    assert_eq!(
        desk.settled("q", 10, SlotFate::Free).len(),
        0,
        "of an earlier time"
    );
    assert_eq!(
        desk.settled("q", 20, SlotFate::Free).len(),
        0,
        "it is booked by now"
    );
    assert_eq!(desk.taken(), [("q".to_owned(), window)]);
}

#[test]
fn a_later_wish_of_the_same_request_takes_the_place_of_its_earlier_one() {
    let mut desk = Desk::musician();
    desk.reserve("q", 1, desk.hours(30, 34)).expect("free");
    assert_eq!(
        desk.reserve("q", 2, desk.hours(32, 36)),
        Ok(()),
        "its own time is no obstacle"
    );
    assert_eq!(desk.taken(), [("q".to_owned(), desk.hours(32, 36))]);
    desk.reserve("other", 1, desk.hours(20, 30))
        .expect("the earlier one is free");
    assert!(desk.reserve("q", 3, desk.hours(30, 31)).is_err());
    assert_eq!(desk.taken().len(), 2, "refused, it keeps what it had");
}

#[test]
fn what_was_never_held_is_neither_confirmed_nor_released() {
    let mut desk = Desk::musician();
    assert!(desk.confirm("q", 1).is_empty() && desk.release("q", 2).is_empty());
    assert!(desk.settled("q", 1, SlotFate::Booked).is_empty());
    assert_eq!(desk.user.slots_len(), 0);
}

#[test]
fn times_are_bounded_in_number_and_forgotten_when_they_are_long_over() {
    let mut desk = Desk::musician();
    desk.limits.slots = 3;
    for n in 0..3 {
        let window = desk.hours(10 + 10 * n, 11 + 10 * n);
        desk.reserve(&format!("q{n}"), 1, window).expect("free");
        desk.confirm(&format!("q{n}"), 2);
    }
    assert_eq!(
        desk.reserve("more", 1, desk.hours(90, 91)),
        Err(SlotRefusal::Full)
    );
    assert_eq!(
        desk.reserve("q1", 3, desk.hours(95, 96)),
        Ok(()),
        "in place of its own"
    );
    desk.wait(12 * HOUR);
    assert_eq!(
        desk.reserve("more", 1, desk.hours(90, 91)),
        Err(SlotRefusal::Full)
    );
    desk.wait(desk.limits.past_ms);
    assert_eq!(desk.reserve("more", 1, desk.hours(90, 91)), Ok(()));
    let names: Vec<String> = desk.taken().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["more", "q1", "q2"]);
}

#[test]
fn released_times_are_remembered_up_to_a_bound() {
    let mut desk = Desk::musician();
    desk.limits.released = 4;
    for n in 0..30 {
        let (name, window) = (format!("q{n:02}"), desk.hours(50, 51));
        desk.reserve(&name, 1, window).expect("free");
        desk.release(&name, 2);
    }
    assert!(desk.user.slots_len() <= 6, "{}", desk.user.slots_len());
    let window = desk.hours(50, 51);
    assert_eq!(desk.reserve("q29", 1, window), Err(SlotRefusal::Outdated));
    assert_eq!(
        desk.reserve("q00", 1, window),
        Ok(()),
        "forgotten: it will be asked about"
    );
}

#[test]
fn nothing_new_is_begun_while_too_much_waits_elsewhere() {
    let mut desk = Desk::musician();
    desk.limits.errands = 1;
    desk.reserve("a", 1, desk.hours(30, 31)).expect("free");
    desk.wait(HOUR);
    assert!(matches!(
        desk.wake()[..],
        [UserEvent::SlotAsked { ask: true, .. }]
    ));
    let command = UserCommand::Reserve {
        request: request("b"),
        number: 1,
        window: desk.hours(60, 61),
        hold_ms: 1,
        demand: None,
    };
    let refused = desk.ask(command.clone()).expect_err("overloaded");
    assert!(matches!(
        refused,
        UserRejection::Overloaded {
            retry_after_ms: 1..
        }
    ));
    assert_eq!(refused.code(), "overloaded");
    // Whoever carries the errand out tries it again, and does not take it for the calendar's answer.
    assert!(User::is_passing(&refused));
    assert!(!User::is_passing(&UserRejection::Forbidden));
    desk.errands_done();
    desk.ask(command).expect("room again");
    assert!(desk.user.deadline().is_some());
}
