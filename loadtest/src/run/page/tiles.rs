//! The figures at the top of a page.

use page::{Tile, Tone, Unit, format};

use crate::figures::is_late;
use crate::run::charts;
use crate::run::record::{ClassTotal, Measurement, Record, class};
use crate::run::words;

/// The class that a run is about.
fn main_class(of: &Measurement) -> Option<(&String, &ClassTotal)> {
    let first = charts::classes([of])
        .into_iter()
        .find(|name| of.classes.contains_key(name))?;
    of.classes.get_key_value(&first)
}

/// Growth per hour says something after so many seconds.
const TELLING_S: f64 = 600.0;

/// What matters most of the hub, beside the reference where there is one.
pub(super) fn tiles(record: &Record) -> Vec<Tile> {
    let hub = &record.subject;
    let mut tiles = Vec::new();
    let mut add = |name: &str, value: String, note: String, tone| {
        tiles.push(Tile {
            name: name.into(),
            value,
            note,
            tone,
        });
    };
    if let Some((name, total)) = main_class(hub) {
        let beside = record
            .reference
            .as_ref()
            .and_then(|one| Some((&one.server, one.classes.get(name)?)));
        let compared = |figure: fn(&ClassTotal) -> f64, unit| {
            beside.map_or_else(String::new, |(server, total)| {
                format!("{server}: {}", format::value(figure(total), unit))
            })
        };
        let told = |figure: fn(&ClassTotal) -> f64, unit| {
            (format::value(figure(total), unit), compared(figure, unit))
        };
        let (value, note) = told(|of| of.per_second, Unit::PerSecond);
        add(charts::title(name), value, note, Tone::Plain);
        let (value, note) = told(|of| of.latency.p50_ms, Unit::Milliseconds);
        add("Latency p50", value, note, Tone::Plain);
        let (value, note) = told(|of| of.latency.p99_ms, Unit::Milliseconds);
        add("Latency p99", value, note, Tone::Plain);
        if name != class::ACKNOWLEDGEMENT
            && let Some(other) = hub.classes.get(class::ACKNOWLEDGEMENT)
        {
            let p50 = format!(
                "p50 {}",
                format::value(other.latency.p50_ms, Unit::Milliseconds)
            );
            add(
                "Acknowledged p99",
                format::value(other.latency.p99_ms, Unit::Milliseconds),
                p50,
                Tone::Plain,
            );
        }
    }
    let (errors, share) = words::errors(hub);
    let demanded = record
        .thresholds
        .iter()
        .find(|one| words::is_about_errors(&one.what));
    let tone = match demanded.map(|one| one.met) {
        Some(false) => Tone::Bad,
        None if errors > 0 => Tone::Doubtful,
        _ => Tone::Good,
    };
    add(
        "Failed operations",
        format::whole(errors),
        format!("{} of all", format::value(share, Unit::Percent)),
        tone,
    );
    let wrong: u64 = words::wrongs(hub).iter().map(|(_, count)| count).sum();
    let tone = if wrong == 0 { Tone::Good } else { Tone::Bad };
    add(
        "Broken promises",
        format::whole(wrong),
        "lost, doubled, contradicted".into(),
        tone,
    );
    if let Some((mean, peak)) = words::level(hub, record.warmup_s, |sample| sample.cpu_cores) {
        add(
            "Processor",
            format::digits(mean),
            format!("cores, at most {}", format::digits(peak)),
            Tone::Plain,
        );
    }
    if let Some((_, peak)) = words::level(hub, record.warmup_s, |sample| sample.resident_kb) {
        let slope = hub
            .slopes
            .iter()
            .filter(|slope| slope.what == "resident_kb" && words::length(record) >= TELLING_S)
            .map(|slope| slope.percent_per_hour);
        let slope = slope.reduce(f64::max);
        let note = slope.map_or_else(
            || "at most".into(),
            |slope| format!("{slope:+.1} % per hour"),
        );
        add(
            "Memory",
            format::value(peak, Unit::Kilobytes),
            note,
            Tone::Plain,
        );
    }
    add(
        "Connections",
        format::whole(hub.connections.into()),
        "at the same time".into(),
        Tone::Plain,
    );
    let late = is_late(&hub.lag, hub.generator_busy);
    let busy = format!(
        "busy {}",
        format::value(hub.generator_busy * 100.0, Unit::Percent)
    );
    let tone = if late { Tone::Doubtful } else { Tone::Plain };
    add(
        "Generator late p99",
        format::value(hub.lag.p99_ms, Unit::Milliseconds),
        busy,
        tone,
    );
    tiles
}
