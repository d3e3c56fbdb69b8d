//! The JSON report of the suite: a stable format, read and written by serde. `chaos/README.md` describes every member.
//!
//! Members may be added within a format; a reader passes over what it does not know. Whatever is renamed, removed or comes
//! to mean something else is a new format.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::class::Fare;
use super::converge::Convergence;
use super::detect::Detection;
use super::fault::Scenario;
use super::findings::Findings;
use super::measure::{Availability, Moves};
use super::plan::Step;
use super::topology::Topology;

/// The format that this version writes.
pub const FORMAT: u32 = 1;

/// What a run found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every promise was kept.
    Kept,
    /// At least one was broken.
    Broken,
}

/// All experiments of one command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuiteReport {
    /// [`FORMAT`].
    pub format: u32,
    /// The command that was run.
    pub command: String,
    /// What the hubs stood on.
    pub topology: Topology,
    /// What decided the plans.
    pub seed: u64,
    /// When it began, in milliseconds since 1970.
    pub begun_unix_millis: u64,
    /// The minutes to be shared out, if they were given.
    pub minutes: Option<u64>,
    /// Whether every experiment ended as expected.
    pub good: bool,
    /// Those that were carried out, in this order.
    pub experiments: Vec<Report>,
    /// Those that were begun and could not be carried out.
    pub not_run: Vec<NotRun>,
    /// Those for which the minutes were too few.
    pub left_out: Vec<Scenario>,
}

/// An experiment that could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotRun {
    /// Which.
    pub scenario: Scenario,
    /// Why not.
    pub reason: String,
    /// Tries it again.
    pub command: String,
}

/// A fault as it was carried out. Times are in milliseconds after the state was found to be steady.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Struck {
    /// What was planned.
    #[serde(flatten)]
    pub step: Step,
    /// When it began.
    pub begun_millis: u64,
    /// When it was over: what was killed runs again, what was paused goes on.
    pub over_millis: u64,
    /// When clients could know that it was over: the same, but for links that went dead without a word.
    pub healed_millis: u64,
    /// From its end until every room had acknowledged a message that was tried afterwards; none if that never was.
    pub served_again_in_millis: Option<u64>,
    /// From its beginning until no second was down any more in any class; 0 if none was; none if that never was.
    pub available_again_in_millis: Option<u64>,
    /// From its healing until every live reader was at the head; none if one was late, or it was not judged.
    pub converged_in_millis: Option<u64>,
    /// Who noticed it.
    pub detection: Detection,
    /// What this fault in particular must or must not do.
    pub checks: Vec<Check>,
}

/// One thing that an experiment looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What must be so.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// Whether it was so.
    pub kept: bool,
}

impl Check {
    /// A check with its outcome.
    pub fn new(expected: impl Into<String>, seen: impl Into<String>, kept: bool) -> Self {
        Self {
            expected: expected.into(),
            seen: seen.into(),
            kept,
        }
    }
}

/// One experiment. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The judgement.
    pub verdict: Verdict,
    /// What it was to be: kept, but for data that goes back.
    pub expected: Verdict,
    /// What was believed before; a broken verdict is what shows it to be false.
    pub hypothesis: String,
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
    /// Of messages, from the steady state on.
    pub availability: Availability,
    /// Of each class of requests, with its error budget and each second.
    pub classes: Vec<Fare>,
    /// Whether live readers reached the head in time after every fault.
    pub convergence: Convergence,
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
    /// Matching requests that were acknowledged as submitted, each of which was there afterwards, or is a violation.
    pub submitted: usize,
    /// Pages of history that were read over HTTP and compared with what readers got.
    pub pages: usize,
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

impl Report {
    /// Whether it ended as it was to end, and missed no aim. One that is to be broken must show which promises: traffic that
    /// is merely stuck has shown none.
    pub fn is_as_expected(&self) -> bool {
        let shown = self.expected == Verdict::Kept || self.violations > 0;
        self.verdict == self.expected && shown && self.findings.missed.is_empty()
    }

    /// Checks of faults that were not as expected.
    pub fn failed_checks(&self) -> impl Iterator<Item = &Check> {
        let checks = self.faults.iter().flat_map(|fault| &fault.checks);
        checks.filter(|check| !check.kept)
    }
}

/// Why a text is not a report.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It is not JSON, or lacks what every report has.
    #[error("not a report of the chaos suite: {0}")]
    Json(#[from] serde_json::Error),
    /// It is written in another format.
    #[error("the report has format {0}, this version reads {FORMAT}")]
    Format(u32),
}

impl SuiteReport {
    /// Reads a report.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        match serde_json::from_str::<Head>(text)?.format {
            FORMAT => Ok(serde_json::from_str(text)?),
            other => Err(ReadError::Format(other)),
        }
    }
}

#[cfg(test)]
#[path = "format_tests.rs"]
pub(super) mod tests;
