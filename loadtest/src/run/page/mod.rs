//! A record as a page: whether it was good first, then why, then everything that was measured.

mod tables;
mod tiles;

use page::{Block, Cell, Ink, Kind, Page, Section, Series, Table, Tone, Unit, Verdict, format};

use super::charts;
use super::record::{ClassTotal, Record, Sample};
use super::words;
use crate::report::Outcome;

/// The whole page as one HTML file; it needs nothing else.
pub fn html(record: &Record) -> String {
    let classes = charts::classes(
        [Some(&record.subject), record.reference.as_ref()]
            .into_iter()
            .flatten(),
    );
    let page = Page {
        title: record.name.clone(),
        about: record.about.clone(),
        verdict: verdict(record),
        facts: facts(record),
        tiles: tiles::tiles(record),
        sections: vec![
            Section::new(
                "Thresholds",
                "What the scenario demands of a run.",
                vec![Block::Table(tables::thresholds(&record.thresholds))],
            ),
            Section::new(
                "What was wrong",
                "",
                vec![Block::Table(tables::wrongs(record))],
            ),
            throughput(record, &classes),
            Section::new(
                "Latency over time",
                "From the intended time of each operation, so that who was late pays for it. Every second by itself.",
                charts::latencies(record, &classes),
            ),
            Section::new(
                "Distribution",
                "Of the whole measured part, warm-up left out.",
                distributions(record, &classes),
            ),
            target(record),
            connections(record),
            generator(record),
            Section::new(
                "All figures",
                "Of the measured part.",
                vec![Block::Table(tables::figures(record, &classes))],
            ),
            again(record),
        ],
    };
    page.html()
}

fn verdict(record: &Record) -> Verdict {
    let tone = match record.verdict {
        Outcome::Passed => Tone::Good,
        Outcome::GeneratorLimited => Tone::Doubtful,
        Outcome::FloorMissed | Outcome::Incorrect => Tone::Bad,
    };
    Verdict {
        tone,
        word: words::verdict(record.verdict).into(),
        sentence: words::reason(record),
    }
}

