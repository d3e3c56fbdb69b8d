//! Charts of a record: what a page and a comparison have in common.

use page::chart::align;
use page::{Band, Block, Chart, Ink, Kind, Limit, Scale, Series, Style, Unit, distribution};
use std::collections::{BTreeMap, BTreeSet};

use super::record::{
    ClassSecond, ClassTotal, Measurement, Record, Sample, Second, Threshold, class,
};

use super::words;

/// Bins of a histogram for each factor of ten.
const PER_DECADE: u32 = 12;

/// Classes in the order in which people look at them, with what they are called and what their latency is.
const KNOWN: [(&str, &str, &str); 6] = [
    (
        class::DELIVERY,
        "Deliveries",
        "intended send → arrival at a member",
    ),
    (
        class::ACKNOWLEDGEMENT,
        "Acknowledgements",
        "intended send → durable and acknowledged",
    ),
    (
        class::HTTP,
        "HTTP operations",
        "intended operation → whole answer",
    ),
    (
        class::NOTIFICATION,
        "Notifications",
        "accepted → arrival in a live inbox",
    ),
    (class::CONNECT, "Connects", "begun connection → joined room"),
    (
        class::RECONNECT,
        "Reconnects",
        "lost connection → joined again where the client was",
    ),
];

/// Classes whose operations the plan counts.
const PLANNED: [&str; 2] = [class::ACKNOWLEDGEMENT, class::HTTP];

/// What a class is called on a page.
pub(super) fn title(name: &str) -> &str {
    KNOWN
        .iter()
        .find(|known| known.0 == name)
        .map_or(name, |known| known.1)
}

/// What its latency is.
pub(super) fn meaning(name: &str) -> &str {
    KNOWN
        .iter()
        .find(|known| known.0 == name)
        .map_or("", |known| known.2)
}

/// The classes of these measurements, the best known first.
pub(super) fn classes<'a>(of: impl IntoIterator<Item = &'a Measurement>) -> Vec<String> {
    let names = |one: &'a Measurement| {
        one.classes
            .keys()
            .chain(one.seconds.iter().flat_map(|second| second.classes.keys()))
    };
    let all: BTreeSet<&String> = of.into_iter().flat_map(names).collect();
    let rank = |name: &str| {
        KNOWN
            .iter()
            .position(|known| known.0 == name)
            .unwrap_or(KNOWN.len())
    };
    let mut all: Vec<String> = all.into_iter().cloned().collect();
    all.sort_by_key(|name| rank(name));
    all
}

/// An empty chart over the whole run, with the phases of its profile behind.
pub(super) fn over_run(record: &Record, title: impl Into<String>, y: Kind) -> Chart {
    let band = |phase: &super::record::Phase| Band {
        label: phase.name.clone(),
        from: phase.from_s,
        until: phase.until_s,
        trouble: false,
    };
    Chart {
        bands: record.phases.iter().map(band).collect(),
        x_range: Some((0.0, words::length(record))),
        ..Chart::over_time(title, y)
    }
}

/// A figure of every second.
pub(super) fn seconds(of: &Measurement, figure: impl Fn(&Second) -> f64) -> Vec<(f64, f64)> {
    of.seconds
        .iter()
        .map(|second| (f64::from(second.at_s), figure(second)))
        .collect()
}

/// A figure of a class in every second; where there was no operation that went well there is no latency.
fn figure(of: &Measurement, class: &str, figure: impl Fn(&ClassSecond) -> f64) -> Vec<(f64, f64)> {
    let one = |second: &Second| match second.classes.get(class) {
        Some(found) if found.count > 0 => figure(found),
        _ => f64::NAN,
    };
    seconds(of, one)
}

/// How many operations of a class went well in every second.
pub(super) fn counts(of: &Measurement, class: &str) -> Vec<(f64, f64)> {
    seconds(of, |second| {
        second
            .classes
            .get(class)
            .map_or(0.0, |found| found.count as f64)
    })
}

/// The median or a tail of a class in every second.
pub(super) fn p50(of: &Measurement, class: &str) -> Vec<(f64, f64)> {
    figure(of, class, |found| found.p50_ms)
}

/// The same of the tail that people ask for.
pub(super) fn p99(of: &Measurement, class: &str) -> Vec<(f64, f64)> {
    figure(of, class, |found| found.p99_ms)
}

/// Operations that were planned, those that went well, and those that failed.
pub(super) fn operations(record: &Record) -> Chart {
    let hub = &record.subject;
    let done = |of: &Measurement| {
        let planned = |name: &&String| PLANNED.contains(&name.as_str());
        let any = of
            .seconds
            .iter()
            .any(|second| second.classes.keys().any(|name| planned(&name)));
        let counts = move |second: &Second| {
            let all = second
                .classes
                .iter()
                .filter(|(name, _)| !any || planned(name));
            all.map(|(_, found)| found.count as f64).sum()
        };
        seconds(of, counts)
    };
    let mut chart = over_run(record, "Operations", Kind::linear(Unit::PerSecond));
    chart.note =
        "planned, and those that went well; each counts in the second for which it was planned"
            .into();
    if let Some(reference) = &record.reference {
        chart
            .series
            .push(Series::line(&reference.server, Ink::Muted, done(reference)));
    }
    chart
        .series
        .push(Series::line(&hub.server, Ink::Series(0), done(hub)).styled(Style::Area));
    chart.series.push(
        Series::line(
            "planned",
            Ink::Series(1),
            seconds(hub, |second| second.planned),
        )
        .styled(Style::Dashed),
    );
    let errors = seconds(hub, |second| {
        second
            .classes
            .values()
            .map(|found| found.errors as f64)
            .sum()
    });
    if errors.iter().any(|(_, errors)| *errors > 0.0) {
        chart.series.push(Series::line("failed", Ink::Bad, errors));
    }
    chart
}

