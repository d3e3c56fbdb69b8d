//! Random lives of a user: what callers, requests and the clock may do, late and twice.

use actors::ids::{Sequence, UserId};
use actors::machines::matching::Figures;
use actors::machines::terms::{Caller, Cents, Place, PlatformRole, SlotFate, Window};
use actors::machines::user::input::{DateInput, HoursInput, WeekInput};
use actors::machines::user::{AvailabilityInput, BusyInput, ProfileInput, UserCommand, UserLimits};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::desk::{Desk, HOUR, MINUTE, admin, ann, caller, pianist, request};

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// Somebody wishes something.
    Ask(Box<UserCommand>),
    /// Time passes, in milliseconds.
    Wait(u64),
    /// The errands that wait are carried out.
    Errands,
    /// The entity goes to sleep and wakes from a snapshot.
    Sleep,
}

/// Small bounds, so that they are met.
pub fn limits() -> UserLimits {
    UserLimits {
        busy: 4,
        slots: 5,
        concurrent: 0,
        released: 3,
        keys: 3,
        errands: 2,
        past_ms: 6 * HOUR,
        travel_ms: HOUR,
        ..UserLimits::default()
    }
}

/// Takes a step; true if it was a wish and was heeded.
pub fn take(desk: &mut Desk, step: &Step) -> bool {
    match step {
        Step::Ask(command) => return desk.ask((**command).clone()).is_ok(),
        Step::Wait(millis) => desk.wait(*millis),
        Step::Errands => desk.errands_done(),
        Step::Sleep => {
            let state: Bytes = actors::machines::Machine::snapshot(&desk.user);
            desk.user = desk.replayed(Some(&state));
        }
    }
    false
}

/// Some hours of the days to come, and sometimes of those that are over.
pub fn windows() -> impl Strategy<Value = Window> {
    (0..120_u64, 1..8_u64).prop_map(|(from, length)| Desk::new().hours(from, from + length))
}

fn callers() -> impl Strategy<Value = Caller> {
    prop_oneof![
        8 => Just(ann()),
        2 => Just(admin()),
        1 => Just(caller("bob", PlatformRole::Musician)),
    ]
}

fn keys() -> impl Strategy<Value = Option<u64>> {
    // In the bits that tell keys apart; the wish behind a key is always the same here.
    option::weighted(0.5, (0..6_u64).prop_map(|key| key << 32))
}

fn expected() -> impl Strategy<Value = Option<Sequence>> {
    option::weighted(0.2, (0..12_u64).prop_map(Sequence))
}

fn places() -> impl Strategy<Value = Option<Place>> {
    let place = prop_oneof![
        4 => (40.0..41.0_f64, -4.0..-3.0_f64),
        1 => (-91.0..91.0_f64, -181.0..181.0_f64),
    ];
    option::weighted(
        0.9,
        place.prop_map(|(lat, lng)| Place {
            lat,
            lng,
            address: "somewhere".into(),
        }),
    )
}

fn profiles() -> impl Strategy<Value = ProfileInput> {
    let words = proptest::sample::select(&["piano", "Piano", "canto", "bajo", "violin", ""][..]);
    let instruments = vec((words, 0..90_u32), 0..4);
    let switches = (
        proptest::bool::weighted(0.9),
        proptest::bool::weighted(0.85),
    );
    (instruments, places(), switches, 0..7_000_u64).prop_map(|(instruments, place, on, rate)| {
        ProfileInput {
            musician: on.0,
            available: on.1,
            instruments: instruments
                .into_iter()
                .map(|(name, years)| (name.into(), years))
                .collect(),
            place,
            hourly_rate: Some(Cents(rate)),
            ..pianist()
        }
    })
}

fn hours() -> impl Strategy<Value = HoursInput> {
    (0..24_u32, 0..25_u32).prop_map(|(from, to)| HoursInput {
        from: format!("{from:02}:00"),
        to: format!("{to:02}:00"),
    })
}

