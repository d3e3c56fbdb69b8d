//! Every metric by name, and the recorder that renders them for Prometheus.

mod table;

use std::time::Duration;

use metrics::{Unit, counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;

pub use table::METRICS;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution over buckets.
    Histogram,
}

/// One row of the table of metrics.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Name.
    pub name: &'static str,
    /// What is measured.
    pub kind: Kind,
    /// Labels; each has a bounded set of values.
    pub labels: &'static [&'static str],
    /// Meaning, with the unit.
    pub help: &'static str,
}

use Kind::{Counter, Gauge, Histogram};

/// Seconds; the third one is the target of 200 ms at p95 with its neighbours.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0, 60.0,
];
/// Counts and sizes.
const AMOUNTS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 10_000.0,
];

/// Why metrics could not begin.
#[derive(Debug, Error)]
#[error("metrics could not be started: {0}")]
pub struct MetricsError(#[from] BuildError);

fn builder() -> Result<PrometheusBuilder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS.iter().filter(|m| m.kind == Histogram) {
        let buckets = if metric.name.ends_with("_seconds") {
            SECONDS
        } else {
            AMOUNTS
        };
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.into()), buckets)?;
    }
    Ok(builder)
}

/// Installs the recorder of the process; the handle renders what was recorded.
pub fn install() -> Result<PrometheusHandle, MetricsError> {
    let handle = builder()?.install_recorder()?;
    describe();
    Ok(handle)
}

/// Tells the recorder what every metric means, and shows those without labels from the start.
fn describe() {
    for metric in METRICS {
        let unit = if metric.name.ends_with("_seconds") {
            Unit::Seconds
        } else if metric.name.contains("_bytes") {
            Unit::Bytes
        } else {
            Unit::Count
        };
        match metric.kind {
            Counter => metrics::describe_counter!(metric.name, unit, metric.help),
            Gauge => metrics::describe_gauge!(metric.name, unit, metric.help),
            Histogram => metrics::describe_histogram!(metric.name, unit, metric.help),
        }
        match metric.kind {
            Counter if metric.labels.is_empty() => counter!(metric.name).increment(0),
            Gauge if metric.labels.is_empty() => gauge!(metric.name).increment(0.0),
            _ => {}
        }
    }
}

/// Histograms are folded into their buckets this often, so that memory does not grow between scrapes.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// Counts an HTTP request that was answered. `endpoint` is a route template.
pub fn record_request(endpoint: &str, method: &'static str, status: u16, took: Duration) {
    counter!("musical_matching_requests_total",
        "endpoint" => endpoint.to_owned(), "method" => method, "status" => status.to_string())
    .increment(1);
    histogram!("musical_matching_request_duration_seconds",
        "endpoint" => endpoint.to_owned(), "method" => method)
    .record(took.as_secs_f64());
}

/// Counts a request that found its musician. Whoever calls it bounds the number of labels.
pub fn record_match(instrument: &'static str, location: String) {
    counter!("musical_matching_matches_total", "instrument" => instrument, "location" => location)
        .increment(1);
}

/// Measures the time from a request's opening to its assignment.
pub fn record_matching_duration(took: Duration) {
    histogram!("musical_matching_matching_duration_seconds").record(took.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_described_is_rendered_with_help_type_and_buckets() {
        let recorder = builder().expect("valid").build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            record_request("/health", "GET", 200, Duration::from_millis(150));
            record_request("/health", "GET", 503, Duration::from_millis(3));
            record_match("piano", "other".into());
            record_matching_duration(Duration::from_secs(20));
        });
        let text = handle.render();
        for line in [
            "# TYPE musical_matching_requests_total counter",
            "# TYPE musical_matching_active_connections gauge",
            "musical_matching_active_connections 0",
            "musical_matching_requests_total{endpoint=\"/health\",method=\"GET\",status=\"200\"} 1",
            "musical_matching_requests_total{endpoint=\"/health\",method=\"GET\",status=\"503\"} 1",
            "musical_matching_request_duration_seconds_bucket{endpoint=\"/health\",method=\"GET\",le=\"0.1\"} 1",
            "musical_matching_request_duration_seconds_bucket{endpoint=\"/health\",method=\"GET\",le=\"0.2\"} 2",
            "musical_matching_request_duration_seconds_count{endpoint=\"/health\",method=\"GET\"} 2",
            "mussikon_corrupt_entities_total 0",
            "musical_matching_matches_total{instrument=\"piano\",location=\"other\"} 1",
            "musical_matching_matching_duration_seconds_bucket{le=\"60\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
        assert!(text.contains("# HELP mussikon_entities_awake Entities whose actor is awake."));
    }

    #[test]
    fn names_follow_the_conventions_and_are_unique() {
        for (i, metric) in METRICS.iter().enumerate() {
            let name = metric.name;
            // What every exporter tells of its process has the names that dashboards know.
            let of_process = name.starts_with("process_");
            let ours = name.starts_with("mussikon_") || name.starts_with("musical_matching_");
            assert!(of_process || ours, "{name}");
            let counts = metric.kind == Counter;
            assert!(of_process || name.ends_with("_total") == counts, "{name}");
            assert!(METRICS[i + 1..].iter().all(|m| m.name != name), "{name}");
            assert!(metric.help.ends_with('.'), "{name}");
        }
    }
}
