//! What a run found: the judgement on its history and the figures from its attempts.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use thiserror::Error;

use super::fault::{Fault, Scenario};
use super::findings::{Findings, Seen};
use super::measure::{
    Availability, Moves, Sample, added_latency, millis, next_acknowledgement, served_again,
};
use super::plan::{Plan, Step};
use super::topology::Topology;
use super::workload::{Outcome, WorkloadError};
use crate::attempts::Attempt;
use crate::check::{Resets, check};
use crate::history::History;

/// Violations that a report names.
const NAMED: usize = 20;

/// What a run found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every promise was kept.
    Kept,
    /// At least one was broken.
    Broken,
}

/// A fault as it was carried out. Times are in milliseconds after the state was found to be steady.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Struck {
    /// What was planned.
    #[serde(flatten)]
    pub step: Step,
    /// When it began.
    pub begun_millis: u64,
    /// When it was over: what was killed runs again, what was paused goes on.
    pub over_millis: u64,
    /// From its end until every room had acknowledged a message that was tried afterwards; none if that never was.
    pub served_again_in_millis: Option<u64>,
}

/// A run as a record. Times are in milliseconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The judgement.
    pub verdict: Verdict,
    /// The kind of trouble.
    pub scenario: Scenario,
    /// What the hubs stood on.
    pub topology: Topology,
    /// What decided the plan.
    pub seed: u64,
    /// Runs it again.
    pub command: String,
    /// Faults that were carried out.
    pub faults: Vec<Struck>,
    /// Messages acknowledged.
    pub acknowledged: usize,
    /// Attempts whose answer was lost.
    pub unanswered: usize,
    /// From the first fault on.
    pub availability: Availability,
    /// Rooms whose hub was killed: from its death to their next acknowledgement.
    pub failovers: Moves,
    /// Rooms whose hub was drained: what the longest wait of a message was above the usual.
    pub handoffs: Moves,
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
    /// What else was found.
    #[serde(flatten)]
    pub findings: Findings,
}

/// The history could not be written.
#[derive(Debug, Error)]
#[error("cannot write {path}: {source}")]
pub struct KeepError {
    /// Where to.
    path: PathBuf,
    /// Why not.
    source: std::io::Error,
}

/// A fault as it was carried out, and the rooms that it drove from their hub.
pub(super) struct Deed {
    pub step: Step,
    pub owned: Vec<String>,
    pub begun: Instant,
    pub in_force: Instant,
    pub over: Instant,
    /// From the end of what separates until all hubs knew each other again.
    pub known_again: Option<Duration>,
}

/// What a run came to.
pub(super) struct Observed {
    pub deeds: Vec<Deed>,
    pub rooms: Vec<String>,
    pub steady: Instant,
    pub over: Instant,
    pub ended: Result<Outcome, WorkloadError>,
    pub silence: Duration,
    pub findings: Findings,
}

impl Observed {
    pub(super) fn judge(
        self,
        folder: &Path,
        from: &Plan,
        history: &History,
    ) -> Result<Report, KeepError> {
        let resets = match from.scenario {
            // Readers know more than a store that went back.
            Scenario::StaleData => Resets::Allowed,
            _ => Resets::Forbidden,
        };
        let violations = check(history, resets);
        let attempts = history.attempts.all();
        let findings = self.find(&attempts);
        let (stuck, outcome) = match &self.ended {
            Ok(outcome) => (None, Some(outcome)),
            Err(error) => (Some(error.to_string()), None),
        };
        let broken = stuck.is_some() || !violations.is_empty() || !findings.broken.is_empty();
        let kept = broken.then(|| keep(history, folder)).transpose()?;
        let unanswered = outcome.map_or(0, |o| o.senders.iter().map(|s| s.unanswered).sum());
        let first = violations.iter().take(NAMED).map(ToString::to_string);
        Ok(Report {
            verdict: if broken {
                Verdict::Broken
            } else {
                Verdict::Kept
            },
            scenario: from.scenario,
            topology: from.topology,
            seed: from.seed,
            command: from.command(),
            faults: self
                .deeds
                .iter()
                .map(|d| self.struck(d, &attempts))
                .collect(),
            acknowledged: history.acknowledged(),
            unanswered,
            availability: Availability::of(&attempts, self.steady, self.over),
            failovers: self.failovers(&attempts),
            handoffs: self.handoffs(&attempts),
            longest_silence_millis: millis(self.silence),
            caught_up_in_millis: outcome.map(|o| millis(o.caught_up_in)),
            connections: outcome.map_or(0, |o| o.connections.iter().sum()),
            stuck,
            violations: violations.len() + findings.broken.len(),
            first_violations: first.chain(findings.broken.iter().cloned()).collect(),
            history: kept,
            findings,
        })
    }

    fn find(&self, attempts: &[Attempt]) -> Findings {
        let seen = self.deeds.iter().map(|deed| Seen {
            fault: deed.step.fault,
            in_force: deed.in_force,
            served_again: served_again(attempts, &self.rooms, deed.over),
            known_again: deed.known_again,
        });
        let mut findings = self.findings.clone();
        findings.add(&seen.collect::<Vec<_>>(), attempts);
        findings
    }

    fn struck(&self, deed: &Deed, attempts: &[Attempt]) -> Struck {
        let since = |moment: Instant| millis(moment.duration_since(self.steady));
        Struck {
            step: deed.step,
            begun_millis: since(deed.begun),
            over_millis: since(deed.over),
            served_again_in_millis: served_again(attempts, &self.rooms, deed.over).map(millis),
        }
    }

    fn failovers(&self, attempts: &[Attempt]) -> Moves {
        let mut samples = Vec::new();
        for deed in &self.deeds {
            let Fault::KillHub { hub, .. } = deed.step.fault else {
                continue;
            };
            samples.extend(deed.owned.iter().map(|room| {
                let next = next_acknowledgement(attempts, room, deed.begun, deed.in_force);
                Sample::new(hub, room, next)
            }));
        }
        samples.into()
    }

    fn handoffs(&self, attempts: &[Attempt]) -> Moves {
        let mut samples = Vec::new();
        for deed in &self.deeds {
            let Some(hub) = deed.step.fault.drains() else {
                continue;
            };
            samples.extend(deed.owned.iter().map(|room| {
                let added = added_latency(attempts, room, deed.begun, deed.in_force);
                Sample::new(hub, room, added)
            }));
        }
        samples.into()
    }
}

pub(super) fn keep(history: &History, folder: &Path) -> Result<PathBuf, KeepError> {
    let path = folder.join("history.jsonl");
    match std::fs::write(&path, history.to_lines()) {
        Ok(()) => Ok(path),
        Err(source) => Err(KeepError { path, source }),
    }
}
