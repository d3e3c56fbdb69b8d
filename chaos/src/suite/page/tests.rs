//! The page shows every experiment with its faults, the important first, and escapes whatever it shows.

use super::*;
use crate::suite::{By, Class, Detection, Scenario};
use serde_json::json;

/// A second of a class, during a fault or not.
fn second(number: u64, hurt: bool, wait_micros: u64) -> Value {
    let swing = 900 + (number * 7919) % 300;
    let wait = wait_micros * swing / 1000 * if hurt { 12 } else { 1 };
    let (attempted, good) = if hurt {
        (60, 60 - 20 * (number % 3))
    } else {
        (400, 400)
    };
    let mut second = json!({ "second": number, "attempted": attempted, "good": good });
    if good > 0 {
        second["p50Micros"] = json!(wait);
        second["p95Micros"] = json!(wait * 2);
        second["p99Micros"] = json!(wait * 4);
        second["maxMicros"] = json!(wait * 9);
    }
    second
}

fn fare(class: &str, seconds: u64, wait_micros: u64) -> Value {
    let is_hurt = |number: u64| {
        faults(seconds)
            .iter()
            .any(|(from, until)| (*from..*until).contains(&number))
    };
    let all: Vec<Value> = (0..seconds)
        .map(|number| second(number, is_hurt(number), wait_micros))
        .collect();
    let sum = |member: &str| {
        all.iter()
            .filter_map(|second| second[member].as_u64())
            .sum::<u64>()
    };
    let (attempted, good) = (sum("attempted"), sum("good"));
    let availability = good as f64 / attempted as f64;
    json!({
        "class": class, "attempted": attempted, "good": good, "availability": availability, "uptime": 0.97,
        "budget": {
            "target": 0.999, "allowedAttempts": attempted as f64 / 1e3, "failedAttempts": attempted - good,
            "spentPercent": (1.0 - availability) * 1e5, "allowedSeconds": seconds as f64 / 1e3, "downSeconds": 1,
            "spentSecondsPercent": 40.0
        },
        "p50Micros": wait_micros, "p95Micros": wait_micros * 2, "p99Micros": wait_micros * 4, "maxMicros": wait_micros * 90,
        "seconds": all
    })
}

/// From and until, in seconds.
fn faults(seconds: u64) -> Vec<(u64, u64)> {
    (1..6)
        .map(|number| (number * seconds / 7, number * seconds / 7 + 1 + number % 3))
        .collect()
}

fn experiment(scenario: Scenario, verdict: &str, seconds: u64) -> Value {
    let struck = |(number, (from, until)): (usize, (u64, u64))| {
        json!({
            "atMillis": from * 1000, "fault": "kill-hub", "hub": number % 3, "millis": (until - from) * 1000,
            "begunMillis": from * 1000, "overMillis": until * 1000, "healedMillis": until * 1000,
            "servedAgainInMillis": 70 + number * 45, "availableAgainInMillis": (until - from) * 1000 + 200,
            "convergedInMillis": 180 + number * 90,
            "detection": {
                "firstFailedInMillis": 12 + number, "firstFailedClass": "send", "reportedInMillis": 240,
                "reportedBy": "no answer to /health/ready"
            },
            "checks": [{ "expected": "it ends with SIGKILL", "seen": "signal 9", "kept": true }]
        })
    };
    let struck: Vec<Value> = faults(seconds)
        .into_iter()
        .enumerate()
        .map(struck)
        .collect();
    let wrong = verdict == "broken";
    json!({
        "verdict": verdict, "expected": if scenario == Scenario::StaleData { "broken" } else { "kept" },
        "hypothesis": scenario.hypothesis(), "scenario": scenario.name(), "topology": "cluster", "seed": 7,
        "command": format!("cargo chaos run {} --topology cluster --seed 7", scenario.name()),
        "faults": struck, "acknowledged": 41_234, "unanswered": 212,
        "availability": { "attempted": 0, "acknowledged": 0, "worstWindow": 0.3, "windowsBelow": 9, "windows": [] },
        "classes": [
            fare("send", seconds, 2_300), fare("join", seconds, 9_000), fare("read", seconds, 1_800), fare("submit", seconds, 6_000)
        ],
        "convergence": { "verdict": "kept", "limitMillis": 5000, "longestMillis": 640, "judged": 5, "late": [] },
        "failovers": { "samples": [], "p50Millis": 70, "p99Millis": 284 }, "handoffs": { "samples": [] },
        "longestSilenceMillis": 410, "caughtUpInMillis": 900, "connections": 77, "submitted": 300, "pages": 800,
        "stuck": null, "violations": if wrong { 3 } else { 0 },
        "firstViolations": if wrong { vec!["stage: m7 was acknowledged at 12 and is lost"] } else { vec![] },
        "history": null
    })
}

fn suite(experiments: Vec<Value>) -> SuiteReport {
    let value = json!({
        "format": crate::suite::FORMAT, "command": "cargo chaos all --topology cluster --seed 7", "topology": "cluster",
        "seed": 7, "begunUnixMillis": 1_772_820_000_000u64, "minutes": 10, "good": true, "experiments": experiments,
        "notRun": [{ "scenario": "pause-nats", "reason": "hub 2 is not ready", "command": "cargo chaos run pause-nats" }],
        "leftOut": ["mixed"]
    });
    SuiteReport::read(&value.to_string()).unwrap()
}

