//! One run from its start to its report.

use std::path::Path;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until, timeout};

use super::alone::{Carried, Kit, Scene};
use super::converge::{Caught, catch_up};
use super::error::SiteError;
use super::fault::Fault;
use super::findings::Findings;
use super::format::Report;
use super::ground::{Ground, Unasked};
use super::measure::served_again;
use super::plan::{Plan, Step, plan};
use super::report::{Deed, KeepError, Observed};
use super::servers::Servers;
use super::site::{Site, SiteSpec};
use super::steady::{Unsteady, until_steady};
use super::visitors::{Visited, Visitors};
use super::watch::Watcher;
use super::workload::{Outcome, Workload, WorkloadError, WorkloadSpec};
use crate::history::History;
use crate::member::now;

/// Records that a run may make.
const RECORDS: usize = 4_000_000;
/// Links that went dead without a word are noticed by clients after so long, at the latest.
const UNNOTICED: Duration = Duration::from_secs(5);
/// Between two looks at rooms that are to be served again.
const LOOK: Duration = Duration::from_millis(50);
/// Acknowledgements that must come after the last fault.
const AFTERWARDS: usize = 100;

/// Why there is no report.
#[derive(Debug, Error)]
pub enum RunError {
    /// Processes could not be started, signalled or ended.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The traffic could not begin.
    #[error("the traffic could not begin: {0}")]
    Traffic(WorkloadError),
    /// The state before the first fault was not one to judge faults by.
    #[error("no steady state before the first fault: {unsteady}\n{logs}")]
    Unsteady {
        /// What was wrong.
        unsteady: Unsteady,
        /// The ends of the hubs' logs.
        logs: String,
    },
    /// The history could not be written.
    #[error(transparent)]
    Keep(#[from] KeepError),
}

/// Starts a site, waits for a steady state, lets faults loose on it, heals, and judges. Also answers the ends of the logs.
pub async fn run(
    spec: &SiteSpec,
    from: &Plan,
    traffic: WorkloadSpec,
    servers: Option<&mut Servers>,
) -> Result<(Report, String), RunError> {
    let kit = Kit::provide(from.scenario, spec).await?;
    let mut spec = spec.clone();
    spec.variables.extend(kit.variables.iter().cloned());
    let mut site = Site::start(&spec, servers).await?;
    let course = Course {
        folder: &spec.folder,
        from,
        steps: &plan(from),
        kit: &kit,
    };
    run_on(&mut site, &course, traffic).await
}

/// What is done in a run.
pub(super) struct Course<'r> {
    /// Takes what is to be kept of a broken run.
    pub folder: &'r Path,
    pub from: &'r Plan,
    pub steps: &'r [Step],
    pub kit: &'r Kit,
}

/// The same on whatever runs already.
pub(super) async fn run_on(
    site: &mut impl Ground,
    course: &Course<'_>,
    traffic: WorkloadSpec,
) -> Result<(Report, String), RunError> {
    let history = History::new(RECORDS);
    let traffic = traffic.lasting(course.from.length, RECORDS);
    let converge_within = traffic.converge_within;
    let workload = Workload::start(traffic, site.connect(), history.clone()).await;
    let workload = workload.map_err(RunError::Traffic)?;
    let rooms = workload.rooms().to_vec();
    let unasked = site.unasked(&rooms).await;
    let visitors = Visitors::start(site, rooms.clone(), history.clone(), &unasked);
    let steady = until_steady(site, &workload, visitors.tries()).await;
    let steady = steady.map_err(|unsteady| RunError::Unsteady {
        unsteady,
        logs: site.logs(),
    })?;
    let (silence, longest) = watch::channel(Duration::ZERO);
    let watching = tokio::spawn(watch_silence(history.clone(), silence));
    let watcher = Watcher::start(site.places(), &site.signer());
    let mut disturbing = Disturbing {
        site: &mut *site,
        history: &history,
        rooms: &rooms,
        readers: workload.readers(),
        kit: course.kit,
        patience: workload.patience(),
        converge_within,
        deeds: Vec::new(),
    };
    let disturbed = disturbing.carry_out(course.steps, steady).await;
    let deeds = disturbing.deeds;
    // What is stuck already is not waited for again.
    let tries = visitors.tries().clone();
    let (ended, over, visited) = match disturbed? {
        Some(stuck) => (Err(stuck), now(), Visited::default()),
        None => finish(workload, visitors).await,
    };
    watching.abort();
    let observed = Observed {
        deeds,
        rooms,
        steady,
        over,
        ended,
        silence: *longest.borrow(),
        tries: tries.all(),
        looks: watcher.looks(),
        visited,
        converge_within,
        findings: with_notes(site.findings(course.from.scenario), &unasked),
    };
    let report = observed.judge(course.folder, course.from, &history)?;
    Ok((report, site.logs()))
}

/// Faults on their way.
struct Disturbing<'r, G> {
    site: &'r mut G,
    history: &'r History,
    rooms: &'r [String],
    readers: Vec<(String, String)>,
    kit: &'r Kit,
    patience: Duration,
    converge_within: Duration,
    deeds: Vec<Deed>,
}

