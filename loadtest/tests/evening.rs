//! The traffic of an evening against a real hub: a short run passes, and each mistake that a proxy makes on the way is noticed.
#![allow(clippy::unwrap_used)]

#[path = "mistakes/bytes.rs"]
mod bytes;
mod hub;
#[path = "hub/measured.rs"]
mod measured;
#[path = "mistakes/lines.rs"]
mod mistakes;
#[path = "hub/ran.rs"]
mod ran;
#[path = "servers/scenario.rs"]
mod scenario;

use serde_json::Value;

use hub::{Hub, SECRET, program};
use measured::each_is_noticed;
use mistakes::{Mistake, proxy};
use ran::Ran;
use scenario::EXIT_INCORRECT;

/// A town of two districts, for few seconds.
const TOWN: &str = r#"
name = "town"
about = "An evening in two processes."
processes = 2
[profile]
kind = "steady"
rate = 80
seconds = 3
warmup = 1
[traffic]
kind = "evening"
users = 40
public_rooms = 2
public_share = 0.3
group_size = 6
visitors = 0.5
visit_s = 1
away_s = 0.5
history_share = 1
history_after_s = 0.5
typing_s = 0.5
notifications_share = 0.5
spread_ms = 200
[thresholds]
errors_percent = 0
"#;

/// Some who come and go, read slowly, type and look back within few seconds.
const SHORT: &str = "--users 30 --rate 80 --seconds 4 --warmup 1 --set public_rooms=1 --set public_share=0.3 \
    --set group_size=6 --set visitors=0.5 --set visit_s=1 --set away_s=0.5 --set slow_share=0.2 --set slow_every_s=1 \
    --set slow_s=1 --set history_share=1 --set history_after_s=0.5 --set typing_s=0.5 --set spread_ms=200";

fn evening(line: &str) -> Ran {
    Ran::of("evening", line)
}

#[test]
fn a_short_evening_finds_nothing_wrong_with_a_hub_and_measures_everything() {
    let hub = program();
    let ran = evening(&format!(
        "--spawn {} --mixed {SHORT} --set notifications_share=0.5",
        hub.display()
    ));
    ran.assert_correct();
    assert_eq!(
        ran.class("acknowledgement"),
        320,
        "80 messages in each of 4 seconds: {}",
        ran.printed
    );
    assert!(ran.class("delivery") > 1_000, "{}", ran.printed);
    for class in ["connect", "reconnect", "typing", "history"] {
        assert!(ran.class(class) > 10, "{class}: {}", ran.printed);
        assert_eq!(
            ran.found()["classes"][class]["errors"],
            0,
            "{class}: {}",
            ran.printed
        );
    }
    let seconds = ran.found()["seconds"].as_array().unwrap();
    let planned: f64 = seconds
        .iter()
        .map(|second| second["planned"].as_f64().unwrap())
        .sum();
    assert_eq!(planned, 400.0);
    let opened = seconds[0]["classes"]["connect"]["count"].as_u64().unwrap();
    assert!(
        opened >= 30 && ran.class("connect") < 200,
        "before the traffic is in its first second: {opened}"
    );
    assert!(
        seconds[2]["connections"].as_u64().unwrap() > 15,
        "{}",
        seconds[2]
    );
    assert!(
        ran.found()["connections"].as_u64().unwrap() > 30,
        "some have two"
    );
}

#[test]
fn the_same_seed_plans_the_same_visits_and_another_one_others() {
    let hub = Hub::start();
    let line = format!(
        "--target http://{} --secret {SECRET} {SHORT} --seed",
        hub.address
    );
    let runs: Vec<Ran> = [7, 7, 8]
        .iter()
        .map(|seed| evening(&format!("{line} {seed}")))
        .collect();
    runs.iter().for_each(Ran::assert_correct);
    // Those who return are measured by when they intended to. Who was still away in the end returns at once then.
    let returned = |ran: &Ran| -> Vec<u64> {
        let seconds = ran.found()["seconds"].as_array().unwrap();
        let count = |second: &Value| {
            second["classes"]["reconnect"]["count"]
                .as_u64()
                .unwrap_or_default()
        };
        seconds.iter().take(5).map(count).collect()
    };
    assert_eq!(returned(&runs[0]), returned(&runs[1]));
    assert_ne!(returned(&runs[0]), returned(&runs[2]));
}

#[test]
fn every_mistake_on_a_line_is_noticed_and_named() {
    let hub = Hub::start();
    let cases: [(Mistake, &[&str]); 11] = [
        (Mistake::Lose, &["skipped"]),
        (Mistake::Repeat, &["repeated"]),
        (Mistake::Move, &["skipped", "repeated"]),
        (Mistake::Exchange, &["diverged"]),
        (Mistake::Stray, &["foreign", "skipped"]),
        (Mistake::Misacknowledge, &["misacknowledged"]),
        (Mistake::SkipOnReturn, &["skipped"]),
        (Mistake::RepeatOnReturn, &["repeated"]),
        (Mistake::ForgetIds, &["doubled"]),
        (Mistake::CountTyping, &["typing with a sequence"]),
        (Mistake::ChangeHistory, &["other history"]),
    ];
    each_is_noticed(&cases, |mistake| {
        let proxy = proxy(hub.address, mistake);
        evening(&format!(
            "--target http://{} --secret {SECRET} {SHORT} --set losses_allowed=true",
            proxy.address
        ))
    });
}

