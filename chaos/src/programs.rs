//! Which program an upgrade leads to.

use std::path::{Path, PathBuf};

use chaos::suite::Scenario;

/// What a scenario's upgrade leads to; none if it has none.
pub(crate) fn next(
    named: Option<&Path>,
    scenario: Scenario,
    hub: &Path,
) -> Result<Option<PathBuf>, Box<dyn std::error::Error>> {
    match scenario {
        Scenario::RollingUpgrade => next_program(named, hub).map(Some),
        _ => Ok(None),
    }
}

/// The next build: the one that is named, or the same.
pub(crate) fn next_program(
    next: Option<&Path>,
    hub: &Path,
) -> Result<PathBuf, Box<dyn std::error::Error>> {
    match next {
        None => Ok(hub.to_owned()),
        Some(next) if next.is_file() => Ok(next.canonicalize()?),
        Some(next) => Err(format!("--next names {}, which is no file", next.display()).into()),
    }
}
