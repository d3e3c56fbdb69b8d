//! Every metric by name, and the recorder that renders them for Prometheus.

use std::time::Duration;

use metrics::{Unit, counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;

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

const fn metric(
    kind: Kind,
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        help,
    }
}

use Kind::{Counter, Gauge, Histogram};

/// All metrics. A test compares this table with the code that records them.
pub const METRICS: &[Metric] = &[
    metric(
        Counter,
        "musical_matching_requests_total",
        &["endpoint", "method", "status"],
        "HTTP requests by route template and status code; hub invocations by hub path and method name (method INVOKE, status ok, refused for what callers did wrong, or error).",
    ),
    metric(
        Histogram,
        "musical_matching_request_duration_seconds",
        &["endpoint", "method"],
        "Time from request to answer, in seconds.",
    ),
    metric(
        Gauge,
        "musical_matching_active_connections",
        &[],
        "Connections of SignalR clients.",
    ),
    metric(
        Counter,
        "musical_matching_matches_total",
        &["instrument", "location"],
        "Requests that found their musician, by instrument and place; values outside the known ones count as other.",
    ),
    metric(
        Histogram,
        "musical_matching_matching_duration_seconds",
        &[],
        "Time from a request's opening to its assignment, in seconds.",
    ),
    metric(
        Counter,
        "mussikon_bus_sent_total",
        &[],
        "Hints handed to NATS.",
    ),
    metric(
        Counter,
        "mussikon_bus_received_total",
        &[],
        "Hints and requests that came by NATS.",
    ),
    metric(
        Counter,
        "mussikon_bus_dropped_total",
        &["what"],
        "What the bus gave up: hints out (out) or in (in), changes of interest (interest), messages that are none of ours (foreign).",
    ),
    metric(
        Counter,
        "mussikon_bus_disconnects_total",
        &[],
        "Times the connection to NATS was lost.",
    ),
    metric(
        Counter,
        "mussikon_websocket_sent_bytes_total",
        &[],
        "Bytes written to WebSockets.",
    ),
    metric(
        Counter,
        "mussikon_websocket_sent_frames_total",
        &[],
        "Frames written to WebSockets.",
    ),
    metric(
        Histogram,
        "mussikon_flush_connections",
        &[],
        "Connections that one turn of a flusher wrote to.",
    ),
    metric(
        Counter,
        "mussikon_blocked_writes_total",
        &[],
        "Writes that a socket did not take whole, so that it had to be waited for.",
    ),
    metric(
        Gauge,
        "mussikon_send_queue_bytes",
        &[],
        "Bytes that wait in the send queues of all connections; looked at once per sweep.",
    ),
    metric(
        Counter,
        "mussikon_held_back_deliveries_total",
        &[],
        "Deliveries not queued because a send queue was full; the journal fills the gap later.",
    ),
    metric(
        Counter,
        "mussikon_disconnected_consumers_total",
        &[],
        "Connections ended because they did not read.",
    ),
    metric(
        Counter,
        "mussikon_refused_handshakes_total",
        &[],
        "Negotiations and upgrades refused by a limit.",
    ),
    metric(
        Counter,
        "mussikon_resumed_connections_total",
        &[],
        "Stateful connections that went on over another transport.",
    ),
    metric(
        Gauge,
        "mussikon_entities_awake",
        &[],
        "Entities whose actor is awake.",
    ),
    metric(
        Gauge,
        "mussikon_rooms_subscribed",
        &[],
        "Rooms with at least one subscriber on this node.",
    ),
    metric(
        Gauge,
        "mussikon_commands_waiting_bytes",
        &[],
        "Bytes of commands that wait in front of all entities.",
    ),
    metric(
        Counter,
        "mussikon_appends_in_doubt_total",
        &[],
        "Appends whose outcome had to be found out by a later read.",
    ),
    metric(
        Counter,
        "mussikon_append_conflicts_total",
        &[],
        "Appends refused because another writer had moved the head.",
    ),
    metric(
        Counter,
        "mussikon_corrupt_entities_total",
        &[],
        "Entities stopped because what is stored does not verify; any above 0 needs an operator.",
    ),
    metric(
        Counter,
        "mussikon_entity_failures_total",
        &[],
        "Actors that failed and were started again.",
    ),
    metric(
        Counter,
        "mussikon_gap_fills_total",
        &[],
        "Catch-ups of subscribers from the journal.",
    ),
    metric(
        Counter,
        "mussikon_slow_consumers_total",
        &[],
        "Readers that fell behind: marked to resume from the journal, or as a last step disconnected.",
    ),
    metric(
        Counter,
        "mussikon_passivations_total",
        &[],
        "Entities put to sleep because nobody asked them anything.",
    ),
    metric(
        Counter,
        "mussikon_recoveries_from_snapshot_total",
        &[],
        "Entities woken from a snapshot and the records after it.",
    ),
    metric(
        Counter,
        "mussikon_repairs_total",
        &[],
        "Side data written again at recovery because its writer may have died before it did.",
    ),
    metric(
        Counter,
        "mussikon_stream_resets_total",
        &[],
        "Subscribers told to start over because their position could not be served.",
    ),
    metric(
        Counter,
        "mussikon_slow_requests_total",
        &[],
        "HTTP requests slower than http.slow_request_ms.",
    ),
    metric(
        Gauge,
        "mussikon_ready",
        &[],
        "1 while /health/ready says yes, else 0.",
    ),
    metric(
        Histogram,
        "mussikon_journal_probe_seconds",
        &[],
        "Time the journal took to answer the readiness probe, in seconds.",
    ),
    metric(
        Counter,
        "mussikon_journal_commits_total",
        &[],
        "Group commits of the embedded store; each is one sync of the disk.",
    ),
    metric(
        Histogram,
        "mussikon_journal_commit_requests",
        &[],
        "Writes that shared one group commit.",
    ),
    metric(
        Histogram,
        "mussikon_journal_commit_seconds",
        &[],
        "Time of one group commit with its sync, in seconds.",
    ),
    metric(
        Gauge,
        "mussikon_journal_queue_requests",
        &[],
        "Writes that wait for the next group commit.",
    ),
    metric(
        Counter,
        "mussikon_journal_queue_refusals_total",
        &[],
        "Writes refused because too many waited already.",
    ),
    metric(
        Counter,
        "mussikon_journal_conflicts_total",
        &[],
        "Appends refused by the embedded store because the head had moved.",
    ),
    metric(
        Counter,
        "mussikon_journal_counter_failures_total",
        &[],
        "Failed writes of the commit counter beside the store; until one succeeds a loss might go unnoticed.",
    ),
    metric(
        Gauge,
        "mussikon_journal_broken",
        &[],
        "1 after a write or sync of the embedded store failed: it acknowledges nothing more until it is opened again.",
    ),
    metric(
        Gauge,
        "mussikon_journal_disk_free_bytes",
        &[],
        "Free bytes of the disk that holds the embedded store; below journal.reserve_bytes writes are refused.",
    ),
    metric(
        Histogram,
        "mussikon_scylla_request_seconds",
        &["operation"],
        "Time of requests to the cluster store, in seconds.",
    ),
    metric(
        Counter,
        "mussikon_scylla_failures_total",
        &["operation"],
        "Requests to the cluster store that failed or got no answer in time.",
    ),
    metric(
        Counter,
        "mussikon_scylla_appends_total",
        &["outcome"],
        "Appends to the cluster store: applied, conflict (another writer was first), in_doubt or refused.",
    ),
];

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

/// Counts a request that found its musician. Labels are from fixed lists, so that their number is bounded.
pub fn record_match(instrument: &'static str, location: &'static str) {
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
            record_match("piano", "other");
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
            assert!(name.starts_with("mussikon_") || name.starts_with("musical_matching_"));
            assert_eq!(name.ends_with("_total"), metric.kind == Counter, "{name}");
            assert!(METRICS[i + 1..].iter().all(|m| m.name != name), "{name}");
            assert!(metric.help.ends_with('.'), "{name}");
        }
    }
}
