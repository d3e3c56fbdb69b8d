//! Deploy and rollback as drills: many users in rooms while one hub after the other gets another program.

mod client;
mod crowd;
mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thiserror::Error;
use tokio::time::{sleep, timeout};

use self::client::Life;
use self::crowd::Crowd;
pub use self::report::{DrillKind, DrillReport, NodeTimes, Spread, Users};
use super::around::Build;
use super::error::SiteError;
use super::format::Verdict;
use super::ground::Ground;
use super::measure::{Availability, millis};
use super::report::{KeepError, keep};
use super::servers::Servers;
use super::site::{Site, SiteSpec};
use super::topology::Topology;
use super::versions::Versions;
use crate::check::{Resets, check};
use crate::history::History;
use crate::member::now;
use crate::shell;

/// How long everybody may take to come in, to get the last answers, and to read to the end.
const PATIENCE: Duration = Duration::from_secs(120);
/// A hub must be ready and known within this.
const READY: Duration = Duration::from_secs(120);
/// Traffic before the first hub is touched, and after the last one.
const QUIET: Duration = Duration::from_secs(5);
/// Files that are open beside the users' connections.
const FILES: u64 = 512;
/// Violations that a report names.
const NAMED: usize = 20;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct DrillSpec {
    /// Which way.
    pub kind: DrillKind,
    /// How many users.
    pub clients: usize,
    /// In how many rooms.
    pub rooms: usize,
    /// Between two messages of a user.
    pub pace: Duration,
}

/// Why there is no report.
#[derive(Debug, Error)]
pub enum DrillError {
    /// Processes could not be started, signalled or ended.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// There must be a user and a room, and hubs to go on while one is away.
    #[error("a drill needs {0}")]
    Needs(String),
    /// A room could not be made.
    #[error("room {room}: {reason}")]
    Room {
        /// Which.
        room: String,
        /// What the hub said.
        reason: String,
    },
    /// Not everybody came in.
    #[error("{joined} of {clients} users came in within {PATIENCE:?}\n{logs}")]
    Absent {
        /// Those that did.
        joined: usize,
        /// All.
        clients: usize,
        /// The ends of the hubs' logs.
        logs: String,
    },
    /// The history could not be written.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// A user's task ended before its time.
    #[error("a user was cut short: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Starts a site with the build that it is to be left from, lets everybody in, changes one hub after the other, and judges.
/// `site.hub` is the old build and `site.next` the next one. Also answers the ends of the logs.
pub async fn drill(
    spec: &DrillSpec,
    site: &SiteSpec,
    servers: Option<&mut Servers>,
) -> Result<(DrillReport, String), DrillError> {
    spec.check(site.topology)?;
    let next = site.next.clone().ok_or(SiteError::NoNext)?;
    let versions = Versions::of(&site.hub, &next)?;
    let (start, build) = match spec.kind {
        DrillKind::Deploy => (site.hub.clone(), Build::Next),
        DrillKind::Rollback => (next.clone(), Build::Old),
    };
    let started = at(site, start);
    let mut running = Site::start(&started, servers).await?;
    // The site was started with another build than its spec calls the old one.
    running.versions = Some(versions.clone());
    let crowd = Crowd::enter(spec, &running).await?;
    sleep(QUIET).await;
    let begun = now();
    let changed = change_all(&mut running, build).await?;
    let over = now();
    sleep(QUIET).await;
    let history = crowd.common.history.clone();
    let ended = crowd.finish().await?;
    let report = judge(
        spec,
        site,
        &history,
        (begun, over),
        changed,
        ended,
        versions,
    )?;
    Ok((report, running.logs()))
}

/// The site as it is at the start.
fn at(site: &SiteSpec, hub: PathBuf) -> SiteSpec {
    let mut started = site.clone();
    started.hub = hub;
    started.next = None;
    // All users come from one address, and all of a hub's users come back at once.
    let lifted = ("MUSSIKON_GATEWAY__HANDSHAKES_PER_SECOND", "0");
    started
        .variables
        .push((lifted.0.to_owned(), lifted.1.to_owned()));
    started
}

/// Changes one hub after the other. Ends early, with what went wrong, if one does not become ready.
async fn change_all(
    site: &mut Site<'_>,
    build: Build,
) -> Result<(Vec<NodeTimes>, Option<String>), SiteError> {
    let mut nodes = Vec::new();
    for hub in 0..site.hubs.len() {
        let begun = now();
        let left = site.upgrade(hub, build).await?;
        let listens = now();
        let known = timeout(READY, site.until_known()).await;
        nodes.push(NodeTimes {
            hub,
            drain_millis: millis(left.duration_since(begun)),
            start_millis: millis(listens.duration_since(left)),
            ready_millis: millis(listens.elapsed()),
        });
        if known.is_err() {
            let why = site.unready().await.unwrap_or_default();
            return Ok((
                nodes,
                Some(format!("hub {hub} was not ready within {READY:?}: {why}")),
            ));
        }
    }
    Ok((nodes, None))
}

fn judge(
    spec: &DrillSpec,
    site: &SiteSpec,
    history: &History,
    (begun, over): (Instant, Instant),
    (nodes, halted): (Vec<NodeTimes>, Option<String>),
    (lives, stuck): (Vec<Life>, Option<String>),
    versions: Versions,
) -> Result<DrillReport, DrillError> {
    let violations = check(history, Resets::Forbidden);
    let stuck = halted.or(stuck);
    let broken = stuck.is_some() || !violations.is_empty();
    let (took, aim) = (over.duration_since(begun), spec.kind.aim());
    Ok(DrillReport {
        drill: spec.kind,
        verdict: if broken {
            Verdict::Broken
        } else {
            Verdict::Kept
        },
        topology: site.topology,
        clients: spec.clients,
        rooms: spec.rooms,
        took_millis: millis(took),
        aim_millis: millis(aim),
        aim_met: took < aim && nodes.len() == site.topology.hubs(),
        nodes,
        users: Users::of(&lives),
        availability: Availability::of(&history.attempts.all(), begun, over),
        stuck,
        violations: violations.len(),
        first_violations: violations
            .iter()
            .take(NAMED)
            .map(ToString::to_string)
            .collect(),
        history: broken.then(|| keep(history, &site.folder)).transpose()?,
        command: spec.command(site, &versions),
        versions,
    })
}

impl DrillSpec {
    /// Whether a drill can be made of it; also lets this process and its children open as many files as it takes.
    pub fn check(&self, topology: Topology) -> Result<(), DrillError> {
        if self.clients == 0 || self.rooms == 0 {
            return Err(DrillError::Needs("a user and a room at least".into()));
        }
        if !topology.is_cluster() {
            return Err(DrillError::Needs("a cluster".into()));
        }
        let wanted = u64::try_from(self.clients)
            .unwrap_or(u64::MAX)
            .saturating_add(FILES);
        let limit = getrlimit(Resource::Nofile);
        if limit.current.is_none_or(|current| current >= wanted) {
            return Ok(());
        }
        let raised = Rlimit {
            current: Some(wanted),
            ..limit
        };
        setrlimit(Resource::Nofile, raised).map_err(|_| {
            DrillError::Needs(format!("{wanted} open files: raise the limit (ulimit -n)"))
        })
    }

