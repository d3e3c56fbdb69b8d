//! Detection and recovery, from attempts and looks made by hand.

use std::time::Duration;

use super::*;
use crate::member::now;

const SECOND: Duration = Duration::from_secs(1);

fn at(start: Instant, millis: u64) -> Instant {
    start + Duration::from_millis(millis)
}

fn attempt(start: Instant, begun: u64, ended: u64, acknowledged: bool) -> Attempt {
    Attempt {
        room: "r".into(),
        wished: at(start, begun),
        begun: at(start, begun),
        ended: at(start, ended),
        acknowledged,
        refused: false,
    }
}

fn look(at: Instant, hub: usize, standing: Standing, alarm: Option<f64>) -> Look {
    Look {
        at,
        hub,
        standing,
        alarms: alarm.map(|value| {
            let mut alarms = [0.0; ALARMS.len()];
            alarms[1] = value;
            alarms
        }),
    }
}

#[test]
fn users_notice_the_first_failure_after_the_beginning_or_a_second_of_waiting() {
    let start = now();
    let span = Span {
        from: at(start, 1000),
        to: at(start, 9000),
    };
    let notices = |sends: Vec<Attempt>, reads: Vec<Attempt>| {
        let seen = detection(span, &[(Class::Send, sends), (Class::Read, reads)], &[]);
        (seen.first_failed_in_millis, seen.first_failed_class)
    };
    // Failures before and after it are those of others, and what goes well is no failure.
    let others = vec![
        attempt(start, 0, 900, false),
        attempt(start, 1100, 1900, true),
        attempt(start, 9000, 9100, false),
    ];
    assert_eq!(notices(others.clone(), Vec::new()), (None, None));
    let failed = vec![
        attempt(start, 1400, 1700, false),
        attempt(start, 1200, 1500, false),
    ];
    assert_eq!(
        notices(others, failed.clone()),
        (Some(500), Some(Class::Read))
    );
    // It went well in the end, but had hung since the beginning.
    let hung = vec![attempt(start, 900, 5000, true)];
    let first = notices(hung, Vec::new());
    assert_eq!(first, (Some(1000), Some(Class::Send)));
}

#[test]
fn a_hub_reports_by_its_readiness_or_by_a_metric_that_grows() {
    let start = now();
    let span = Span {
        from: at(start, 1000),
        to: at(start, 9000),
    };
    let told = |looks: &[Look]| {
        let seen = detection(span, &[], looks);
        (seen.reported_in_millis, seen.reported_by)
    };
    let ready = |millis, hub, alarm| look(at(start, millis), hub, Standing::Ready, Some(alarm));
    // As before, though not zero; and what came before the fault is not its doing.
    let before = [
        ready(0, 0, 0.0),
        ready(500, 0, 3.0),
        ready(1500, 0, 3.0),
        ready(1600, 1, 7.0),
    ];
    assert_eq!(told(&before), (None, None));
    let mut grown = before.to_vec();
    grown.push(ready(2000, 1, 8.0));
    let expected = Some("mussikon_corrupt_entities_total".to_owned());
    assert_eq!(told(&grown), (Some(1000), expected));
    let mut unready = before.to_vec();
    unready.push(look(at(start, 1800), 0, Standing::Unready, Some(3.0)));
    let expected = Some("/health/ready: not ready".to_owned());
    assert_eq!(told(&unready), (Some(800), expected));
    // A counter that begins again with its process tells nothing by itself.
    let restarted = [ready(500, 0, 3.0), ready(2000, 0, 0.0), ready(2200, 0, 0.0)];
    assert_eq!(told(&restarted), (None, None));
    let gone = [
        ready(500, 0, 3.0),
        look(at(start, 2000), 0, Standing::Silent, None),
    ];
    assert_eq!(told(&gone).0, Some(1000));
}

#[test]
fn it_is_over_for_users_after_the_last_second_that_was_down() {
    let start = now();
    let fare = |down: &[u64]| {
        let attempts: Vec<Attempt> = (0..10)
            .map(|n| attempt(start, n * 1000 + 100, n * 1000 + 200, !down.contains(&n)))
            .collect();
        Fare::of(Class::Send, &attempts, start, start + SECOND * 10)
    };
    let span = Span {
        from: at(start, 2500),
        to: at(start, 8000),
    };
    let again = |down: &[u64], other: &[u64]| {
        let fares = [fare(down), fare(other)];
        available_again(span, start, &fares)
    };
    assert_eq!(again(&[], &[]), Some(0));
    // Seconds of other spans.
    assert_eq!(again(&[0, 1, 8, 9], &[]), Some(0));
    assert_eq!(again(&[2, 3], &[4]), Some(2500));
    assert_eq!(again(&[7], &[]), None);
}
