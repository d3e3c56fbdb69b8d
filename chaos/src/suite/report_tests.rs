//! What is told of a run is what weighs most in it.

use super::*;
use crate::member::now;
use crate::suite::alone::Hurt;
use crate::suite::topology::Topology;

/// A run of one second, in which this fault was carried out.
fn observed(unhurt: Option<(Instant, Instant)>, from: Instant) -> (Observed, Plan) {
    let deed = Deed {
        step: Step {
            at_millis: 0,
            fault: Fault::Alone(Hurt::PressCpu {
                hub: 0,
                loops: 1,
                millis: 1000,
            }),
        },
        owned: Vec::new(),
        begun: from,
        in_force: from,
        over: from + Duration::from_secs(1),
        known_again: None,
        healed: from + Duration::from_secs(1),
        checks: Vec::new(),
        unhurt,
        caught: None,
    };
    let observed = Observed {
        deeds: vec![deed],
        rooms: vec!["r".into()],
        steady: from,
        over: from + Duration::from_secs(20),
        ended: Ok(Outcome {
            senders: Vec::new(),
            connections: Vec::new(),
            caught_up_in: Duration::ZERO,
        }),
        silence: Duration::ZERO,
        tries: Vec::new(),
        looks: Vec::new(),
        visited: Visited::default(),
        converge_within: Duration::from_secs(5),
        findings: Findings::default(),
    };
    let plan = Plan {
        scenario: Scenario::CpuPressure,
        topology: Topology::Single,
        seed: 1,
        length: Duration::from_secs(1),
        longest: Duration::from_secs(1),
    };
    (observed, plan)
}

fn attempt(begun: Instant, takes: Duration) -> Attempt {
    Attempt {
        room: "r".into(),
        wished: begun,
        begun,
        ended: begun + takes,
        acknowledged: true,
        refused: false,
    }
}

#[test]
fn messages_that_hung_until_a_fault_was_over_are_found_at_the_end_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    for (last, kept) in [
        (Duration::from_millis(1), true),
        (Duration::from_secs(9), false),
    ] {
        let (history, from) = (History::new(1000), now());
        for number in 0..500 {
            let begun = from + Duration::from_millis(number);
            history
                .attempts
                .add(attempt(begun, Duration::from_millis(1)));
        }
        let begun = from + Duration::from_millis(500);
        history.attempts.add(attempt(begun, last));
        let (observed, plan) = observed(Some((from, from + Duration::from_secs(1))), from);
        let report = observed.judge(folder.path(), &plan, &history).unwrap();
        assert_eq!(report.faults[0].checks.len(), 1);
        assert_eq!(
            report.faults[0].checks[0].kept, kept,
            "{:?}",
            report.faults[0]
        );
        assert_eq!(report.verdict == Verdict::Kept, kept);
    }
}

#[test]
fn what_was_broken_besides_is_named_however_much_else_was() {
    let folder = tempfile::tempdir().unwrap();
    let (mut observed, plan) = observed(None, now());
    observed.visited.violations = (0..2 * NAMED).map(|n| format!("page {n}")).collect();
    observed.findings.broken = vec!["acknowledged without a quorum".into()];
    let report = observed
        .judge(folder.path(), &plan, &History::new(1))
        .unwrap();
    assert_eq!(report.violations, 2 * NAMED + 1);
    assert_eq!(report.first_violations.len(), NAMED);
    assert_eq!(report.first_violations[0], "acknowledged without a quorum");
}
