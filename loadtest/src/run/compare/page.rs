//! A comparison as a page: what changed, then both runs in the same charts.

use page::{Block, Cell, Ink, Kind, Page, Section, Series, Table, Tone, Unit, Verdict, format};

use super::figures::{Comparison, Demand};
use super::limited;
use super::noise::Change;
use super::text::{ratio, summary, word};
use crate::run::charts;
use crate::run::record::{Measurement, Record, Threshold};
use crate::run::words::{self, UNKNOWN};

/// How noise is judged, for those who read the page.
const NOISE: &str = "Each run is cut into ten parts of equal length. A change counts when at least nine of ten pairs of parts, one of \
each run, differ in the same direction and the middles differ by 3 % or more. Figures of which a run has only one value are not judged.";

/// The whole page as one HTML file.
pub(super) fn html(a: &Record, b: &Record, found: &Comparison) -> String {
    let classes = charts::classes([&a.subject, &b.subject]);
    let server = &b.subject.server;
    let worse = !found.worse(server).is_empty() || !found.newly_missed().is_empty();
    let better = found
        .rows
        .iter()
        .any(|row| row.change == Change::Better && row.server == *server);
    let (tone, word) = match (worse, better) {
        _ if limited(a, b) => (Tone::Doubtful, "generator limited"),
        (true, _) => (Tone::Bad, "worse"),
        (false, true) => (Tone::Good, "better"),
        (false, false) => (Tone::Plain, "no change"),
    };
    let verdict = Verdict {
        tone,
        word: word.into(),
        sentence: summary(a, b, found),
    };
    let title = match a.name == b.name {
        true => format!("{}: two runs", b.name),
        false => format!("{} and {}", a.name, b.name),
    };
    let fact = |name: &str, of: &Record| {
        let told = format!(
            "{}, version {}, seed {}: {}",
            of.began_at,
            of.version,
            of.seed,
            words::verdict(of.verdict)
        );
        (name.to_owned(), told)
    };
    let page = Page {
        title,
        about: "A is what was, B what is compared with it.".into(),
        verdict,
        facts: vec![fact("A", a), fact("B", b)],
        tiles: Vec::new(),
        sections: vec![
            Section::new(
                "Conditions that differ",
                "Figures may differ for their sake.",
                vec![Block::Table(differences(found))],
            ),
            Section::new("Figures", NOISE, vec![Block::Table(rows(found))]),
            Section::new("Thresholds", "", vec![Block::Table(demands(found))]),
            Section::new(
                "Throughput over time",
                "",
                over_time(&classes, a, b, Unit::PerSecond, charts::counts),
            ),
            Section::new(
                "Median over time",
                "",
                over_time(&classes, a, b, Unit::Milliseconds, charts::p50),
            ),
            Section::new(
                "99th percentile over time",
                "",
                over_time(&classes, a, b, Unit::Milliseconds, charts::p99),
            ),
            Section::new(
                "Distribution",
                "Of the measured part.",
                distributions(&classes, a, b),
            ),
            again(a, b),
        ],
    };
    page.html()
}

fn differences(found: &Comparison) -> Table {
    let mut table = Table::new(&["condition", "A", "B"]);
    for one in &found.differences {
        table.row(vec![
            Cell::text(one.what),
            Cell::text(&one.a),
            Cell::text(&one.b),
        ]);
    }
    table
}

fn rows(found: &Comparison) -> Table {
    let mut table = Table::new(&["server", "class", "figure", "#A", "#B", "#ratio", "change"]);
    for row in &found.rows {
        let change = match row.change {
            Change::Better => Cell::Mark(true, word(row.change).into()),
            Change::Worse => Cell::Mark(false, word(row.change).into()),
            Change::Noise | Change::Unjudged => Cell::text(word(row.change)),
        };
        let value = |value| Cell::text(format::optional(value, row.unit));
        let (a, b) = (value(row.a), value(row.b));
        table.row(vec![
            Cell::text(&row.server),
            Cell::text(charts::title(&row.class)),
            Cell::text(row.figure),
            a,
            b,
            Cell::text(ratio(row)),
            change,
        ]);
    }
    table
}

fn demands(found: &Comparison) -> Table {
    let mut table = Table::new(&[
        "figure",
        "#demanded of A",
        "#A",
        "met",
        "#demanded of B",
        "#B",
        "met",
    ]);
    for Demand { what, a, b } in &found.demands {
        let mut row = vec![Cell::Code(what.clone())];
        row.extend(demand(a.as_ref()));
        row.extend(demand(b.as_ref()));
        table.row(row);
    }
    table
}

fn demand(of: Option<&Threshold>) -> [Cell; 3] {
    let Some(one) = of else {
        return [UNKNOWN; 3].map(Cell::text);
    };
    let unit = words::unit(&one.what);
    let sign = if one.at_most { "≤" } else { "≥" };
    [
        Cell::text(format!("{sign} {}", format::value(one.limit, unit))),
        Cell::text(format::optional(one.measured, unit)),
        match one.is_judged() {
            true => Cell::met(one.met),
            false => Cell::text(words::met(one).to_owned()),
        },
    ]
}

/// A figure of every second of each class in both runs.
fn over_time(
    classes: &[String],
    a: &Record,
    b: &Record,
    unit: Unit,
    of: fn(&Measurement, &str) -> Vec<(f64, f64)>,
) -> Vec<Block> {
    let kind = match unit {
        Unit::Milliseconds => Kind::log(unit),
        _ => Kind::linear(unit),
    };
    let chart = |name: &String| {
        let mut chart = charts::over_run(b, charts::title(name), kind);
        chart.note = charts::meaning(name).into();
        chart.series = vec![
            Series::line("A", Ink::Muted, of(&a.subject, name)),
            Series::line("B", Ink::Series(0), of(&b.subject, name)),
        ];
        chart
    };
    vec![Block::Charts(classes.iter().map(chart).collect())]
}

fn distributions(classes: &[String], a: &Record, b: &Record) -> Vec<Block> {
    let block = |name: &String| {
        let both = [("A", a), ("B", b)].into_iter();
        let found: Vec<_> = both
            .filter_map(|(side, of)| Some((side, of.subject.classes.get(name)?)))
            .collect();
        Block::Charts(charts::distributions(name, &found))
    };
    classes.iter().map(block).collect()
}

fn again(a: &Record, b: &Record) -> Section {
    let command =
        |name: &str, of: &Record| Block::Code(format!("# {name}\n{}", words::shell(&of.command)));
    Section::new(
        "Again",
        "Secrets are left out.",
        vec![command("A", a), command("B", b)],
    )
}