/// A scenario that ends connections must say so; then they count as what they are, and nothing is lost or doubled with them.
#[test]
fn lost_connections_are_a_fault_unless_they_are_allowed_and_cost_no_message() {
    let hub = Hub::start();
    let proxy = proxy(hub.address, Mistake::Cut);
    let line = format!(
        "--target http://{} --secret {SECRET} {SHORT}",
        proxy.address
    );
    let ran = evening(&line);
    assert_eq!(ran.code, Some(EXIT_INCORRECT), "{}", ran.printed);
    assert!(ran.wrong("disconnected") > 0, "{}", ran.printed);
    for other in [
        "missing",
        "skipped",
        "repeated",
        "doubled",
        "misacknowledged",
        "unacknowledged",
    ] {
        assert_eq!(ran.wrong(other), 0, "{other}: {}", ran.printed);
    }
    evening(&format!("{line} --set losses_allowed=true")).assert_correct();
}

#[test]
fn settings_that_cannot_be_are_named() {
    let hub = program();
    for (line, because) in [
        ("--set talkers=2", "traffic.talkers must be from 0 to 1"),
        ("--set talker=0.5", "unknown field `talker`"),
        ("--set talkers", "must be NAME=VALUE"),
        (
            "--set talkers=many",
            "many is neither a number nor true or false",
        ),
        ("--users 1", "traffic.users must be from 2 to 200,000"),
    ] {
        let ran = evening(&format!("--spawn {} {line}", hub.display()));
        assert_eq!(
            (ran.code, &ran.report),
            (Some(2), &Value::Null),
            "{line}: {}",
            ran.printed
        );
        assert!(ran.printed.contains(because), "{line}: {}", ran.printed);
    }
    let ran = evening("--target http://127.0.0.1:1 --token any");
    assert_eq!(ran.code, Some(2), "{}", ran.printed);
}

#[test]
fn two_processes_are_one_evening_that_counts_what_both_did() {
    let hub = Hub::start();
    let options = format!("--target http://{} --secret {SECRET}", hub.address);
    let ran = scenario::run(TOWN, &options, "encoding=mixed");
    ran.assert_correct();
    let subject = &ran.record["subject"];
    // Each has half of 80 messages in each of 3 seconds.
    let acknowledged = ran.class("acknowledgement");
    assert!((239..=241).contains(&acknowledged), "{}", ran.printed);
    assert!(ran.class("delivery") > 1_000, "{}", ran.printed);
    for class in ["connect", "reconnect", "typing", "history"] {
        assert!(ran.class(class) > 10, "{class}: {}", ran.printed);
    }
    let seconds = subject["seconds"].as_array().unwrap();
    assert_eq!(seconds.len(), 4);
    let opened = seconds[0]["classes"]["connect"]["count"].as_u64().unwrap();
    assert!(opened >= 40, "everybody of both is counted: {opened}");
    let sent = &seconds[2]["classes"]["acknowledgement"]["count"];
    assert!((79..=81).contains(&sent.as_u64().unwrap()), "{sent}");
    let there = subject["connections"].as_u64().unwrap();
    assert!(there > 40, "some have two: {there}");
    assert!(seconds[2]["connections"].as_u64().unwrap() > 20);
    assert!(seconds[2]["lag_p99_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(ran.record["machine"]["generators"], 2);
}

/// What only one of them notices, makes the whole run incorrect. Nobody leaves, so that nobody is shown it later.
#[test]
fn a_mistake_in_one_process_is_one_of_the_whole_run() {
    let hub = Hub::start();
    let proxy = proxy(hub.address, Mistake::LoseOne);
    let options = format!("--target http://{} --secret {SECRET}", proxy.address);
    let set = "traffic.visitors=0 traffic.slow_share=0";
    let ran = scenario::run(TOWN, &options, set);
    assert_eq!(
        (ran.code, &ran.record["verdict"]),
        (Some(EXIT_INCORRECT), &"incorrect".into()),
        "{}",
        ran.printed
    );
    let faults = ran.record["subject"]["faults"].as_object().unwrap();
    let all: u64 = faults.values().filter_map(Value::as_u64).sum();
    assert_eq!(all, 1, "{}", ran.printed);
}

#[test]
fn what_processes_cannot_share_is_said_before_anything_is_run() {
    let hub = Hub::start();
    let target = format!("--target http://{}", hub.address);
    for (options, set, because) in [
        (
            "--secret any",
            "traffic.public_rooms=1",
            "traffic.public_rooms is 1: each of 2 processes needs one at least",
        ),
        (
            "--secret any",
            "traffic.users=9",
            "traffic.users is 9: each of 2 processes needs 6 people at least",
        ),
        (
            "--token any",
            "",
            "of the load: users need tokens of their own",
        ),
    ] {
        let ran = scenario::run(TOWN, &format!("{target} {options}"), set);
        assert_eq!((ran.code, &ran.record), (Some(2), &Value::Null), "{set}");
        assert!(ran.printed.contains(because), "{set}: {}", ran.printed);
    }
}
