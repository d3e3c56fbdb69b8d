//! Two records side by side: every figure of every class, the thresholds, and the conditions that differ.

use page::Unit;

use super::noise::{Change, Of, judge};
use crate::run::charts;
use crate::run::record::{ClassSecond, ClassTotal, Measurement, Record, Threshold};
use crate::run::words;

/// A figure of both runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which server.
    pub server: String,
    /// Which class of operations; `target` for what the server used.
    pub class: String,
    /// Which figure.
    pub figure: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// In the first run; none if it has none.
    pub a: Option<f64>,
    /// In the second.
    pub b: Option<f64>,
    /// Whether it got better or worse.
    pub change: Change,
}

impl Row {
    /// Second by first; none where that says nothing.
    pub fn ratio(&self) -> Option<f64> {
        let (a, b) = (self.a?, self.b?);
        (a > 0.0).then_some(b / a)
    }
}

/// A demand on both runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// What is bounded.
    pub what: String,
    /// In the first run; none if it did not demand it.
    pub a: Option<Threshold>,
    /// In the second.
    pub b: Option<Threshold>,
}

/// A condition that was not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub what: &'static str,
    /// In the first run.
    pub a: String,
    /// In the second.
    pub b: String,
}

/// Everything that can be said of two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Figures, those of the hub first.
    pub rows: Vec<Row>,
    /// Thresholds of either.
    pub demands: Vec<Demand>,
    /// Conditions that differ; figures then differ for their sake, too.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Compares the second run with the first.
    pub fn of(a: &Record, b: &Record) -> Self {
        let mut rows = rows((a, &a.subject), (b, &b.subject));
        if let (Some(first), Some(second)) = (&a.reference, &b.reference) {
            rows.extend(self::rows((a, first), (b, second)));
        }
        Self {
            rows,
            demands: demands(&a.thresholds, &b.thresholds),
            differences: differences(a, b),
        }
    }

    /// What became worse of the hub.
    pub fn worse(&self, server: &str) -> Vec<&Row> {
        let worse = |row: &&Row| row.change == Change::Worse && row.server == server;
        self.rows.iter().filter(worse).collect()
    }

    /// Thresholds that the first run met and the second missed.
    pub fn newly_missed(&self) -> Vec<&Demand> {
        let met = |one: &Option<Threshold>| one.as_ref().map(|one| one.met);
        let missed = |one: &&Demand| met(&one.b) == Some(false) && met(&one.a) != Some(false);
        self.demands.iter().filter(missed).collect()
    }
}

/// A record and one of its servers.
type Side<'a> = (&'a Record, &'a Measurement);

fn rows(a: Side, b: Side) -> Vec<Row> {
    let mut rows = Vec::new();
    for class in charts::classes([a.1, b.1]) {
        rows.extend(class_rows(&class, a, b));
    }
    rows.extend(target_rows(a, b));
    rows
}

/// Of the seconds after the warm-up that have operations of a class.
fn seconds(of: Side, class: &str, figure: impl Fn(&ClassSecond) -> f64) -> Vec<f64> {
    let (record, measurement) = of;
    let measured = measurement
        .seconds
        .iter()
        .filter(|second| f64::from(second.at_s) >= record.warmup_s);
    measured
        .map(|second| second.classes.get(class).map_or(f64::NAN, &figure))
        .collect()
}

fn class_rows(class: &str, a: Side, b: Side) -> Vec<Row> {
    let row = |figure, unit, of: fn(&ClassTotal) -> f64, change| {
        let value = |side: Side| {
            side.1
                .classes
                .get(class)
                .map(of)
                .filter(|value| value.is_finite())
        };
        Row {
            server: b.1.server.clone(),
            class: class.to_owned(),
            figure,
            unit,
            a: value(a),
            b: value(b),
            change,
        }
    };
    let judged = |of, more, figure: fn(&ClassSecond) -> f64| {
        judge(
            &seconds(a, class, figure),
            &seconds(b, class, figure),
            of,
            more,
        )
    };
    let latency = |figure: fn(&ClassSecond) -> f64| {
        let of = move |side| {
            seconds(side, class, |found| {
                if found.count > 0 {
                    figure(found)
                } else {
                    f64::NAN
                }
            })
        };
        judge(&of(a), &of(b), Of::Middle, false)
    };
    let ms = Unit::Milliseconds;
    let errors =
        |found: &ClassSecond| found.errors as f64 / (found.errors + found.count).max(1) as f64;
    vec![
        row(
            "per second",
            Unit::PerSecond,
            |of| of.per_second,
            judged(Of::Mean, true, |found| found.count as f64),
        ),
        row(
            "failed",
            Unit::Percent,
            failed_percent,
            judged(Of::Mean, false, errors),
        ),
        row(
            "p50",
            ms,
            |of| of.latency.p50_ms,
            latency(|found| found.p50_ms),
        ),
        row(
            "p95",
            ms,
            |of| of.latency.p95_ms,
            latency(|found| found.p95_ms),
        ),
        row(
            "p99",
            ms,
            |of| of.latency.p99_ms,
            latency(|found| found.p99_ms),
        ),
        // Of these a run has one value only.
        row("p99.9", ms, |of| of.latency.p999_ms, Change::Unjudged),
        row("max", ms, |of| of.latency.max_ms, Change::Unjudged),
    ]
}

