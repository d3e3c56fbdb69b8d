//! A short soak against a real hub: members leave and come back to where they were, and nothing is missing or left behind.
#![allow(clippy::unwrap_used)]

#[path = "hub/program.rs"]
mod program;
mod servers;

use servers::{EXIT_INCORRECT, Reference, run};

const SOAK: &str = r#"
name = "short soak"
about = "Six rooms of eight for some seconds, while members come and go."
encoding = "mixed"
[profile]
kind = "soak"
rate = 30
seconds = 12
warmup = 1
churn_percent_per_minute = 300
away = 0.5
after = 10
[traffic]
kind = "rooms"
rooms = 6
members = 8
senders = 2
[thresholds]
slope.resident_kb.percent_per_hour = 1000000
after.resident_kb.more = 200000
after.open_files.more = 10
after.tasks.more = 10
after.connections.more = 0
after.subscriptions.more = 0
reconnect.per_second = 0.5
"#;

#[test]
fn members_that_come_back_miss_nothing_and_leave_nothing_behind() {
    let ran = run(
        SOAK,
        // Rooms go to sleep before the end, and with them their subscriptions.
        &format!(
            "--spawn {} --hub-env MUSSIKON_RUNTIME__IDLE_MS=500",
            program::program().display()
        ),
        "",
    );
    let subject = &ran.record["subject"];
    let faults = subject["faults"].as_object().unwrap();
    assert!(faults.values().all(|count| count == 0), "{}", ran.printed);
    // Two and a half leave in each second, of those who only listen.
    let back = subject["classes"]["reconnect"]["latency"]["count"]
        .as_u64()
        .unwrap();
    assert!(back >= 10, "{back} came back\n{}", ran.printed);
    let sent = subject["classes"]["acknowledgement"]["latency"]["count"]
        .as_u64()
        .unwrap();
    assert!((359..=361).contains(&sent), "{sent}");
    // What they missed they got, but it does not count as latency.
    let counted = subject["classes"]["delivery"]["latency"]["count"]
        .as_u64()
        .unwrap();
    assert!(
        counted < sent * 8 && counted > sent * 6,
        "{counted} of {sent}"
    );
    let threshold = |name: &str| {
        let all = ran.record["thresholds"].as_array().unwrap();
        all.iter().find(|one| one["what"] == name).unwrap().clone()
    };
    for name in [
        "slope.resident_kb.percent_per_hour",
        "after.resident_kb.more",
        "after.open_files.more",
        "after.tasks.more",
        "after.connections.more",
        "after.subscriptions.more",
    ] {
        assert_eq!(threshold(name)["met"], true, "{name}: {}", ran.printed);
    }
    let files = |sample: &serde_json::Value| sample["open_files"].as_f64().unwrap();
    let most = subject["samples"].as_array().unwrap().iter().map(files);
    let (most, slopes) = (
        most.fold(0.0, f64::max),
        subject["slopes"].as_array().unwrap(),
    );
    assert!(
        most >= 48.0,
        "the files of the connections are seen: {most}"
    );
    assert!(
        slopes.iter().any(|slope| slope["what"] == "resident_kb"),
        "{slopes:?}"
    );
    assert_eq!(
        ran.record["phases"].as_array().unwrap().last().unwrap()["name"],
        "after"
    );
}

/// A bare server keeps nothing: who comes back has missed what was said meanwhile.
#[test]
fn what_is_missing_after_a_comeback_is_noticed() {
    let reference = Reference::start(&[]);
    let ran = run(
        SOAK,
        &reference.options(),
        "profile.seconds=5 profile.after=0",
    );
    assert_eq!(ran.code, Some(EXIT_INCORRECT), "{}", ran.printed);
    let faults = &ran.record["subject"]["faults"];
    let count = |name: &str| faults[name].as_u64().unwrap();
    assert!(
        count("missing") > 0 && count("diverged") > 0,
        "{}",
        ran.printed
    );
}
