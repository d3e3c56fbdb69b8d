//! One run from its start to its report.

use std::path::Path;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until, timeout};

use super::error::SiteError;
use super::fault::Fault;
use super::ground::Ground;
use super::measure::served_again;
use super::plan::{Plan, Step, plan};
use super::report::{Deed, KeepError, Observed, Report};
use super::servers::Servers;
use super::site::{Site, SiteSpec};
use super::steady::{Unsteady, until_steady};
use super::workload::{Outcome, Workload, WorkloadError, WorkloadSpec};
use crate::attempts::Attempts;
use crate::history::History;
use crate::member::now;

/// Records that a run may make.
const RECORDS: usize = 4_000_000;
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
    let mut site = Site::start(spec, servers).await?;
    run_on(&mut site, &spec.folder, from, &plan(from), traffic).await
}

/// The same on whatever runs already. What is to be kept of a broken run goes to `folder`.
pub(super) async fn run_on(
    site: &mut impl Ground,
    folder: &Path,
    from: &Plan,
    steps: &[Step],
    traffic: WorkloadSpec,
) -> Result<(Report, String), RunError> {
    let history = History::new(RECORDS);
    let workload = Workload::start(traffic, site.connect(), history.clone()).await;
    let workload = workload.map_err(RunError::Traffic)?;
    let steady = until_steady(site, &workload, &history).await;
    let steady = steady.map_err(|unsteady| RunError::Unsteady {
        unsteady,
        logs: site.logs(),
    })?;
    let (silence, longest) = watch::channel(Duration::ZERO);
    let watching = tokio::spawn(watch_silence(history.clone(), silence));
    let rooms = workload.rooms().to_vec();
    let mut disturbing = Disturbing {
        site: &mut *site,
        attempts: &history.attempts,
        rooms: &rooms,
        patience: workload.patience(),
        deeds: Vec::new(),
    };
    let disturbed = disturbing.carry_out(steps, steady).await;
    let deeds = disturbing.deeds;
    // What is stuck already is not waited for again.
    let ended = match disturbed? {
        Some(stuck) => Err(stuck),
        None => finish(workload).await,
    };
    let over = now();
    watching.abort();
    let observed = Observed {
        deeds,
        rooms,
        steady,
        over,
        ended,
        silence: *longest.borrow(),
        findings: site.findings(from.scenario),
    };
    let report = observed.judge(folder, from, &history)?;
    Ok((report, site.logs()))
}

/// Faults on their way.
struct Disturbing<'r, G> {
    site: &'r mut G,
    attempts: &'r Attempts,
    rooms: &'r [String],
    patience: Duration,
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
            let in_force = self.site.carry_out(step.fault).await?;
            let over = now();
            self.deeds.push(Deed {
                step: *step,
                owned,
                begun,
                in_force,
                over,
                known_again: None,
            });
            // Data that went back may have damaged rooms for good, and the next step is to show it.
            if step.fault != Fault::StaleData && !self.is_served_again(over).await {
                return Ok(Some(WorkloadError::Late {
                    what: "the first acknowledgement in every room after a fault",
                    within: self.patience,
                }));
            }
            if let Fault::Around(around) = step.fault
                && around.separates()
            {
                let known = timeout(self.patience, self.site.until_known()).await;
                let known_again = known.is_ok().then(|| over.elapsed());
                self.deeds
                    .iter_mut()
                    .last()
                    .into_iter()
                    .for_each(|deed| deed.known_again = known_again);
            }
        }
        Ok(None)
    }

    async fn is_served_again(&self, over: Instant) -> bool {
        let served = async {
            while served_again(&self.attempts.since(over), self.rooms, over).is_none() {
                sleep(LOOK).await;
            }
        };
        timeout(self.patience, served).await.is_ok()
    }
}

/// Traffic must go on after the last fault, and come to its end.
async fn finish(workload: Workload) -> Result<Outcome, WorkloadError> {
    let enough = workload.acknowledged() + AFTERWARDS;
    workload.until_acknowledged(enough).await?;
    workload.finish().await
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
