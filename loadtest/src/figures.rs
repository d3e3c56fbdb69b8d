//! The figures of one trial and what they allow to say.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::faults::Faults;

/// Latencies in milliseconds, from the intended send time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Number of values; all others are zero without one.
    pub count: u64,
    /// Median.
    pub p50_ms: f64,
    /// 90 % are not above.
    pub p90_ms: f64,
    /// 95 % are not above.
    pub p95_ms: f64,
    /// 99 % are not above.
    pub p99_ms: f64,
    /// 99.9 % are not above.
    pub p999_ms: f64,
    /// The largest.
    pub max_ms: f64,
}

impl Quantiles {
    /// Reads a histogram of microseconds.
    pub fn of(microseconds: &Histogram<u64>) -> Self {
        let at = |quantile| microseconds.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            count: microseconds.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: microseconds.max() as f64 / 1000.0,
        }
    }
}

/// Everything a trial measured. Rates, CPU and busy shares are those of the measured part.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Deliveries that the plan asks for.
    pub offered_per_second: f64,
    /// Deliveries that arrived.
    pub delivered_per_second: f64,
    /// Sends, warm-up included.
    pub sends: u32,
    /// Deliveries, warm-up included.
    pub deliveries: u64,
    /// Everything received, divided by the deliveries.
    pub bytes_per_delivery: f64,
    /// Intended send to arrival at each member.
    pub latency: Quantiles,
    /// Intended send to its acknowledgement.
    pub acknowledgement: Quantiles,
    /// How late the generator itself was.
    pub lag: Quantiles,
    /// Share of the time in which the generator had something to do.
    pub generator_busy: f64,
    /// Cores that the server used.
    pub server_busy: Option<f64>,
    /// Its CPU seconds per million deliveries.
    pub server_cpu_s_per_million: Option<f64>,
    /// Cores that everything else on the machine used: above some hundredths, figures are disturbed.
    pub others_busy: Option<f64>,
    /// Deliveries and acknowledgements that needed the full decoder: many of them slow the generator down.
    pub slow_records: u64,
    /// The trial ended without waiting for the rest, because the latency limit was missed already.
    pub abandoned: bool,
    /// What was wrong.
    pub faults: Faults,
}

/// What a trial allows to say about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Correct, and within the latency limit when there is one.
    Passed,
    /// Correct, but too slow.
    Slow,
    /// Something was lost, doubled, reordered or refused.
    Incorrect,
    /// The generator was late or had no time left: nothing can be said about latency.
    GeneratorLimited,
}

/// The generator is late when 1 % of its sends are later than this.
const LAG_LIMIT_MS: f64 = 10.0;
/// Above this share of its core, waiting for the generator is part of what was measured.
const BUSY_LIMIT: f64 = 0.95;

/// Whether the generator was late, or had no time left, so that waiting for it is part of what was measured.
pub fn is_late(lag: &Quantiles, busy: f64) -> bool {
    lag.p99_ms > LAG_LIMIT_MS || busy > BUSY_LIMIT
}

impl Figures {
    /// Judges correctness first, then the latency against `p99_limit_ms`, unless the generator was the limit.
    pub fn judge(&self, p99_limit_ms: Option<f64>) -> Judgement {
        let limited = is_late(&self.lag, self.generator_busy);
        let slow = self.abandoned || p99_limit_ms.is_some_and(|limit| self.latency.p99_ms > limit);
        match (self.faults.none(), limited, slow) {
            (false, _, _) => Judgement::Incorrect,
            (true, _, false) if p99_limit_ms.is_some() => Judgement::Passed,
            (true, true, _) => Judgement::GeneratorLimited,
            (true, false, true) => Judgement::Slow,
            (true, false, false) => Judgement::Passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(p99_ms: f64, busy: f64, lag_ms: f64, missing: u64) -> Figures {
        Figures {
            latency: Quantiles {
                p99_ms,
                ..Quantiles::default()
            },
            lag: Quantiles {
                p99_ms: lag_ms,
                ..Quantiles::default()
            },
            generator_busy: busy,
            faults: Faults {
                missing,
                ..Faults::default()
            },
            ..Figures::default()
        }
    }

    #[test]
    fn a_server_is_not_blamed_for_a_late_generator_but_always_for_a_lost_message() {
        assert_eq!(
            figures(49.0, 0.5, 0.1, 0).judge(Some(50.0)),
            Judgement::Passed
        );
        assert_eq!(
            figures(51.0, 0.5, 0.1, 0).judge(Some(50.0)),
            Judgement::Slow
        );
        assert_eq!(
            figures(51.0, 0.99, 0.1, 0).judge(Some(50.0)),
            Judgement::GeneratorLimited
        );
        assert_eq!(
            figures(51.0, 0.5, 20.0, 0).judge(Some(50.0)),
            Judgement::GeneratorLimited
        );
        assert_eq!(
            figures(49.0, 0.99, 0.1, 0).judge(Some(50.0)),
            Judgement::Passed,
            "fast enough all the same"
        );
        assert_eq!(
            figures(1.0, 0.5, 0.1, 1).judge(Some(50.0)),
            Judgement::Incorrect
        );
        assert_eq!(
            figures(1.0, 0.99, 20.0, 1).judge(None),
            Judgement::Incorrect
        );
        assert_eq!(
            figures(900.0, 0.5, 0.1, 0).judge(None),
            Judgement::Passed,
            "no limit asked"
        );
        assert_eq!(
            figures(1.0, 0.99, 0.1, 0).judge(None),
            Judgement::GeneratorLimited
        );
    }

    #[test]
    fn quantiles_are_read_in_milliseconds() {
        let mut histogram = Histogram::new(3).unwrap();
        (1..=1000u64).for_each(|ms| histogram.record(ms * 1000).unwrap());
        let quantiles = Quantiles::of(&histogram);
        assert_eq!(quantiles.count, 1000);
        assert!((quantiles.p50_ms - 500.0).abs() < 1.0, "{quantiles:?}");
        assert!((quantiles.p99_ms - 990.0).abs() < 1.0, "{quantiles:?}");
    }
}
