//! What holds of any life of a user: the journal tells all of it, no time is given twice, late copies change nothing.

use actors::machines::Machine;
use actors::machines::terms::Window;
use actors::machines::user::{User, UserCommand, UserEvent};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::desk::{Desk, HOUR, request, write};
use crate::world::{Step, born, lives, take, windows};

/// What is durable of a user when all errands are done: which are is no part of the journal.
fn settled(mut user: User) -> String {
    user.outbox_mut().expect("an outbox").done_up_to(u64::MAX);
    format!("{:?}", user.snapshot())
}

/// The times that the events alone say are taken, with the travel that they were given with.
fn work_out(desk: &Desk) -> Vec<(Window, u64)> {
    let mut taken = std::collections::BTreeMap::new();
    for record in &desk.records {
        match User::decode(record).expect("readable") {
            UserEvent::SlotHeld {
                request,
                window,
                travel_ms,
                ..
            } => {
                taken.insert(request, (window, travel_ms));
            }
            UserEvent::SlotReleased { request, .. } | UserEvent::SlotGivenBack { request, .. } => {
                taken.remove(&request);
            }
            UserEvent::Forgotten { requests, .. } => {
                requests.iter().for_each(|request| {
                    taken.remove(request);
                });
            }
            _ => {}
        }
    }
    taken.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_way_to_rebuild_a_user_gives_the_same_user(
        steps in lives(120),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut desk = born();
        let mut snapshots = vec![desk.user.snapshot()];
        for step in &steps {
            take(&mut desk, step);
            snapshots.push(desk.user.snapshot());
        }
        let truth = settled(desk.user.clone());
        prop_assert_eq!(settled(desk.replayed(None)), truth.clone());
        let snapshot = cut.get(&snapshots);
        let restored = User::restore(&desk.entity, snapshot).expect("readable");
        prop_assert_eq!(&restored.snapshot(), snapshot);
        prop_assert_eq!(settled(desk.replayed(Some(snapshot))), truth);
    }

    #[test]
    fn no_time_is_given_twice_whatever_comes_late_or_again(steps in lives(150)) {
        let mut desk = born();
        for step in &steps {
            take(&mut desk, step);
            let taken = work_out(&desk);
            let windows: Vec<Window> = taken.iter().map(|(window, _)| *window).collect();
            let seen: Vec<Window> = desk.taken().into_iter().map(|(_, window)| window).collect();
            prop_assert_eq!(&windows, &seen);
            for (at, (a, travel)) in taken.iter().enumerate() {
                for (b, _) in &taken[at + 1..] {
                    prop_assert!(!a.widened(*travel).overlaps(b), "{:?} and {:?}", a, b);
                }
            }
        }
    }

    #[test]
    fn whoever_is_held_is_asked_in_the_end(steps in lives(80)) {
        let mut desk = born();
        for step in &steps {
            take(&mut desk, step);
        }
        // Each hold is asked about as long as there is one, whatever was lost on the way.
        for _ in 0..200 {
            let Some(due) = desk.user.deadline() else { break };
            desk.now = desk.now.max(due);
            desk.wake();
            prop_assert!(desk.user.deadline().is_none_or(|next| next > desk.now));
            for errand in desk.errands() {
                let actors::machines::errand::Errand::Settle { request, reserved_by } = errand else {
                    panic!("a user asks for nothing else: {errand:?}");
                };
                let (number, fate) = (reserved_by, actors::machines::terms::SlotFate::Free);
                desk.ask(UserCommand::SlotSettled { request, number, fate }).expect("heeded");
            }
            desk.errands_done();
        }
        prop_assert_eq!(desk.user.deadline(), None);
    }

    #[test]
    fn late_copies_change_nothing(
        script in vec((0..5_u8, windows()), 1..12),
        copies in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..20),
    ) {
        let wishes: Vec<UserCommand> = script.iter().zip(1_u64..).map(|((what, window), number)| {
            let request = request("q");
            match what {
                0 | 1 => UserCommand::Reserve { request, number, window: *window, hold_ms: HOUR, demand: None },
                2 => UserCommand::Confirm { request, number },
                3 => UserCommand::GiveBack { request, number },
                _ => UserCommand::Release { request, number },
            }
        }).collect();
        let (mut once, mut often) = (born(), born());
        for (at, wish) in wishes.iter().enumerate() {
            once.ask(wish.clone()).expect("decided");
            often.ask(wish.clone()).expect("decided");
            for (after, copy) in &copies {
                if after.index(wishes.len()) == at {
                    often.ask(wishes[copy.index(at + 1)].clone()).expect("decided");
                }
            }
        }
        prop_assert_eq!(once.taken(), often.taken());
        prop_assert_eq!(once.records.len(), often.records.len(), "copies are no events");
    }

    #[test]
    fn side_data_written_again_is_the_same(steps in lives(80)) {
        let mut desk = born();
        for step in &steps {
            take(&mut desk, step);
        }
        // A recovery writes the side data of all events again, over what is there or over nothing.
        let (mut anew, mut over) = (Default::default(), desk.rows.clone());
        let mut user = User::new(&desk.entity);
        for record in &desk.records {
            let event = User::decode(record).expect("readable");
            let sequence = user.head().next();
            user.apply(sequence, &event);
            let side = user.effects(sequence, &event);
            write(&mut anew, &side);
            write(&mut over, &side);
        }
        prop_assert_eq!(&anew, &desk.rows);
        prop_assert_eq!(&over, &desk.rows);
    }
}

#[test]
fn the_world_meets_what_it_is_made_for() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut kinds, mut refused, mut heeded) = (std::collections::BTreeMap::new(), 0, 0);
    for _ in 0..120 {
        let steps = lives(120).new_tree(&mut runner).expect("a life").current();
        let mut desk = born();
        for step in &steps {
            let ok = take(&mut desk, step);
            if let Step::Ask(_) = step {
                heeded += usize::from(ok);
                refused += usize::from(!ok);
            }
        }
        for record in &desk.records {
            *kinds.entry(record.header[1]).or_insert(0) += 1;
        }
    }
    assert_eq!(kinds.len(), 11, "every kind of event: {kinds:?}");
    assert!(
        kinds.values().all(|count| *count >= 10),
        "none of them rarely: {kinds:?}"
    );
    assert!(
        refused > 100 && heeded > 1_000,
        "{refused} refused, {heeded} heeded"
    );
}
