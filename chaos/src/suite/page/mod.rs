//! Reports as a page for people: which beliefs held, and for each experiment what its faults did to whom and for how long.

mod experiment;

use std::path::{Path, PathBuf};

use page::{Block, Cell, Page, Section, Table, Tile, Tone, Unit, Verdict as Told, format};
use serde_json::Value;
use thiserror::Error;

use super::class::Class;
use super::format::{ReadError, Report, Struck, SuiteReport, Verdict};

/// Stands where nothing was measured, or never came about.
const NONE: &str = "–";

/// Why there is no page.
#[derive(Debug, Error)]
pub enum PageError {
    /// The report cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is no report.
    #[error("{}: {source}", path.display())]
    NoReport {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReadError,
    },
    /// The page cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Writes the page of a report, by default beside it with the ending `.html`; where that is.
pub fn write(
    suite: &SuiteReport,
    report: &Path,
    page: Option<&Path>,
) -> Result<PathBuf, PageError> {
    let path = page.map_or_else(|| report.with_extension("html"), Path::to_owned);
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    match made.and_then(|()| std::fs::write(&path, html(suite))) {
        Ok(()) => Ok(path),
        Err(source) => Err(PageError::Write { path, source }),
    }
}

/// Draws the page of a report that was written before; where it is.
pub fn draw(report: &Path, page: Option<&Path>) -> Result<PathBuf, PageError> {
    let path = || report.to_owned();
    let text = std::fs::read_to_string(report);
    let text = text.map_err(|source| PageError::Read {
        path: path(),
        source,
    })?;
    let suite = SuiteReport::read(&text);
    write(
        &suite.map_err(|source| PageError::NoReport {
            path: path(),
            source,
        })?,
        report,
        page,
    )
}

/// All experiments of a command as one HTML file; it needs nothing else.
pub fn html(suite: &SuiteReport) -> String {
    let title = match &suite.experiments[..] {
        [one] => format!("Chaos: {}", one.scenario.name()),
        several => format!("Chaos: {} experiments", several.len()),
    };
    let mut sections = vec![
        Section::new("Experiments", "", vec![Block::Table(overview(suite))]),
        Section::new("Not carried out", "", vec![Block::Table(not_run(suite))]),
    ];
    sections.extend(suite.experiments.iter().map(experiment::section));
    sections.push(Section::new(
        "Again",
        "",
        vec![Block::Code(suite.command.clone())],
    ));
    let page = Page {
        title,
        about: "Faults against real hubs under traffic, and the judgement on everything that their clients saw.".into(),
        verdict: verdict(suite),
        facts: facts(suite),
        tiles: tiles(suite),
        sections,
    };
    page.html()
}

fn verdict(suite: &SuiteReport) -> Told {
    let others = suite.experiments.iter().filter(|one| !one.is_as_expected());
    let names: Vec<String> = others.map(|one| one.scenario.name()).collect();
    let all = suite.experiments.len();
    let not_run: Vec<String> = suite
        .not_run
        .iter()
        .map(|one| one.scenario.name())
        .collect();
    let mut sentence = match names.is_empty() {
        true => format!("{all} of {all} experiments ended as expected."),
        false => format!(
            "{} of {all} experiments did not end as expected: {}.",
            names.len(),
            names.join(", ")
        ),
    };
    if !not_run.is_empty() {
        sentence.push_str(&format!(
            " Could not be carried out: {}.",
            not_run.join(", ")
        ));
    }
    let (tone, word) = match (suite.good, names.is_empty()) {
        (true, _) => (Tone::Good, "as expected"),
        (false, true) => (Tone::Doubtful, "not carried out"),
        (false, false) => (Tone::Bad, "broken"),
    };
    Told {
        tone,
        word: word.into(),
        sentence,
    }
}

fn facts(suite: &SuiteReport) -> Vec<(String, String)> {
    let begun = i64::try_from(suite.begun_unix_millis).ok();
    let begun = begun.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    let known = [
        ("began", begun.map(|begun| begun.to_string())),
        ("topology", Some(word(&suite.topology))),
        ("seed", Some(suite.seed.to_string())),
        ("minutes", suite.minutes.map(|minutes| minutes.to_string())),
    ];
    let told = known
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    told.collect()
}

fn tiles(suite: &SuiteReport) -> Vec<Tile> {
    let all = &suite.experiments;
    let tile = |name: &str, value, note: String, tone| Tile {
        name: name.into(),
        value,
        note,
        tone,
    };
    let expected = all.iter().filter(|one| one.is_as_expected()).count();
    let kept = if expected == all.len() {
        Tone::Good
    } else {
        Tone::Bad
    };
    let faults = all.iter().flat_map(|one| &one.faults);
    let slowest = |of: fn(&Struck) -> Option<u64>| faults.clone().filter_map(of).max();
    // Experiments that are to be broken have violations, and say nothing of availability.
    let judged = || all.iter().filter(|one| one.expected == Verdict::Kept);
    let violations: usize = judged().map(|one| one.violations).sum();
    let worst = judged()
        .flat_map(|one| &one.classes)
        .map(|fare| fare.availability)
        .reduce(f64::min);
    let clean = if violations == 0 {
        Tone::Good
    } else {
        Tone::Bad
    };
    vec![
        tile(
            "As expected",
            format!("{expected} of {}", all.len()),
            "experiments".into(),
            kept,
        ),
        tile(
            "Broken promises",
            format::whole(violations as u64),
            "in all experiments".into(),
            clean,
        ),
        tile(
            "Faults",
            format::whole(faults.clone().count() as u64),
            "carried out".into(),
            Tone::Plain,
        ),
        tile(
            "Lowest availability",
            percent(worst),
            "of a class in an experiment".into(),
            Tone::Plain,
        ),
        tile(
            "Slowest to serve again",
            millis(slowest(|fault| fault.served_again_in_millis)),
            "after a fault's end".into(),
            Tone::Plain,
        ),
        tile(
            "Slowest to converge",
            millis(slowest(|fault| fault.converged_in_millis)),
            "readers at the head".into(),
            Tone::Plain,
        ),
    ]
}

fn overview(suite: &SuiteReport) -> Table {
    let mut table = Table::new(&[
        "experiment",
        "hypothesis",
        "verdict",
        "#faults",
        "#sends good",
        "#served again",
        "#violations",
    ]);
    for one in &suite.experiments {
        let served = one
            .faults
            .iter()
            .filter_map(|fault| fault.served_again_in_millis)
            .max();
        let sends = one.classes.iter().find(|fare| fare.class == Class::Send);
        table.row(vec![
            Cell::Code(one.scenario.name()),
            Cell::text(&one.hypothesis),
            Cell::Mark(one.is_as_expected(), told(one)),
            Cell::text(format::whole(one.faults.len() as u64)),
            Cell::text(percent(sends.map(|fare| fare.availability))),
            Cell::text(millis(served)),
            Cell::text(format::whole(one.violations as u64)),
        ]);
    }
    table
}

/// `kept`, or `broken, as expected`.
fn told(report: &Report) -> String {
    let verdict = word(&report.verdict);
    match (report.verdict, report.is_as_expected()) {
        (Verdict::Broken, true) => format!("{verdict}, as expected"),
        (Verdict::Kept, false) if report.expected == Verdict::Kept => {
            format!("{verdict}, but an aim was missed")
        }
        (Verdict::Kept, false) => format!("{verdict}, which is wrong"),
        (Verdict::Broken, false) if report.expected == Verdict::Broken => {
            format!("{verdict}, but no promise was seen to be")
        }
        _ => verdict,
    }
}

fn not_run(suite: &SuiteReport) -> Table {
    let mut table = Table::new(&["experiment", "why", "again"]);
    for one in &suite.not_run {
        table.row(vec![
            Cell::Code(one.scenario.name()),
            Cell::text(&one.reason),
            Cell::Code(one.command.clone()),
        ]);
    }
    for scenario in &suite.left_out {
        table.row(vec![
            Cell::Code(scenario.name()),
            Cell::text("the minutes were too few"),
            Cell::text(NONE),
        ]);
    }
    table
}

/// A fault's members as the report has them.
fn members(fault: &Struck) -> serde_json::Map<String, Value> {
    match serde_json::to_value(fault.step.fault) {
        Ok(Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    }
}

/// `kill-hub`.
fn name(fault: &Struck) -> String {
    let members = members(fault);
    members
        .get("fault")
        .and_then(Value::as_str)
        .unwrap_or("fault")
        .to_owned()
}

/// `kill-hub, hub 0, 1.2 s`.
fn described(fault: &Struck) -> String {
    let mut text = name(fault);
    for (member, value) in members(fault)
        .iter()
        .filter(|(member, _)| *member != "fault")
    {
        let lower = member.to_ascii_lowercase();
        let told = match (lower.strip_suffix("millis"), value.as_f64()) {
            (Some(of), Some(time)) => format!("{of} {}", format::value(time, Unit::Milliseconds)),
            _ => format!(
                "{member} {}",
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            ),
        };
        text.push_str(", ");
        text.push_str(told.trim());
    }
    text
}

/// A word as the report has it.
fn word(of: &impl serde::Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

fn millis(time: Option<u64>) -> String {
    format::optional(time.map(|time| time as f64), Unit::Milliseconds)
}

fn percent(share: Option<f64>) -> String {
    format::optional(share.map(|share| share * 100.0), Unit::Percent)
}

#[cfg(test)]
mod tests;
