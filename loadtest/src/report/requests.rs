//! The report of `requests` as text: one line for the whole, one for each operation.

use std::fmt::Write as _;

use crate::figures::Quantiles;
use crate::requests::RequestsFigures;

/// Everything that was measured.
pub(super) fn block(found: &RequestsFigures) -> String {
    let mut text = String::new();
    let mut line = |fields: std::fmt::Arguments| writeln!(text, "{fields}").unwrap_or_default();
    line(format_args!(
        "{:.0} operations/s of {} users, {:.1} % reads; {:.0} answered/s",
        found.offered_per_second,
        found.users,
        found.reads * 100.0,
        found.answered_per_second
    ));
    line(format_args!(
        "    server {} of a core ({} CPU s/M), {} MB; generator {:.0} %, lag p99 {:.2} ms; others {} of a core",
        share(found.server_busy),
        found
            .server_cpu_s_per_million
            .map_or("–".into(), |cpu| format!("{cpu:.0}")),
        found
            .server_resident_kb
            .map_or("–".into(), |kb| format!("{:.0}", kb as f64 / 1024.0)),
        found.generator_busy * 100.0,
        found.lag.p99_ms,
        share(found.others_busy)
    ));
    let of = &found.stories;
    line(format_args!(
        "    {} requests created, {} assigned ({} answers to losers), {} called off, {} messages; {} repeats compared, {} replayed",
        of.created, of.assigned, of.lost_races, of.cancelled, of.messages, of.repeats, of.replayed
    ));
    line(format_args!(
        "    {} waited for a connection, {} for the answer before, {} had nothing to do; {} requests unsure",
        found.held_back, found.waited, found.replaced, of.unsure
    ));
    line(format_args!(
        "    {:<42} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7}",
        "operation", "count", "p50 ms", "p95 ms", "p99 ms", "max ms", "errors"
    ));
    for one in &found.operations {
        line(format_args!(
            "    {}",
            row(&one.name, &one.latency, one.errors)
        ));
    }
    line(format_args!(
        "    {}",
        row("all", &found.latency, found.errors)
    ));
    text.trim_end().to_owned()
}

fn row(name: &str, latency: &Quantiles, errors: u64) -> String {
    format!(
        "{name:<42} {:>8} {:>8.2} {:>8.2} {:>8.2} {:>8.1} {errors:>7}",
        latency.count, latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.max_ms
    )
}

fn share(value: Option<f64>) -> String {
    value.map_or("–".into(), |value| format!("{:.0} %", value * 100.0))
}

/// What was wrong, and every sort of error.
pub(super) fn wrongs(found: &RequestsFigures) -> Vec<String> {
    let mut wrongs = Vec::new();
    if !found.contradictions.none() {
        wrongs.push(format!("INCORRECT: {}", found.contradictions));
        wrongs.extend(found.contradictions.examples.iter().cloned());
    }
    let errors = found.error_counts.iter();
    wrongs.extend(errors.map(|one| {
        format!(
            "error: {}: {} × {}",
            one.operation.name(),
            one.count,
            one.what
        )
    }));
    wrongs
}
