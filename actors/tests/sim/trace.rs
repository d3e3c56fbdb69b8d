//! What happened in a run: a digest by which two runs are compared, counts of the paths that were hit,
//! and, for one seed looked at closely, every line.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::testing::oracle::Outcome;
use parking_lot::Mutex;

use super::clock::Now;

#[derive(Clone)]
pub struct Trace {
    now: Now,
    verbose: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    digest: DefaultHasher,
    hits: BTreeMap<String, u64>,
}

impl Trace {
    pub fn new(now: Now, verbose: bool) -> Self {
        Self {
            now,
            verbose,
            state: Arc::default(),
        }
    }

    /// A line of what happened.
    #[allow(
        clippy::print_stdout,
        reason = "one seed is looked at closely on the console"
    )]
    pub fn note(&self, line: impl FnOnce() -> String) {
        let (now, line) = (self.now.load(Ordering::Relaxed), line());
        if self.verbose {
            println!("{now:>6} {line}");
        }
        (now, line).hash(&mut self.state.lock().digest);
    }

    /// Something to be seen by whoever looks closely, and no part of the digest.
    #[allow(
        clippy::print_stdout,
        reason = "one seed is looked at closely on the console"
    )]
    pub fn aside(&self, line: impl FnOnce() -> String) {
        if self.verbose {
            println!("{:>6}   {}", self.now.load(Ordering::Relaxed), line());
        }
    }

    /// A path was taken that must be taken sometimes.
    pub fn hit(&self, path: &str) {
        *self.state.lock().hits.entry(path.to_owned()).or_default() += 1;
    }

    /// A command ended so.
    pub fn ended(&self, outcome: &Outcome) {
        self.hit(match outcome {
            Outcome::Ok(_) => "command done",
            Outcome::Unknown => "command unknown",
            Outcome::Refused(why) if why.starts_with("overloaded") => "command overloaded",
            Outcome::Refused(why) if why.starts_with("unavailable") => "command unavailable",
            Outcome::Refused(why) if why.contains("cut off") => "command cut off",
            Outcome::Refused(_) => "command refused by a rule",
        });
    }

    pub fn digest(&self) -> u64 {
        self.state.lock().digest.finish()
    }

    pub fn hits(&self) -> BTreeMap<String, u64> {
        self.state.lock().hits.clone()
    }
}

/// Counts the product's own counters as paths.
pub struct Counters(pub Trace);

struct Counter(Trace, String);

impl metrics::CounterFn for Counter {
    fn increment(&self, value: u64) {
        if value > 0 {
            self.0.hit(&self.1);
        }
    }

    fn absolute(&self, _: u64) {}
}

impl metrics::Recorder for Counters {
    fn describe_counter(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn describe_gauge(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn describe_histogram(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        metrics::Counter::from_arc(Arc::new(Counter(self.0.clone(), key.name().to_owned())))
    }

    fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::noop()
    }

    fn register_histogram(
        &self,
        _: &metrics::Key,
        _: &metrics::Metadata<'_>,
    ) -> metrics::Histogram {
        metrics::Histogram::noop()
    }
}
