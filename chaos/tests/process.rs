//! A child process is seen, steered and ended by what tests use, and never outlives them. Stands in for a hub with a few
//! lines of shell that keep the hub's contract: announce an address, drain on SIGTERM.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chaos::hub::{HubError, HubProcess, HubSpec, start_all};
use chaos::process::{ProcessError, StartError, was_killed};
use tokio::time::Instant;

const SOON: Duration = Duration::from_secs(10);

/// A program that says where it listens, then lives until it is told to end.
const HUB: &str = r#"
trap 'echo drained; exit 0' TERM
echo "INFO listening on http://$MUSSIKON_LISTEN"
echo "started with $MUSSIKON_DATA_DIR" >&2
while :; do sleep 0.02; done
"#;

fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn is_alive(id: u32) -> bool {
    // A zombie has ended; it only waits for someone to ask.
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .starts_with(" Z")
    })
}

fn state(id: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap()[..1].to_owned()
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn a_hub_starts_pauses_drains_and_starts_again_on_its_port() {
    let folder = tempfile::tempdir().unwrap();
    let spec = HubSpec::new(program(folder.path(), HUB), folder.path().join("hub"));
    let mut hub = HubProcess::start(spec).await.unwrap();
    let url = hub.url();
    assert!(
        hub.logs().contains(&format!("on {url}\n")),
        "{}",
        hub.logs()
    );
    assert!(hub.logs().contains("hub/data"), "{}", hub.logs());
    assert!(hub.rss_bytes().unwrap() > 100_000);

    let id = hub.id().unwrap();
    hub.pause().unwrap();
    eventually("it is paused", || state(id) == "T");
    hub.resume().unwrap();
    eventually("it goes on", || state(id) != "T");

    assert!(hub.terminate(SOON).await.unwrap().success());
    assert!(!is_alive(id));
    assert!(hub.logs().contains("drained"), "{}", hub.logs());
    assert!(matches!(
        hub.pause(),
        Err(ProcessError::NotRunning("the hub"))
    ));

    hub.restart().await.unwrap();
    assert_eq!(hub.url(), url);
    let id = hub.id().unwrap();
    hub.kill();
    assert!(!is_alive(id));
    hub.restart().await.unwrap();
    let id = hub.id().unwrap();
    drop(hub);
    assert!(!is_alive(id));
}

#[tokio::test]
async fn several_hubs_have_their_own_ports_and_a_restart_may_change_the_variables() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(folder.path(), &format!("echo mode $MODE\n{HUB}"));
    let spec = |n: u8| HubSpec::new(&program, folder.path().join(n.to_string()));
    let mut hubs = start_all((0..3).map(spec)).await.unwrap();
    let mut urls: Vec<String> = hubs.iter().map(HubProcess::url).collect();
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), 3);
    hubs[0]
        .spec_mut()
        .variables
        .push(("MODE".into(), "new".into()));
    hubs[0].restart().await.unwrap();
    assert!(hubs[0].logs().contains("mode new"), "{}", hubs[0].logs());
}

#[tokio::test]
async fn a_start_that_fails_shows_what_the_hub_said() {
    let folder = tempfile::tempdir().unwrap();
    let ending = program(folder.path(), "echo 'no secret given' >&2; exit 3");
    let spec = HubSpec::new(ending, folder.path().join("hub"));
    match HubProcess::start(spec).await.unwrap_err() {
        HubError::Start(StartError::Ended { status, logs, .. }) => {
            assert_eq!(status.code(), Some(3));
            assert!(logs.contains("no secret given"), "{logs}");
        }
        other => panic!("{other}"),
    }

    let silent = program(folder.path(), "echo 'thinking'; exec sleep 60");
    let mut spec = HubSpec::new(silent, folder.path().join("hub"));
    spec.start_within = Duration::from_millis(200);
    let error = HubProcess::start(spec).await.unwrap_err();
    assert!(
        matches!(error, HubError::Start(StartError::Silent { .. })),
        "{error}"
    );
    assert!(error.to_string().contains("thinking"), "{error}");
}

#[tokio::test]
async fn a_hub_that_ignores_the_request_to_drain_is_killed_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = HUB.replace("trap 'echo drained; exit 0' TERM", "trap '' TERM");
    let spec = HubSpec::new(program(folder.path(), &deaf), folder.path().join("hub"));
    let mut hub = HubProcess::start(spec).await.unwrap();
    let id = hub.id().unwrap();
    let error = hub.terminate(Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, ProcessError::Lingers { .. }), "{error}");
    assert!(!is_alive(id));
}

/// The variable under which this test program finds itself started as the process that is to be killed.
const VICTIM: &str = "CHAOS_TEST_VICTIM";

#[tokio::test]
async fn a_hub_dies_with_a_test_process_that_is_killed() {
    if let Ok(folder) = std::env::var(VICTIM) {
        let folder = PathBuf::from(folder);
        let spec = HubSpec::new(program(&folder, HUB), folder.join("hub"));
        let hub = HubProcess::start(spec).await.unwrap();
        fs::write(folder.join("id.partial"), hub.id().unwrap().to_string()).unwrap();
        fs::rename(folder.join("id.partial"), folder.join("id")).unwrap();
        std::future::pending::<()>().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_hub_dies_with_a_test_process_that_is_killed"])
        .env(VICTIM, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the hub of the other test process runs", || {
        folder.path().join("id").exists()
    });
    let id: u32 = fs::read_to_string(folder.path().join("id"))
        .unwrap()
        .parse()
        .unwrap();
    assert!(is_alive(id));
    victim.kill().unwrap();
    assert!(was_killed(victim.wait().unwrap()));
    eventually("the hub is gone", || !is_alive(id));
}
