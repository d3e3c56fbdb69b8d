//! The record of a run: written as JSON, read back by `compare`, drawn as a page.
//!
//! All times are from the moment the traffic began, warm-up included; all latencies count from the intended time of an
//! operation and are in milliseconds.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::faults::Faults;
use crate::figures::Quantiles;
use crate::report::Outcome;

/// Counts up when a reader of older records would misread a newer one.
pub const FORMAT: u32 = 1;

/// Names of the classes of operations, as they stand in records and thresholds.
pub mod class {
    /// Intended send to the arrival at one member.
    pub const DELIVERY: &str = "delivery";
    /// Intended send to its acknowledgement.
    pub const ACKNOWLEDGEMENT: &str = "acknowledgement";
    /// Begun connection to the joined room, token check and handshake included.
    pub const CONNECT: &str = "connect";
    /// Noticed loss of a connection, or intended return after a planned absence, to the room joined again where the client was.
    pub const RECONNECT: &str = "reconnect";
    /// Accepted notification or request to its arrival in a live inbox.
    pub const NOTIFICATION: &str = "notification";
    /// Intended operation over HTTP to its whole answer.
    pub const HTTP: &str = "http";
    /// Intended "is typing" to its arrival at one other member.
    pub const TYPING: &str = "typing";
    /// Intended read of a page of history to that page.
    pub const HISTORY: &str = "history";
    /// No operation: how late the generator took up what was due.
    pub const LAG: &str = "lag";
    /// All classes of operations.
    pub const ALL: [&str; 8] = [
        DELIVERY,
        ACKNOWLEDGEMENT,
        CONNECT,
        RECONNECT,
        NOTIFICATION,
        HTTP,
        TYPING,
        HISTORY,
    ];
    /// Classes that count arrivals: whoever waits for one that never comes has no operation of his own that could fail, and what is
    /// missing is a fault. Beside so many that go well, failed operations would be a vanishing share of all, so that these do not
    /// belong to the sum of all classes.
    pub const ARRIVALS: [&str; 3] = [DELIVERY, NOTIFICATION, TYPING];

    /// Whether a class counts for a share of failed operations: of one class, or of all that can fail.
    pub fn counts(name: &str, wanted: Option<&str>) -> bool {
        wanted.map_or(!ARRIVALS.contains(&name), |wanted| wanted == name)
    }
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// Version of that program.
    pub version: String,
    /// Name of the scenario.
    pub name: String,
    /// What it is for, in a sentence.
    pub about: String,
    /// Arguments of the program, secrets left out: they repeat the run.
    pub command: Vec<String>,
    /// When the traffic began, as in RFC 3339.
    pub began_at: String,
    /// What decided times and texts.
    pub seed: u64,
    /// `json`, `messagepack` or `mixed`.
    pub encoding: String,
    /// Where it ran.
    pub machine: Machine,
    /// Seconds at the beginning that are checked but not measured.
    pub warmup_s: f64,
    /// Parts of the profile, in order.
    pub phases: Vec<Phase>,
    /// What the run came to.
    pub verdict: Outcome,
    /// What the scenario demanded, and what was measured.
    pub thresholds: Vec<Threshold>,
    /// The hub under test.
    pub subject: Measurement,
    /// The bare server in the same run, when there is one that can do this.
    pub reference: Option<Measurement>,
}

/// Where a run was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Cores of the machine of the generator.
    pub cores: usize,
    /// Their name.
    pub processor: Option<String>,
    /// Version of its kernel.
    pub kernel: Option<String>,
    /// 4 KB made durable there; only says something when the hub runs on the same machine.
    pub fsync: Option<Quantiles>,
    /// Processes that made the load.
    pub generators: u32,
}

/// One part of a profile: the rate goes from one value to another in a straight line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// What people call it: `warm-up`, `ramp`, `spike`.
    pub name: String,
    /// When it begins, in seconds.
    pub from_s: f64,
    /// When it ends, in seconds.
    pub until_s: f64,
    /// Operations per second that are planned at its beginning.
    pub from_rate: f64,
    /// And at its end.
    pub until_rate: f64,
}

