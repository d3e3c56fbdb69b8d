//! The command line: what is wrong with a deployment's file, and what it does not allow, is told before anything is done; and
//! what could not be run, with the command for another try.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs a scenario with this file.
fn asked(scenario: &str, text: &str) -> (Output, String) {
    told(&["run", scenario], text)
}

/// Gives a command this file.
fn told(command: &[&str], text: &str) -> (Output, String) {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("site.toml");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(command)
        .arg("--deployment")
        .arg(&file)
        .arg("--folder")
        .arg(folder.path().join("chaos"))
        .arg("--report")
        .arg(folder.path().join("report.json"))
        .env("CHAOS_TEST_SECRET", "s".repeat(32))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!folder.path().join("report.json").exists());
    (output, said)
}

const SITE: &str = r#"secret_env = "CHAOS_TEST_SECRET"
[[hub]]
name = "only"
url = "http://127.0.0.1:1"
hurt = ["pause"]
pid = 1
"#;

#[test]
fn a_scenario_that_is_not_allowed_is_refused_with_what_it_needs() {
    for (scenario, needed) in [
        ("kill-hub", "`kill`"),
        ("rolling-restart", "`restart`"),
        ("kill-cql", "[[cql]]"),
        ("partition", "partition needs"),
    ] {
        let (output, said) = asked(scenario, SITE);
        assert_eq!(output.status.code(), Some(2), "{said}");
        let named = said.contains(scenario) && said.contains(needed) && said.contains("site.toml");
        assert!(named, "{said}");
    }
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_line_and_key() {
    let (output, said) = asked("kill-hub", &SITE.replace("pid = 1", "pdi = 1"));
    assert_eq!(output.status.code(), Some(2), "{said}");
    let named = said.contains("site.toml") && said.contains("line 6") && said.contains("pdi");
    assert!(named, "{said}");
    let (output, said) = asked(
        "kill-hub",
        &SITE.replace("CHAOS_TEST_SECRET", "CHAOS_TEST_NONE"),
    );
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("CHAOS_TEST_NONE"), "{said}");
}

#[test]
fn commands_that_would_start_hubs_of_their_own_take_no_deployment() {
    for command in [
        &["all"][..],
        &["run", "all"],
        &["up"],
        &["plan", "kill-hub"],
    ] {
        let (output, said) = told(command, SITE);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--deployment"), "{said}");
    }
}

#[test]
fn an_experiment_that_could_not_be_run_names_the_command_with_what_was_demanded() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let report = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(["run", "kill-hub", "--seed", "3", "--hub", "/bin/false"])
        .args(["--demand", "send=99", "--demand", "all.uptime=95"])
        .arg("--folder")
        .arg(folder.path().join("chaos"))
        .arg("--report")
        .arg(&report)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let again = "cargo chaos run kill-hub --topology single --seed 3 --seconds 20 --longest-pause 20 --hub /bin/false \
                 --demand send=99 --demand all.uptime=95";
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.lines()
            .any(|line| line.trim() == format!("again: {again}")),
        "{told}"
    );
    let report = std::fs::read_to_string(report).unwrap();
    let report = chaos::suite::SuiteReport::read(&report).unwrap();
    assert_eq!(report.not_run[0].command, again);
}
