//! Memory that is short: a process that takes and touches a bounded amount, in one memory group with the hub where the
//! system lets us make one, so that what it takes is missing there.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::probe::{every_room_goes_on, rest_of};
use super::{Carried, Scene};
use crate::member::now;
use crate::suite::error::SiteError;
use crate::suite::format::Check;
use crate::suite::site::Site;

/// What the group leaves to the hub beside its neighbour: enough to live, and little to cache with.
const LEFT_MEBIBYTES: u64 = 64;
/// How much the hub itself may grow.
const GROWTH_MEBIBYTES: u64 = 128;
/// Where groups are: of the second version, and of the memory controller of the first.
const ROOTS: [(&str, &str); 2] = [
    ("/sys/fs/cgroup", "memory.max"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
];
/// Joins the group, if there is one, then takes and touches memory until the time is over. It ends well only if all that it
/// took was still there then: what was taken passes through at the end, and is counted.
const TAKE: &str = r#"[ -z "$3" ] || echo $$ > "$3/cgroup.procs"
head -c "$1" /dev/zero | tail -c "$1" | { sleep "$2"; [ "$(wc -c)" -eq "$1" ]; }"#;

/// A memory group with the hub in it, which leaves it when this is dropped.
struct Group {
    path: PathBuf,
    home: PathBuf,
    hub: u32,
}

impl Group {
    /// Makes one with this limit and moves the hub into it.
    fn make(hub: u32, mebibytes: u64) -> io::Result<Self> {
        let own = fs::read_to_string(format!("/proc/{hub}/cgroup"))?;
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for (root, limit) in ROOTS {
            let Some(home) = home(&own, root) else {
                continue;
            };
            let path = Path::new(root).join(format!("chaos-{hub}"));
            if let Err(error) = fs::create_dir(&path) {
                last = error;
                continue;
            }
            let group = Self { path, home, hub };
            let bytes = (mebibytes << 20).to_string();
            let limited = fs::write(group.path.join(limit), bytes);
            match limited.and_then(|()| group.take_in(hub)) {
                Ok(()) => return Ok(group),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn take_in(&self, process: u32) -> io::Result<()> {
        fs::write(self.path.join("cgroup.procs"), process.to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A hub that has ended is in no group, and one that cannot be moved keeps the group: neither harms the run.
        let _ = fs::write(self.home.join("cgroup.procs"), self.hub.to_string());
        let _ = fs::remove_dir(&self.path);
    }
}

/// The folder of a process's own group below a root, from its file `cgroup`.
fn home(own: &str, root: &str) -> Option<PathBuf> {
    let is_first = root.ends_with("/memory");
    let line = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let fits = match is_first {
            true => controllers.split(',').any(|name| name == "memory"),
            false => number == "0" && controllers.is_empty(),
        };
        fits.then_some(path)
    })?;
    Some(Path::new(root).join(line.trim_start_matches('/')))
}

/// A process that takes memory.
fn neighbour(mebibytes: u64, seconds: u64, group: &OsStr) -> Command {
    let mut neighbour = Command::new("/bin/sh");
    neighbour
        .args(["-c", TAKE, "neighbour"])
        .arg((mebibytes << 20).to_string())
        .arg(seconds.to_string())
        .arg(group)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    neighbour
}

/// Takes memory for a while.
pub(super) async fn press(
    site: &mut Site<'_>,
    scene: &Scene<'_>,
    hub: usize,
    mebibytes: u64,
    millis: u64,
) -> Result<Carried, SiteError> {
    let id = site.process(hub).id();
    let id = id.ok_or(SiteError::Kit("a running hub"))?;
    let before = site.process(hub).rss_bytes()?;
    let group = Group::make(id, mebibytes + LEFT_MEBIBYTES);
    let seconds = millis.div_ceil(1000).max(1);
    let path = group.as_ref().map(|group| group.path.as_os_str()).ok();
    let mut neighbour = neighbour(mebibytes, seconds, path.unwrap_or_default()).spawn()?;
    let in_force = now();
    rest_of(millis, in_force).await;
    let after = site.process(hub).rss_bytes()?;
    // It ends by itself with its time.
    let ended = timeout(Duration::from_secs(seconds + 5), neighbour.wait()).await;
    let where_to = match &group {
        Ok(_) => "in one memory group with the hub".to_owned(),
        Err(error) => format!("beside the hub: no memory group can be made ({error})"),
    };
    let (pressed, pressed_on) = match ended {
        Ok(status) if status.as_ref().is_ok_and(ExitStatus::success) => (where_to, true),
        Ok(_) => (
            format!("{where_to}; it lost its memory before the end"),
            false,
        ),
        Err(_) => ("it did not end".to_owned(), false),
    };
    drop(group);
    let lives = site.process_mut(hub).ended()?.is_none();
    if !lives {
        site.process_mut(hub).restart().await?;
    }
    let over = now();
    let attempts = scene.history.attempts.since(in_force);
    let grown = after.saturating_sub(before) >> 20;
    let checks = vec![
        Check::new(
            format!("a neighbour takes {mebibytes} MiB, keeps them to the end and ends in time"),
            pressed,
            pressed_on,
        ),
        Check::new(
            "the hub lives on",
            if lives { "it does" } else { "it was ended" },
            lives,
        ),
        Check::new(
            format!("the hub grows by at most {GROWTH_MEBIBYTES} MiB"),
            format!("from {} to {} MiB", before >> 20, after >> 20),
            grown <= GROWTH_MEBIBYTES,
        ),
        every_room_goes_on(&attempts, scene.rooms, in_force, over),
    ];
    Ok(Carried::seen(in_force, checks).while_others_go_on(in_force, over))
}

#[cfg(test)]
mod tests {
    use super::super::probe::until;
    use super::*;

    #[tokio::test]
    async fn a_neighbour_ends_well_only_if_it_kept_its_memory_to_the_end() {
        let kept = neighbour(4, 0, OsStr::new("")).status().await.unwrap();
        assert!(kept.success());
        let mut short = neighbour(4, 1, OsStr::new("")).spawn().unwrap();
        let id = short.id().unwrap();
        let children = format!("/proc/{id}/task/{id}/children");
        let holder = until(Duration::from_secs(20), async || {
            let children = fs::read_to_string(&children).ok()?;
            let mut children = children.split_whitespace();
            let name = |child: &str| fs::read_to_string(format!("/proc/{child}/comm"));
            let holder = children.find(|child| name(child).is_ok_and(|n| n.trim() == "tail"));
            holder.map(str::to_owned)
        });
        let holder = holder.await.unwrap();
        let mut killing = Command::new("/bin/sh");
        killing.args(["-c", "kill -9 $0", &holder]);
        assert!(killing.status().await.unwrap().success());
        assert!(!short.wait().await.unwrap().success());
    }

    #[test]
    fn a_process_goes_back_to_the_group_that_it_came_from() {
        let first = "5:cpuset:/\n4:memory:/some/place\n0::/\n";
        let [second_root, first_root] = ROOTS.map(|(root, _)| root);
        let expected = Some(Path::new(first_root).join("some/place"));
        assert_eq!(home(first, first_root), expected);
        assert_eq!(home(first, second_root), Some(PathBuf::from(second_root)));
        assert_eq!(home("0::/here\n", first_root), None);
        let expected = Some(Path::new(second_root).join("here"));
        assert_eq!(home("0::/here\n", second_root), expected);
    }
}
