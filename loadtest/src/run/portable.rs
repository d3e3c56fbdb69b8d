//! Counts of a recorder as they go from one process to another.

use hdrhistogram::{Counter, Histogram};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// What a recorder counted in some time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Portable {
    /// By class.
    pub classes: BTreeMap<String, PortableClass>,
}

/// One class of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PortableClass {
    /// Latencies of the measured part in microseconds, and how many of each.
    pub whole: Vec<(u64, u64)>,
    /// Errors of the measured part.
    pub errors: u64,
    /// The same by second.
    pub seconds: BTreeMap<u32, PortableSecond>,
}

/// One second of a class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PortableSecond {
    /// Latencies in microseconds, and how many of each.
    pub values: Vec<(u64, u64)>,
    /// Errors.
    pub errors: u64,
}

/// Counts that cannot be added.
#[derive(Debug, Error)]
pub enum PortableError {
    /// Another version, or no worker at all.
    #[error("{0} is no class of operations")]
    Class(String),
}

impl PortableClass {
    /// There is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.errors == 0 && self.whole.is_empty() && self.seconds.is_empty()
    }
}

/// The values of a histogram, each the highest of its bucket, with their counts; a histogram of the same precision into which
/// they are recorded is the same.
pub fn values<T: Counter>(histogram: &Histogram<T>) -> Vec<(u64, u64)> {
    let steps = histogram.iter_recorded();
    steps
        .map(|step| {
            let count = step.count_since_last_iteration();
            (step.value_iterated_to(), count)
        })
        .collect()
}
