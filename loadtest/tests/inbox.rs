//! The traffic of inboxes against a real hub: a short run passes, and each mistake that a proxy makes on the way is noticed.
#![allow(clippy::unwrap_used)]

#[path = "mistakes/bytes.rs"]
mod bytes;
mod hub;
#[path = "hub/measured.rs"]
mod measured;
#[path = "mistakes/inboxes.rs"]
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

/// Some who come and go, look and mark within few seconds.
const SHORT: &str = "--users 20 --rate 60 --seconds 4 --warmup 1 --set visitors=0.5 --set visit_s=1 --set away_s=0.7 \
    --set look_after_s=0.3 --set spread_ms=200 --set http_connections=4 --set page=5";

fn inbox(line: &str) -> Ran {
    Ran::of("inbox", line)
}

#[test]
fn a_short_run_finds_nothing_wrong_with_a_hub_and_measures_everything() {
    let hub = program();
    let ran = inbox(&format!("--spawn {} --mixed {SHORT}", hub.display()));
    ran.assert_correct();
    // Those who were away were shown some of 240 later.
    let shown = ran.class("notification");
    assert!((100..=240).contains(&shown), "{shown}: {}", ran.printed);
    assert!(
        ran.class("http") > 240,
        "notices, and looks: {}",
        ran.printed
    );
    assert!(ran.class("reconnect") > 10, "{}", ran.printed);
    let planned = ran.found()["seconds"].as_array().unwrap().iter();
    assert_eq!(
        planned
            .map(|second| second["planned"].as_f64().unwrap())
            .sum::<f64>(),
        300.0
    );
}

#[test]
fn every_mistake_is_noticed_and_named() {
    let hub = Hub::start();
    let cases: [(Mistake, &[&str]); 7] = [
        (Mistake::Lose, &["skipped", "missing"]),
        (Mistake::Repeat, &["repeated", "shown twice"]),
        (Mistake::OnlyCount, &["not shown", "missing"]),
        (Mistake::ForgetKeys, &["shown twice", "doubled notice"]),
        (Mistake::MoveAccepted, &["other sequence"]),
        (Mistake::HideInList, &["foreign", "lost notice"]),
        (Mistake::Miscount, &["wrong count"]),
    ];
    each_is_noticed(&cases, |mistake| {
        let proxy = proxy(hub.address, mistake);
        inbox(&format!(
            "--target http://{} --secret {SECRET} {SHORT}",
            proxy.address
        ))
    });
}

#[test]
fn settings_that_cannot_be_are_named() {
    let hub = program();
    for (line, because) in [
        ("--set page=0", "traffic.page must be from 1 to 100"),
        ("--set pages=5", "unknown field `pages`"),
    ] {
        let ran = inbox(&format!("--spawn {} {line}", hub.display()));
        assert_eq!(
            (ran.code, &ran.report),
            (Some(2), &Value::Null),
            "{line}: {}",
            ran.printed
        );
        assert!(ran.printed.contains(because), "{line}: {}", ran.printed);
    }
    let ran = inbox(&format!(
        "--spawn {} --rate 1e6 --seconds 100",
        hub.display()
    ));
    assert_eq!(ran.code, Some(2), "{}", ran.printed);
    assert!(
        ran.printed.contains("10000000 is the most"),
        "{}",
        ran.printed
    );
}

#[test]
fn inboxes_of_two_processes_are_counted_together_and_nothing_is_wrong_with_them() {
    let two = r#"
name = "inboxes"
about = "Inboxes in two processes."
encoding = "mixed"
processes = 2
[profile]
kind = "steady"
rate = 60
seconds = 3
warmup = 1
[traffic]
kind = "inbox"
users = 20
visitors = 0.5
visit_s = 1
away_s = 0.7
look_after_s = 0.3
spread_ms = 200
http_connections = 4
page = 5
[thresholds]
errors_percent = 0
"#;
    let spawn = format!("--spawn {}", program().display());
    let ran = scenario::run(two, &spawn, "");
    ran.assert_correct();
    // 60 notices in each of 3 seconds, and looks; those who were away were shown some of them later.
    assert!(ran.class("http") > 180, "{}", ran.printed);
    let shown = ran.class("notification");
    assert!((75..=181).contains(&shown), "{shown}: {}", ran.printed);
    let there = &ran.record["subject"]["connections"];
    assert_eq!(there, 20, "{}", ran.printed);
    let hub = Hub::start();
    let proxy = proxy(hub.address, Mistake::Miscount);
    let options = format!("--target http://{} --secret {SECRET}", proxy.address);
    let wrong = scenario::run(two, &options, "encoding=json");
    assert_eq!(wrong.code, Some(EXIT_INCORRECT), "{}", wrong.printed);
    // Either has half of the people.
    let counted = &wrong.record["subject"]["contradictions"]["wrong count"];
    assert!(counted.as_u64() > Some(10), "{}", wrong.printed);
    let few = scenario::run(two, &spawn, "traffic.http_connections=1");
    let because = "traffic.http_connections is 1: each of 2 processes needs one at least";
    assert_eq!(few.code, Some(2), "{}", few.printed);
    assert!(few.printed.contains(because), "{}", few.printed);
}
