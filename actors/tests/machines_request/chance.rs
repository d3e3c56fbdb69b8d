//! Whatever happens in whatever order: a request is assigned at most once, no time stays reserved, everybody is told once,
//! and every way to rebuild its state gives the same.

use std::collections::BTreeMap;

use actors::ids::{Sequence, UserId};
use actors::machines::Machine;
use actors::machines::errand::{Errand, Outbox};
use actors::machines::notice::NoticeKind;
use actors::machines::request::{
    Actor, Change, Mode, Outcome, Request, RequestEntry, RequestEvent, RequestLimits,
};
use actors::machines::terms::{Cents, PlatformRole};
use proptest::prelude::*;

use crate::desk::{Desk, caller, input, user};
use crate::world::{MUSICIANS, Step, World};

/// Small bounds, so that they are met.
fn limits(moderation: bool) -> RequestLimits {
    RequestLimits {
        moderation,
        wave_size: 2,
        standbys: 2,
        applications: 3,
        offers: 4,
        keys: 4,
        wave_wait_ms: 60_000,
        retry_ms: 60_000,
        ..RequestLimits::default()
    }
}

fn musician() -> impl Strategy<Value = UserId> {
    prop::sample::select(&MUSICIANS[..]).prop_map(user)
}

/// What is wished more often than not by those who may.
fn asks() -> impl Strategy<Value = Step> {
    let reason = || "Because".to_owned();
    let by_musician = prop_oneof![
        6 => Just(Change::Accept),
        3 => Just(Change::Decline { reason: None }),
        6 => (1..100_u64).prop_map(|rate| Change::Apply { rate: Cents(rate), words: "I".into() }),
        3 => Just(Change::Withdraw { reason: None }),
        2 => Just(Change::DropOut { reason: reason() }),
        1 => Just(Change::Start),
        1 => Just(Change::Complete),
        1 => Just(Change::Dispute { reason: reason() }),
    ];
    let by_organizer = prop_oneof![
        1 => prop::bool::ANY.prop_map(|first| {
            let mode = if first { Mode::FirstAccept } else { Mode::OrganizerChooses };
            let input = Box::new(input(Desk::new().now, mode));
            Change::Edit { input, expected: None }
        }),
        2 => Just(Change::Submit { expected: None }),
        6 => musician().prop_map(|musician| Change::Choose { musician }),
        1 => musician().prop_map(move |musician| Change::RejectApplication {
            musician,
            reason: "No".into(),
        }),
        1 => Just(Change::Review),
        1 => Just(Change::Reopen),
        1 => Just(Change::Cancel { reason: reason() }),
        1 => Just(Change::Start),
        1 => Just(Change::Complete),
        1 => Just(Change::Dispute { reason: reason() }),
    ];
    let outcome = prop::sample::select(&[Outcome::Completed, Outcome::Cancelled][..]);
    let by_moderator = prop_oneof![
        3 => Just(Change::Approve),
        1 => Just(Change::Refuse { reason: reason() }),
        1 => outcome.prop_map(|outcome| Change::Resolve { outcome, details: "So".into() }),
    ];
    let asked = prop_oneof![
        12 => (musician(), by_musician).prop_map(|(name, change)| (caller(name.as_str()), change)),
        6 => by_organizer.prop_map(|change| (caller("olga"), change)),
        2 => by_moderator.prop_map(|change| (caller("mod"), change)),
    ];
    let key = prop::option::weighted(0.3, 0..8_u64);
    (asked, key, 0..20_u8).prop_map(|((mut by, change), key, odd)| {
        if odd == 0 {
            by.role = PlatformRole::Admin;
        }
        // A key stands for its caller too.
        let of = by.user.as_str().bytes().map(u64::from).sum::<u64>();
        Step::Ask(by, change, key.map(|key| (of * 100 + key) << 24))
    })
}

fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let index = || 0..100_usize;
    let step = prop_oneof![
        10 => asks(),
        8 => (index(), prop::bool::weighted(0.8)).prop_map(|(at, known)| Step::Carry(at, known)),
        2 => index().prop_map(Step::Copy),
        2 => index().prop_map(Step::Again),
        1 => index().prop_map(Step::Settle),
        1 => index().prop_map(Step::Busy),
        2 => (0..30_u64).prop_map(Step::Wait),
        1 => (0..20_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 0..length)
}

