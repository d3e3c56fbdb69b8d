//! What a run found: the judgement on its history and the figures from its attempts, as a report.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::alone::others_go_on;
use super::class::{Class, Fare};
use super::converge::{Caught, Convergence};
use super::detect::{Look, Span, available_again, detection};
use super::fault::{Fault, Scenario};
use super::findings::{Findings, Seen};
use super::format::{Check, Report, Struck, Verdict};
use super::measure::{
    Availability, Moves, Sample, added_latency, millis, next_acknowledgement, served_again,
};
use super::plan::{Plan, Step};
use super::visitors::Visited;
use super::workload::{Outcome, WorkloadError};
use crate::attempts::Attempt;
use crate::check::{Resets, check};
use crate::history::History;

/// Violations that a report names.
const NAMED: usize = 20;

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
    /// When clients could know that it was over.
    pub healed: Instant,
    /// What it was to do, and did.
    pub checks: Vec<Check>,
    /// When the messages of everybody were to go well all the same.
    pub unhurt: Option<(Instant, Instant)>,
    /// How the readers came to the head; none if that was not judged.
    pub caught: Option<Caught>,
}

/// What a run came to.
pub(super) struct Observed {
    pub deeds: Vec<Deed>,
    pub rooms: Vec<String>,
    pub steady: Instant,
    pub over: Instant,
    pub ended: Result<Outcome, WorkloadError>,
    pub silence: Duration,
    /// The attempts of all classes.
    pub tries: Vec<(Class, Vec<Attempt>)>,
    /// What the hubs said about themselves.
    pub looks: Vec<Look>,
    /// What the traffic over HTTP came to.
    pub visited: Visited,
    /// The time that readers had to reach the head.
    pub converge_within: Duration,
    pub findings: Findings,
}

impl Observed {
    pub(super) fn judge(
        mut self,
        folder: &Path,
        from: &Plan,
        history: &History,
    ) -> Result<Report, KeepError> {
        let attempts = history.attempts.all();
        // By now whatever hung was answered, or the run is stuck.
        for deed in &mut self.deeds {
            let unhurt = deed.unhurt;
            let check = unhurt.map(|(from, to)| others_go_on(&attempts, from, to));
            deed.checks.extend(check);
        }
        let resets = match from.scenario {
            // Readers know more than a store that went back.
            Scenario::StaleData => Resets::Allowed,
            _ => Resets::Forbidden,
        };
        // The few that are told in words of their own come first: a report names only so many.
        let findings = self.find(&attempts);
        let mut violations = findings.broken.clone();
        let seen = check(history, resets);
        violations.extend(seen.iter().map(ToString::to_string));
        // Requests and pages of a store that went back are as they were then.
        if from.scenario != Scenario::StaleData {
            violations.extend(self.visited.violations.iter().cloned());
        }
        let fares = self.tries.iter();
        let fares: Vec<Fare> = fares
            .map(|(class, attempts)| Fare::of(*class, attempts, self.steady, self.over))
            .collect();
        let (stuck, outcome) = match &self.ended {
            Ok(outcome) => (None, Some(outcome)),
            Err(error) => (Some(error.to_string()), None),
        };
        let convergence = self.convergence();
        let mut checks = self.deeds.iter().flat_map(|deed| &deed.checks);
        let broken = stuck.is_some()
            || !violations.is_empty()
            || convergence.verdict == Verdict::Broken
            || checks.any(|check| !check.kept);
        let kept = broken.then(|| keep(history, folder)).transpose()?;
        let unanswered = outcome.map_or(0, |o| o.senders.iter().map(|s| s.unanswered).sum());
        Ok(Report {
            verdict: match broken {
                true => Verdict::Broken,
                false => Verdict::Kept,
            },
            expected: from.expected(),
            hypothesis: from.scenario.hypothesis().to_owned(),
            scenario: from.scenario,
            topology: from.topology,
            seed: from.seed,
            command: from.command(),
            faults: self.struck(&attempts, &fares),
            acknowledged: history.acknowledged(),
            unanswered,
            availability: Availability::of(&attempts, self.steady, self.over),
            classes: fares,
            convergence,
            failovers: self.failovers(&attempts),
            handoffs: self.handoffs(&attempts),
            longest_silence_millis: millis(self.silence),
            caught_up_in_millis: outcome.map(|o| millis(o.caught_up_in)),
            connections: outcome.map_or(0, |o| o.connections.iter().sum()),
            submitted: self.visited.submitted,
            pages: self.visited.pages,
            stuck,
            violations: violations.len(),
            first_violations: violations.into_iter().take(NAMED).collect(),
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

    fn convergence(&self) -> Convergence {
        let seen = self.deeds.iter().filter_map(|deed| deed.caught.as_ref());
        Convergence::of(self.converge_within, seen)
    }

    /// Each fault with all that belongs to it, up to the next one.
    fn struck(&self, attempts: &[Attempt], fares: &[Fare]) -> Vec<Struck> {
        let ends = self.deeds.iter().skip(1).map(|deed| deed.begun);
        let ends = ends.chain([self.over]);
        let deeds = self.deeds.iter().zip(ends);
        deeds
            .map(|(deed, to)| {
                let span = Span {
                    from: deed.begun,
                    to,
                };
                self.one_struck(deed, span, attempts, fares)
            })
            .collect()
    }

    fn one_struck(&self, deed: &Deed, span: Span, attempts: &[Attempt], fares: &[Fare]) -> Struck {
        let since = |moment: Instant| millis(moment.duration_since(self.steady));
        let caught = deed.caught.as_ref().and_then(|caught| caught.time);
        Struck {
            step: deed.step,
            begun_millis: since(deed.begun),
            over_millis: since(deed.over),
            healed_millis: since(deed.healed),
            served_again_in_millis: served_again(attempts, &self.rooms, deed.over).map(millis),
            available_again_in_millis: available_again(span, self.steady, fares),
            converged_in_millis: caught.map(millis),
            detection: detection(span, &self.tries, &self.looks),
            checks: deed.checks.clone(),
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

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
