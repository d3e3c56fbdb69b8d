//! Files and folders of the command line: the hub's program, a run's folder, reports.

use std::path::{Path, PathBuf};

use chaos::suite::{SuiteReport, let_go, page};
use serde::Serialize;

use crate::command::Options;

/// The hub's program.
pub(crate) fn hub_program(named: Option<&Path>) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let hub = match named {
        Some(path) => path.to_owned(),
        None => beside()?,
    };
    if hub.is_file() {
        return Ok(hub.canonicalize()?);
    }
    let hub = hub.display();
    Err(
        format!("there is no hub at {hub}: build it (cargo build --release) or name it with --hub")
            .into(),
    )
}

fn beside() -> std::io::Result<PathBuf> {
    let me = std::env::current_exe()?;
    Ok(me.with_file_name("mussikon-hub"))
}

/// A folder without anything in it.
pub(crate) fn empty(folder: &Path) -> std::io::Result<PathBuf> {
    if folder.exists() {
        let_go(&folder.canonicalize()?);
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    folder.canonicalize()
}

/// Writes the report and its page; where the page is.
pub(crate) fn write(
    options: &Options,
    suite: &SuiteReport,
) -> Result<PathBuf, Box<dyn std::error::Error>> {
    write_json(&options.report, suite)?;
    Ok(page::write(
        suite,
        &options.report,
        options.page.as_deref(),
    )?)
}

/// Writes a value as JSON, and makes the folder that it goes to.
pub(crate) fn write_json(
    path: &Path,
    value: &impl Serialize,
) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, serde_json::to_vec_pretty(value)?)?;
    Ok(())
}
