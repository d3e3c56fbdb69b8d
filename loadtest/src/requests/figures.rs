//! The figures of a run of `requests`, and what they allow to say.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;

use super::contradictions::Contradictions;
use super::operation::Operation;
use crate::figures::{Quantiles, is_late};
use crate::report::Outcome;

/// 95 % of all operations must be answered within this.
pub const FLOOR_P95_MS: f64 = 200.0;
/// And should be within this.
pub const AIM_P95_MS: f64 = 20.0;
/// Errors must stay below this share of all operations, in percent.
pub const FLOOR_ERRORS_PERCENT: f64 = 0.1;

const MICROSECONDS_PER_MINUTE: u64 = 60_000_000;

/// What one kind of operation came to in the measured part.
#[derive(Clone, Debug, Serialize)]
pub struct OperationFigures {
    /// Which.
    pub operation: Operation,
    /// Verb and address.
    pub name: String,
    /// It changes nothing.
    pub is_read: bool,
    /// Intended time to answer.
    pub latency: Quantiles,
    /// How many of them were errors.
    pub errors: u64,
}

/// One sort of error.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorCount {
    /// Of which operation.
    pub operation: Operation,
    /// Status and code, or what happened instead of an answer.
    pub what: String,
    /// How many, warm-up included.
    pub count: u64,
}

/// What became of the requests, warm-up included.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Stories {
    /// Requests that were created.
    pub created: u64,
    /// Of these, assigned to a musician, by acknowledgement.
    pub assigned: u64,
    /// Called off.
    pub cancelled: u64,
    /// Answers to musicians that another one has it.
    pub lost_races: u64,
    /// Messages in rooms of requests.
    pub messages: u64,
    /// Repeated POSTs whose answer was compared with the first one.
    pub repeats: u64,
    /// Of these, how many the hub said to be given again.
    pub replayed: u64,
    /// Requests of which a step has no answer, or a wrong one: they cannot be judged.
    pub unsure: u64,
}

/// Everything that a run measured. Rates, latencies, shares and CPU are those of the measured part.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RequestsFigures {
    /// Operations that the plan asks for.
    pub offered_per_second: f64,
    /// Operations that were answered.
    pub answered_per_second: f64,
    /// Operations, warm-up included.
    pub planned: u64,
    /// Musicians and organizers.
    pub users: u32,
    /// Share of reads.
    pub reads: f64,
    /// Intended time to answer, of all operations.
    pub latency: Quantiles,
    /// Each kind by itself.
    pub operations: Vec<OperationFigures>,
    /// Operations that failed.
    pub errors: u64,
    /// In percent of all.
    pub errors_percent: f64,
    /// All errors, warm-up included.
    pub error_counts: Vec<ErrorCount>,
    /// How late the generator took operations up.
    pub lag: Quantiles,
    /// Share of the time in which it had something to do.
    pub generator_busy: f64,
    /// Operations that waited for a free connection; their latency counts on.
    pub held_back: u64,
    /// Operations that waited for the answer to the step before; their latency counts on.
    pub waited: u64,
    /// Operations that had nothing to do, as after an empty list, and asked for the unread count instead.
    pub replaced: u64,
    /// Cores that the server used.
    pub server_busy: Option<f64>,
    /// Its CPU seconds per million operations.
    pub server_cpu_s_per_million: Option<f64>,
    /// Its resident memory at the end, in kilobytes.
    pub server_resident_kb: Option<u64>,
    /// Cores that everything else on the machine used.
    pub others_busy: Option<f64>,
    /// What became of the requests.
    pub stories: Stories,
    /// What was wrong.
    pub contradictions: Contradictions,
}

impl RequestsFigures {
    /// Judges correctness first; then whether the generator was the limit; then the floor.
    pub fn outcome(&self) -> Outcome {
        let floor =
            self.latency.p95_ms < FLOOR_P95_MS && self.errors_percent < FLOOR_ERRORS_PERCENT;
        match (
            self.contradictions.none(),
            is_late(&self.lag, self.generator_busy),
            floor,
        ) {
            (false, _, _) => Outcome::Incorrect,
            (true, true, _) => Outcome::GeneratorLimited,
            (true, false, false) => Outcome::FloorMissed,
            (true, false, true) => Outcome::Passed,
        }
    }
}

