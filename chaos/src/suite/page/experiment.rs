//! One experiment on the page: its belief, what became of it, and each fault with what it did to whom.

use page::{
    Band, Block, Cell, Chart, Ink, Kind, Section, Series, Strip, StripRow, Table, Tile, Tone, Unit,
    Verdict as Told, format,
};

use super::{NONE, described, millis, name, percent, told, word};
use crate::suite::class::{Fare, Latency, Second};
use crate::suite::findings::Findings;
use crate::suite::format::{Report, Struck, Verdict};
use crate::suite::measure::Moves;

/// Its part of the page.
pub(super) fn section(report: &Report) -> Section {
    let verdict = Told {
        tone: if report.is_as_expected() {
            Tone::Good
        } else {
            Tone::Bad
        },
        word: told(report),
        sentence: reason(report),
    };
    let mut wrongs = report.first_violations.clone();
    wrongs.extend(
        report
            .convergence
            .late
            .iter()
            .map(|late| format!("late at the head: {late}")),
    );
    let mut blocks = vec![
        Block::Verdict(verdict),
        Block::Tiles(experiment_tiles(report)),
        Block::Table(failed_checks(report)),
        Block::Fold(
            format!("What was broken ({} in all)", report.violations),
            wrongs,
        ),
        Block::Fold(
            format!("Aims that were missed ({})", report.findings.missed.len()),
            report.findings.missed.clone(),
        ),
        Block::Fold("What else was found".into(), found(&report.findings)),
        Block::Strip(availability(report)),
        Block::Charts(
            report
                .classes
                .iter()
                .map(|fare| latency(report, fare))
                .collect(),
        ),
        Block::Table(budgets(report)),
        Block::Table(faults(report)),
        Block::Table(checks(report)),
    ];
    if let Some(history) = &report.history {
        blocks.push(Block::Text(format!(
            "All that clients saw: {}",
            history.display()
        )));
    }
    blocks.push(Block::Code(report.command.clone()));
    Section::new(report.scenario.name(), report.hypothesis.clone(), blocks)
}

/// What a run found beside its judgement, in words.
fn found(findings: &Findings) -> Vec<String> {
    let means = findings.means.iter();
    let means = means.map(|means| format!("the network was hurt by {means}"));
    let versions = findings.versions.iter();
    let versions =
        versions.map(|both| format!("upgraded from {} to {} and back", both.old, both.next));
    let together = findings.together.iter().map(|together| {
        let worst = millis(Some(together.worst_millis));
        format!("all together again after a separation within {worst}")
    });
    let told = findings.without_quorum.iter().map(|told| {
        format!(
            "without a quorum: {} attempts, {} refused, {} acknowledged",
            told.attempted, told.refused, told.acknowledged
        )
    });
    let notes = findings.notes.iter().cloned();
    let all = means.chain(versions).chain(together).chain(told);
    all.chain(notes).collect()
}

fn reason(report: &Report) -> String {
    let mut parts: Vec<String> = report.stuck.iter().cloned().collect();
    if report.violations > 0 {
        parts.push(format!(
            "{} promises were broken",
            format::whole(report.violations as u64)
        ));
    }
    let failed = report.failed_checks().count();
    if failed > 0 {
        parts.push(format!("{failed} checks of faults failed"));
    }
    if report.convergence.verdict == Verdict::Broken {
        let limit = format::value(report.convergence.limit_millis as f64, Unit::Milliseconds);
        parts.push(format!("readers were not at the head within {limit}"));
    }
    let missed = report.findings.missed.len();
    if missed > 0 {
        parts.push(format!("{missed} aims were missed"));
    }
    match parts.is_empty() {
        true => "Nothing that was acknowledged is lost, doubled or out of order.".into(),
        false => format!("{}.", parts.join("; ")),
    }
}

fn experiment_tiles(report: &Report) -> Vec<Tile> {
    let tile = |name: &str, value, note: String| Tile {
        name: name.into(),
        value,
        note,
        tone: Tone::Plain,
    };
    let moves = |of: &Moves| of.quantiles.map(|found| (found, of.samples.len()));
    let mut tiles = vec![
        tile(
            "Acknowledged",
            format::whole(report.acknowledged as u64),
            format!("{} unanswered", format::whole(report.unanswered as u64)),
        ),
        tile(
            "Longest silence",
            millis(Some(report.longest_silence_millis)),
            "of all rooms together".into(),
        ),
        tile(
            "Caught up",
            millis(report.caught_up_in_millis),
            "every reader, at the end".into(),
        ),
        tile(
            "Converged",
            millis(report.convergence.longest_millis),
            format!("at most; {} faults judged", report.convergence.judged),
        ),
    ];
    for (name, of) in [
        ("Failover p99", &report.failovers),
        ("Hand-off p99", &report.handoffs),
    ] {
        if let Some((found, rooms)) = moves(of) {
            let note = format!("p50 {}, {rooms} rooms", millis(Some(found.p50_millis)));
            tiles.push(tile(name, millis(Some(found.p99_millis)), note));
        }
    }
    tiles
}

/// How long the experiment was watched, in seconds.
fn length(report: &Report) -> f64 {
    let classes = report.classes.iter().map(|fare| fare.seconds.len()).max();
    classes.unwrap_or(0).max(1) as f64
}

