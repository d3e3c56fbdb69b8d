//! A made-up run that looks like a real one: what the tests of pages, tables and comparisons read.

use std::collections::BTreeMap;

use super::record::{
    ClassSecond, ClassTotal, FORMAT, Machine, Measurement, Phase, Record, Sample, Second, Slope,
    Threshold, class,
};
use crate::figures::Quantiles;
use crate::report::Outcome;

/// A number from 0 to 1 that looks like chance and is the same every time.
fn noise(seed: u64) -> f64 {
    let mut mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635;
    mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 40) as f64 / (1u64 << 24) as f64
}

/// Parts of a profile over so many seconds: warm-up, ramp, steady, spike, recovery.
fn phases(length: u32) -> Vec<Phase> {
    let length = f64::from(length);
    let parts = [
        ("warm-up", 0.0, 0.08, 800.0, 800.0),
        ("ramp", 0.08, 0.3, 800.0, 2_000.0),
        ("steady", 0.3, 0.65, 2_000.0, 2_000.0),
        ("spike", 0.65, 0.75, 3_600.0, 3_600.0),
        ("recovery", 0.75, 1.0, 2_000.0, 2_000.0),
    ];
    let phase = |(name, from, until, from_rate, until_rate): (&str, f64, f64, f64, f64)| Phase {
        name: name.into(),
        from_s: from * length,
        until_s: until * length,
        from_rate,
        until_rate,
    };
    parts.map(phase).into()
}

fn planned(phases: &[Phase], at_s: f64) -> f64 {
    let phase = phases.iter().rfind(|phase| phase.from_s <= at_s);
    phase.map_or(0.0, |phase| {
        let share = (at_s - phase.from_s) / (phase.until_s - phase.from_s);
        phase.from_rate + (phase.until_rate - phase.from_rate) * share
    })
}

/// One second of a class whose median is so long when nothing disturbs it.
fn one_second(rate: f64, p50_ms: f64, seed: u64, load: f64) -> ClassSecond {
    let strain = 1.0 + (load - 0.6).max(0.0) * 6.0;
    let jitter = 0.85 + 0.3 * noise(seed);
    let stall = if noise(seed + 7) > 0.97 { 6.0 } else { 1.0 };
    let p50_ms = p50_ms * strain * jitter;
    let p99_ms = p50_ms * 4.5 * stall * (0.8 + 0.5 * noise(seed + 3));
    ClassSecond {
        count: (rate * (0.985 + 0.03 * noise(seed + 1))) as u64,
        errors: u64::from(load > 0.9 && noise(seed + 5) > 0.6) * 4,
        p50_ms,
        p95_ms: p50_ms * 2.6,
        p99_ms,
        max_ms: p99_ms * (1.4 + noise(seed + 4)),
    }
}

/// Buckets of a distribution with a long tail, and its quantiles.
fn total(seconds: &[Second], name: &str, from: u32, median_ms: f64) -> ClassTotal {
    let measured = seconds.iter().filter(|second| second.at_s >= from);
    let found: Vec<&ClassSecond> = measured
        .filter_map(|second| second.classes.get(name))
        .collect();
    let count: u64 = found.iter().map(|one| one.count).sum();
    // A log-logistic curve: share below x is 1 / (1 + (x / median)^-3.1).
    let below = |ms: f64| 1.0 / (1.0 + (ms / median_ms).powf(-3.1));
    let bounds: Vec<f64> = (0..260)
        .map(|step| median_ms * 0.08 * 1.03f64.powi(step))
        .collect();
    let mut buckets = Vec::new();
    let mut before = 0;
    for bound in bounds {
        let now = (below(bound) * count as f64) as u64;
        buckets.push((bound, now - before));
        before = now;
    }
    let at = |share: f64| median_ms * (share / (1.0 - share)).powf(1.0 / 3.1);
    ClassTotal {
        per_second: count as f64 / found.len().max(1) as f64,
        errors: found.iter().map(|one| one.errors).sum(),
        latency: Quantiles {
            count,
            p50_ms: median_ms,
            p90_ms: at(0.9),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: found.iter().map(|one| one.max_ms).fold(0.0, f64::max),
        },
        buckets,
    }
}