    fn command(&self, site: &SiteSpec, versions: &Versions) -> String {
        let kind = match self.kind {
            DrillKind::Deploy => "deploy",
            DrillKind::Rollback => "rollback",
        };
        format!(
            "cargo chaos drill {kind} --topology {} --clients {} --rooms {} --pace-ms {} --hub {} --next {}",
            site.topology.name(),
            self.clients,
            self.rooms,
            self.pace.as_millis(),
            shell::word(&versions.old.program),
            shell::word(&versions.next.program),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::versions::Version;
    use super::*;

    fn spec(clients: usize, rooms: usize) -> DrillSpec {
        DrillSpec {
            kind: DrillKind::Rollback,
            clients,
            rooms,
            pace: Duration::from_secs(1),
        }
    }

    #[test]
    fn what_no_drill_can_be_made_of_is_refused() {
        let needs = |spec: DrillSpec, topology| match spec.check(topology) {
            Err(DrillError::Needs(what)) => what,
            other => panic!("{other:?}"),
        };
        assert!(needs(spec(0, 1), Topology::Cluster).contains("user"));
        assert!(needs(spec(1, 0), Topology::Cluster).contains("room"));
        assert_eq!(needs(spec(1, 1), Topology::Single), "a cluster");
        let files = needs(spec(usize::MAX, 1), Topology::Full);
        assert!(files.contains("ulimit -n"), "{files}");
        assert!(spec(1, 1).check(Topology::Full).is_ok());
    }

    #[test]
    fn the_command_names_both_builds_whichever_way_it_goes() {
        let version = |program: &str| Version {
            version: "hub 1".to_owned(),
            digest: "0".to_owned(),
            program: program.into(),
        };
        let versions = Versions {
            old: version("old/hub"),
            next: version("next/hub"),
        };
        let site = SiteSpec {
            hub: "next/hub".into(),
            folder: "folder".into(),
            topology: Topology::Cluster,
            variables: Vec::new(),
            next: None,
            means: crate::suite::Means::Proxies,
        };
        let command = spec(7, 2).command(&site, &versions);
        let expected = "cargo chaos drill rollback --topology cluster --clients 7 --rooms 2 --pace-ms 1000 \
                        --hub old/hub --next next/hub";
        assert_eq!(command, expected);
    }
}
