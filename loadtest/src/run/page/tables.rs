//! The tables of a page.

use page::{Cell, Table, Unit, format};

use crate::run::charts;
use crate::run::record::{Record, Threshold};
use crate::run::words::{self, UNKNOWN};

/// What was demanded, and whether it was met.
pub(super) fn thresholds(all: &[Threshold]) -> Table {
    let mut table = Table::new(&["figure", "#demanded", "#measured", "of the limit", "met"]);
    for one in all {
        let unit = words::unit(&one.what);
        let sign = if one.at_most { "≤" } else { "≥" };
        let share = Cell::Share {
            of_limit: one.measured.map_or(0.0, |measured| measured / one.limit),
            met: one.met,
        };
        table.row(vec![
            Cell::Code(one.what.clone()),
            Cell::text(format!("{sign} {}", format::value(one.limit, unit))),
            Cell::text(
                one.measured
                    .map_or_else(|| UNKNOWN.into(), |measured| format::value(measured, unit)),
            ),
            share,
            match one.is_judged() {
                true => Cell::met(one.met),
                false => Cell::text(words::met(one).to_owned()),
            },
        ]);
    }
    table
}

/// Faults and contradictions; no row when there was none.
pub(super) fn wrongs(record: &Record) -> Table {
    let mut table = Table::new(&["server", "what", "#count"]);
    for of in [Some(&record.subject), record.reference.as_ref()]
        .into_iter()
        .flatten()
    {
        for (what, count) in words::wrongs(of) {
            table.row(vec![
                Cell::text(&of.server),
                Cell::Mark(false, what),
                Cell::text(format::whole(count)),
            ]);
        }
    }
    table
}

/// Every class of each server.
pub(super) fn figures(record: &Record, classes: &[String]) -> Table {
    let columns = [
        "class",
        "server",
        "#per second",
        "#p50",
        "#p90",
        "#p95",
        "#p99",
        "#p99.9",
        "#max",
        "#failed",
    ];
    let mut table = Table::new(&columns);
    for name in classes {
        for of in [Some(&record.subject), record.reference.as_ref()]
            .into_iter()
            .flatten()
        {
            let Some(total) = of.classes.get(name) else {
                continue;
            };
            let found = &total.latency;
            let mut row = vec![
                Cell::text(charts::title(name)),
                Cell::text(&of.server),
                Cell::text(format::value(total.per_second, Unit::PerSecond)),
            ];
            let quantiles = [
                found.p50_ms,
                found.p90_ms,
                found.p95_ms,
                found.p99_ms,
                found.p999_ms,
                found.max_ms,
            ];
            let told = |ms| match found.count {
                0 => UNKNOWN.to_owned(),
                _ => format::value(ms, Unit::Milliseconds),
            };
            row.extend(quantiles.map(|ms| Cell::text(told(ms))));
            row.push(Cell::text(format::whole(total.errors)));
            table.row(row);
        }
    }
    table
}

/// Figures that stand beside the classes: consumption, and levels when the clients are gone.
pub(super) fn others(record: &Record) -> Table {
    let mut table = Table::new(&["other figures", "server", "#measured"]);
    for of in [Some(&record.subject), record.reference.as_ref()]
        .into_iter()
        .flatten()
    {
        for (what, value) in &of.figures {
            table.row(vec![
                Cell::Code(what.clone()),
                Cell::text(&of.server),
                Cell::text(format::value(*value, words::unit(what))),
            ]);
        }
    }
    table
}
