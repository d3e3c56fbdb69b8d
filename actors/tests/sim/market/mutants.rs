//! The worlds of a market have teeth: each deliberate mistake is found, by the check that is meant to find it, within a few
//! hundred seeds.

use actors::testing::market::checks::violations;
use actors::testing::{Mutation, mutate};

use super::run;

const SEEDS: u64 = 400;

/// Runs seeds with a mistake switched on until one of `checks` finds it, the one that is known to first.
fn found(known: u64, mutation: Mutation, checks: &[&str]) {
    mutate(Some(mutation));
    let mut others = Vec::new();
    let seed = std::iter::once(known).chain(0..SEEDS).find(|seed| {
        let violated = violations(&run(*seed, false, None).0);
        let meant = |violation: &String| checks.iter().any(|check| violation.starts_with(check));
        let hit = violated.iter().any(meant);
        others.extend(violated.into_iter().filter(|violation| !meant(violation)));
        hit
    });
    mutate(None);
    match seed {
        Some(seed) => println!("{mutation:?} is found by seed {seed}"),
        None => panic!("{mutation:?} lived through {SEEDS} seeds; other violations: {others:#?}"),
    }
}

#[test]
fn an_errand_before_its_event_is_durable_is_found() {
    found(0, Mutation::ErrandsBeforeDurable, &["told_once"]);
}

#[test]
fn an_errand_that_is_tried_once_is_found() {
    found(0, Mutation::ErrandsTriedOnce, &["told_once"]);
    found(0, Mutation::ErrandsTriedOnce, &["slots_agree"]);
}

#[test]
fn an_inbox_that_takes_repeats_is_found() {
    found(0, Mutation::TellTwice, &["told_once"]);
}

#[test]
fn a_time_that_becomes_free_by_itself_is_found() {
    found(
        0,
        Mutation::HoldsLapse,
        &["slots_agree", "never_at_two_places"],
    );
}

#[test]
fn a_late_release_that_frees_what_was_taken_since_is_found() {
    found(134, Mutation::UnfencedRelease, &["slots_agree"]);
}

#[test]
fn whoever_waited_and_is_forgotten_is_found() {
    found(29, Mutation::ForgetStandbys, &["machines_are_sound"]);
}

#[test]
fn the_answer_to_an_earlier_reservation_is_found() {
    found(168, Mutation::StaleSlotAnswers, &["slots_agree"]);
}

#[test]
fn an_assignment_that_nobody_asked_the_calendar_about_is_found() {
    let checks = ["slots_agree", "never_at_two_places"];
    found(0, Mutation::AcceptUnreserved, &checks);
}

#[test]
fn a_late_arrangement_that_counts_is_found() {
    found(1325, Mutation::UnfencedArrange, &["rooms_agree"]);
}

#[test]
fn an_append_without_an_alarm_is_found() {
    let checks = ["kept_in_time", "errands_done"];
    found(0, Mutation::SkipWakeup, &checks);
}

#[test]
fn an_alarm_that_is_cleared_too_early_is_found() {
    let checks = ["kept_in_time", "errands_done"];
    found(669, Mutation::ClearEarly, &checks);
}

#[test]
fn errands_noted_as_done_that_never_were_are_found() {
    found(
        2901,
        Mutation::NoteBeyondDurable,
        &["told_once", "slots_agree"],
    );
}

#[test]
fn errands_done_that_nobody_notes_are_found() {
    found(1017, Mutation::NoteOnce, &["errands_done"]);
}