impl<G: Ground> Disturbing<'_, G> {
    /// Carries the steps out, each at its time and when every room is served again after the one before. Answers what did
    /// not come back.
    async fn carry_out(
        &mut self,
        steps: &[Step],
        began: Instant,
    ) -> Result<Option<WorkloadError>, SiteError> {
        for step in steps {
            sleep_until((began + Duration::from_millis(step.at_millis)).into()).await;
            let leaves = match step.fault {
                Fault::KillHub { hub, .. } => Some(hub),
                other => other.drains(),
            };
            let owned = match leaves {
                Some(hub) => self.site.owned(hub, self.rooms).await,
                None => Vec::new(),
            };
            let begun = now();
            let struck = self.strike(step.fault).await;
            let over = now();
            let (carried, failed) = match struck {
                Ok(carried) => (carried, None),
                // What clients saw until then is judged all the same.
                Err(error) if error.is_of_hub() => (
                    Carried::seen(begun, Vec::new()),
                    Some(WorkloadError::Hub(error.to_string())),
                ),
                Err(error) => return Err(error),
            };
            let healed = match step.fault {
                Fault::HalfOpen { .. } => over + UNNOTICED,
                _ => over,
            };
            // Data that went back may have damaged rooms for good, and the next step is to show it.
            let (stuck, caught, known_again) = match (failed, step.fault) {
                (None, Fault::StaleData) => (None, None, None),
                (None, fault) => self.recover(fault, over, healed).await,
                (failed, _) => (failed, None, None),
            };
            self.deeds.push(Deed {
                step: *step,
                owned,
                begun,
                in_force: carried.in_force,
                over,
                known_again,
                healed,
                checks: carried.checks,
                unhurt: carried.unhurt,
                caught,
            });
            if stuck.is_some() {
                return Ok(stuck);
            }
        }
        Ok(None)
    }

    async fn strike(&mut self, fault: Fault) -> Result<Carried, SiteError> {
        let Fault::Alone(hurt) = fault else {
            let in_force = self.site.carry_out(fault).await?;
            return Ok(Carried::seen(in_force, Vec::new()));
        };
        let scene = Scene {
            history: self.history,
            rooms: self.rooms,
            kit: self.kit,
        };
        self.site.carry_out_alone(hurt, &scene).await
    }

    /// What did not come back: every room is to be served again, and every hub to be ready and known to the others. Also how
    /// the readers came to the head, and how long it took hubs that a fault had separated to know each other.
    async fn recover(
        &self,
        fault: Fault,
        over: Instant,
        healed: Instant,
    ) -> (Option<WorkloadError>, Option<Caught>, Option<Duration>) {
        let catching = catch_up(self.history, &self.readers, healed, self.converge_within);
        let (served, caught, known) =
            tokio::join!(self.is_served_again(over), catching, self.known_again(over));
        let unserved = (!served).then_some(WorkloadError::Late {
            what: "the first acknowledgement in every room after a fault",
            within: self.patience,
        });
        let (unready, known) = match known {
            Ok(time) => (None, Some(time)),
            Err(unready) => (Some(unready), None),
        };
        let separates = matches!(fault, Fault::Around(around) if around.separates());
        // A hub that is missing tells more than a room that it would serve.
        (
            unready.or(unserved),
            Some(caught),
            known.filter(|_| separates),
        )
    }

    /// How long it took from a fault's end until all hubs were ready and known to each other.
    async fn known_again(&self, over: Instant) -> Result<Duration, WorkloadError> {
        let mut reason = "no hub told".to_owned();
        let waiting = async {
            while let Some(wrong) = self.site.unready().await {
                reason = wrong;
                sleep(LOOK).await;
            }
        };
        let within = self.patience;
        let known = timeout(within, waiting).await.is_ok();
        match known {
            true => Ok(over.elapsed()),
            false => Err(WorkloadError::Unready { reason, within }),
        }
    }

    async fn is_served_again(&self, over: Instant) -> bool {
        let attempts = &self.history.attempts;
        let served = async {
            while served_again(&attempts.since(over), self.rooms, over).is_none() {
                sleep(LOOK).await;
            }
        };
        timeout(self.patience, served).await.is_ok()
    }
}

/// Names the classes that nobody was asked for.
fn with_notes(mut findings: Findings, unasked: &[Unasked]) -> Findings {
    let notes = unasked
        .iter()
        .map(|Unasked { class, reason }| format!("class {} is left out: {reason}", class.name()));
    findings.notes.extend(notes);
    findings
}

/// Traffic must go on after the last fault, and come to its end. Also answers when the last fault's time was over.
async fn finish(
    workload: Workload,
    visitors: Visitors,
) -> (Result<Outcome, WorkloadError>, Instant, Visited) {
    let patience = workload.patience();
    let enough = workload.acknowledged() + AFTERWARDS;
    let went_on = workload.until_acknowledged(enough).await;
    // What follows is no traffic any more.
    let over = now();
    if let Err(stuck) = went_on {
        return (Err(stuck), over, Visited::default());
    }
    let (outcome, visited) = tokio::join!(workload.finish(), visitors.finish(patience));
    match (outcome, visited) {
        (Ok(outcome), Ok(visited)) => (Ok(outcome), over, visited),
        (Err(stuck), visited) => (Err(stuck), over, visited.unwrap_or_default()),
        (Ok(_), Err(stuck)) => (Err(stuck), over, Visited::default()),
    }
}

/// Keeps the longest time in which nothing was acknowledged.
async fn watch_silence(history: History, longest: watch::Sender<Duration>) {
    let (mut count, mut since) = (history.acknowledged(), now());
    loop {
        sleep(Duration::from_millis(10)).await;
        let latest = history.acknowledged();
        if latest == count {
            longest.send_if_modified(|longest| {
                let longer = since.elapsed() > *longest;
                *longest = since.elapsed().max(*longest);
                longer
            });
        } else {
            (count, since) = (latest, now());
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