/// The faults behind rows and lines, by number.
fn bands(report: &Report) -> Vec<Band> {
    let band = |(number, fault): (usize, &Struck)| Band {
        label: format!("{} {}", number + 1, name(fault)),
        from: fault.begun_millis as f64 / 1e3,
        until: fault.healed_millis.max(fault.over_millis) as f64 / 1e3,
        trouble: true,
    };
    report.faults.iter().enumerate().map(band).collect()
}

fn availability(report: &Report) -> Strip {
    let share = |second: &Second| match second.attempted {
        0 => f64::NAN,
        _ => second.share(),
    };
    let row = |fare: &Fare| StripRow {
        name: word(&fare.class),
        shares: fare.seconds.iter().map(share).collect(),
    };
    Strip {
        title: "Availability".into(),
        note: "share of attempts in each second that went well; faults are shaded".into(),
        range: (0.0, length(report)),
        rows: report.classes.iter().map(row).collect(),
        bands: bands(report),
    }
}

fn latency(report: &Report, fare: &Fare) -> Chart {
    let series = |name: &str, ink, of: fn(&Latency) -> u64| {
        let point = |second: &Second| {
            let ms = second
                .latency
                .as_ref()
                .map_or(f64::NAN, |found| of(found) as f64 / 1e3);
            (second.second as f64, ms)
        };
        Series::line(name, ink, fare.seconds.iter().map(point).collect())
    };
    Chart {
        note: "from the wish to the answer, of attempts that went well".into(),
        series: vec![
            series("max", Ink::Muted, |found| found.max_micros),
            series("p50", Ink::Tail(0), |found| found.p50_micros),
            series("p99", Ink::Tail(2), |found| found.p99_micros),
        ],
        bands: bands(report),
        x_range: Some((0.0, length(report))),
        ..Chart::over_time(
            format!("Latency: {}", word(&fare.class)),
            Kind::log(Unit::Milliseconds),
        )
    }
}

fn budgets(report: &Report) -> Table {
    let columns = [
        "class",
        "#attempts",
        "#went well",
        "#target",
        "#failed",
        "#allowed",
        "#seconds down",
        "#allowed",
        "spent of the budget",
        "",
    ];
    let mut table = Table::new(&columns).captioned("Error budget");
    for fare in &report.classes {
        let budget = &fare.budget;
        let spent = budget.spent_percent.max(budget.spent_seconds_percent);
        let met = spent <= 100.0;
        table.row(vec![
            Cell::text(word(&fare.class)),
            Cell::text(format::whole(fare.attempted)),
            Cell::text(percent(Some(fare.availability))),
            Cell::text(percent(Some(budget.target))),
            Cell::text(format::whole(budget.failed_attempts)),
            Cell::text(format::digits(budget.allowed_attempts)),
            Cell::text(format::whole(budget.down_seconds)),
            Cell::text(format::digits(budget.allowed_seconds)),
            Cell::Share {
                of_limit: spent / 100.0,
                met,
            },
            Cell::Mark(met, format::value(spent.round(), Unit::Percent)),
        ]);
    }
    table
}

fn faults(report: &Report) -> Table {
    let columns = [
        "#",
        "fault",
        "#began",
        "#lasted",
        "#users noticed",
        "#hubs reported",
        "by",
        "#served again",
        "#available again",
        "#converged",
    ];
    let mut table =
        Table::new(&columns).captioned("Faults: who noticed them, and how long until all was well");
    for (number, fault) in report.faults.iter().enumerate() {
        let seen = &fault.detection;
        let by = seen.reported_by.clone().unwrap_or_else(|| NONE.into());
        let class = seen
            .first_failed_class
            .map_or(String::new(), |class| format!(" ({})", word(&class)));
        table.row(vec![
            Cell::text((number + 1).to_string()),
            Cell::text(described(fault)),
            Cell::text(format::value(fault.begun_millis as f64 / 1e3, Unit::Clock)),
            Cell::text(millis(Some(
                fault.over_millis.saturating_sub(fault.begun_millis),
            ))),
            Cell::text(millis(seen.first_failed_in_millis) + &class),
            Cell::text(millis(seen.reported_in_millis)),
            Cell::text(by),
            Cell::text(millis(fault.served_again_in_millis)),
            Cell::text(millis(fault.available_again_in_millis)),
            Cell::text(millis(fault.converged_in_millis)),
        ]);
    }
    table
}

fn failed_checks(report: &Report) -> Table {
    let mut table = Table::new(&["expected", "seen"]).captioned("Checks that failed");
    for check in report.failed_checks() {
        table.row(vec![
            Cell::text(&check.expected),
            Cell::Mark(false, check.seen.clone()),
        ]);
    }
    table
}

fn checks(report: &Report) -> Table {
    let mut table = Table::new(&["#fault", "expected", "seen"])
        .captioned("What these faults in particular must do");
    for (number, fault) in report.faults.iter().enumerate() {
        for check in &fault.checks {
            table.row(vec![
                Cell::text((number + 1).to_string()),
                Cell::text(&check.expected),
                Cell::Mark(check.kept, check.seen.clone()),
            ]);
        }
    }
    table
}
