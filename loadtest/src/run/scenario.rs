//! Scenario files: what traffic is made, how its load goes over time, and what is demanded of the hub.

use serde::Deserialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use toml::{Table, Value};

use super::profile::Profile;
use super::thresholds::Demands;
use super::timeline::Timeline;
use super::traffic::{MOST_PROCESSES, Traffic};
use super::wrong::{Wrong, within};
use crate::args::EncodingArg;

/// Longest scenario file.
const MOST_BYTES: u64 = 1 << 20;

/// A scenario.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What people call it.
    pub name: String,
    /// What it is for, in a sentence.
    pub about: String,
    /// What everything random follows from.
    #[serde(default = "one")]
    pub seed: u64,
    /// What the connections speak.
    #[serde(default = "json")]
    pub encoding: EncodingArg,
    /// Processes that make the traffic.
    #[serde(default = "one_process")]
    pub processes: u32,
    /// Length of a message's text.
    #[serde(default = "text_bytes")]
    pub text_bytes: u16,
    /// The load over time.
    pub profile: Profile,
    /// What is done.
    pub traffic: Traffic,
    /// What is demanded.
    #[serde(default)]
    pub thresholds: Demands,
    /// The same on the bare server before.
    pub reference: Option<Reference>,
    /// What it was read from, replaced settings included.
    #[serde(skip)]
    pub text: String,
}

/// The `[reference]` table: the same traffic runs on the bare server first.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reference {
    /// Whether the bare server answers sends.
    pub acknowledge: bool,
}

fn one() -> u64 {
    1
}

fn one_process() -> u32 {
    1
}

fn json() -> EncodingArg {
    EncodingArg::Json
}

fn text_bytes() -> u16 {
    64
}

/// Why a scenario cannot be used.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// No file.
    #[error("{0}: {1}")]
    Read(PathBuf, io::Error),
    /// Not a table, unknown names, or values of another kind.
    #[error("{0}: {1}")]
    Syntax(PathBuf, Box<toml::de::Error>),
    /// A setting that cannot be.
    #[error("{0}: {1}")]
    Wrong(PathBuf, Wrong),
    /// `--set` with a name that is inside something that is no table.
    #[error("--set {0}: {1} is no table")]
    Set(String, String),
}

impl Scenario {
    /// Reads a file, with some settings replaced.
    pub fn read(path: &Path, set: &[(String, String)]) -> Result<Self, ScenarioError> {
        let unreadable = |error| ScenarioError::Read(path.to_owned(), error);
        if fs::metadata(path).map_err(unreadable)?.len() > MOST_BYTES {
            let error = io::Error::other(format!("more than {MOST_BYTES} bytes"));
            return Err(unreadable(error));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(path, &text, set)
    }

    /// The same from a text; `path` stands in errors.
    pub fn parse(path: &Path, text: &str, set: &[(String, String)]) -> Result<Self, ScenarioError> {
        let syntax = |error| ScenarioError::Syntax(path.to_owned(), Box::new(error));
        let wrong = |error| ScenarioError::Wrong(path.to_owned(), error);
        let mut text = text.to_owned();
        if !set.is_empty() {
            let mut table: Table = toml::from_str(&text).map_err(syntax)?;
            set.iter()
                .try_for_each(|(key, value)| put(&mut table, key, value))?;
            text = table.to_string();
        }
        let mut scenario: Self = toml::from_str(&text).map_err(syntax)?;
        scenario.check().map_err(wrong)?;
        scenario.text = text;
        Ok(scenario)
    }

    /// The load over its whole time.
    pub fn timeline(&self) -> Timeline {
        Timeline::new(&self.profile, &self.traffic)
    }

    fn check(&self) -> Result<(), Wrong> {
        if self.name.is_empty() || self.about.is_empty() {
            let allowed = "name and about say what it is";
            return Err(Wrong::new("name or about", "empty", allowed));
        }
        within("processes", self.processes, 1, MOST_PROCESSES)?;
        within("text_bytes", u32::from(self.text_bytes), 16, 1_000)?;
        self.profile.check()?;
        let timeline = self.timeline();
        self.traffic.check(&timeline, self.processes)?;
        self.thresholds.check(&timeline.phases)?;
        match &self.reference {
            Some(_) if !self.traffic.suits_reference() => {
                let allowed = "a bare server cannot do this traffic: leave the table out";
                Err(Wrong::new("reference", "there", allowed))
            }
            Some(_) if timeline.churn.is_some() => {
                let allowed = "a bare server keeps nothing to come back to: leave the table out";
                Err(Wrong::new("reference", "there", allowed))
            }
            None if self.thresholds.need_reference() => {
                let allowed = "a ratio needs the table [reference]";
                Err(Wrong::new("thresholds", "a ratio", allowed))
            }
            _ => Ok(()),
        }
    }
}

/// Puts a value at a dotted name, making tables on the way. Names of thresholds have dots themselves.
fn put(table: &mut Table, key: &str, value: &str) -> Result<(), ScenarioError> {
    let parsed = format!("v = {value}").parse::<Table>();
    let parsed = parsed.ok().and_then(|mut table| table.remove("v"));
    // What is no value is a text.
    let value = parsed.unwrap_or_else(|| Value::String(value.to_owned()));
    let mut names: Vec<&str> = match key.split_once('.') {
        Some(("thresholds", rest)) => vec!["thresholds", rest],
        _ => key.split('.').collect(),
    };
    let last = names.pop().unwrap_or_default();
    let mut inside = table;
    for name in names {
        let next = inside
            .entry(name.to_owned())
            .or_insert_with(|| Value::Table(Table::new()));
        inside = next
            .as_table_mut()
            .ok_or_else(|| ScenarioError::Set(key.to_owned(), name.to_owned()))?;
    }
    inside.insert(last.to_owned(), value);
    Ok(())
}

#[cfg(test)]
#[path = "scenario_tests.rs"]
mod tests;
