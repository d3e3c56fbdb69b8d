//! What a run found: a table for people, JSON for machines, one verdict for both.

mod requests;
mod table;

use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::aims::Comparison;
use crate::bench::IdleFigures;
use crate::capacity::{Attempt, Capacity};
use crate::evening::EveningFigures;
use crate::faults::Faults;
use crate::figures::{Figures, Judgement, Quantiles};
use crate::reconnect::ReconnectFigures;
use crate::requests::RequestsFigures;

/// What one server did in one scenario.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// A trial at a fixed rate.
    Fixed(Box<Figures>),
    /// A search for the highest rate.
    Capacity(Box<Capacity>),
    /// Idle connections.
    Idle(IdleFigures),
    /// Connections that lost their hub and came back.
    Reconnect(Box<ReconnectFigures>),
    /// Users over the HTTP API.
    Requests(Box<RequestsFigures>),
    /// People of an evening, or with inboxes.
    Evening(Box<EveningFigures>),
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Scenario and shape.
    pub scenario: String,
    /// `hub`, `L1` or `L2`.
    pub server: &'static str,
    /// What was found.
    pub measured: Measured,
}

/// The whole run in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was correct.
    Passed,
    /// The generator was too slow for what was asked: nothing is said about the hub.
    GeneratorLimited,
    /// Everything was correct, but slower, or failed oftener, than is ever allowed.
    FloorMissed,
    /// A message was lost, doubled, reordered, refused, or a connection was; or answers contradict each other.
    Incorrect,
}

/// The machine, as far as figures depend on it.
#[derive(Debug, Serialize)]
struct Machine {
    cores: usize,
    processor: Option<String>,
    kernel: Option<String>,
}

/// Everything that goes into the JSON file.
#[derive(Debug, Serialize)]
pub struct Report {
    version: &'static str,
    command: Vec<String>,
    machine: Machine,
    /// 4 KB made durable, where a hub's data goes.
    pub fsync: Option<Quantiles>,
    entries: Vec<Entry>,
    comparisons: Vec<Comparison>,
    verdict: Option<Outcome>,
}

impl Report {
    /// An empty report of this process.
    pub fn new(cores: usize) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            command: visible(std::env::args()),
            machine: Machine {
                cores,
                processor: processor(),
                kernel: kernel(),
            },
            fsync: None,
            entries: Vec::new(),
            comparisons: Vec::new(),
            verdict: None,
        }
    }

    /// Adds what one server did.
    pub fn add(&mut self, scenario: &str, server: &'static str, measured: Measured) {
        self.entries.push(Entry {
            scenario: scenario.to_owned(),
            server,
            measured,
        });
    }

    /// Adds figures side by side.
    pub fn compare(&mut self, comparisons: Vec<Comparison>) {
        self.comparisons.extend(comparisons);
    }

    /// Judges the whole run.
    pub fn outcome(&self) -> Outcome {
        self.entries
            .iter()
            .map(Entry::outcome)
            .max_by_key(|outcome| *outcome as u8)
            .unwrap_or(Outcome::Passed)
    }

    /// Writes the JSON file, then the table to standard output.
    pub fn publish(&mut self, path: &Path) -> io::Result<Outcome> {
        let outcome = self.outcome();
        self.verdict = Some(outcome);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, serde_json::to_vec_pretty(self)?)?;
        let mut out = io::stdout().lock();
        out.write_all(self.table().as_bytes())?;
        writeln!(out, "report: {}", path.display())?;
        Ok(outcome)
    }
}

impl Entry {
    /// What was wrong; in a search with the rate at which it was, and whether overload excuses it.
    fn wrongs(&self) -> Vec<String> {
        let named = |faults: &Faults| (!faults.none()).then(|| format!("INCORRECT: {faults}"));
        match &self.measured {
            Measured::Fixed(figures) => named(&figures.faults).into_iter().collect(),
            Measured::Idle(idle) => named(&idle.faults).into_iter().collect(),
            Measured::Reconnect(found) => named(&found.faults).into_iter().collect(),
            Measured::Requests(found) => requests::wrongs(found),
            Measured::Evening(found) => found.wrongs(),
            Measured::Capacity(found) => {
                let wrong = found.attempts.iter().filter(|tried| !tried.faults.none());
                wrong.map(wrong_try).collect()
            }
        }
    }