fn failed_percent(of: &ClassTotal) -> f64 {
    of.errors as f64 * 100.0 / (of.errors + of.latency.count).max(1) as f64
}

fn target_rows(a: Side, b: Side) -> Vec<Row> {
    type Member = fn(&crate::run::record::Sample) -> Option<f64>;
    let members: [(&'static str, Unit, Member); 3] = [
        ("cores", Unit::Cores, |of| of.cpu_cores),
        ("memory", Unit::Kilobytes, |of| of.resident_kb),
        ("tasks", Unit::Count, |of| of.tasks),
    ];
    let row = |(figure, unit, member): (&'static str, Unit, Member)| {
        let level =
            |(record, of): Side| words::level(of, record.warmup_s, member).map(|(mean, _)| mean);
        let (first, second) = (level(a), level(b));
        (first.is_some() || second.is_some()).then(|| Row {
            server: b.1.server.clone(),
            class: "target".into(),
            figure,
            unit,
            a: first,
            b: second,
            change: judge(&moments(a, member), &moments(b, member), Of::Middle, false),
        })
    };
    members.into_iter().filter_map(row).collect()
}

/// A member of the samples after the warm-up; of several nodes the sum of what they said in the same second.
fn moments((record, of): Side, member: fn(&crate::run::record::Sample) -> Option<f64>) -> Vec<f64> {
    let mut sums = std::collections::BTreeMap::new();
    for sample in of
        .samples
        .iter()
        .filter(|sample| sample.at_s >= record.warmup_s)
    {
        if let Some(value) = member(sample) {
            *sums.entry(sample.at_s as u64).or_insert(0.0) += value;
        }
    }
    sums.into_values().collect()
}

fn demands(a: &[Threshold], b: &[Threshold]) -> Vec<Demand> {
    let find = |all: &[Threshold], what: &str| all.iter().find(|one| one.what == what).cloned();
    let gone = a.iter().filter(|one| find(b, &one.what).is_none());
    let demand = |one: &Threshold| Demand {
        what: one.what.clone(),
        a: find(a, &one.what),
        b: find(b, &one.what),
    };
    b.iter().chain(gone).map(demand).collect()
}

fn differences(a: &Record, b: &Record) -> Vec<Difference> {
    let phases = |of: &Record| {
        let told = |phase: &crate::run::record::Phase| {
            let seconds = phase.until_s - phase.from_s;
            format!(
                "{} {seconds:.0} s {:.0}→{:.0}/s",
                phase.name, phase.from_rate, phase.until_rate
            )
        };
        of.phases.iter().map(told).collect::<Vec<_>>().join(", ")
    };
    let unknown = || words::UNKNOWN.to_owned();
    type Condition = (&'static str, fn(&Record) -> String);
    let conditions: [Condition; 6] = [
        ("scenario", |of| of.name.clone()),
        ("version of loadtest", |of| of.version.clone()),
        ("seed", |of| of.seed.to_string()),
        ("encoding", |of| of.encoding.clone()),
        ("machine", |of| words::machine(&of.machine)),
        ("generators", |of| of.machine.generators.to_string()),
    ];
    let mut pairs: Vec<(&'static str, String, String)> = conditions
        .into_iter()
        .map(|(what, of)| (what, of(a), of(b)))
        .collect();
    let kernel = |of: &Record| of.machine.kernel.clone().unwrap_or_else(unknown);
    pairs.push(("kernel", kernel(a), kernel(b)));
    pairs.push(("profile", phases(a), phases(b)));
    let connections = |of: &Record| of.subject.connections.to_string();
    pairs.push(("connections", connections(a), connections(b)));
    let differ = |(what, a, b): (&'static str, String, String)| {
        (a != b).then_some(Difference { what, a, b })
    };
    pairs.into_iter().filter_map(differ).collect()
}
