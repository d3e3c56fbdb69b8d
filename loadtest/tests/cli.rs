//! The command line: what is wrong is said clearly and at once, and a run that cannot be made is no verdict.
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::process::Command;

const EXIT_ERROR: i32 = 2;
const COMMANDS: [&str; 13] = [
    "run",
    "fanout",
    "rooms",
    "ack",
    "idle",
    "evening",
    "inbox",
    "requests",
    "reconnect",
    "capacity",
    "limit",
    "all",
    "reference-server",
];

struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

/// Runs `loadtest` in a new folder, where nothing but what it writes is; it must write no report.
fn loadtest(arguments: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(arguments)
        .current_dir(folder.path())
        .env_remove("MUSSIKON_JWT_SECRET")
        .output()
        .unwrap();
    let left: Vec<_> = folder.path().read_dir().unwrap().collect();
    assert!(left.is_empty(), "{arguments:?} left {left:?}");
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        error: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Answers what was written to standard error.
fn refused(arguments: &[&str], because: &str) -> String {
    let said = loadtest(arguments);
    assert_eq!(said.code, Some(EXIT_ERROR), "{arguments:?}: {}", said.error);
    assert_eq!(said.out, "", "{arguments:?}");
    let named = said.error.contains(because);
    assert!(named, "{arguments:?}: {}", said.error);
    said.error
}

#[test]
fn wrong_arguments_are_refused_with_the_reason() {
    let cases: [(&str, &str); 16] = [
        ("", "Usage: loadtest <COMMAND>"),
        ("fan-out", "unrecognized subcommand 'fan-out'"),
        ("fanout --rate 0", "must be a number above 0"),
        ("fanout --rate fast", "must be a number above 0"),
        ("fanout --members 0", "0 is not in 1.."),
        (
            "fanout --warmup",
            "a value is required for '--warmup <WARMUP>'",
        ),
        ("ack --text-bytes 8", "8 is not in 16..=1000"),
        (
            "ack --encoding xml",
            "[possible values: json, messagepack, mixed]",
        ),
        ("ack --hub-env VALUE", "must be KEY=VALUE"),
        ("ack --pid 1", "--target <TARGET>"),
        (
            "ack --target http://127.0.0.1:1 --spawn hub",
            "cannot be used with '--spawn <SPAWN>'",
        ),
        ("requests --musicians 63", "63 is not in 64..=100000"),
        ("requests --connections 0", "0 is not in 1..=4000"),
        ("capacity", "<SHAPE>"),
        ("capacity sideways", "[possible values: fanout, rooms]"),
        (
            "reference-server --fault none",
            "[possible values: drop, duplicate, swap, store, misacknowledge]",
        ),
    ];
    for (line, because) in cases {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        refused(&arguments, because);
    }
}

#[test]
fn times_are_numbers_that_a_clock_can_count() {
    for (option, value) in [
        ("--warmup", "-1"),
        ("--warmup", "nan"),
        ("--warmup", "inf"),
        ("--seconds", "0"),
        ("--seconds", "inf"),
    ] {
        let argument = format!("{option}={value}");
        refused(
            &["ack", &argument, "--spawn", "/bin/false"],
            "must be a number",
        );
    }
    refused(
        &["capacity", "rooms", "--try-warmup=-1"],
        "must be a number",
    );
    refused(&["limit", "--idle-connections", "0"], "0 is not in 1..");
}

#[test]
fn help_and_version_are_answers_and_no_errors() {
    let all = loadtest(&["--help"]);
    assert_eq!((all.code, &*all.error), (Some(0), ""));
    for command in COMMANDS {
        assert!(all.out.contains(&format!("\n  {command} ")), "{}", all.out);
        let one = loadtest(&[command, "--help"]);
        assert_eq!((one.code, &*one.error), (Some(0), ""), "{command}");
        assert!(
            one.out.contains(&format!("Usage: loadtest {command}")),
            "{}",
            one.out
        );
        let measures = command != "reference-server";
        assert_eq!(one.out.contains("--report <REPORT>"), measures, "{command}");
    }
    let version = loadtest(&["--version"]);
    let expected = format!("loadtest {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((version.code, version.out), (Some(0), expected));
}

#[test]
fn a_secret_of_the_environment_is_not_printed_by_help() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["ack", "--help"])
        .env("MUSSIKON_JWT_SECRET", "do-not-print-this")
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("MUSSIKON_JWT_SECRET"), "{out}");
    assert!(!out.contains("do-not-print-this"), "{out}");
}

/// What is wrong with the hub is said before the reference is measured, which takes its time.
#[test]
fn a_hub_that_is_not_there_is_said_at_once() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let nobody = format!("nobody answers at {closed}: Connection refused");
    let cases: [(&[&str], &str); 5] = [
        (&[], "name the hub with --spawn PATH or --target URL"),
        (&["--target", &closed], "--target needs --secret or --token"),
        (&["--target", &closed, "--token", "any"], &nobody),
        (
            &["--target", "nonsense", "--token", "any"],
            "nonsense is not an http:// address",
        ),
        (
            &["--spawn", "./no-hub"],
            "cannot start ./no-hub: No such file",
        ),
    ];
    let commands: [&[&str]; 10] = [
        &["fanout"],
        &["rooms"],
        &["ack"],
        &["idle"],
        &["evening"],
        &["inbox"],
        &["requests"],
        &["reconnect"],
        &["capacity", "rooms"],
        &["all"],
    ];
    for command in commands {
        for (options, because) in cases {
            let error = refused(&[command, options].concat(), because);
            assert!(!error.contains("L1: "), "{command:?} {options:?}: {error}");
        }
    }
}
