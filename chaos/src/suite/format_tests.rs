//! The format stays what it is: a report comes back as it was, another format is refused, and the page for people names
//! every member.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::member::now;
use crate::suite::class::{Class, Fare};
use crate::suite::measure::Sample;
use crate::suite::{
    Alone, Around, By, Fault, Findings, Link, Loss, Server, Together, Version, Versions, Way,
    WithoutQuorum,
};

const PAGE: &str = include_str!("../../README.md");

pub(in crate::suite) fn report() -> Report {
    let start = now();
    let attempts = [crate::attempts::Attempt {
        room: "r".into(),
        wished: start,
        begun: start,
        ended: start + Duration::from_millis(3),
        acknowledged: true,
        refused: false,
    }];
    let end = start + Duration::from_secs(1);
    Report {
        verdict: Verdict::Broken,
        expected: Verdict::Kept,
        hypothesis: "It holds.".into(),
        scenario: Scenario::SlowLinks,
        topology: Topology::Single,
        seed: 7,
        command: "cargo chaos run slow-links".into(),
        faults: vec![Struck {
            step: Step {
                at_millis: 700,
                fault: Fault::SlowLinks {
                    hub: 0,
                    link: Link::Clients,
                    delay_millis: 20,
                    millis: 500,
                },
            },
            begun_millis: 701,
            over_millis: 1201,
            healed_millis: 1201,
            served_again_in_millis: Some(3),
            available_again_in_millis: None,
            converged_in_millis: Some(0),
            detection: Detection {
                first_failed_in_millis: Some(12),
                first_failed_class: Some(Class::Join),
                reported_in_millis: Some(99),
                reported_by: Some("/health/ready: not ready".into()),
            },
            checks: vec![Check::new("all is well", "it is not", false)],
        }],
        acknowledged: 1,
        unanswered: 0,
        availability: Availability::of(&attempts, start, end),
        classes: vec![Fare::of(Class::Send, &attempts, start, end)],
        convergence: Convergence::of(Duration::from_secs(5), [].iter()),
        failovers: Moves::from(vec![Sample::new(0, "r", Some(Duration::from_millis(9)))]),
        handoffs: Moves::default(),
        longest_silence_millis: 4,
        caught_up_in_millis: Some(5),
        connections: 6,
        submitted: 7,
        pages: 8,
        stuck: None,
        violations: 1,
        first_violations: vec!["r: lost".into()],
        history: Some("history.jsonl".into()),
        findings: findings(),
    }
}

fn findings() -> Findings {
    let version = |digest: &str| Version {
        version: "mussikon-hub 1".into(),
        digest: digest.into(),
        program: "hub".into(),
    };
    Findings {
        means: Some(By::Proxies {
            because: Some("no root".into()),
        }),
        versions: Some(Versions {
            old: version("a"),
            next: version("b"),
        }),
        together: Some(Together {
            worst_millis: 9000,
            aim_millis: 5000,
            met: false,
        }),
        without_quorum: vec![WithoutQuorum {
            attempted: 3,
            refused: 2,
            acknowledged: 1,
        }],
        notes: vec!["a note".into()],
        broken: vec!["a promise".into()],
        missed: vec!["an aim".into()],
    }
}

fn suite() -> SuiteReport {
    SuiteReport {
        format: FORMAT,
        command: "cargo chaos run all".into(),
        topology: Topology::Single,
        seed: 7,
        begun_unix_millis: 1,
        minutes: Some(2),
        good: false,
        experiments: vec![report()],
        not_run: vec![NotRun {
            scenario: Scenario::KillHub,
            reason: "unsteady".into(),
            command: "cargo chaos run kill-hub".into(),
        }],
        left_out: vec![Scenario::Mixed],
    }
}

