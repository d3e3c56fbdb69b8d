//! Runs of scenario files: what is asked for, how it is made, and what it leaves behind, second by second.

mod charts;
pub mod compare;
mod execute;
pub mod file;
pub mod live;
pub mod log;
pub mod metrics;
pub mod page;
mod portable;
pub mod profile;
pub mod record;
pub mod recorder;
pub mod samples;
mod scenario;
mod seconds;
mod slopes;
pub mod table;
mod thresholds;
pub mod timeline;
pub mod traffic;
mod verdict;
mod watch;
mod words;
mod worker;
mod wrong;

#[cfg(test)]
mod example;

use clap::Args;
use std::path::PathBuf;

pub use execute::{START_IN_NS, run};
pub use worker::work;

use crate::args::{Common, key_value};

/// Options of `run`.
#[derive(Args, Clone)]
pub struct RunArgs {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
    /// The scenario file.
    pub scenario: PathBuf,
    /// What everything random follows from (default: what the file says).
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where the page of the record goes (default: beside the record, ending in .html).
    #[arg(long)]
    pub page: Option<PathBuf>,
    /// Replaces a setting of the file, as profile.seconds=5; may be repeated.
    #[arg(long, value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

impl RunArgs {
    /// Everything that replaces settings of the file: those with an option of their own come last.
    fn replaced(&self) -> Vec<(String, String)> {
        let mut set = self.set.clone();
        let mut put = |key: &str, value: Option<String>| {
            set.extend(value.map(|value| (key.to_owned(), value)));
        };
        put("seed", self.seed.map(|seed| seed.to_string()));
        let encoding = self.common.encoding;
        put(
            "encoding",
            encoding.map(|one| format!("\"{}\"", one.name())),
        );
        put(
            "text_bytes",
            self.common.text_bytes.map(|bytes| bytes.to_string()),
        );
        set
    }
}