fn begin(mode: Mode, moderation: bool) -> World {
    let mut world = World::new(limits(moderation));
    world.desk.create(mode);
    world.desk.submit();
    if moderation {
        world.desk.ask("mod", Change::Approve).expect("approved");
    }
    world
}

fn entries(desk: &Desk) -> Vec<(Sequence, RequestEntry)> {
    let all = 1..=desk.records.len() as u64;
    all.map(|n| (Sequence(n), desk.entry(n))).collect()
}

/// Between two assignments the first one was given back.
fn assigned_at_most_once(desk: &Desk) {
    let mut has: Option<UserId> = None;
    for (sequence, entry) in entries(desk) {
        match &entry.event {
            RequestEvent::Assigned { musician, .. } => {
                assert_eq!(has, None, "{sequence}: {musician} as well");
                has = Some(musician.clone());
            }
            RequestEvent::DroppedOut { .. } => {
                assert_eq!(has.take(), entry.by, "{sequence}");
                assert_eq!(entry.role, Actor::Assigned);
            }
            _ => {}
        }
        if !entry.to.has_musician() {
            has = None;
        }
    }
    assert_eq!(has.as_ref(), desk.request.assigned());
}

/// Every reservation is followed by a booking or a release of the same time, and no time is held but the assigned one's.
fn no_slot_is_left(world: &World) {
    let errands = &world.desk.errands;
    for (number, errand) in errands {
        let Errand::Reserve { musician, .. } = errand else {
            continue;
        };
        let ends = errands.iter().any(|(later, errand)| match errand {
            Errand::Confirm { musician: m }
            | Errand::Release { musician: m }
            | Errand::GiveBack { musician: m } => later > number && m == musician,
            _ => false,
        });
        assert!(ends, "{musician}'s time since {number}");
    }
    for (musician, slot) in &world.slots {
        let has_it = world.desk.request.assigned() == Some(musician);
        assert_eq!(
            slot.held.map(|(_, booked)| booked),
            has_it.then_some(true),
            "{musician}"
        );
    }
}

/// What an event tells someone.
fn told(desk: &Desk, event: Sequence, whom: &UserId) -> Vec<NoticeKind> {
    let errands = desk.errands.iter();
    let errands = errands.filter(|(number, _)| Outbox::event_of(*number) == event);
    let notices = errands.filter_map(|(_, errand)| match errand {
        Errand::Notify { user, notice } if user == whom => Some(notice.kind),
        _ => None,
    });
    notices.collect()
}

/// Whoever waited is told exactly once what became of it, by the event that ended the waiting; and who has waited longest
/// is tried first.
fn standbys_are_told_once(desk: &Desk) {
    let mut waiting: Vec<(UserId, Vec<NoticeKind>)> = Vec::new();
    for (sequence, entry) in entries(desk) {
        for (user, heard) in &mut waiting {
            heard.extend(told(desk, sequence, user));
        }
        let mut ends = |user: &UserId, expected: &[NoticeKind]| {
            let at = waiting.iter().position(|(waits, _)| waits == user);
            if let Some(at) = at {
                let (_, heard) = waiting.remove(at);
                assert_eq!(heard, expected, "{user} at {sequence}");
            }
            at
        };
        match &entry.event {
            RequestEvent::Withdrawn { .. } => {
                ends(entry.by.as_ref().expect("someone"), &[]);
            }
            RequestEvent::LetGo { next, .. } | RequestEvent::SlotRefused { next, .. } => {
                if let Some(next) = next {
                    assert_eq!(ends(&next.musician, &[]), Some(0), "{sequence}");
                }
            }
            RequestEvent::StoodBy => {
                waiting.push((entry.by.clone().expect("someone"), Vec::new()));
            }
            _ => {}
        }
        if !entry.to.is_open() {
            let taken = matches!(entry.event, RequestEvent::Assigned { .. });
            let kind = if taken {
                NoticeKind::ApplicationRejected
            } else {
                NoticeKind::StatusChange
            };
            for (user, heard) in std::mem::take(&mut waiting) {
                assert_eq!(heard, [kind], "{user} at {sequence}");
            }
        }
    }
    assert!(waiting.is_empty() || desk.state().is_open());
}

