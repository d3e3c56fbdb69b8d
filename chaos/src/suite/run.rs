//! One run from its start to its report.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::plan::{Plan, Scenario, Step, plan};
use super::site::{Site, SiteError, SiteSpec};
use super::workload::{Outcome, Workload, WorkloadError, WorkloadSpec};
use crate::check::{Resets, check};
use crate::history::History;

/// Records that a run may make.
const RECORDS: usize = 4_000_000;
/// Violations that a report names.
const NAMED: usize = 20;
/// Acknowledgements that must come after the last fault.
const AFTERWARDS: usize = 100;

/// What a run found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every promise was kept.
    Kept,
    /// At least one was broken.
    Broken,
}

/// A run as a record. Times are in milliseconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The judgement.
    pub verdict: Verdict,
    /// The kind of trouble.
    pub scenario: Scenario,
    /// What decided the plan.
    pub seed: u64,
    /// Number of hubs.
    pub hubs: usize,
    /// Faults that were carried out.
    pub faults: Vec<Step>,
    /// Messages acknowledged.
    pub acknowledged: usize,
    /// Attempts whose answer was lost.
    pub unanswered: usize,
    /// The longest time without any acknowledgement.
    pub longest_silence_millis: u64,
    /// From the last fault's end until every reader had everything.
    pub caught_up_in_millis: Option<u64>,
    /// How often the readers connected, all together.
    pub connections: usize,
    /// Why the traffic did not come to an end, if it did not.
    pub stuck: Option<String>,
    /// How many promises were broken.
    pub violations: usize,
    /// The first of them.
    pub first_violations: Vec<String>,
    /// Where everything that the clients saw was written, if something is wrong.
    pub history: Option<PathBuf>,
}

/// Why there is no report.
#[derive(Debug, Error)]
pub enum RunError {
    /// Processes could not be started, signalled or ended.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The traffic could not begin.
    #[error("the traffic could not begin: {0}")]
    Traffic(WorkloadError),
    /// The history could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Starts a site, lets traffic and faults loose on it, heals, and judges.
pub async fn run(
    spec: &SiteSpec,
    from: &Plan,
    traffic: WorkloadSpec,
) -> Result<(Report, String), RunError> {
    let mut site = Site::start(spec).await?;
    let history = History::new(RECORDS);
    let workload = Workload::start(traffic, site.connect(), history.clone()).await;
    let workload = workload.map_err(RunError::Traffic)?;
    let (silence, longest) = watch::channel(Duration::ZERO);
    let watching = tokio::spawn(watch_silence(history.clone(), silence));
    let steps = plan(from);
    let disturbed = disturb(&mut site, &steps).await;
    let ended = finish(workload).await;
    watching.abort();
    disturbed?;

    let resets = match from.scenario {
        // Readers know more than a store that went back.
        Scenario::StaleData => Resets::Allowed,
        _ => Resets::Forbidden,
    };
    let violations = check(&history, resets);
    let (stuck, outcome) = match ended {
        Ok(outcome) => (None, Some(outcome)),
        Err(error) => (Some(error.to_string()), None),
    };
    let broken = stuck.is_some() || !violations.is_empty();
    let kept = if broken {
        Some(keep(&history, spec)?)
    } else {
        None
    };
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let senders = outcome.as_ref().map(|o| o.senders.as_slice());
    let report = Report {
        verdict: if broken {
            Verdict::Broken
        } else {
            Verdict::Kept
        },
        scenario: from.scenario,
        seed: from.seed,
        hubs: spec.hubs,
        faults: steps,
        acknowledged: history.acknowledged(),
        unanswered: senders
            .unwrap_or_default()
            .iter()
            .map(|s| s.unanswered)
            .sum(),
        longest_silence_millis: millis(*longest.borrow()),
        caught_up_in_millis: outcome.as_ref().map(|o| millis(o.caught_up_in)),
        connections: outcome.map_or(0, |o| o.connections.iter().sum()),
        stuck,
        violations: violations.len(),
        first_violations: violations
            .iter()
            .take(NAMED)
            .map(ToString::to_string)
            .collect(),
        history: kept,
    };
    Ok((report, site.logs()))
}

async fn disturb(site: &mut Site, steps: &[Step]) -> Result<(), SiteError> {
    let began = Instant::now();
    for step in steps {
        sleep_until(began + Duration::from_millis(step.at_millis)).await;
        site.carry_out(step.fault).await?;
    }
    Ok(())
}

/// Traffic must go on after the last fault, and come to its end.
async fn finish(workload: Workload) -> Result<Outcome, WorkloadError> {
    let enough = workload.acknowledged() + AFTERWARDS;
    workload.until_acknowledged(enough).await?;
    workload.finish().await
}

fn keep(history: &History, spec: &SiteSpec) -> Result<PathBuf, RunError> {
    let path = spec.folder.join("history.jsonl");
    match std::fs::write(&path, history.to_lines()) {
        Ok(()) => Ok(path),
        Err(source) => Err(RunError::Write { path, source }),
    }
}

/// Keeps the longest time in which nothing was acknowledged.
async fn watch_silence(history: History, longest: watch::Sender<Duration>) {
    let (mut count, mut since) = (history.acknowledged(), Instant::now());
    loop {
        sleep(Duration::from_millis(10)).await;
        let now = history.acknowledged();
        if now == count {
            longest.send_if_modified(|longest| {
                let longer = since.elapsed() > *longest;
                *longest = since.elapsed().max(*longest);
                longer
            });
        } else {
            (count, since) = (now, Instant::now());
        }
    }
}
