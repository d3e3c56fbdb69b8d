//! Figures side by side with the reference, and what is aimed at.

use serde::Serialize;

use crate::bench::IdleFigures;
use crate::capacity::Capacity;
use crate::figures::{Figures, Quantiles};
use crate::requests::{AIM_P95_MS, FLOOR_ERRORS_PERCENT, FLOOR_P95_MS, RequestsFigures};

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// At least this many times the reference.
    RatioAtLeast(f64),
    /// At most this many times the reference.
    RatioAtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// Less than this.
    Below(f64),
}

/// One figure of the hub beside that of the reference.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What is compared, with its unit.
    pub measure: String,
    /// The hub's figure.
    pub hub: f64,
    /// The reference's figure in the same run.
    pub reference: Option<f64>,
    /// Hub divided by reference.
    pub ratio: Option<f64>,
    /// What is aimed at, for the standard shapes and rates.
    pub aim: Option<Aim>,
    /// Whether the aim is met, when that can be said.
    pub met: Option<bool>,
}

impl Comparison {
    fn new(
        measure: String,
        hub: Option<f64>,
        reference: Option<f64>,
        aim: Option<Aim>,
    ) -> Option<Self> {
        let hub = hub?;
        let ratio = reference
            .filter(|&reference| reference > 0.0)
            .map(|reference| hub / reference);
        let met = aim.and_then(|aim| match aim {
            Aim::RatioAtLeast(bound) => ratio.map(|ratio| ratio >= bound),
            Aim::RatioAtMost(bound) => ratio.map(|ratio| ratio <= bound),
            Aim::AtLeast(bound) => Some(hub >= bound),
            Aim::AtMost(bound) => Some(hub <= bound),
            Aim::Below(bound) => Some(hub < bound),
        });
        Some(Self {
            measure,
            hub,
            reference,
            ratio,
            aim,
            met,
        })
    }
}

/// The aims for one scenario at a fixed rate; `None` for shapes and rates of one's own.
#[derive(Clone, Copy)]
pub struct FixedAims {
    /// CPU per delivery, as a ratio.
    pub cpu_ratio: f64,
}

/// The 99th percentile may be so many times that of the reference, and one durable write longer.
const P99_RATIO: f64 = 1.3;

