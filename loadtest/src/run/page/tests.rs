//! The page of a record shows what is in it, best first, and lets no name become anything else.

use super::*;
use crate::run::example;
use crate::run::record::{Measurement, class};

fn place(text: &str, what: &str) -> usize {
    text.find(what)
        .unwrap_or_else(|| panic!("{what} is not there"))
}

#[test]
fn what_matters_most_comes_first() {
    let text = html(&example::record(300));
    let order = [
        "evening – threshold missed",
        "class=\"verdict bad\"",
        "1 of 4 thresholds were missed: acknowledgement.p99_ms",
        "class=\"tiles\"",
        ">Thresholds</h2>",
        ">Throughput</h2>",
        ">Latency over time</h2>",
        ">Distribution</h2>",
        ">The target</h2>",
        ">Connections</h2>",
        ">All figures</h2>",
        "loadtest run loadtest/scenarios/evening.toml",
    ];
    let places: Vec<usize> = order.iter().map(|what| place(&text, what)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(!text.contains(">What was wrong</h2>"), "nothing was");
    // Hub and reference beside each other, with the limits of the scenario and the phases of the profile.
    for what in [
        "Deliveries – hub",
        "Deliveries – L1",
        "p99 ≤ 50 ms",
        "spike",
        "Resident memory",
        "cpu.seconds_per_million",
        "27.5",
    ] {
        place(&text, what);
    }
}

#[test]
fn verdicts_have_their_colours_and_what_was_wrong_its_own_section() {
    let mut record = example::record(30);
    for (verdict, class) in [
        (Outcome::Passed, "good"),
        (Outcome::GeneratorLimited, "doubtful"),
        (Outcome::Incorrect, "bad"),
    ] {
        record.verdict = verdict;
        record.subject.faults.missing = u64::from(verdict == Outcome::Incorrect) * 1_234;
        let text = html(&record);
        place(&text, &format!("class=\"verdict {class}\""));
        let wrong = text.contains(">What was wrong</h2>")
            && text.contains("Promises were broken: missing 1,234 (hub).");
        assert_eq!(wrong, verdict == Outcome::Incorrect);
    }
}

#[test]
fn no_name_gets_out_of_its_place() {
    let mut record = example::record(30);
    let evil = "\"><script>alert(1)</script><b x='";
    record.name = evil.into();
    record.about = evil.into();
    record.command.push(evil.into());
    record.phases[1].name = evil.into();
    record.thresholds[0].what = evil.into();
    record.subject.server = evil.into();
    record.machine.processor = Some(evil.into());
    record.subject.samples[0].node = evil.into();
    record.subject.contradictions.insert(evil.into(), 1);
    let total = record.subject.classes[class::DELIVERY].clone();
    record.subject.classes.insert(evil.into(), total);
    let text = html(&record);
    assert!(
        !text.contains("<script>alert") && !text.contains("<b x="),
        "a name became an element"
    );
    assert!(text.matches("&lt;script&gt;alert(1)").count() > 10);
}

#[test]
fn a_run_with_nothing_in_it_still_makes_a_page() {
    let mut record = example::record(10);
    record.thresholds.clear();
    record.phases.clear();
    record.reference = None;
    record.subject = Measurement::default();
    record.verdict = Outcome::Passed;
    let text = html(&record);
    place(&text, "The scenario demands nothing of speed.");
    assert!(
        !text.contains("NaN") && !text.contains("inf"),
        "no number that is none"
    );
}

#[test]
fn a_day_makes_a_page_that_can_be_mailed() {
    let text = html(&example::record(86_400));
    assert!(text.len() < 3_000_000, "{} bytes", text.len());
}

/// Writes the example for people who change the page, to be looked at: `target/loadtest-example.html`.
#[test]
fn the_example_can_be_looked_at() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let path = folder.join("loadtest-example.html");
    let text = html(&example::record(600));
    crate::run::file::write_page(&path, &text).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}
