//! The report as text for people.

use std::fmt::Write as _;

use super::{Entry, Measured, Outcome, Report, requests};
use crate::aims::Aim;
use crate::capacity::LimitedBy;
use crate::figures::Figures;

impl Report {
    /// All entries, the comparisons, and the verdict.
    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        let mut line = |fields: std::fmt::Arguments| writeln!(text, "{fields}").unwrap_or_default();
        let of_requests = |entry: &Entry| matches!(entry.measured, Measured::Requests(_));
        let has_columns =
            |entry: &Entry| !of_requests(entry) && !matches!(entry.measured, Measured::Evening(_));
        if self.entries.iter().any(has_columns) {
            line(format_args!("{}", head()));
        }
        for entry in &self.entries {
            line(format_args!("{}", entry.row()));
            for wrong in entry.wrongs() {
                line(format_args!("    {wrong}"));
            }
        }
        if let Some(fsync) = self.fsync {
            line(format_args!(
                "4 KB durable: p50 {:.2} ms, p99 {:.2} ms",
                fsync.p50_ms, fsync.p99_ms
            ));
        }
        if !self.comparisons.is_empty() {
            line(format_args!(
                "\n{:<44} {:>10} {:>10} {:>7}  {:<14} met",
                "measure", "hub", "L1", "ratio", "aim"
            ));
        }
        for row in &self.comparisons {
            line(format_args!(
                "{:<44} {:>10} {:>10} {:>7}  {:<14} {}",
                row.measure,
                short(row.hub),
                row.reference.map_or("–".into(), short),
                row.ratio.map_or("–".into(), |ratio| format!("{ratio:.2}")),
                row.aim.map_or(String::new(), aim),
                row.met.map_or("", |met| if met { "yes" } else { "NO" })
            ));
        }
        let verdict = match self.outcome() {
            Outcome::Passed if self.entries.iter().all(of_requests) => {
                "passed: each request assigned once at most, everything as it was acknowledged"
            }
            Outcome::Passed => "passed: each message once, in order, none missing",
            Outcome::GeneratorLimited => {
                "generator limited: it could not offer or take in what was asked; no verdict on the hub"
            }
            Outcome::FloorMissed => "FLOOR MISSED: too slow, or too many errors",
            Outcome::Incorrect => "INCORRECT: see the counts above",
        };
        line(format_args!("\nverdict: {verdict}"));
        text
    }
}

/// What stands above the figures of deliveries.
fn head() -> String {
    format!(
        "\n{:<18} {:<4} {:>10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6} {:>6} {:>7} {:>6} {:>6}",
        "scenario",
        "",
        "deliv./s",
        "p50 ms",
        "p99 ms",
        "p99.9",
        "ack p50",
        "ack p99",
        "CPU s/M",
        "server",
        "gener.",
        "lag p99",
        "others",
        "bytes"
    )
}

impl Entry {
    fn row(&self) -> String {
        let head = format!("{:<18} {:<4}", self.scenario, self.server);
        match &self.measured {
            Measured::Fixed(figures) => format!("{head} {}", figures_row(figures, "")),
            Measured::Capacity(found) => {
                let note = match found.limited_by {
                    LimitedBy::Server => "",
                    LimitedBy::Generator => " (at least: generator limited)",
                    LimitedBy::Maximum => " (at least: highest rate allowed)",
                    LimitedBy::Nothing => " (no rate passed)",
                };
                let figures = found.figures.clone().unwrap_or_default();
                format!("{head} {}", figures_row(&figures, note))
            }
            Measured::Reconnect(found) => format!(
                "{head} {} connections, hub ended after {:.0} ms and listened after {:.0} ms more; all back: p50 {:.0} ms, p99 {:.0} ms, last {:.0} ms after the signal; p50 {:.0} ms, p99 {:.0} ms after the own loss; {} tries",
                found.connections,
                found.ending_ms,
                found.starting_ms,
                found.from_signal.p50_ms,
                found.from_signal.p99_ms,
                found.from_signal.max_ms,
                found.from_loss.p50_ms,
                found.from_loss.p99_ms,
                found.tries
            ),
            Measured::Requests(found) => format!("{head} {}", requests::block(found)),
            Measured::Evening(found) => format!("{head} {}", found.block()),
            Measured::Idle(idle) => format!(
                "{head} {} connections, {:.0} connects/s, {} KB each",
                idle.connections,
                idle.connects_per_second,
                idle.kb_per_connection
                    .map_or("–".into(), |kb| format!("{kb:.2}"))
            ),
        }
    }
}

fn figures_row(figures: &Figures, note: &str) -> String {
    let share =
        |value: Option<f64>| value.map_or("–".into(), |value| format!("{:.0} %", value * 100.0));
    let acknowledged = |value: f64| match figures.acknowledgement.count {
        0 => "–".to_owned(),
        _ => format!("{value:.2}"),
    };
    format!(
        "{:>10} {:>8.2} {:>8.2} {:>8.2} {:>8} {:>8} {:>8} {:>6} {:>6} {:>7.2} {:>6} {:>6.0}{note}",
        short(figures.delivered_per_second),
        figures.latency.p50_ms,
        figures.latency.p99_ms,
        figures.latency.p999_ms,
        acknowledged(figures.acknowledgement.p50_ms),
        acknowledged(figures.acknowledgement.p99_ms),
        figures
            .server_cpu_s_per_million
            .map_or("–".into(), |cpu| format!("{cpu:.2}")),
        share(figures.server_busy),
        share(Some(figures.generator_busy)),
        figures.lag.p99_ms,
        share(figures.others_busy),
        figures.bytes_per_delivery,
    )
}

/// A number with three digits that matter.
fn short(value: f64) -> String {
    match value {
        millions if millions >= 1e6 => format!("{:.2} M", millions / 1e6),
        thousands if thousands >= 1e4 => format!("{:.1} k", thousands / 1e3),
        hundreds if hundreds >= 100.0 => format!("{hundreds:.0}"),
        small => format!("{small:.2}"),
    }
}

fn aim(aim: Aim) -> String {
    match aim {
        Aim::RatioAtLeast(bound) => format!("≥ {bound} × L1"),
        Aim::RatioAtMost(bound) => format!("≤ {bound} × L1"),
        Aim::AtLeast(bound) => format!("≥ {}", short(bound)),
        Aim::AtMost(bound) => format!("≤ {}", short(bound)),
        Aim::Below(bound) => format!("< {}", short(bound)),
    }
}
