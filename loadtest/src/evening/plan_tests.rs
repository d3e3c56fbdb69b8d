//! The timetable: what the seed decides, and what must be true of it whatever the seed.

use std::collections::BTreeMap;

use super::super::curve::Steady;
use super::*;

const STEADY: Steady = Steady {
    rate: 100.0,
    warmup_s: 0.0,
    measured_s: 120.0,
};

fn spec() -> EveningSpec {
    EveningSpec {
        users: 300,
        visitors: 0.5,
        visit_s: 10.0,
        away_s: 5.0,
        slow_share: 0.1,
        ..EveningSpec::default()
    }
}

fn all(spec: &EveningSpec, seed: u64) -> Vec<Planned> {
    let cast = Cast::new(spec, seed);
    Plan::new(spec, &cast, &STEADY, seed).collect()
}

#[test]
fn the_same_seed_gives_the_same_plan_and_another_one_another() {
    let first = all(&spec(), 1);
    assert_eq!(first, all(&spec(), 1));
    assert_ne!(first, all(&spec(), 2));
}

#[test]
fn everything_is_in_the_order_of_time_and_sends_are_those_of_the_curve() {
    for seed in 0..5 {
        let plan = all(&spec(), seed);
        assert!(plan.is_sorted_by_key(|planned| planned.at_ns));
        let mut next = 0;
        for planned in &plan {
            if let Deed::Send { n, typing_ns, .. } = planned.deed {
                assert_eq!((n, planned.at_ns), (next, STEADY.intended_ns(next)));
                assert!(
                    typing_ns <= planned.at_ns && typing_ns + AHEAD_NS >= planned.at_ns
                        || typing_ns == 0
                );
                next += 1;
            }
        }
        assert_eq!(next, STEADY.total());
    }
}

#[test]
fn whoever_speaks_is_there_and_everybody_comes_back_after_leaving() {
    let spec = spec();
    for seed in 0..5 {
        let cast = Cast::new(&spec, seed);
        let mut here = vec![true; 300];
        let (mut left, mut reads) = (BTreeMap::new(), vec![true; 300]);
        for Planned { deed, .. } in Plan::new(&spec, &cast, &STEADY, seed) {
            match deed {
                Deed::Send { slot, .. } => assert!(here[cast.user(slot) as usize], "{slot}"),
                Deed::Leave { user, how } => {
                    assert!(std::mem::replace(&mut here[user as usize], false));
                    *left.entry(how).or_insert(0) += 1;
                }
                Deed::Return { user } => {
                    assert!(!std::mem::replace(&mut here[user as usize], true))
                }
                Deed::Pause { user } => {
                    assert!(std::mem::replace(&mut reads[user as usize], false))
                }
                Deed::Resume { user } => {
                    assert!(!std::mem::replace(&mut reads[user as usize], true))
                }
                Deed::History { slot } => assert!(slot < cast.slots()),
                Deed::Type { .. } | Deed::Again { .. } => panic!("{deed:?} follows from others"),
            }
        }
        let total: i32 = left.values().sum();
        assert!(total > 500, "half of 300 come and go every 15 s: {left:?}");
        let share = |how| f64::from(left[&how]) / f64::from(total);
        assert!((0.15..0.25).contains(&share(Ending::Cut)), "{left:?}");
        assert!((0.15..0.25).contains(&share(Ending::Dead)), "{left:?}");
    }
}

#[test]
fn messages_come_in_bursts_of_few_people_and_in_the_shares_that_are_asked_for() {
    let spec = EveningSpec {
        visitors: 0.0,
        public_share: 0.1,
        ..spec()
    };
    let cast = Cast::new(&spec, 3);
    let (mut kinds, mut last) = (BTreeMap::new(), BTreeMap::new());
    let (mut typed, mut quick) = (0, 0);
    let mut plan = Plan::new(&spec, &cast, &STEADY, 3);
    let mut talking = 0;
    while let Some(Planned { at_ns, deed }) = plan.next() {
        if let Deed::Send {
            slot, typing_ns, ..
        } = deed
        {
            let room = cast.room(slot);
            *kinds.entry(format!("{:?}", cast.kind(room))).or_insert(0) += 1;
            typed += u32::from(typing_ns > 0);
            let before = last.insert(room, at_ns);
            quick += u32::from(before.is_some_and(|before| at_ns - before < ns(spec.gap_s)));
            talking = talking.max(plan.due.len());
        }
    }
    let total = f64::from(STEADY.total());
    let share = |kind: &str| f64::from(kinds[kind]) / total;
    assert!((0.06..0.14).contains(&share("Public")), "{kinds:?}");
    assert!((0.25..0.35).contains(&share("Direct")), "{kinds:?}");
    assert!(
        (0.65..0.75).contains(&(f64::from(typed) / total)),
        "{typed}"
    );
    // Most messages follow one in the same room within the time between two of a burst.
    assert!(f64::from(quick) > total * 0.4, "{quick}");
    assert!((50..1_500).contains(&talking), "{talking}");
}

#[test]
fn where_nobody_is_there_a_message_waits_for_somebody() {
    let spec = EveningSpec {
        users: 2,
        public_rooms: 1,
        visitors: 1.0,
        visit_s: 1.0,
        away_s: 50.0,
        ..spec()
    };
    let sends = all(&spec, 1)
        .into_iter()
        .filter(|planned| matches!(planned.deed, Deed::Send { .. }));
    assert_eq!(sends.count() as u32, STEADY.total());
}