/// Compares two trials at the same rate.
pub fn fixed(
    name: &str,
    hub: &Figures,
    reference: Option<&Figures>,
    fsync: Option<&Quantiles>,
    aims: Option<FixedAims>,
) -> Vec<Comparison> {
    let cpu = |figures: &Figures| figures.server_cpu_s_per_million;
    let p99 = |figures: &Figures| figures.latency.p99_ms;
    let cpu_aim = aims.map(|aims| Aim::RatioAtMost(aims.cpu_ratio));
    let p99_aim = aims
        .zip(reference.zip(fsync))
        .map(|(_, (reference, fsync))| {
            Aim::AtMost(P99_RATIO * reference.latency.p99_ms + fsync.p99_ms)
        });
    [
        Comparison::new(
            format!("{name}: CPU s per million deliveries"),
            cpu(hub),
            reference.and_then(cpu),
            cpu_aim,
        ),
        Comparison::new(
            format!("{name}: p99 ms"),
            Some(p99(hub)),
            reference.map(p99),
            p99_aim,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Compares two searches.
pub fn capacity(
    name: &str,
    hub: &Capacity,
    reference: Option<&Capacity>,
    ratio: Option<f64>,
) -> Vec<Comparison> {
    let aim = ratio.map(Aim::RatioAtLeast);
    let measure = format!("{name}: deliveries per second");
    Comparison::new(
        measure,
        Some(hub.rate),
        reference.map(|found| found.rate),
        aim,
    )
    .into_iter()
    .collect()
}

/// Compares acknowledgement latencies; the aims hold for the standard rate.
pub fn acknowledgement(
    name: &str,
    hub: &Figures,
    reference: Option<&Figures>,
    standard: bool,
) -> Vec<Comparison> {
    let row = |label: &str, pick: fn(&Quantiles) -> f64, bound: f64| {
        let of = |figures: &Figures| pick(&figures.acknowledgement);
        let aim = standard.then_some(Aim::AtMost(bound));
        Comparison::new(
            format!("{name}: {label} ms"),
            Some(of(hub)),
            reference.map(of),
            aim,
        )
    };
    [
        row("p50", |found| found.p50_ms, 0.5),
        row("p99", |found| found.p99_ms, 1.5),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Compares idle connections.
pub fn idle(hub: &IdleFigures, reference: Option<&IdleFigures>) -> Vec<Comparison> {
    let kb = |figures: &IdleFigures| figures.kb_per_connection;
    let rate = |figures: &IdleFigures| figures.connects_per_second;
    [
        Comparison::new(
            "idle: KB per connection".into(),
            kb(hub),
            reference.and_then(kb),
            Some(Aim::AtMost(5.0)),
        ),
        Comparison::new(
            "idle: connects per second".into(),
            Some(rate(hub)),
            reference.map(rate),
            Some(Aim::AtLeast(10_000.0)),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Judges latency and errors of requests; the floor holds at any rate, the aim at the standard one and above.
pub fn requests(name: &str, hub: &RequestsFigures, standard: bool) -> Vec<Comparison> {
    let row = |label: String, value: f64, bound: Option<f64>| {
        let aim = bound.map(Aim::Below);
        Comparison::new(format!("{name}: {label}"), Some(value), None, aim)
    };
    let aim = standard.then_some(AIM_P95_MS);
    [
        row("p95 ms".into(), hub.latency.p95_ms, aim),
        row(
            "p95 ms, floor".into(),
            hub.latency.p95_ms,
            Some(FLOOR_P95_MS),
        ),
        row(
            "errors %, floor".into(),
            hub.errors_percent,
            Some(FLOOR_ERRORS_PERCENT),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aim_is_met_by_ratio_or_by_value_and_unknown_without_a_reference() {
        let met = |hub, reference, aim| {
            Comparison::new("m".into(), Some(hub), reference, Some(aim))
                .unwrap()
                .met
        };
        assert_eq!(met(100.0, Some(10.0), Aim::RatioAtLeast(10.0)), Some(true));
        assert_eq!(met(99.0, Some(10.0), Aim::RatioAtLeast(10.0)), Some(false));
        assert_eq!(met(13.0, Some(10.0), Aim::RatioAtMost(1.35)), Some(true));
        assert_eq!(met(14.0, Some(10.0), Aim::RatioAtMost(1.35)), Some(false));
        assert_eq!(met(14.0, None, Aim::RatioAtMost(1.35)), None);
        assert_eq!(met(9.0, None, Aim::AtMost(10.0)), Some(true));
        assert_eq!(met(9.9, None, Aim::Below(10.0)), Some(true));
        assert_eq!(met(10.0, None, Aim::Below(10.0)), Some(false));
        assert_eq!(met(4999.0, None, Aim::AtLeast(5000.0)), Some(false));
    }

    #[test]
    fn latency_may_be_a_third_above_the_reference_and_one_durable_write() {
        let with_p99 = |p99_ms| Figures {
            latency: Quantiles {
                p99_ms,
                ..Quantiles::default()
            },
            ..Figures::default()
        };
        let fsync = Quantiles {
            p99_ms: 0.5,
            ..Quantiles::default()
        };
        let aims = Some(FixedAims { cpu_ratio: 1.35 });
        let met = |hub| {
            fixed(
                "f",
                &with_p99(hub),
                Some(&with_p99(3.0)),
                Some(&fsync),
                aims,
            )[0]
            .met
        };
        // 1.3 × 3 ms and half a millisecond.
        assert_eq!((met(4.39), met(4.41)), (Some(true), Some(false)));
    }
}
