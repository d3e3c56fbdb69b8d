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

use serde_json::Value;

use hub::{Hub, SECRET, program};
use measured::each_is_noticed;
use mistakes::{Mistake, proxy};
use ran::Ran;

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
