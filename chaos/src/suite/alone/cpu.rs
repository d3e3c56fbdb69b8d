//! Cores that are busy: loops pinned to those that the hub may use, for a bounded time.

use std::fs;
use std::future::ready;
use std::path::PathBuf;
use std::time::Duration;

use super::probe::{every_room_goes_on, rest_of};
use super::{Carried, Scene};
use crate::member::now;
use crate::process::{Launch, Process};
use crate::provision::{ProvisionError, on_path};
use crate::suite::error::SiteError;
use crate::suite::format::Check;
use crate::suite::site::Site;

const REMEDY: &str = "install taskset (Debian: util-linux)";

/// Keeps the hub's cores busy for a while.
pub(super) async fn press(
    site: &mut Site<'_>,
    scene: &Scene<'_>,
    hub: usize,
    loops: usize,
    millis: u64,
) -> Result<Carried, SiteError> {
    let taskset = on_path("taskset").ok_or(ProvisionError::Missing {
        program: "taskset",
        remedy: REMEDY,
    })?;
    let process = site.process(hub);
    let id = process.id().ok_or(SiteError::Kit("a running hub"))?;
    let cores = cores(&fs::read_to_string(format!("/proc/{id}/status"))?);
    let cores = cores.ok_or(SiteError::Kit("a list of the cores that the hub may use"))?;
    let mut busy = Vec::new();
    for number in 0..loops {
        let folder = process.folder().join(format!("busy-{number}"));
        busy.push(a_loop(taskset.clone(), &cores, folder).await?);
    }
    let in_force = now();
    rest_of(millis, in_force).await;
    // Those that ended by themselves did not press.
    let mut ran = 0;
    for process in &mut busy {
        ran += usize::from(process.ended()?.is_none());
    }
    drop(busy);
    let over = now();
    let attempts = scene.history.attempts.since(in_force);
    let checks = vec![
        Check::new(
            format!("{loops} busy loops run on the hub's cores ({cores})"),
            format!("{ran} did"),
            ran == loops,
        ),
        every_room_goes_on(&attempts, scene.rooms, in_force, over),
    ];
    Ok(Carried::seen(in_force, checks).while_others_go_on(in_force, over))
}

async fn a_loop(taskset: PathBuf, cores: &str, folder: PathBuf) -> Result<Process, SiteError> {
    let arguments = ["-c", cores, "/bin/sh", "-c", "while :; do :; done"];
    let launch = Launch {
        name: "a busy loop",
        program: taskset,
        arguments: arguments.map(Into::into).into(),
        folder,
        variables: Vec::new(),
        start_within: Duration::from_secs(5),
    };
    Ok(Process::start(&launch, || ready(Some(()))).await?.0)
}

/// The cores that a process may use, as a list such as `0-1,4`.
fn cores(status: &str) -> Option<String> {
    let mut lines = status.lines();
    let list = lines.find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    Some(list.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_read_from_the_status() {
        let status = "Cpus_allowed:\t3\nCpus_allowed_list:\t0-1\nMems_allowed:\t1\n";
        assert_eq!(cores(status), Some("0-1".into()));
        assert_eq!(cores("Name:\thub\n"), None);
    }
}