    /// A search is incorrect when any rate brought what overload does not excuse, or when no rate at all was right.
    fn outcome(&self) -> Outcome {
        match &self.measured {
            Measured::Fixed(figures) => match figures.judge(None) {
                Judgement::Incorrect => Outcome::Incorrect,
                Judgement::GeneratorLimited => Outcome::GeneratorLimited,
                Judgement::Passed | Judgement::Slow => Outcome::Passed,
            },
            Measured::Capacity(found) if found.attempts.iter().any(Attempt::is_incorrect) => {
                Outcome::Incorrect
            }
            Measured::Capacity(found) if found.figures.is_some() => Outcome::Passed,
            Measured::Capacity(found) => match found.attempts.last().map(|last| last.judgement) {
                Some(Judgement::Incorrect) => Outcome::Incorrect,
                Some(Judgement::GeneratorLimited) => Outcome::GeneratorLimited,
                Some(Judgement::Passed | Judgement::Slow) | None => Outcome::Passed,
            },
            Measured::Requests(found) => found.outcome(),
            Measured::Evening(found) => found.outcome(),
            Measured::Idle(idle) if idle.faults.none() => Outcome::Passed,
            Measured::Reconnect(found) if found.faults.none() => Outcome::Passed,
            Measured::Idle(_) | Measured::Reconnect(_) => Outcome::Incorrect,
        }
    }
}

fn wrong_try(tried: &Attempt) -> String {
    let word = match tried.is_incorrect() {
        true => "INCORRECT",
        false => "beyond capacity",
    };
    format!("{word} at {:.0}/s: {}", tried.rate, tried.faults)
}

/// Name of this machine's cores.
pub fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Version of its kernel.
pub fn kernel() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(text.trim().to_owned())
}

/// The command line without what must stay secret.
pub fn visible(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut hide_next = false;
    arguments
        .map(|argument| {
            let hidden = std::mem::replace(
                &mut hide_next,
                matches!(&*argument, "--secret" | "--token" | "--hub-env"),
            );
            match argument.split_once('=') {
                _ if hidden => "…".to_owned(),
                Some((name @ ("--secret" | "--token" | "--hub-env"), _)) => format!("{name}=…"),
                _ => argument,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(faults: Faults, generator_busy: f64) -> Measured {
        Measured::Fixed(Box::new(Figures {
            faults,
            generator_busy,
            ..Figures::default()
        }))
    }

    #[test]
    fn the_worst_entry_decides_and_the_file_and_the_table_say_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/report.json");
        let mut report = Report::new(2);
        report.add("fanout 1×500", "L1", fixed(Faults::default(), 0.1));
        assert_eq!(report.outcome(), Outcome::Passed);
        report.add("fanout 1×500", "hub", fixed(Faults::default(), 0.99));
        assert_eq!(report.outcome(), Outcome::GeneratorLimited);
        report.add(
            "rooms 2×3",
            "hub",
            fixed(
                Faults {
                    missing: 3,
                    ..Faults::default()
                },
                0.1,
            ),
        );
        assert_eq!(report.publish(&path).unwrap(), Outcome::Incorrect);
        let json: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!(json["verdict"], "incorrect");
        assert_eq!(
            json["entries"][2]["measured"]["fixed"]["faults"]["missing"],
            3
        );
        assert!(
            report.table().contains("INCORRECT: missing 3\n"),
            "{}",
            report.table()
        );
    }

    #[test]
    fn a_search_is_judged_by_all_its_tries_and_not_by_the_best_alone() {
        use crate::capacity::LimitedBy;
        let tried = |judgement, faults| Attempt {
            rate: 60_000.0,
            judgement,
            p99_ms: 1.0,
            faults,
        };
        let search = |faults: Faults| {
            let mut report = Report::new(2);
            let found = Capacity {
                rate: 40_000.0,
                figures: Some(Figures::default()),
                limited_by: LimitedBy::Server,
                attempts: vec![
                    tried(Judgement::Passed, Faults::default()),
                    tried(Judgement::Incorrect, faults),
                    tried(Judgement::Slow, Faults::default()),
                ],
            };
            report.add("capacity 1×500", "hub", Measured::Capacity(found.into()));
            (report.outcome(), report.table())
        };
        let refusals = Faults {
            refused: 9,
            ..Faults::default()
        };
        let (outcome, table) = search(refusals.clone());
        assert_eq!(outcome, Outcome::Passed);
        assert!(
            table.contains("beyond capacity at 60000/s: refused 9\n"),
            "{table}"
        );
        let (outcome, table) = search(Faults {
            doubled: 1,
            ..refusals
        });
        assert_eq!(outcome, Outcome::Incorrect);
        assert!(
            table.contains("INCORRECT at 60000/s: doubled 1, refused 9\n"),
            "{table}"
        );
    }

    #[test]
    fn secrets_do_not_reach_the_report() {
        let given = [
            "loadtest",
            "--secret",
            "s1",
            "--token=s2",
            "--hub-env",
            "A=s3",
            "--rate",
            "5",
        ];
        let shown = visible(given.into_iter().map(str::to_owned)).join(" ");
        assert_eq!(shown, "loadtest --secret … --token=… --hub-env … --rate 5");
    }
}