fn facts(record: &Record) -> Vec<(String, String)> {
    let machine = &record.machine;
    let fsync = machine.fsync.map(|found| {
        let told = |ms| format::value(ms, Unit::Milliseconds);
        format!(
            "4 KB durable: p50 {}, p99 {}",
            told(found.p50_ms),
            told(found.p99_ms)
        )
    });
    let known = [
        ("began", Some(record.began_at.clone())),
        (
            "took",
            Some(format::value(words::length(record), Unit::Clock)),
        ),
        ("seed", Some(record.seed.to_string())),
        ("encoding", Some(record.encoding.clone())),
        ("machine", Some(words::machine(machine))),
        ("kernel", machine.kernel.clone()),
        ("disk", fsync),
        ("generators", Some(machine.generators.to_string())),
        ("loadtest", Some(record.version.clone())),
    ];
    known
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

fn throughput(record: &Record, classes: &[String]) -> Section {
    let each = charts::throughput(record, classes);
    Section::new(
        "Throughput",
        "",
        vec![
            Block::Charts(vec![charts::operations(record)]),
            Block::Charts(each),
        ],
    )
}

fn distributions(record: &Record, classes: &[String]) -> Vec<Block> {
    let block = |name: &String| {
        let of = [record.reference.as_ref(), Some(&record.subject)];
        let found = of
            .into_iter()
            .flatten()
            .filter_map(|one| Some((one.server.as_str(), one.classes.get(name)?)));
        let found: Vec<(&str, &ClassTotal)> = found
            .filter(|(_, total)| !total.buckets.is_empty())
            .collect();
        Block::Charts(charts::distributions(name, &found))
    };
    classes.iter().map(block).collect()
}

fn sampled(record: &Record, members: &[Member]) -> Block {
    let chart = |(title, unit, member): &Member| charts::samples(record, title, *unit, member);
    Block::Charts(members.iter().map(chart).collect())
}

/// A member of samples: its title, its unit, and where it is.
type Member = (&'static str, Unit, fn(&Sample) -> Option<f64>);

fn target(record: &Record) -> Section {
    let members: [Member; 4] = [
        ("Processor: cores in use", Unit::Cores, |of| of.cpu_cores),
        ("Resident memory", Unit::Kilobytes, |of| of.resident_kb),
        ("Open files and sockets", Unit::Count, |of| of.open_files),
        ("Tasks of the runtime", Unit::Count, |of| of.tasks),
    ];
    let mut slopes = Table::new(&["growth of", "node", "#first", "#last", "#per hour"])
        .captioned("From the beginning of the measured part to its end");
    for slope in &record.subject.slopes {
        let unit = words::unit(&slope.what);
        slopes.row(vec![
            Cell::Code(slope.what.clone()),
            Cell::text(&slope.node),
            Cell::text(format::value(slope.first, unit)),
            Cell::text(format::value(slope.last, unit)),
            Cell::text(format!("{:+.2} %", slope.percent_per_hour)),
        ]);
    }
    let about = "What each node said of itself, about once a second.";
    Section::new(
        "The target",
        about,
        vec![
            sampled(record, &members),
            Block::Table(slopes),
            Block::Table(tables::others(record)),
        ],
    )
}

fn connections(record: &Record) -> Section {
    let mut joined = charts::over_run(record, "Joined connections", Kind::linear(Unit::Count));
    joined.note = "as the generator saw them".into();
    let points = charts::seconds(&record.subject, |second| f64::from(second.connections));
    joined.series = vec![Series::line("joined", Ink::Series(0), points)];
    let members: [Member; 3] = [
        ("Connections, as nodes say", Unit::Count, |of| {
            of.connections
        }),
        ("Entities awake", Unit::Count, |of| of.entities),
        (
            "Rooms, inboxes and requests subscribed",
            Unit::Count,
            |of| of.subscriptions,
        ),
    ];
    let mut all = vec![joined];
    if let Block::Charts(more) = sampled(record, &members) {
        all.extend(more);
    }
    Section::new("Connections", "", vec![Block::Charts(all)])
}

fn generator(record: &Record) -> Section {
    let hub = &record.subject;
    let mut late = charts::over_run(
        record,
        "How late the generator was",
        Kind::log(Unit::Milliseconds),
    );
    late.note =
        "99th percentile of each second; what it was late is part of the latencies above".into();
    for of in [record.reference.as_ref(), Some(hub)].into_iter().flatten() {
        let ink = if std::ptr::eq(of, hub) {
            Ink::Series(0)
        } else {
            Ink::Muted
        };
        let lag = |second: &super::record::Second| {
            if second.lag_p99_ms > 0.0 {
                second.lag_p99_ms
            } else {
                f64::NAN
            }
        };
        late.series.push(Series::line(
            format!("beside {}", of.server),
            ink,
            charts::seconds(of, lag),
        ));
    }
    let about = "A run whose generator was late, or had no time left, says nothing about the hub.";
    Section::new("The generator", about, vec![Block::Charts(vec![late])])
}

fn again(record: &Record) -> Section {
    let mut profile = Table::new(&["phase", "#from", "#until", "#operations per second"])
        .captioned("The profile");
    for phase in &record.phases {
        let rates =
            [phase.from_rate, phase.until_rate].map(|rate| format::value(rate, Unit::PerSecond));
        let rate = if rates[0] == rates[1] {
            rates[0].clone()
        } else {
            rates.join(" → ")
        };
        let times = [phase.from_s, phase.until_s].map(|at| format::value(at, Unit::Clock));
        let mut row = vec![Cell::text(&phase.name)];
        row.extend(times.map(Cell::Text));
        row.push(Cell::text(rate));
        profile.row(row);
    }
    let about = "The same command makes the same plan; secrets are left out.";
    Section::new(
        "Again",
        about,
        vec![
            Block::Code(words::shell(&record.command)),
            Block::Table(profile),
        ],
    )
}

#[cfg(test)]
mod tests;
