//! The scenario `requests` against a real hub: a short run passes, and each mistake that a proxy makes on the way is noticed.
#![allow(clippy::unwrap_used)]

mod hub;
#[path = "mistakes/requests.rs"]
mod mistakes;
#[path = "hub/ran.rs"]
mod ran;

use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;

use hub::{Hub, SECRET, program};
use mistakes::{Mistake, proxy};
use ran::Ran;

const EXIT_INCORRECT: i32 = 1;
const EXIT_ERROR: i32 = 2;
const SHORT: &str = "--musicians 64 --organizers 5 --open 40 --connections 16 --timeout-ms 60000 --seconds 3 --warmup 3";

fn requests(line: &str) -> Ran {
    Ran::of("requests", line)
}

impl Ran {
    fn figures(&self) -> &Value {
        &self.report["entries"][0]["measured"]["requests"]
    }

    fn wrong(&self, name: &str) -> u64 {
        let count = self.figures()["contradictions"][name].as_u64();
        count.unwrap_or_else(|| panic!("{name}: {}", self.printed))
    }
}

#[test]
fn a_short_run_finds_nothing_wrong_with_a_hub_and_counts_what_was_asked_for() {
    let hub = program();
    let ran = requests(&format!("--spawn {} --rate 100 {SHORT}", hub.display()));
    // On a busy machine an unoptimised hub may be slow or the generator late, but nothing may be wrong.
    let verdict = ran.report["verdict"].as_str().unwrap_or_default();
    let codes = [("passed", 0), ("floor_missed", 1), ("generator_limited", 3)];
    assert!(
        codes.contains(&(verdict, ran.code.unwrap())),
        "{}",
        ran.printed
    );
    let figures = ran.figures();
    let counts = figures["contradictions"].as_object().unwrap();
    assert_eq!(counts.len(), 16, "{counts:?}");
    assert!(
        counts.values().all(|count| count == 0 || count.is_array()),
        "{}",
        ran.printed
    );
    assert_eq!(
        figures["error_counts"],
        Value::Array(Vec::new()),
        "{}",
        ran.printed
    );
    assert_eq!(
        (&figures["planned"], &figures["latency"]["count"]),
        (&600.into(), &300.into())
    );
    assert_eq!(figures["users"], 69);
    let stories = |name: &str| figures["stories"][name].as_u64().unwrap();
    assert_eq!(stories("created"), 13, "{}", ran.printed);
    for name in ["assigned", "lost_races", "messages", "repeats", "replayed"] {
        assert!(stories(name) > 0, "{name}: {}", ran.printed);
    }
    assert_eq!(stories("unsure"), 0);
    let compared = ran.report["comparisons"].as_array().unwrap();
    let measures: Vec<_> = compared
        .iter()
        .map(|row| row["measure"].as_str().unwrap())
        .collect();
    let expected = [
        "requests 100/s: p95 ms",
        "requests 100/s: p95 ms, floor",
        "requests 100/s: errors %, floor",
    ];
    assert_eq!(measures, expected);
}

#[test]
fn every_mistake_on_the_way_is_noticed_and_named() {
    let hub = Hub::start();
    let cases: [(Mistake, &[&str]); 4] = [
        (Mistake::TellLosersThatTheyWon, &["second_winner"]),
        (Mistake::HideWhoIsAssigned, &["lost_assignment"]),
        (
            Mistake::ChangeKeys,
            &["other_answer", "doubled_request", "doubled_message"],
        ),
        (Mistake::MoveMessages, &["lost_message"]),
    ];
    for (mistake, names) in cases {
        let proxy = proxy(hub.address, mistake);
        let target = format!("--target http://{} --secret {SECRET}", proxy.address);
        let ran = requests(&format!("{target} --rate 200 {SHORT}"));
        assert_eq!(
            ran.code,
            Some(EXIT_INCORRECT),
            "{mistake:?}: {}",
            ran.printed
        );
        assert_eq!(ran.report["verdict"], "incorrect", "{mistake:?}");
        for name in names {
            assert!(ran.wrong(name) > 0, "{mistake:?}: {name}: {}", ran.printed);
        }
    }
}

#[test]
fn a_hub_that_refuses_is_an_error_of_the_run_and_errors_miss_the_floor() {
    let hub = Hub::start();
    let target = format!("--target http://{}", hub.address);
    let ran = requests(&format!(
        "{target} --secret {} --rate 10 {SHORT}",
        SECRET.to_uppercase()
    ));
    assert_eq!(
        (ran.code, ran.report),
        (Some(EXIT_ERROR), Value::Null),
        "{}",
        ran.printed
    );
    assert!(ran.printed.contains("401"), "{}", ran.printed);

    let proxy = proxy(hub.address, Mistake::FailInboxes);
    let target = format!("--target http://{} --secret {SECRET}", proxy.address);
    let ran = requests(&format!("{target} --rate 100 {SHORT}"));
    // A generator that was late on a busy machine says nothing of the hub.
    assert!(matches!(ran.code, Some(1 | 3)), "{}", ran.printed);
    let named = "error: GET /api/inbox: ";
    assert!(ran.printed.contains(named), "{}", ran.printed);
    assert!(ran.figures()["errors_percent"].as_f64().unwrap() > 0.1);
    if ran.code == Some(1) {
        assert_eq!(ran.report["verdict"], "floor_missed", "{}", ran.printed);
    }
}

#[test]
fn what_cannot_be_run_is_said_and_is_no_verdict() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("--target http://{}", listener.local_addr().unwrap());
    for (line, because) in [
        (
            format!("{target} --token any"),
            "give --secret, not --token",
        ),
        (
            format!("{target} --secret s --rate 1e6 --seconds 1e6"),
            "ask for less, or shorter",
        ),
        (
            format!("{target} --secret s --musicians 64 --seconds 200"),
            "is the most with so many musicians",
        ),
    ] {
        let ran = requests(&line);
        assert_eq!(
            (ran.code, &ran.report),
            (Some(EXIT_ERROR), &Value::Null),
            "{}",
            ran.printed
        );
        assert!(ran.printed.contains(because), "{line}: {}", ran.printed);
    }
    assert!(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("hub.toml")
            .is_file()
    );
}