/// A server whose medians are `slower` times those of a quick one.
fn measurement(server: &str, phases: &[Phase], length: u32, slower: f64) -> Measurement {
    let seed = server.len() as u64 * 1_000_003;
    let second = |at_s: u32| {
        let rate = planned(phases, f64::from(at_s));
        let load = rate / 3_600.0;
        let of = |name: &str, factor: f64, p50_ms: f64, salt: u64| {
            let found = one_second(
                rate * factor,
                p50_ms * slower,
                seed + u64::from(at_s) * 31 + salt,
                load,
            );
            (name.to_owned(), found)
        };
        Second {
            at_s,
            planned: rate,
            connections: (2_000.0 * (f64::from(at_s) / (0.08 * f64::from(length))).min(1.0)) as u32,
            lag_p99_ms: 0.05 + 0.2 * noise(u64::from(at_s)) * load,
            classes: BTreeMap::from([
                of(class::DELIVERY, 10.0, 1.1, 1),
                of(class::ACKNOWLEDGEMENT, 1.0, 0.6, 2),
            ]),
        }
    };
    let seconds: Vec<Second> = (0..length).map(second).collect();
    let from = (f64::from(length) * 0.08) as u32;
    let sample = |at_s: u32| {
        let load = planned(phases, f64::from(at_s)) / 3_600.0;
        Sample {
            at_s: f64::from(at_s) + 0.3,
            node: "127.0.0.1:8080".into(),
            cpu_cores: Some(0.15 + load * 0.8 + 0.05 * noise(u64::from(at_s) + 99)),
            resident_kb: Some(
                62_000.0
                    + 18_000.0 * (f64::from(at_s) / f64::from(length)).sqrt()
                    + 900.0 * noise(at_s.into()),
            ),
            open_files: Some(2_064.0),
            tasks: Some(4_080.0 + (20.0 * noise(u64::from(at_s) + 5)).round()),
            connections: Some(2_000.0),
            entities: Some(200.0),
            subscriptions: Some(200.0),
        }
    };
    Measurement {
        server: server.into(),
        classes: BTreeMap::from([
            (
                class::DELIVERY.to_owned(),
                total(&seconds, class::DELIVERY, from, 1.2 * slower),
            ),
            (
                class::ACKNOWLEDGEMENT.to_owned(),
                total(&seconds, class::ACKNOWLEDGEMENT, from, 0.7 * slower),
            ),
        ]),
        seconds,
        samples: (0..length).map(sample).collect(),
        lag: Quantiles {
            count: u64::from(length) * 2_000,
            p50_ms: 0.01,
            p99_ms: 0.21,
            max_ms: 1.4,
            ..Quantiles::default()
        },
        generator_busy: 0.41,
        connections: 2_000,
        figures: BTreeMap::from([("cpu.seconds_per_million".to_owned(), 27.5)]),
        slopes: vec![Slope {
            what: "resident_kb".into(),
            node: "127.0.0.1:8080".into(),
            first: 70_100.0,
            last: 79_400.0,
            percent_per_hour: 3.2,
        }],
        ..Measurement::default()
    }
}

fn threshold(what: &str, at_most: bool, limit: f64, measured: f64) -> Threshold {
    Threshold {
        what: what.into(),
        at_most,
        limit,
        measured: Some(measured),
        met: (measured <= limit) == at_most,
    }
}

/// A run of so many seconds that misses one of its thresholds, beside a reference.
pub fn record(length: u32) -> Record {
    let phases = phases(length);
    let (subject, reference) = (
        measurement("hub", &phases, length, 1.6),
        measurement("L1", &phases, length, 1.0),
    );
    let (delivery, acknowledgement) = (
        &subject.classes[class::DELIVERY],
        &subject.classes[class::ACKNOWLEDGEMENT],
    );
    let thresholds = vec![
        threshold("delivery.p99_ms", true, 50.0, delivery.latency.p99_ms),
        threshold("delivery.per_second", false, 15_000.0, delivery.per_second),
        threshold(
            "acknowledgement.p99_ms",
            true,
            4.0,
            acknowledgement.latency.p99_ms,
        ),
        threshold("errors_percent", true, 0.1, 0.004),
    ];
    let command = [
        "loadtest",
        "run",
        "loadtest/scenarios/evening.toml",
        "--spawn",
        "target/release/mussikon-hub",
        "--seed",
        "7",
    ];
    Record {
        format: FORMAT,
        version: "0.1.0".into(),
        name: "evening".into(),
        about: "A Friday evening: 200 rooms of ten fill, talk, take a rush and calm down again."
            .into(),
        command: command.map(str::to_owned).into(),
        began_at: "2026-03-06T18:00:00Z".into(),
        seed: 7,
        encoding: "mixed".into(),
        machine: Machine {
            cores: 2,
            processor: Some("Intel(R) Xeon(R) Processor @ 2.10GHz".into()),
            kernel: Some("6.1.0".into()),
            fsync: Some(Quantiles {
                count: 500,
                p50_ms: 0.14,
                p99_ms: 0.48,
                ..Quantiles::default()
            }),
            generators: 1,
        },
        warmup_s: phases[0].until_s,
        phases,
        verdict: Outcome::FloorMissed,
        thresholds,
        subject,
        reference: Some(reference),
    }
}