#[test]
fn a_report_comes_back_as_it_was() {
    let text = serde_json::to_string_pretty(&suite()).unwrap();
    assert_eq!(SuiteReport::read(&text).unwrap(), suite());
    let value: Value = serde_json::from_str(&text).unwrap();
    let fault = &value["experiments"][0]["faults"][0];
    assert_eq!(fault["fault"], json!("slow-links"));
    assert_eq!(fault["detection"]["firstFailedClass"], json!("join"));
    let second = &value["experiments"][0]["classes"][0]["seconds"][0];
    let expected = json!({
        "second": 0, "attempted": 1, "good": 1,
        "p50Micros": 3000, "p95Micros": 3000, "p99Micros": 3000, "maxMicros": 3000,
    });
    assert_eq!(*second, expected);
}

#[test]
fn a_report_without_findings_has_none_of_their_members() {
    let mut plain = suite();
    plain.experiments[0].findings = Findings::default();
    let text = serde_json::to_string(&plain).unwrap();
    assert!(!text.contains("\"means\"") && !text.contains("\"missed\""));
    assert_eq!(SuiteReport::read(&text).unwrap(), plain);
}

#[test]
fn a_missed_aim_is_not_as_expected_though_every_promise_was_kept() {
    let mut kept = report();
    kept.verdict = Verdict::Kept;
    assert!(!kept.is_as_expected());
    kept.findings.missed.clear();
    assert!(kept.is_as_expected());
}

#[test]
fn a_run_that_is_to_be_broken_must_name_a_violation() {
    let mut broken = report();
    broken.findings.missed.clear();
    broken.expected = Verdict::Broken;
    assert!(broken.is_as_expected());
    broken.stuck = Some("the first acknowledgement took too long".into());
    broken.violations = 0;
    assert!(!broken.is_as_expected());
}

#[test]
fn faults_of_every_kind_come_back_as_they_were() {
    let all = [
        Fault::StaleData,
        Fault::Alone(Alone::JumpClock {
            hub: 0,
            seconds: -7,
            millis: 1,
        }),
        Fault::Around(Around::Partition {
            hub: 1,
            way: Way::ToHub,
            server: Some(Server::Cql { node: 2 }),
            millis: 3,
        }),
        Fault::Around(Around::Partition {
            hub: 1,
            way: Way::Both,
            server: None,
            millis: 3,
        }),
        Fault::Around(Around::LoseQuorum {
            kept: 1,
            loss: Loss::Killed,
            millis: 3,
        }),
    ];
    for fault in all {
        let step = Step {
            at_millis: 1,
            fault,
        };
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step, "{text}");
    }
}

#[test]
fn another_format_is_refused_and_new_members_are_not() {
    let mut value = serde_json::to_value(suite()).unwrap();
    value["later"] = json!("more");
    value["experiments"][0]["later"] = json!(["more"]);
    assert_eq!(SuiteReport::read(&value.to_string()).unwrap(), suite());
    value["format"] = json!(2);
    let refused = SuiteReport::read(&value.to_string()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the report has format 2, this version reads 1"
    );
    assert!(matches!(SuiteReport::read("[]"), Err(ReadError::Json(_))));
}

/// Names of members, at any depth.
fn names(value: &Value, into: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            into.insert(name.clone());
            names(value, into);
        }),
        Value::Array(items) => items.iter().for_each(|item| names(item, into)),
        _ => {}
    }
}

#[test]
fn the_page_names_every_member() {
    let mut members = std::collections::BTreeSet::new();
    names(&serde_json::to_value(suite()).unwrap(), &mut members);
    assert!(members.len() > 60, "{members:?}");
    let of_faults = ["atMillis", "delayMillis", "hub", "link"];
    let missing: Vec<&String> = members
        .iter()
        .filter(|name| !of_faults.contains(&name.as_str()))
        .filter(|name| !PAGE.contains(&format!("`{name}`")))
        .collect();
    assert!(
        missing.is_empty(),
        "chaos/README.md does not name {missing:?}"
    );
}