fn availabilities() -> impl Strategy<Value = AvailabilityInput> {
    let week = (1..8_u8, hours()).prop_map(|(weekday, hours)| WeekInput { weekday, hours });
    let date = (20..25_u32, vec(hours(), 0..3)).prop_map(|(day, hours)| DateInput {
        date: format!("2026-09-{day}"),
        hours,
    });
    let zone = proptest::sample::select(&["UTC", "Europe/Madrid", "+05:30", "Nowhere"][..]);
    (
        zone,
        option::weighted(0.3, vec(week, 0..20)),
        vec(date, 0..2),
    )
        .prop_map(|(zone, weekly, dates)| AvailabilityInput {
            zone: zone.into(),
            weekly,
            dates,
        })
}

/// What callers wish.
pub fn changes() -> impl Strategy<Value = UserCommand> {
    let figures = (0..4_u32, option::of(0..3_000_u32), option::of(0.0..6.0_f64));
    let figures = figures.prop_map(|(cancellations, response_minutes, rating)| Figures {
        rating,
        reviews: u32::from(rating.is_some()),
        cancellations,
        response_minutes,
    });
    let busy = windows().prop_map(|window| BusyInput {
        window,
        note: "away".into(),
    });
    prop_oneof![
        4 => (callers(), keys(), expected(), profiles()).prop_map(
            |(by, key, expected, profile)| UserCommand::SetProfile { by, key, expected, profile }
        ),
        2 => (callers(), keys(), expected(), availabilities()).prop_map(
            |(by, key, expected, availability)| {
                UserCommand::SetAvailability { by, key, expected, availability }
            }
        ),
        2 => (callers(), keys(), busy)
            .prop_map(|(by, key, busy)| UserCommand::Block { by, key, busy }),
        3 => (callers(), keys(), (0..40_u64).prop_map(Sequence))
            .prop_map(|(by, key, id)| UserCommand::Unblock { by, key, id }),
        2 => (callers(), keys(), figures)
            .prop_map(|(by, key, figures)| UserCommand::SetFigures { by, key, figures }),
        1 => callers().prop_map(|by| UserCommand::View { by }),
    ]
}

/// What requests wish, under few numbers, so that they come late and twice.
pub fn wishes() -> impl Strategy<Value = UserCommand> {
    let whose = || (0..7_u8).prop_map(|n| request(&format!("q{n}")));
    let numbers = || 0..12_u64;
    let fates = prop_oneof![
        Just(SlotFate::Free),
        Just(SlotFate::Held),
        Just(SlotFate::Booked)
    ];
    prop_oneof![
        8 => (whose(), numbers(), windows(), 0..HOUR).prop_map(
            |(request, number, window, hold_ms)| {
                UserCommand::Reserve { request, number, window, hold_ms, demand: None }
            }
        ),
        3 => (whose(), numbers())
            .prop_map(|(request, number)| UserCommand::Confirm { request, number }),
        3 => (whose(), numbers())
            .prop_map(|(request, number)| UserCommand::Release { request, number }),
        2 => (whose(), numbers())
            .prop_map(|(request, number)| UserCommand::GiveBack { request, number }),
        2 => (whose(), numbers(), fates).prop_map(
            |(request, number, fate)| UserCommand::SlotSettled { request, number, fate }
        ),
        2 => Just(UserCommand::Wake),
    ]
}

/// A life: a musician to begin with, then anything.
pub fn lives(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => changes().prop_map(|wish| Step::Ask(Box::new(wish))),
        20 => wishes().prop_map(|wish| Step::Ask(Box::new(wish))),
        4 => (0..8 * HOUR).prop_map(|millis| Step::Wait(millis / MINUTE * MINUTE)),
        2 => Just(Step::Errands),
        1 => Just(Step::Sleep),
    ];
    vec(step, 0..length)
}

/// Somebody with the bounds above.
pub fn born() -> Desk {
    let mut desk = Desk::new();
    desk.limits = limits();
    desk.set_profile(pianist()).expect("a good profile");
    desk
}

/// Whose desk it is.
pub fn owner() -> UserId {
    ann().user
}
