//! A comparison on the terminal.

use page::format;
use std::fmt::Write as _;

use super::figures::{Comparison, Demand, Row};
use super::limited;
use super::noise::Change;
use crate::run::record::{Record, Threshold};
use crate::run::words::{self, UNKNOWN};

/// What a change is called.
pub(super) fn word(change: Change) -> &'static str {
    match change {
        Change::Better => "better",
        Change::Worse => "worse",
        Change::Noise => "within noise",
        Change::Unjudged => UNKNOWN,
    }
}

/// The whole in a sentence.
pub(super) fn summary(a: &Record, b: &Record, found: &Comparison) -> String {
    let hub = |row: &&Row| row.server == b.subject.server;
    let names = |change| {
        let rows = found
            .rows
            .iter()
            .filter(hub)
            .filter(|row| row.change == change);
        rows.map(|row| format!("{} {}", row.class, row.figure))
            .collect::<Vec<_>>()
    };
    let missed: Vec<String> = found
        .newly_missed()
        .into_iter()
        .map(|one| one.what.clone())
        .collect();
    let parts = [
        ("worse", names(Change::Worse)),
        ("better", names(Change::Better)),
        ("now missed", missed),
    ];
    let told = parts.iter().filter(|(_, names)| !names.is_empty());
    let told: Vec<String> = told
        .map(|(word, names)| format!("{word}: {}", names.join(", ")))
        .collect();
    let told = match told.is_empty() {
        true => "Nothing differs beyond noise.".to_owned(),
        false => format!("Beyond noise: {}.", told.join("; ")),
    };
    match limited(a, b) {
        true => format!("A generator was the limit, so that nothing is said about the hub. {told}"),
        false => told,
    }
}

/// Conditions, figures, thresholds, and the sentence.
pub(super) fn of(a: &Record, b: &Record, found: &Comparison) -> String {
    let mut text = String::new();
    let mut line = |fields: std::fmt::Arguments| writeln!(text, "{fields}").unwrap_or_default();
    for (name, of) in [("A", a), ("B", b)] {
        line(format_args!(
            "{name}: {} of {}, seed {}: {}",
            of.name,
            of.began_at,
            of.seed,
            words::verdict(of.verdict)
        ));
    }
    for one in &found.differences {
        line(format_args!(
            "not the same: {}: {} | {}",
            one.what, one.a, one.b
        ));
    }
    line(format_args!(
        "\n{:<6} {:<18} {:<11} {:>12} {:>12} {:>8}  change",
        "", "class", "figure", "A", "B", "ratio"
    ));
    for row in &found.rows {
        line(format_args!(
            "{:<6} {:<18} {:<11} {:>12} {:>12} {:>8}  {}",
            row.server,
            row.class,
            row.figure,
            format::optional(row.a, row.unit),
            format::optional(row.b, row.unit),
            ratio(row),
            word(row.change)
        ));
    }
    if !found.demands.is_empty() {
        line(format_args!(
            "\n{:<36} {:>24} {:>24}",
            "threshold", "A", "B"
        ));
    }
    for Demand { what, a, b } in &found.demands {
        line(format_args!(
            "{what:<36} {:>24} {:>24}",
            demand(a.as_ref()),
            demand(b.as_ref())
        ));
    }
    line(format_args!("\n{}", summary(a, b, found)));
    text
}

pub(super) fn ratio(row: &Row) -> String {
    row.ratio()
        .map_or_else(|| UNKNOWN.into(), |ratio| format!("{ratio:.2}"))
}

/// `34 ms, ≤ 20 ms: NO`.
fn demand(of: Option<&Threshold>) -> String {
    let Some(one) = of else {
        return UNKNOWN.into();
    };
    let unit = words::unit(&one.what);
    let sign = if one.at_most { "≤" } else { "≥" };
    let met = words::met(one);
    format!(
        "{}, {sign} {}: {met}",
        format::optional(one.measured, unit),
        format::value(one.limit, unit)
    )
}