/// Latencies and errors as they come in.
pub struct Tally {
    all: Histogram<u64>,
    each: Vec<Histogram<u64>>,
    failed: Vec<u64>,
    errors: BTreeMap<(Operation, String), u64>,
}

/// A histogram of microseconds, up to a minute.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(MICROSECONDS_PER_MINUTE, 3)
        .expect("these bounds are valid for any histogram")
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Self {
        let each = Operation::ALL.iter().map(|_| histogram());
        Self {
            all: histogram(),
            each: each.collect(),
            failed: vec![0; Operation::ALL.len()],
            errors: BTreeMap::new(),
        }
    }

    /// An operation is over; in the warm-up only its error is of interest.
    pub fn over(
        &mut self,
        operation: Operation,
        us: u64,
        error: Option<String>,
        is_measured: bool,
    ) {
        if is_measured {
            self.all.saturating_record(us);
            self.each[operation.index()].saturating_record(us);
            self.failed[operation.index()] += u64::from(error.is_some());
        }
        if let Some(what) = error {
            *self.errors.entry((operation, what)).or_default() += 1;
        }
    }

    /// Adds what was tallied to the figures.
    pub fn tell(&self, figures: &mut RequestsFigures) {
        let operations = Operation::ALL.iter().map(|operation| OperationFigures {
            operation: *operation,
            name: operation.name(),
            is_read: operation.is_read(),
            latency: Quantiles::of(&self.each[operation.index()]),
            errors: self.failed[operation.index()],
        });
        figures.operations = operations.collect();
        let all = self.all.len().max(1) as f64;
        let reads = figures.operations.iter().filter(|one| one.is_read);
        figures.reads = reads.map(|one| one.latency.count).sum::<u64>() as f64 / all;
        figures.latency = Quantiles::of(&self.all);
        figures.errors = self.failed.iter().sum();
        figures.errors_percent = figures.errors as f64 / all * 100.0;
        let errors = self.errors.iter();
        let errors = errors.map(|((operation, what), count)| ErrorCount {
            operation: *operation,
            what: what.clone(),
            count: *count,
        });
        figures.error_counts = errors.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(p95_ms: f64, errors: u64) -> RequestsFigures {
        let mut tally = Tally::new();
        for at in 0..10_000 {
            let error = (at < errors).then(|| "503 overloaded".to_owned());
            tally.over(Operation::Inbox, (p95_ms * 1_000.0) as u64, error, true);
        }
        // The warm-up tells of errors and measures nothing.
        tally.over(Operation::Send, 9_000_000, Some("timeout".into()), false);
        let mut figures = RequestsFigures::default();
        tally.tell(&mut figures);
        figures
    }

    #[test]
    fn the_floor_decides_about_a_correct_hub_and_a_late_generator_about_nothing() {
        assert_eq!(figures(19.0, 0).outcome(), Outcome::Passed);
        assert_eq!(figures(199.0, 9).outcome(), Outcome::Passed);
        assert_eq!(figures(201.0, 0).outcome(), Outcome::FloorMissed);
        assert_eq!(figures(19.0, 10).outcome(), Outcome::FloorMissed);
        let mut late = figures(201.0, 10);
        late.lag.p99_ms = 11.0;
        assert_eq!(late.outcome(), Outcome::GeneratorLimited);
        late.contradictions.second_winner = 1;
        assert_eq!(late.outcome(), Outcome::Incorrect);
    }

    #[test]
    fn operations_are_counted_by_kind_and_errors_by_what_they_were() {
        let figures = figures(1.0, 3);
        let of = |operation: Operation| &figures.operations[operation.index()];
        assert_eq!(of(Operation::Inbox).latency.count, 10_000);
        assert_eq!(
            (of(Operation::Inbox).errors, of(Operation::Send).errors),
            (3, 0)
        );
        assert_eq!((figures.errors, figures.reads), (3, 1.0));
        assert!((figures.errors_percent - 0.03).abs() < 1e-9);
        let errors: Vec<_> = figures
            .error_counts
            .iter()
            .map(|one| (&*one.what, one.count))
            .collect();
        assert_eq!(errors, [("503 overloaded", 3), ("timeout", 1)]);
    }
}
