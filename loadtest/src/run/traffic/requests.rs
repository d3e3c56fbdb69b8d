//! Traffic of kind `requests`: organizers and musicians over HTTP, from the draft to the assignment.

use serde::Deserialize;

use super::{Found, Stage, TrafficError, check_operations};
use crate::requests::{FEWEST_MUSICIANS, play as play_requests};
use crate::run::log::Log;
use crate::run::timeline::Timeline;
use crate::run::wrong::{Wrong, within};

/// Most operations of a run: all of them are planned before it begins.
const MOST_OPERATIONS: u32 = 20_000_000;

/// The settings. An operation is one request over HTTP.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestsSpec {
    /// Musicians, each with a profile and hours.
    pub musicians: u32,
    /// Organizers.
    pub organizers: u32,
    /// Requests that are open before the run and stay so.
    pub open: u32,
    /// Connections that are kept alive; each has one request in flight at most.
    pub connections: u32,
    /// An operation without an answer for so many milliseconds is an error.
    pub timeout_ms: u32,
}

impl Default for RequestsSpec {
    fn default() -> Self {
        Self {
            musicians: 2_000,
            organizers: 200,
            open: 500,
            connections: 128,
            timeout_ms: 10_000,
        }
    }
}

impl RequestsSpec {
    /// Finds settings that cannot be.
    pub fn check(&self, timeline: &Timeline, processes: u32) -> Result<(), Wrong> {
        let fewest = FEWEST_MUSICIANS.saturating_mul(processes);
        within("traffic.musicians", self.musicians, fewest, 100_000)?;
        within("traffic.organizers", self.organizers, processes, 10_000)?;
        within("traffic.open", self.open, 0, 20_000)?;
        within("traffic.connections", self.connections, processes, 4_000)?;
        within("traffic.timeout_ms", self.timeout_ms, 1, 600_000)?;
        if timeline.churn.is_some() {
            let key = "profile.churn_percent_per_minute";
            let allowed = "nobody leaves who asks over HTTP: 0 is allowed";
            return Err(Wrong::new(key, "above 0", allowed));
        }
        check_operations(timeline, MOST_OPERATIONS)
    }
}

/// Makes the traffic.
pub fn play(spec: &RequestsSpec, stage: Stage<'_>, log: Log) -> Result<(Found, Log), TrafficError> {
    Ok(play_requests(spec, stage, log)?)
}
