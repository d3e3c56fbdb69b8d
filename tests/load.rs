//! The load suite against a real hub: what its page says works as written, and its report tells what was asked for.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use chaos::suite::{Means, SiteSpec, Stand, Topology};
use common::{BUILD, SECRET, TestHub};
use serde_json::Value;
use tokio::task::spawn_blocking;

const HUB: &str = env!("CARGO_BIN_EXE_mussikon-hub");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The load suite's program, beside the hub's. A run of the whole workspace has made it; any other run makes it here.
fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let program = Path::new(HUB).with_file_name("loadtest");
        if !program.is_file() {
            let folder = program.parent().unwrap();
            let profile = match folder.file_name().unwrap().to_str().unwrap() {
                "debug" => "dev",
                other => other,
            };
            let made = Command::new(env!("CARGO"))
                .args(["build", "--package", "loadtest", "--profile", profile])
                .arg("--target-dir")
                .arg(folder.parent().unwrap())
                .current_dir(ROOT)
                .status();
            assert!(made.unwrap().success(), "the load suite cannot be built");
        }
        program
    };
    PROGRAM.get_or_init(make).clone()
}

/// What a run of the load suite came to.
struct Ran {
    code: Option<i32>,
    report: Value,
    printed: String,
}

async fn run(arguments: Vec<String>) -> Ran {
    let folder = tempfile::tempdir_in(BUILD).unwrap();
    let path = folder.path().join("report.json");
    let report = path.clone();
    let ran = spawn_blocking(move || {
        Command::new(program())
            .args(arguments)
            .arg("--report")
            .arg(report)
            .env_remove("MUSSIKON_JWT_SECRET")
            .output()
            .unwrap()
    });
    let output = ran.await.unwrap();
    let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    Ran {
        code: output.status.code(),
        report: std::fs::read(&path)
            .map(|bytes| serde_json::from_slice(&bytes).unwrap())
            .unwrap_or_default(),
        printed: texts.concat(),
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Whatever else this machine does: the hub was right, and exit code and verdict say the same.
fn is_correct(ran: &Ran) {
    let verdict = match ran.code {
        Some(0) => "passed",
        // A busy machine: nothing is said about speed.
        Some(3) => "generator_limited",
        other => panic!("exit code {other:?}\n{}", ran.printed),
    };
    assert_eq!(ran.report["verdict"], verdict, "{}", ran.printed);
}

/// The only line of the load suite's page that has this, without what is around it.
fn line_of_the_page(has: &str) -> String {
    let page = std::fs::read_to_string(Path::new(ROOT).join("loadtest/README.md")).unwrap();
    let lines: Vec<&str> = page.lines().filter(|line| line.contains(has)).collect();
    assert_eq!(lines.len(), 1, "lines with {has}: {lines:?}");
    lines[0].trim_end_matches('&').trim().to_owned()
}

#[tokio::test]
async fn the_command_for_a_running_hub_works_if_the_hub_was_started_as_the_page_says() {
    let start = line_of_the_page("target/release/mussikon-hub --config");
    let file = Path::new(ROOT).join("loadtest/hub.toml");
    let start = start.replace("loadtest/hub.toml", file.to_str().unwrap());
    let hub = TestHub::start_as(&words(&start)[1..], &[]).await;

    let load = line_of_the_page("$L rooms --target http://127.0.0.1:8080");
    let mut load = load
        .replace("http://127.0.0.1:8080", &hub.url())
        .replace("\"$(pidof mussikon-hub)\"", &hub.id().unwrap().to_string());
    // Only shorter, and not as fast: the shape is that of the page, with all its connections.
    load.push_str(" --no-reference --rate 2000 --seconds 1 --warmup 0.2");
    let mut arguments = words(&load).split_off(1);
    let secret = arguments
        .iter_mut()
        .find(|word| *word == "\"$MUSSIKON_JWT_SECRET\"");
    *secret.unwrap() = SECRET.to_owned();
    let ran = run(arguments).await;
    is_correct(&ran);
    let figures = &ran.report["entries"][0]["measured"]["fixed"];
    assert_eq!(ran.report["entries"][0]["scenario"], "rooms 200×10");
    assert_eq!(figures["deliveries"], 2_400, "{}", ran.printed);
}

/// Everything arrived, and was counted, once.
fn counts(figures: &Value, sends: u64, measured: u64, members: u64) {
    assert_eq!(figures["sends"], sends);
    assert_eq!(figures["deliveries"], sends * members);
    assert_eq!(figures["latency"]["count"], measured * members);
    let faults = figures["faults"].as_object().unwrap();
    assert!(faults.len() >= 12, "{faults:?}");
    assert!(faults.values().all(|count| count == 0), "{faults:?}");
}

#[tokio::test]
async fn a_short_ack_run_counts_what_was_asked_for() {
    let asked = "--rooms 3 --rate 60 --seconds 2 --warmup 0.5 --no-reference";
    let ran = run(words(&format!("ack --spawn {HUB} {asked}"))).await;
    is_correct(&ran);
    let entries = ran.report["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{}", ran.printed);
    assert_eq!(entries[0]["scenario"], "ack 3×1");
    assert_eq!(entries[0]["server"], "hub");
    // 60 sends a second, each to a room of one.
    let figures = &entries[0]["measured"]["fixed"];
    counts(figures, 150, 120, 1);
    assert_eq!(figures["acknowledgement"]["count"], 120);
    let offered = figures["offered_per_second"].as_f64().unwrap();
    assert!((offered - 60.0).abs() < 1e-9, "{offered}");
    assert!(ran.report["fsync"]["count"].as_u64().unwrap() > 0);
    let command: Vec<&str> = ran.report["command"].as_array().unwrap()[1..]
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    assert!(command.join(" ").contains(asked), "{command:?}");
}

#[tokio::test]
async fn a_short_fanout_run_counts_hub_and_reference_and_compares_them() {
    let asked = "--members 20 --senders 4 --rate 1000 --seconds 2 --warmup 0.4";
    for encoding in ["json", "messagepack"] {
        let ran = run(words(&format!(
            "fanout --spawn {HUB} --encoding {encoding} {asked}"
        )))
        .await;
        is_correct(&ran);
        let entries = ran.report["entries"].as_array().unwrap();
        let servers: Vec<_> = entries.iter().map(|entry| &entry["server"]).collect();
        assert_eq!(servers, ["L1", "hub"], "{}", ran.printed);
        for (entry, answers) in entries.iter().zip([0, 100]) {
            assert_eq!(entry["scenario"], "fanout 1×20");
            // 50 sends a second, each to 20 members; the reference answers none of them.
            let figures = &entry["measured"]["fixed"];
            counts(figures, 120, 100, 20);
            assert_eq!(figures["acknowledgement"]["count"], answers);
        }
        let comparisons = ran.report["comparisons"].as_array().unwrap();
        let compared = comparisons.iter().filter(|row| row["ratio"].is_f64());
        assert!(compared.count() > 0, "{comparisons:?}");
    }
}

#[tokio::test]
async fn all_clients_of_a_hub_that_is_killed_or_drained_come_back_and_miss_nothing() {
    for end in ["kill", "drain"] {
        let asked = format!("--connections 120 --rooms 6 --spread-ms 300 --end {end}");
        let ran = run(words(&format!("reconnect --spawn {HUB} {asked}"))).await;
        is_correct(&ran);
        let entry = &ran.report["entries"][0];
        assert_eq!(entry["scenario"], format!("reconnect, {end}"));
        let found = &entry["measured"]["reconnect"];
        assert_eq!(found["connections"], 120, "{}", ran.printed);
        for span in ["from_signal", "from_loss"] {
            assert_eq!(found[span]["count"], 120);
            assert!(found[span]["max_ms"].as_f64().unwrap() > 0.0);
        }
        assert!(found["tries"].as_u64().unwrap() >= 120);
        let faults = found["faults"].as_object().unwrap();
        assert!(faults.values().all(|count| count == 0), "{faults:?}");
    }
    // A hub that somebody else runs is not ended unless its process is named.
    let hub = TestHub::start().await;
    let asked = format!("reconnect --target {} --token any", hub.url());
    let ran = run(words(&asked)).await;
    assert_eq!(ran.code, Some(2), "{}", ran.printed);
    assert!(
        ran.printed.contains("name its processes with --pid"),
        "{}",
        ran.printed
    );
}

/// Somebody else operates the hub: it is ended by its process, and that one starts it again.
#[tokio::test]
async fn all_clients_of_a_hub_that_others_start_again_come_back_and_miss_nothing() {
    let lifted = [
        "GATEWAY__HANDSHAKES_PER_SECOND",
        "GATEWAY__INVOCATIONS_PER_SECOND",
        "ROOM__SENDS_PER_SECOND",
    ];
    let folder = tempfile::tempdir_in(BUILD).unwrap();
    let site = SiteSpec {
        hub: HUB.into(),
        folder: folder.path().to_owned(),
        topology: Topology::Single,
        variables: lifted
            .map(|name| (format!("MUSSIKON_{name}"), "0".into()))
            .into(),
        next: None,
        means: Means::Proxies,
    };
    let mut stand = Stand::start(&site, None).await.unwrap();
    let standing = stand.standing();
    let (url, pid) = (&standing.targets[0], standing.pids[0]);
    let mut asked = words(&format!(
        "reconnect --target {url} --pid {pid} --connections 60 --rooms 3 --spread-ms 300"
    ));
    asked.extend(["--secret".to_owned(), standing.secret.to_owned()]);
    let kept = tokio::spawn(async move { stand.keep().await });
    let ran = run(asked).await;
    is_correct(&ran);
    let found = &ran.report["entries"][0]["measured"]["reconnect"];
    assert_eq!(found["from_signal"]["count"], 60, "{}", ran.printed);
    assert!(!kept.is_finished(), "a hub that ended was started again");
    kept.abort();
}
