//! Windows, latency and budgets of classes, from attempts made by hand.

use super::*;
use crate::member::now;

fn attempt(start: Instant, times: [u64; 3], acknowledged: bool) -> Attempt {
    let [wished, begun, ended] = times.map(|at| start + Duration::from_millis(at));
    Attempt {
        room: "r".into(),
        wished,
        begun,
        ended,
        acknowledged,
        refused: false,
    }
}

fn fare(attempts: &[Attempt], start: Instant, millis: u64) -> Fare {
    Fare::of(
        Class::Read,
        attempts,
        start,
        start + Duration::from_millis(millis),
    )
}

#[test]
fn a_second_counts_what_ended_in_it_and_what_hung_all_through_it() {
    let start = now() + Duration::from_secs(5);
    let attempts = [
        // Before it all.
        attempt(start - Duration::from_secs(3), [0, 0, 10], false),
        attempt(start, [100, 100, 200], true),
        attempt(start, [300, 300, 400], false),
        // Hangs through the second and the third second.
        attempt(start, [900, 900, 3100], true),
        // Crosses a border as any does.
        attempt(start, [3990, 3990, 4010], true),
        // Ends after the last window.
        attempt(start, [4600, 4600, 5600], false),
    ];
    let seen = fare(&attempts, start, 4500);
    let counted = seen.seconds.iter().map(|s| (s.attempted, s.good));
    let counted: Vec<(u64, u64)> = counted.collect();
    assert_eq!(counted, [(2, 1), (1, 0), (1, 0), (1, 1), (1, 1)]);
    assert_eq!((seen.attempted, seen.good), (6, 3));
    assert_eq!(seen.budget.down_seconds, 3);
    assert!((seen.uptime - 0.4).abs() < 1e-9 && (seen.availability - 0.5).abs() < 1e-9);
    let waited: Vec<Option<u64>> = seen
        .seconds
        .iter()
        .map(|s| s.latency.map(|l| l.max_micros))
        .collect();
    let expected = [Some(100_000), None, None, Some(2_200_000), Some(20_000)];
    assert_eq!(waited, expected);
}

#[test]
fn an_attempt_under_way_at_the_beginning_hangs_from_there() {
    let start = now() + Duration::from_secs(5);
    let hanging = [attempt(start - Duration::from_secs(2), [0, 0, 4500], true)];
    let counted: Vec<(u64, u64)> = fare(&hanging, start, 3000)
        .seconds
        .iter()
        .map(|s| (s.attempted, s.good))
        .collect();
    assert_eq!(counted, [(1, 0), (1, 0), (1, 1)]);
}

#[test]
fn a_budget_is_what_the_target_leaves_and_may_be_overspent() {
    let within = Budget::of(10_000, 9_995, 100, 0);
    assert!((within.allowed_attempts - 10.0).abs() < 1e-6);
    assert!((within.spent_percent - 50.0).abs() < 1e-6);
    assert!((within.allowed_seconds - 0.1).abs() < 1e-9 && within.spent_seconds_percent == 0.0);
    let over = Budget::of(1_000, 990, 100, 2);
    assert!((over.spent_percent - 1000.0).abs() < 1e-6);
    assert!((over.spent_seconds_percent - 2000.0).abs() < 1e-6);
    let nothing = Budget::of(0, 0, 0, 0);
    assert_eq!((nothing.spent_percent, nothing.failed_attempts), (0.0, 0));
}

#[test]
fn a_second_is_down_when_too_few_attempts_go_well_and_up_when_nobody_asks() {
    let second = |attempted, good| Second {
        attempted,
        good,
        ..Second::default()
    };
    assert!(second(0, 0).is_up() && second(100, 95).is_up());
    assert!(!second(100, 94).is_up() && !second(1, 0).is_up());
}

#[test]
fn quantiles_are_ranks() {
    assert_eq!(Latency::of(&mut []), None);
    let of = |count: u64| {
        let mut times: Vec<u64> = (1..=count).rev().collect();
        let found = Latency::of(&mut times);
        found.map(|l| [l.p50_micros, l.p95_micros, l.p99_micros, l.max_micros])
    };
    assert_eq!(of(1), Some([1, 1, 1, 1]));
    assert_eq!(of(200), Some([100, 190, 198, 200]));
}

#[test]
fn a_fare_comes_back_from_json_as_it_was() {
    let start = now();
    let attempts = [attempt(start, [0, 0, 5], true)];
    let fare = fare(&attempts, start, 1500);
    let text = serde_json::to_string(&fare).unwrap();
    assert!(
        text.contains(r#""class":"read""#) && text.contains(r#""p50Micros":5000"#),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Fare>(&text).unwrap(), fare);
}
