//! `loadtest compare A B`: two records side by side, and what became better or worse beyond noise.

mod figures;
mod noise;
mod page;
mod text;

use clap::Args;
use std::io::{self, Write};
use std::path::PathBuf;
use thiserror::Error;

use super::file::{RecordError, WriteError, read, write_page};
use super::record::Record;
use crate::report::Outcome;
use figures::Comparison;

/// Options of `compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// Record of the run to compare with.
    pub a: PathBuf,
    /// Record of the run that may be better or worse.
    pub b: PathBuf,
    /// Where a page with both goes.
    #[arg(long)]
    pub page: Option<PathBuf>,
}

/// Why two runs could not be compared.
#[derive(Debug, Error)]
pub enum CompareError {
    /// One of the files is no record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The page could not be written.
    #[error(transparent)]
    Page(#[from] WriteError),
    /// Standard output is gone.
    #[error("standard output: {0}")]
    Output(io::Error),
}

/// Compares, prints, and writes the page. A run that became worse, or misses what the other met, has missed a floor.
pub fn run(args: &CompareArgs) -> Result<Outcome, CompareError> {
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let found = Comparison::of(&a, &b);
    if let Some(path) = &args.page {
        write_page(path, &page::html(&a, &b, &found))?;
    }
    let mut out = io::stdout().lock();
    let mut text = text::of(&a, &b, &found);
    if let Some(path) = &args.page {
        text.push_str(&format!("page: {}\n", path.display()));
    }
    out.write_all(text.as_bytes())
        .map_err(CompareError::Output)?;
    Ok(outcome(&a, &b, &found))
}

/// Whether the latencies of one of the runs are those of its generator.
fn limited(a: &Record, b: &Record) -> bool {
    [a, b]
        .iter()
        .any(|of| of.verdict == Outcome::GeneratorLimited)
}

/// Only the hub decides: when the reference became slower, so did the machine.
fn outcome(a: &Record, b: &Record, found: &Comparison) -> Outcome {
    let worse = !found.worse(&b.subject.server).is_empty() || !found.newly_missed().is_empty();
    match b.verdict {
        Outcome::Incorrect => Outcome::Incorrect,
        _ if limited(a, b) => Outcome::GeneratorLimited,
        _ if worse => Outcome::FloorMissed,
        _ => Outcome::Passed,
    }
}

#[cfg(test)]
mod tests;
