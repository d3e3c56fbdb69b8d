//! A disk that fails to sync: `strace` lets every sync of the running hub fail with EIO until one has.

use std::fs;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;

use super::probe::{ANSWER, Said, metric, rest_of, send, standing, until};
use super::{Carried, Scene};
use crate::debian::{find, unpacked};
use crate::member::now;
use crate::process::{Launch, Process};
use crate::provision::{ProvisionError, on_path};
use crate::suite::detect::Standing;
use crate::suite::error::SiteError;
use crate::suite::format::Check;
use crate::suite::site::Site;

/// How long the hub may take to meet a failed sync: it syncs many times a second.
const MET: Duration = Duration::from_secs(10);
/// Until answers that were on their way are there.
const SETTLED: Duration = Duration::from_millis(300);
const REMEDY: &str = "install strace (Debian: strace), or let apt-get reach its package index";

/// The program: on PATH, or from its Debian package.
pub(super) fn provide(build: &Path) -> Result<PathBuf, ProvisionError> {
    let found = match on_path("strace") {
        Some(path) => Some(path),
        None => find(&unpacked(build, "strace", REMEDY)?, "strace"),
    };
    found.ok_or(ProvisionError::Missing {
        program: "strace",
        remedy: REMEDY,
    })
}

/// Lets syncs fail until the hub has met one, watches what it does, and starts it again.
pub(super) async fn fail(
    site: &mut Site<'_>,
    scene: &Scene<'_>,
    hub: usize,
    millis: u64,
) -> Result<Carried, SiteError> {
    let strace = scene.kit.strace.as_deref();
    let strace = strace.ok_or(SiteError::Kit("a program that fails syncs"))?;
    let tracer = attach(strace, site, hub).await?;
    let broken = async || {
        let value = metric(site, hub, "mussikon_journal_broken").await;
        value.filter(|value| *value == 1.0)
    };
    let broken = until(MET, broken).await;
    let in_force = now();
    drop(tracer);
    let mut checks = vec![Check::new(
        "the hub notices a failed sync: mussikon_journal_broken is 1",
        broken.map_or("it stayed 0", |_| "it was"),
        broken.is_some(),
    )];
    sleep(SETTLED).await;
    let before = scene.history.acknowledged();
    let unready = async || (standing(site, hub).await == Standing::Unready).then_some(());
    let unready = until(Duration::from_secs(3), unready).await;
    checks.push(Check::new(
        "/health/ready says no within 3 s",
        unready.map_or("it did not", |()| "it did"),
        unready.is_some(),
    ));
    let user = "sync-probe";
    let settings = (site.connect())(user, hub);
    let said = send(&settings, user, &scene.rooms[0], scene.history, ANSWER).await;
    checks.push(Check::new(
        "a message is refused with a typed error",
        format!("{said:?}"),
        matches!(said, Said::Refused(_)),
    ));
    rest_of(millis, in_force).await;
    let acknowledged = scene.history.acknowledged() - before;
    checks.push(Check::new(
        "nothing is acknowledged after a failed sync, though syncs would go well again",
        format!("{acknowledged} messages were"),
        acknowledged == 0,
    ));
    // By design: only a store that is opened anew knows again what is on the disk.
    site.process_mut(hub).restart().await?;
    Ok(Carried::seen(in_force, checks))
}

/// Attached until it is dropped.
async fn attach(strace: &Path, site: &Site<'_>, hub: usize) -> Result<Process, SiteError> {
    let process = site.process(hub);
    let id = process.id().ok_or(SiteError::Kit("a running hub"))?;
    let pid = id.to_string();
    let launch = Launch {
        name: "strace",
        program: strace.to_owned(),
        arguments: ["-f", "-q", "-p", &pid, "-e", "trace=fsync,fdatasync"]
            .into_iter()
            .chain(["-e", "inject=fsync,fdatasync:error=EIO"])
            .map(Into::into)
            .collect(),
        folder: process.folder().join("strace"),
        variables: Vec::new(),
        start_within: Duration::from_secs(10),
    };
    let attached = || ready(is_traced(id).then_some(()));
    Ok(Process::start(&launch, attached).await?.0)
}

/// Whether every thread of a process is traced.
fn is_traced(id: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{id}/task")) else {
        return false;
    };
    threads.filter_map(Result::ok).all(|thread| {
        let status = fs::read_to_string(thread.path().join("status"));
        // A thread that has just ended is no matter.
        status.is_ok_and(|status| tracer(&status) != Some(0))
    })
}

fn tracer(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|l| l.strip_prefix("TracerPid:"));
    line?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracer_is_read_from_the_status_and_nobody_traces_us() {
        assert_eq!(tracer("Name:\thub\nTracerPid:\t17\n"), Some(17));
        assert_eq!(tracer("Name:\thub\n"), None);
        assert!(!is_traced(std::process::id()));
    }
}