/// Every notification is in its inbox, once.
fn inboxes_are_whole(world: &World) {
    let mut expected: BTreeMap<UserId, Vec<u64>> = BTreeMap::new();
    for (number, errand) in &world.desk.errands {
        if let Errand::Notify { user, .. } = errand {
            expected.entry(user.clone()).or_default().push(*number);
        }
    }
    let found: BTreeMap<UserId, Vec<u64>> = world
        .inboxes
        .iter()
        .map(|(user, numbers)| (user.clone(), numbers.iter().copied().collect()))
        .collect();
    assert_eq!(found, expected);
}

fn same(mut one: Request, mut other: Request) {
    // What is done of its errands is no event.
    for request in [&mut one, &mut other] {
        request.outbox_mut().expect("one").done_up_to(u64::MAX);
    }
    assert_eq!(one.snapshot(), other.snapshot());
}

fn check(world: &mut World, steps: &[Step], cut: &prop::sample::Index) {
    let mut snapshots = vec![(0, world.desk.request.snapshot())];
    snapshots[0].0 = world.desk.records.len();
    for step in steps {
        world.step(step);
        snapshots.push((world.desk.records.len(), world.desk.request.snapshot()));
    }
    world.come_to_rest();
    let desk = &world.desk;
    assigned_at_most_once(desk);
    no_slot_is_left(world);
    standbys_are_told_once(desk);
    inboxes_are_whole(world);

    same(desk.replayed(), desk.request.clone());
    let (at, snapshot) = cut.get(&snapshots);
    let mut restored = Request::restore(&desk.entity, snapshot).expect("readable");
    assert_eq!(&restored.snapshot(), snapshot);
    for (sequence, entry) in entries(desk).split_off(*at) {
        restored.apply(sequence, &entry);
    }
    same(restored, desk.request.clone());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_first_accept_wins_once_whatever_happens(
        moderation in prop::bool::weighted(0.2),
        steps in steps(120),
        cut in any::<prop::sample::Index>(),
    ) {
        check(&mut begin(Mode::FirstAccept, moderation), &steps, &cut);
    }

    #[test]
    fn the_chosen_one_has_it_once_whatever_happens(
        moderation in prop::bool::weighted(0.2),
        steps in steps(120),
        cut in any::<prop::sample::Index>(),
    ) {
        check(&mut begin(Mode::OrganizerChooses, moderation), &steps, &cut);
    }
}

#[test]
fn these_checks_see_a_slot_that_is_left() {
    let mut world = begin(Mode::FirstAccept, false);
    world.come_to_rest();
    let slot = world.slots.get_mut(&user("mia")).expect("a musician");
    slot.held = Some((1, false));
    let left = std::panic::catch_unwind(|| no_slot_is_left(&world));
    assert!(left.is_err());
}

#[test]
fn these_checks_see_a_word_too_many_and_one_that_is_missing() {
    let mut world = begin(Mode::FirstAccept, false);
    for name in ["mia", "max"] {
        world.desk.ask(name, Change::Accept).expect("accepted");
    }
    world.come_to_rest();
    standbys_are_told_once(&world.desk);
    inboxes_are_whole(&world);
    let to_max = |(_, errand): &(u64, Errand)| {
        matches!(errand, Errand::Notify { user: u, notice } if *u == user("max")
            && notice.kind == NoticeKind::ApplicationRejected)
    };
    let at = world.desk.errands.iter().position(to_max).expect("told");
    let mut twice = world.desk.clone();
    twice.errands.push(twice.errands[at].clone());
    let mut missing = world.desk.clone();
    missing.errands.remove(at);
    for desk in [twice, missing] {
        assert!(std::panic::catch_unwind(|| standbys_are_told_once(&desk)).is_err());
    }
}