/// A demand of the scenario. Only what is demanded decides whether a correct run passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// What is bounded, such as `acknowledgement.p95_ms` or `errors_percent`.
    pub what: String,
    /// Whether measured values must not be above the limit (else: not below).
    pub at_most: bool,
    /// The limit.
    pub limit: f64,
    /// What was measured; none when there was nothing to measure, which does not meet a threshold.
    pub measured: Option<f64>,
    /// Whether that is within the limit, or needs not be because no reference was wanted.
    pub met: bool,
}

impl Threshold {
    /// Ratios are not judged when whoever ran it wanted no reference: it passes without a measured value.
    pub fn is_judged(&self) -> bool {
        self.measured.is_some() || !self.met
    }
}

/// What one server did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// `hub`, `L1`.
    pub server: String,
    /// Classes of operations after the warm-up, by name.
    pub classes: BTreeMap<String, ClassTotal>,
    /// Every second from the beginning.
    pub seconds: Vec<Second>,
    /// What the target's own metrics said, about once a second.
    pub samples: Vec<Sample>,
    /// How late the generator itself was; of several, the latest one.
    pub lag: Quantiles,
    /// Share of the time in which the busiest generator had something to do.
    pub generator_busy: f64,
    /// Most connections at the same time.
    pub connections: u32,
    /// What was wrong with deliveries and acknowledgements, counted.
    pub faults: Faults,
    /// What else contradicted a promise (HTTP answers, inboxes, reconnects), by name.
    pub contradictions: BTreeMap<String, u64>,
    /// Slopes over the measured part, when it was long enough.
    pub slopes: Vec<Slope>,
    /// Other figures, by the names that they have in thresholds, such as `memory.kb_per_connection`.
    #[serde(default)]
    pub figures: BTreeMap<String, f64>,
}

/// One class over the measured part of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassTotal {
    /// Operations that went well, per second.
    pub per_second: f64,
    /// Operations that failed: refused, timed out, unanswered.
    pub errors: u64,
    /// Latency of those that went well.
    pub latency: Quantiles,
    /// The whole distribution: upper bound in milliseconds, and how many lie between the bound before and this one.
    pub buckets: Vec<(f64, u64)>,
}

/// One second of one server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Which, from 0.
    pub at_s: u32,
    /// Operations planned for it.
    pub planned: f64,
    /// Connections that were joined at its end.
    pub connections: u32,
    /// Latest that the generator was in it, 99th percentile, in milliseconds.
    pub lag_p99_ms: f64,
    /// Classes that had an operation in it. An operation counts in the second it was intended for.
    pub classes: BTreeMap<String, ClassSecond>,
}

/// One class in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassSecond {
    /// Operations that went well.
    pub count: u64,
    /// Operations that failed.
    pub errors: u64,
    /// Median.
    pub p50_ms: f64,
    /// 95 % are not above.
    pub p95_ms: f64,
    /// 99 % are not above.
    pub p99_ms: f64,
    /// The largest.
    pub max_ms: f64,
}

/// What a node said of itself. Members that it did not tell are none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When, in seconds.
    pub at_s: f64,
    /// Which node, by its address.
    pub node: String,
    /// Cores that it used since the sample before.
    pub cpu_cores: Option<f64>,
    /// Resident memory.
    pub resident_kb: Option<f64>,
    /// Open files and sockets.
    pub open_files: Option<f64>,
    /// Tasks of its runtime.
    pub tasks: Option<f64>,
    /// Client connections.
    pub connections: Option<f64>,
    /// Entities whose actor is awake.
    pub entities: Option<f64>,
    /// Rooms, inboxes and requests with a subscriber on it.
    pub subscriptions: Option<f64>,
}

/// How something grew over a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slope {
    /// Which member of a sample, such as `resident_kb`.
    pub what: String,
    /// Which node.
    pub node: String,
    /// Level at the beginning of the measured part (median of its first part).
    pub first: f64,
    /// Level at its end (median of its last part).
    pub last: f64,
    /// Growth per hour in percent of the first level, by a robust line through all samples.
    pub percent_per_hour: f64,
}
