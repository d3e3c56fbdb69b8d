//! A disk that is full: a small one of its own under the hub's data, and a file that fills it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::time::sleep;

use super::probe::{Said, metric, rest_of, send, standing, until};
use super::{Carried, Scene};
use crate::member::now;
use crate::suite::detect::Standing;
use crate::suite::error::SiteError;
use crate::suite::format::Check;
use crate::suite::site::Site;

/// The size of the disk: room for the traffic of a run, and many times what the hub keeps in reserve.
const MEBIBYTES: u64 = 512;
/// The hub looks at its disk about once a second.
const NOTICED: Duration = Duration::from_secs(5);
/// Until answers that were on their way are there.
const SETTLED: Duration = Duration::from_millis(500);
/// How long a message may wait for its refusal: a hub tries six times, with pauses of up to two seconds.
const REFUSED: Duration = Duration::from_secs(20);

/// A disk in memory, mounted until this is dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    at: PathBuf,
}

impl Disk {
    /// Mounts it on a folder, which is made if need be.
    pub(super) fn mount(at: &Path) -> Result<Self, SiteError> {
        fs::create_dir_all(at)?;
        let size = format!("size={MEBIBYTES}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at);
        let refused = |said: String| SiteError::Needs {
            what: "full-disk mounts a small disk (tmpfs) under the hub's data",
            remedy: "run it as root, or with CAP_SYS_ADMIN; Debian has the program in the package mount",
            said,
        };
        let done = mount.output().map_err(|error| refused(error.to_string()))?;
        match done.status.success() {
            true => Ok(Self { at: at.to_owned() }),
            false => Err(refused(String::from_utf8_lossy(&done.stderr).into_owned())),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a log of a hub that has just been killed may still be open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

/// Unmounts whatever an earlier run, which was killed, left mounted below a folder.
pub fn let_go(folder: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for at in mounted_below(&mounts, folder) {
        let _ = Command::new("umount").arg("--lazy").arg(at).status();
    }
}

/// Mount points below a folder, as the system lists them.
fn mounted_below(mounts: &str, folder: &Path) -> Vec<PathBuf> {
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let points = points.map(PathBuf::from);
    points.filter(|point| point.starts_with(folder)).collect()
}

/// Fills the disk up to so many free mebibytes, looks at what the hub does, and makes room.
pub(super) async fn fill(
    site: &mut Site<'_>,
    scene: &Scene<'_>,
    hub: usize,
    left_mebibytes: u64,
    millis: u64,
) -> Result<Carried, SiteError> {
    if scene.kit.disk.is_none() {
        return Err(SiteError::Kit("a small disk under the hub's data"));
    }
    let filler = site.process(hub).folder().join("data").join("filler");
    write_until(&filler, left_mebibytes)?;
    let in_force = now();
    let mut checks = Vec::new();
    let unwell = async || {
        let seen = standing(site, hub).await;
        (seen != Standing::Ready).then_some(seen)
    };
    let told = until(NOTICED, unwell).await;
    checks.push(Check::new(
        "/health/ready is degraded or says no within 5 s of a full disk",
        told.map_or("it did not", Standing::reported_by),
        told.is_some(),
    ));
    sleep(SETTLED).await;
    let before = scene.history.acknowledged();
    let user = "disk-probe";
    let mut settings = (site.connect())(user, hub);
    settings.silence = REFUSED * 2;
    let asked = now();
    let said = send(&settings, user, &scene.rooms[0], scene.history, REFUSED).await;
    checks.push(Check::new(
        "a message is refused as unavailable within 20 s while the disk is full",
        format!("{said:?} after {} ms", asked.elapsed().as_millis()),
        said == Said::Refused("unavailable".to_owned()),
    ));
    rest_of(millis, in_force).await;
    let acknowledged = scene.history.acknowledged() - before;
    checks.push(Check::new(
        "nothing is acknowledged while writes are refused",
        format!("{acknowledged} messages were"),
        acknowledged == 0,
    ));
    fs::remove_file(&filler)?;
    checks.push(serve_again(site, hub).await?);
    Ok(Carried::seen(in_force, checks))
}

/// With space the hub goes on by itself, unless a write met the full disk half-way: then its store is broken until it is
/// opened again, by design, and the hub is started again as an operator would.
async fn serve_again(site: &mut Site<'_>, hub: usize) -> Result<Check, SiteError> {
    if metric(site, hub, "mussikon_journal_broken").await == Some(1.0) {
        site.process_mut(hub).restart().await?;
        return Ok(Check::new(
            "a store that met the full disk half-way is opened again, and starts",
            "mussikon_journal_broken was 1; the hub was started again",
            true,
        ));
    }
    let ready = async || (standing(site, hub).await == Standing::Ready).then_some(());
    let back = until(NOTICED, ready).await;
    Ok(Check::new(
        "with space the hub is ready again within 5 s, without a restart",
        back.map_or("it was not", |_| "it was"),
        back.is_some(),
    ))
}

/// Writes a file until only so much of its disk is free.
fn write_until(path: &Path, left_mebibytes: u64) -> io::Result<()> {
    const MEBIBYTE: usize = 1 << 20;
    let mut file = File::create(path)?;
    let folder = path.parent().unwrap_or(path);
    let piece = vec![0xa5; MEBIBYTE];
    loop {
        let disk = rustix::fs::statvfs(folder)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let over = free.saturating_sub(left_mebibytes << 20);
        if over == 0 {
            return Ok(());
        }
        let count = usize::try_from(over).unwrap_or(MEBIBYTE).min(MEBIBYTE);
        match file.write(&piece[..count]) {
            Ok(_) => {}
            // Others were quicker: it is full all the same.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_mounted_below_the_folder_is_let_go() {
        let mounts = "tmpfs /a/b/hub-0/data tmpfs rw 0 0\nproc /proc proc rw 0 0\ntmpfs /a/bc tmpfs rw 0 0\n";
        let found = mounted_below(mounts, Path::new("/a/b"));
        assert_eq!(found, [PathBuf::from("/a/b/hub-0/data")]);
    }
}