fn place(text: &str, what: &str) -> usize {
    text.find(what)
        .unwrap_or_else(|| panic!("{what} is not there"))
}

#[test]
fn every_experiment_is_there_with_its_belief_its_faults_and_its_command() {
    let good = suite(vec![
        experiment(Scenario::KillHub, "kept", 120),
        experiment(Scenario::StaleData, "broken", 40),
    ]);
    let text = html(&good);
    let order = [
        "class=\"verdict good\"",
        "2 of 2 experiments ended as expected. Could not be carried out: pause-nats.",
        ">Experiments</h2>",
        ">Not carried out</h2>",
        ">kill-hub</h2>",
        "Availability",
        "Latency: send",
        "Error budget",
        "kill-hub, hub 0, 2 s",
        "no answer to /health/ready",
        "cargo chaos run kill-hub --topology cluster --seed 7",
        ">stale-data</h2>",
        "broken, as expected",
        "m7 was acknowledged at 12 and is lost",
        "cargo chaos all --topology cluster --seed 7",
    ];
    let mut from = 0;
    for what in order {
        from += place(&text[from..], what);
    }
    assert_eq!(
        text.matches("<rect class=\"trouble\"").count(),
        2 * 5 * 5,
        "five faults in five figures of two experiments"
    );
}

#[test]
fn a_broken_promise_and_a_failed_check_are_the_first_that_one_sees() {
    let mut bad = suite(vec![experiment(Scenario::KillHub, "broken", 60)]);
    bad.good = false;
    bad.experiments[0].faults[1].checks[0].kept = false;
    bad.experiments[0].faults[0].detection = Detection::default();
    bad.experiments[0].faults[0].served_again_in_millis = None;
    let text = html(&bad);
    place(&text, "class=\"verdict bad\"");
    place(
        &text,
        "1 of 1 experiments did not end as expected: kill-hub.",
    );
    place(&text, "3 promises were broken; 1 checks of faults failed.");
    assert!(place(&text, "Checks that failed") < place(&text, "Error budget"));
}

#[test]
fn aims_that_were_missed_and_what_else_was_found_are_shown() {
    let mut missed = suite(vec![experiment(Scenario::Partition, "kept", 60)]);
    let plain = html(&missed);
    assert!(!plain.contains("What else was found") && !plain.contains("Aims that were missed"));
    missed.good = false;
    let findings = &mut missed.experiments[0].findings;
    findings.means = Some(By::Namespaces);
    findings.notes = vec!["class submit is left out".into()];
    findings.missed = vec!["after a separation 9000 ms passed".into()];
    let text = html(&missed);
    for what in [
        "class=\"verdict bad\"",
        "kept, but an aim was missed",
        "1 aims were missed.",
        "after a separation 9000 ms passed",
        "by network namespaces",
        "class submit is left out",
    ] {
        place(&text, what);
    }
}

#[test]
fn no_text_of_a_report_gets_out_of_its_place() {
    let mut evil = suite(vec![experiment(Scenario::KillHub, "broken", 30)]);
    let script = "</code><script>alert(1)</script>".to_owned();
    evil.command = script.clone();
    evil.not_run[0].reason = script.clone();
    let one = &mut evil.experiments[0];
    one.hypothesis = script.clone();
    one.stuck = Some(script.clone());
    one.first_violations = vec![script.clone()];
    one.faults[0].detection.reported_by = Some(script.clone());
    one.faults[0].checks[0].seen = script;
    let text = html(&evil);
    assert!(!text.contains("<script>alert"));
    assert!(text.matches("&lt;script&gt;alert(1)").count() >= 7);
}

#[test]
fn a_report_is_drawn_beside_itself_and_what_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("chaos.json");
    let all = suite(vec![
        experiment(Scenario::KillHub, "kept", 120),
        experiment(Scenario::StaleData, "broken", 40),
    ]);
    std::fs::write(&report, serde_json::to_vec(&all).unwrap()).unwrap();
    let drawn = draw(&report, None).unwrap();
    assert_eq!(drawn, folder.path().join("chaos.html"));
    assert_eq!(std::fs::read_to_string(&drawn).unwrap(), html(&all));
    let elsewhere = folder.path().join("new/page.html");
    assert_eq!(draw(&report, Some(&elsewhere)).unwrap(), elsewhere);
    let none = draw(&drawn, None).unwrap_err();
    assert!(
        matches!(&none, PageError::NoReport { path, .. } if *path == drawn),
        "{none}"
    );
    let gone = draw(&folder.path().join("gone.json"), None).unwrap_err();
    assert!(matches!(gone, PageError::Read { .. }), "{gone}");
    let into_nothing = draw(&report, Some(folder.path())).unwrap_err();
    assert!(
        matches!(into_nothing, PageError::Write { .. }),
        "{into_nothing}"
    );
    // For people who change the page, to be looked at.
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/chaos-example.html");
    assert_eq!(write(&all, &report, Some(&example)).unwrap(), example);
}

#[test]
fn a_long_run_makes_a_small_page() {
    let text = html(&suite(vec![experiment(Scenario::KillHub, "kept", 20_000)]));
    assert!(text.len() < 1_000_000, "{} bytes", text.len());
    assert_eq!(Class::ALL.len(), 4);
}
