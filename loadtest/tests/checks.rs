//! The checks of the load suite against servers that do their work well, or wrong in a known way.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest");
const EXIT_INCORRECT: i32 = 1;

/// A reference server that is ended with the test.
struct Reference {
    child: Child,
    url: String,
}

impl Reference {
    fn start(options: &[&str]) -> Self {
        let mut child = Command::new(LOADTEST)
            .args(["reference-server", "--acknowledge", "--end-with-parent"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self { child, url }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Runs `loadtest` and returns its exit code, the JSON report and what it printed.
fn loadtest(arguments: &[&str], report: &Path) -> (Option<i32>, Value, String) {
    let output = Command::new(LOADTEST)
        .args(arguments)
        .arg("--report")
        .arg(report)
        .env_remove("MUSSIKON_JWT_SECRET")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let json = std::fs::read(report)
        .map(|bytes| serde_json::from_slice(&bytes).unwrap())
        .unwrap_or(Value::Null);
    (output.status.code(), json, printed)
}

/// 2 rooms of 5, 300 sends to each.
fn small_rooms(options: &[&str], encoding: &str) -> (Option<i32>, Value, String) {
    let reference = Reference::start(options);
    small_rooms_on(&[&reference.url], encoding)
}

fn small_rooms_on(urls: &[&str], encoding: &str) -> (Option<i32>, Value, String) {
    let directory = tempfile::tempdir().unwrap();
    let mut arguments = vec!["rooms"];
    urls.iter()
        .for_each(|url| arguments.extend(["--target", url]));
    arguments.extend([
        "--token",
        "any",
        "--no-reference",
        "--encoding",
        encoding,
        "--rooms",
        "2",
        "--members",
        "5",
        "--senders",
        "2",
        "--rate",
        "3000",
        "--seconds",
        "0.8",
        "--warmup",
        "0.2",
    ]);
    loadtest(&arguments, &directory.path().join("report.json"))
}

fn figures(report: &Value) -> &Value {
    &report["entries"][0]["measured"]["fixed"]
}

#[test]
fn a_correct_server_passes_in_both_encodings() {
    for (encoding, options) in [
        ("json", [].as_slice()),
        ("messagepack", &[]),
        ("json", &["--coalesce"]),
    ] {
        let (code, report, printed) = small_rooms(options, encoding);
        let figures = figures(&report);
        assert_eq!(figures["deliveries"], 3000, "{printed}");
        assert_eq!(
            figures["latency"]["count"], 2400,
            "the warm-up is not measured"
        );
        assert_eq!(figures["acknowledgement"]["count"], 480);
        assert_eq!(
            figures["slow_records"], 0,
            "the short cuts know what the protocol crate writes"
        );
        let faults = figures["faults"].as_object().unwrap();
        assert!(faults.values().all(|count| count == 0), "{faults:?}");
        // On a busy machine the generator may say that it was late, but never that the server was wrong.
        assert_ne!(code, Some(EXIT_INCORRECT), "{printed}");
        assert_ne!(report["verdict"], "incorrect");
    }
}

#[test]
fn every_deliberate_mistake_is_noticed_and_named() {
    // 300 messages in each of two rooms, a mistake at every hundredth.
    let cases: [(&str, &[(&str, u64)]); 5] = [
        ("drop", &[("missing", 6), ("diverged", 2)]),
        ("duplicate", &[("repeated", 6), ("diverged", 2)]),
        ("swap", &[("skipped", 4), ("repeated", 4)]),
        ("store", &[("doubled", 6)]),
        ("misacknowledge", &[("misacknowledged", 6)]),
    ];
    for (fault, expected) in cases {
        let (code, report, printed) = small_rooms(&["--fault", fault], "json");
        assert_eq!(code, Some(EXIT_INCORRECT), "{fault}: {printed}");
        assert_eq!(report["verdict"], "incorrect");
        for (name, at_least) in expected {
            let count = figures(&report)["faults"][name].as_u64().unwrap();
            assert!(count >= *at_least, "{fault}: {name} is {count}\n{printed}");
        }
    }
}

/// Two servers that do not know each other: nobody sees what was sent at the other one.
#[test]
fn the_members_of_a_room_are_spread_over_all_nodes() {
    let nodes = [Reference::start(&[]), Reference::start(&[])];
    let (code, report, printed) = small_rooms_on(&[&nodes[0].url, &nodes[1].url], "json");
    assert_eq!(code, Some(EXIT_INCORRECT), "{printed}");
    // Of five members three are here and two there, of a room's two senders one each.
    let figures = figures(&report);
    assert_eq!(figures["faults"]["missing"], 1500, "{printed}");
    assert_eq!(figures["deliveries"], 1500, "{printed}");
}

#[test]
fn idle_connections_are_counted_and_each_is_still_there_afterwards() {
    let reference = Reference::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let pid = reference.child.id().to_string();
    let arguments = [
        "idle",
        "--target",
        &reference.url,
        "--pid",
        &pid,
        "--token",
        "any",
        "--no-reference",
        "--connections",
        "2000",
        "--rooms",
        "20",
    ];
    let (code, report, printed) = loadtest(&arguments, &directory.path().join("report.json"));
    let idle = &report["entries"][0]["measured"]["idle"];
    assert_eq!(
        (code, &report["verdict"]),
        (Some(0), &Value::from("passed")),
        "{printed}"
    );
    assert_eq!(idle["connections"], 2_000);
    assert!(idle["connects_per_second"].as_f64().unwrap() > 10.0);
    // A connection costs something: a meter that does not see that, sees nothing. Of a bare server it is some 90 bytes.
    let kb = idle["kb_per_connection"].as_f64().unwrap();
    assert!(kb > 0.02 && kb < 100.0, "{kb} KB per connection");
}

#[test]
fn a_run_that_cannot_be_made_is_an_error_and_not_a_verdict() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.json");
    for arguments in [
        ["fanout", "--no-reference", "--spawn", "/bin/false"],
        ["fanout", "--no-reference", "--target", "http://127.0.0.1:1"],
        ["fanout", "--no-reference", "--target", "nonsense"],
    ] {
        let (code, json, _) = loadtest(&arguments, &report);
        assert_eq!((code, json), (Some(2), Value::Null), "{arguments:?}");
    }
}