/// Throughput of each class, the reference behind the hub.
pub(super) fn throughput(record: &Record, classes: &[String]) -> Vec<Chart> {
    let chart = |name: &String| {
        let mut chart = over_run(record, title(name), Kind::linear(Unit::PerSecond));
        if let Some(reference) = record
            .reference
            .iter()
            .find(|one| one.classes.contains_key(name))
        {
            chart.series.push(Series::line(
                &reference.server,
                Ink::Muted,
                counts(reference, name),
            ));
        }
        let hub = Series::line(
            &record.subject.server,
            Ink::Series(0),
            counts(&record.subject, name),
        );
        chart.series.push(hub.styled(Style::Area));
        chart
    };
    classes.iter().map(chart).collect()
}

/// Percentiles over time: one chart of the hub for each class, and beside it on the same scale that of the reference.
pub(super) fn latencies(record: &Record, classes: &[String]) -> Vec<Block> {
    let block = |name: &String| {
        let mut charts = vec![latency(record, &record.subject, name)];
        charts.extend(
            record
                .reference
                .iter()
                .map(|one| latency(record, one, name)),
        );
        charts.retain(|chart| !chart.is_empty());
        align(&mut charts);
        Block::Charts(charts)
    };
    classes.iter().map(block).collect()
}

fn latency(record: &Record, of: &Measurement, name: &str) -> Chart {
    let mut chart = over_run(
        record,
        format!("{} – {}", title(name), of.server),
        Kind::log(Unit::Milliseconds),
    );
    chart.note = meaning(name).into();
    chart.limits = limits(&record.thresholds, name);
    chart.series = vec![
        Series::line("max", Ink::Muted, figure(of, name, |found| found.max_ms)),
        Series::line("p50", Ink::Tail(0), p50(of, name)),
        Series::line("p95", Ink::Tail(1), figure(of, name, |found| found.p95_ms)),
        Series::line("p99", Ink::Tail(2), p99(of, name)),
    ];
    chart
}

/// What the scenario demands of the latency of a class.
fn limits(thresholds: &[Threshold], class: &str) -> Vec<Limit> {
    let limit = |threshold: &Threshold| {
        let (of, figure) = threshold.what.split_once('.')?;
        let quantile = figure.strip_suffix("_ms")?;
        let label = format!(
            "{quantile} ≤ {}",
            page::format::value(threshold.limit, Unit::Milliseconds)
        );
        (of == class && threshold.at_most && threshold.limit > 0.0).then_some(Limit {
            label,
            value: threshold.limit,
        })
    };
    thresholds.iter().filter_map(limit).collect()
}

/// The curve of percentiles and the histogram of a class of several measurements, the last of them in the foreground.
pub(super) fn distributions(name: &str, of: &[(&str, &ClassTotal)]) -> Vec<Chart> {
    let nines = Kind {
        scale: Scale::Nines,
        unit: Unit::Quantile,
    };
    let mut curve = Chart::over(
        nines,
        format!("{}: percentiles", title(name)),
        Kind::log(Unit::Milliseconds),
    );
    let mut bins = Chart::over(
        Kind::log(Unit::Milliseconds),
        format!("{}: histogram", title(name)),
        Kind::linear(Unit::Percent),
    );
    bins.note = "share of all operations".into();
    for (place, (server, total)) in of.iter().enumerate() {
        let last = place + 1 == of.len();
        let (ink, style) = match last {
            true => (Ink::Series(0), Style::Stairs),
            false => (Ink::Muted, Style::Stairs),
        };
        curve.series.push(Series::line(
            *server,
            ink,
            distribution::curve(&total.buckets),
        ));
        bins.series.push(
            Series::line(
                *server,
                ink,
                distribution::histogram(&total.buckets, PER_DECADE),
            )
            .styled(style),
        );
    }
    vec![curve, bins]
}

/// A member of the hub's samples, one series per node.
pub(super) fn samples(
    record: &Record,
    title: &str,
    unit: Unit,
    member: impl Fn(&Sample) -> Option<f64>,
) -> Chart {
    let mut nodes: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    // What was seen before the traffic began has no place on its clock.
    let during = record
        .subject
        .samples
        .iter()
        .filter(|sample| sample.at_s >= 0.0);
    for sample in during {
        let value = member(sample).unwrap_or(f64::NAN);
        nodes
            .entry(&sample.node)
            .or_default()
            .push((sample.at_s, value));
    }
    let mut chart = over_run(record, title, Kind::linear(unit));
    let alone = nodes.len() == 1;
    let series = nodes
        .into_iter()
        .enumerate()
        .map(|(number, (node, points))| {
            let line = Series::line(node, Ink::Series(number), points);
            if alone {
                line.styled(Style::Area)
            } else {
                line
            }
        });
    chart.series = series.collect();
    chart
}
