//! Deploy and rollback as drills: many users in rooms while one hub after the other gets another program.

mod client;
mod report;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::client::{Common, Life, User, live};
pub use self::report::{DrillKind, DrillReport, NodeTimes, Spread, Users};
use super::around::Build;
use super::error::SiteError;
use super::ground::Ground;
use super::measure::{Availability, millis};
use super::report::{KeepError, Verdict, keep};
use super::rooms::make_rooms;
use super::servers::Servers;
use super::site::{SECRET, Site, SiteSpec};
use super::topology::Topology;
use super::versions::Versions;
use super::workload::encoding;
use crate::check::{Resets, check};
use crate::client::Settings;
use crate::history::History;
use crate::member::{connected, now};
use crate::token::Claims;

/// Records that a drill may make.
const RECORDS: usize = 4_000_000;
/// Users that connect at once, at the start.
const DOOR: usize = 64;
/// How long everybody may take to come in, to get the last answers, and to read to the end.
const PATIENCE: Duration = Duration::from_secs(120);
/// A hub must be ready and known within this.
const READY: Duration = Duration::from_secs(120);
/// Traffic before the first hub is touched, and after the last one.
const QUIET: Duration = Duration::from_secs(5);
/// Between two looks at anything.
const LOOK: Duration = Duration::from_millis(20);
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

/// All users.
struct Crowd {
    common: Arc<Common>,
    goals: Vec<(Arc<str>, watch::Sender<Option<u64>>)>,
    users: JoinSet<Life>,
    /// How a witness connects.
    witness: Settings,
    clients: usize,
}

impl Crowd {
    /// Makes the rooms and waits until everybody is in one.
    async fn enter(spec: &DrillSpec, site: &Site<'_>) -> Result<Self, DrillError> {
        let urls: Vec<String> = site.hubs.iter().map(|hub| hub.url()).collect();
        let settings = |user: &str, number: usize| {
            let from = number % urls.len();
            let turned = urls[from..].iter().chain(&urls[..from]);
            let mut hubs: VecDeque<String> = turned.map(|url| format!("{url}/hubs/chat")).collect();
            // An unsigned token is refused by the hub, which a drill would show.
            let token = Claims::user(user).role("user").sign(SECRET).ok();
            let first = hubs.pop_front().unwrap_or_default();
            let mut settings = Settings::new(first, encoding(number / urls.len()), token);
            settings.others = hubs;
            settings
        };
        let common = Arc::new(Common {
            history: History::new(RECORDS),
            door: Semaphore::new(DOOR),
            joined: AtomicUsize::new(0),
            quiet: AtomicUsize::new(0),
            stop: watch::Sender::new(false),
        });
        let mut crowd = Self {
            common,
            goals: Vec::new(),
            users: JoinSet::new(),
            witness: settings("owner", 0),
            clients: spec.clients,
        };
        crowd.make_rooms(spec.rooms).await?;
        for number in 0..spec.clients {
            let (room, goal) = &crowd.goals[number % spec.rooms];
            let name = format!("user-{number}");
            let share = u32::try_from(number).unwrap_or(0) % 100;
            let user = User {
                settings: settings(&name, number),
                name,
                room: Arc::clone(room),
                pace: spec.pace,
                first: spec.pace * share / 100,
                goal: goal.subscribe(),
            };
            crowd.users.spawn(live(user, Arc::clone(&crowd.common)));
        }
        let all = spec.clients;
        if !until(|| crowd.common.joined.load(Ordering::Relaxed) >= all).await {
            let joined = crowd.common.joined.load(Ordering::Relaxed);
            return Err(DrillError::Absent {
                joined,
                clients: all,
                logs: site.logs(),
            });
        }
        Ok(crowd)
    }

    async fn make_rooms(&mut self, count: usize) -> Result<(), DrillError> {
        let names: Vec<String> = (0..count).map(|number| format!("room-{number}")).collect();
        let making = make_rooms(&self.witness, names.iter().map(String::as_str));
        let made = timeout(PATIENCE, making).await;
        let failed = |room: &str, reason: String| DrillError::Room {
            room: room.to_owned(),
            reason,
        };
        let made =
            made.map_err(|_| failed("the rooms", format!("not made within {PATIENCE:?}")))?;
        made.map_err(|(room, error)| failed(&room, error.to_string()))?;
        let goals = names
            .iter()
            .map(|room| (room.as_str().into(), watch::Sender::new(None)));
        self.goals = goals.collect();
        Ok(())
    }

    /// Ends the traffic: everybody gets the last answer, and reads to the end.
    async fn finish(mut self) -> Result<(Vec<Life>, Option<String>), DrillError> {
        self.common.stop.send_replace(true);
        let mut stuck = None;
        let common = Arc::clone(&self.common);
        if !until(|| common.quiet.load(Ordering::Relaxed) >= self.clients).await {
            let quiet = common.quiet.load(Ordering::Relaxed);
            stuck = Some(format!(
                "{quiet} of {} users had their last answer within {PATIENCE:?}",
                self.clients
            ));
        }
        let witness = connected(&self.witness).await;
        for (room, goal) in &self.goals {
            let joined = witness.invoke::<Value>("JoinRoom", json!([&**room])).await;
            match joined.map(|summary| summary["head"].as_u64()) {
                Ok(Some(head)) => {
                    goal.send_replace(Some(head));
                }
                Ok(None) => stuck = Some(format!("room {room} has no head")),
                Err(error) => stuck = Some(format!("room {room}: {error}")),
            }
        }
        let mut lives = Vec::new();
        let reading = async {
            while let Some(life) = self.users.join_next().await {
                lives.push(life?);
            }
            Ok::<(), tokio::task::JoinError>(())
        };
        match timeout(PATIENCE, reading).await {
            Ok(read) => read?,
            Err(_) => {
                let read = lives.len();
                stuck = Some(format!(
                    "{read} of {} users read to the end within {PATIENCE:?}",
                    self.clients
                ));
            }
        }
        Ok((lives, stuck))
    }
}

/// Waits until something holds; false if it took too long.
async fn until(holds: impl Fn() -> bool) -> bool {
    let waiting = async {
        while !holds() {
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, waiting).await.is_ok()
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
            versions.old.program.display(),
            versions.next.program.display(),
        )
    }
}
