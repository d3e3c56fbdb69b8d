//! Of two runs everything that differs is found, and nothing else.

use super::figures::{Comparison, Row};
use super::noise::Change;
use super::*;
use crate::run::example;
use crate::run::record::class::{ACKNOWLEDGEMENT, DELIVERY};

fn row<'a>(found: &'a Comparison, class: &str, figure: &str) -> &'a Row {
    let this = |row: &&Row| row.server == "hub" && row.class == class && row.figure == figure;
    found.rows.iter().find(this).unwrap()
}

/// The same run with latencies of one class so many times as long.
fn slower(factor: f64) -> Record {
    let mut record = example::record(120);
    let total = record.subject.classes.get_mut(DELIVERY).unwrap();
    total.latency.p99_ms *= factor;
    for second in &mut record.subject.seconds {
        second.classes.get_mut(DELIVERY).unwrap().p99_ms *= factor;
    }
    record
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let record = example::record(120);
    let found = Comparison::of(&record, &record);
    assert!(found.differences.is_empty() && found.newly_missed().is_empty());
    assert!(
        found
            .rows
            .iter()
            .all(|row| matches!(row.change, Change::Noise | Change::Unjudged))
    );
    assert!(
        found.rows.iter().any(|row| row.server == "L1"),
        "the reference tells of the machine"
    );
    assert_eq!(outcome(&record, &record, &found), Outcome::Passed);
    assert!(text::of(&record, &record, &found).contains("Nothing differs beyond noise."));
}

#[test]
fn what_became_worse_is_named_and_nothing_else() {
    let (a, b) = (example::record(120), slower(2.0));
    let found = Comparison::of(&a, &b);
    let p99 = row(&found, DELIVERY, "p99");
    assert_eq!((p99.change, p99.ratio()), (Change::Worse, Some(2.0)));
    assert_eq!(row(&found, DELIVERY, "p50").change, Change::Noise);
    assert_eq!(row(&found, ACKNOWLEDGEMENT, "p99").change, Change::Noise);
    assert_eq!(row(&found, DELIVERY, "max").change, Change::Unjudged);
    assert_eq!(found.worse("hub"), [p99]);
    assert_eq!(outcome(&a, &b, &found), Outcome::FloorMissed);
    let text = text::of(&a, &b, &found);
    assert!(
        text.contains("Beyond noise: worse: delivery p99."),
        "{text}"
    );
    let back = Comparison::of(&b, &a);
    assert_eq!(row(&back, DELIVERY, "p99").change, Change::Better);
    assert_eq!(outcome(&b, &a, &back), Outcome::Passed);
}

#[test]
fn a_slower_reference_is_shown_and_does_not_fail_the_hub() {
    let (a, mut b) = (example::record(120), example::record(120));
    let reference = b.reference.as_mut().unwrap();
    for found in reference
        .seconds
        .iter_mut()
        .flat_map(|second| second.classes.values_mut())
    {
        found.p50_ms *= 3.0;
    }
    let found = Comparison::of(&a, &b);
    assert_eq!(found.worse("L1").len(), 2);
    assert_eq!(outcome(&a, &b, &found), Outcome::Passed);
}

#[test]
fn thresholds_that_are_missed_now_and_broken_promises_decide() {
    let (a, mut b) = (example::record(120), example::record(120));
    b.thresholds[0].met = false;
    let found = Comparison::of(&a, &b);
    let missed: Vec<&str> = found
        .newly_missed()
        .iter()
        .map(|one| one.what.as_str())
        .collect();
    assert_eq!(
        missed,
        ["delivery.p99_ms"],
        "the other one was missed before"
    );
    assert_eq!(outcome(&a, &b, &found), Outcome::FloorMissed);
    b.verdict = Outcome::Incorrect;
    assert_eq!(outcome(&a, &b, &found), Outcome::Incorrect);
    b.thresholds.clear();
    assert_eq!(
        Comparison::of(&a, &b).demands.len(),
        4,
        "those of one run alone stay"
    );
}

#[test]
fn a_run_whose_generator_was_the_limit_says_nothing_and_is_said_to() {
    let (mut a, b) = (example::record(120), slower(2.0));
    a.verdict = Outcome::GeneratorLimited;
    let found = Comparison::of(&a, &b);
    assert_eq!(outcome(&a, &b, &found), Outcome::GeneratorLimited);
    assert!(text::of(&a, &b, &found).contains("A generator was the limit"));
    assert!(super::page::html(&a, &b, &found).contains("class=\"verdict doubtful\""));
}

#[test]
fn conditions_that_differ_are_named() {
    let (a, mut b) = (example::record(60), example::record(60));
    b.seed = 8;
    b.encoding = "json".into();
    b.machine.cores = 8;
    b.phases[2].until_rate = 9_000.0;
    let found = Comparison::of(&a, &b);
    let names: Vec<&str> = found.differences.iter().map(|one| one.what).collect();
    assert_eq!(names, ["seed", "encoding", "machine", "profile"]);
    assert!(text::of(&a, &b, &found).contains("not the same: seed: 7 | 8\n"));
}

#[test]
fn the_page_shows_both_runs_and_escapes_their_names() {
    let (mut a, b) = (example::record(120), slower(2.0));
    a.name = "<script>alert(1)</script>".into();
    let text = super::page::html(&a, &b, &Comparison::of(&a, &b));
    assert!(!text.contains("<script>alert"), "escaped");
    assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt; and evening"));
    assert!(text.contains("Beyond noise: worse: delivery p99."));
    assert_eq!(
        text.matches("data-name=\"A\"").count(),
        text.matches("data-name=\"B\"").count()
    );
    assert!(text.matches("data-name=\"A\"").count() >= 8);
}
