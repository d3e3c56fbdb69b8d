//! The plan: the same by seed, even in time, in the mix that it promises, and in the order of its stories.

use std::collections::HashMap;

use super::*;
use crate::requests::operation::Operation;

fn order(seed: u64) -> Order {
    Order::steady(1_000.0, (5.0, 60.0), (2_000, 200), seed)
}

#[test]
fn the_same_seed_gives_the_same_plan_and_another_one_another() {
    let (one, again, other) = (
        Plan::new(&order(7)),
        Plan::new(&order(7)),
        Plan::new(&order(8)),
    );
    assert_eq!((&one.slots, &one.stories), (&again.slots, &again.stories));
    assert_ne!(one.slots, other.slots);
}

#[test]
fn a_plan_keeps_the_rate_to_the_operation() {
    let plan = Plan::new(&order(1));
    plan.start_ns.set(500);
    assert_eq!((plan.measured_from, plan.slots.len()), (5_000, 65_000));
    assert_eq!(plan.intended_ns(0), 500);
    let (from, until) = plan.measured_ns();
    assert!((until - from).abs_diff(60_000_000_000) < 1_000);
    // What is due never piles up: stories leave room for each other.
    let short = Plan::new(&Order::steady(100.0, (0.0, 0.01), (2_000, 200), 1));
    assert_eq!(short.slots.len(), 1);
}

#[test]
fn between_seventy_and_eighty_percent_are_reads_in_every_part_of_it() {
    for seed in 0..5 {
        let plan = Plan::new(&order(seed));
        for part in plan.slots[plan.measured_from..].chunks(20_000) {
            let reads = part
                .iter()
                .filter(|slot| plan.step(**slot).operation.is_read());
            let share = reads.count() as f64 / part.len() as f64;
            assert!((0.7..0.8).contains(&share), "{share}");
        }
    }
}

#[test]
fn every_operation_has_its_share_and_one_post_of_twenty_is_repeated() {
    let plan = Plan::new(&order(3));
    let (mut counts, mut repeats, mut posts) = (HashMap::new(), 0, 0);
    for slot in &plan.slots {
        let operation = plan.step(*slot).operation;
        *counts.entry(operation).or_insert(0_u32) += 1;
        if operation.verb() == Verb::Post {
            posts += u32::from(!slot.repeats);
            repeats += u32::from(slot.repeats);
        } else {
            assert!(!slot.repeats && !slot.repeated);
        }
    }
    for operation in Operation::ALL {
        assert!(counts[operation] > 50, "{operation:?}: {counts:?}");
    }
    let share = f64::from(repeats) / f64::from(posts);
    assert!((0.04..0.06).contains(&share), "{share}");
    let begun = plan.requests();
    assert!(begun.abs_diff(65_000 / STORY_EVERY as u32) <= 1, "{begun}");
}

#[test]
fn steps_of_a_story_come_in_order_with_pauses_and_those_of_a_stage_together() {
    let plan = Plan::new(&order(4));
    let mut last: HashMap<u32, (u8, u8, usize)> = HashMap::new();
    let mut together = 0;
    for (at, slot) in plan.slots.iter().enumerate() {
        if slot.repeats {
            let (stage, step, _) = last[&slot.story];
            assert!((slot.stage, slot.step) <= (stage, step), "asked for before");
            continue;
        }
        let before = last.insert(slot.story, (slot.stage, slot.step, at));
        match before {
            None => assert_eq!((slot.stage, slot.step), (0, 0)),
            Some((stage, step, then)) if stage == slot.stage => {
                assert_eq!(slot.step, step + 1);
                together += usize::from(at - then <= 3);
            }
            Some((stage, _, then)) => {
                assert_eq!((slot.stage, slot.step), (stage + 1, 0));
                assert!(at - then >= 200, "a user needs time to read");
            }
        }
    }
    assert!(together > 10_000, "accepts must race: {together}");
    let people = |organizer: bool| {
        let all = plan.stories.iter();
        all.filter(move |one| {
            (one.kind.is_of_request() || one.kind.visits_as_organizer()) == organizer
        })
    };
    assert!(
        people(true).all(|one| one.person < 200) && people(false).all(|one| one.person < 2_000)
    );
}
