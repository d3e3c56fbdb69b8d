//! Doctored stories: a true one passes every check, and each falsehood is noticed by the check for it.

mod calendars;
mod people;
mod steps;
mod story;
mod town;

use self::story::story;
use self::town::Town;
use super::violations;
use crate::testing::market::history::History;

/// Whether a town's history violates exactly these checks.
fn notices(checks: &[&str], history: &History) {
    let violated = violations(history);
    let names = violated.iter().filter_map(|v| v.split(':').next());
    let names: Vec<&str> = names.collect();
    assert_eq!(names, checks, "{violated:#?}");
}

/// The story, made false by `doctor` before it ends, violates exactly these checks.
fn noticed(checks: &[&str], doctor: impl FnOnce(&mut Town)) {
    let mut town = story();
    doctor(&mut town);
    notices(checks, &town.end());
}

/// The same, made false after it has ended.
fn noticed_after(checks: &[&str], doctor: impl FnOnce(&mut History)) {
    let mut history = story().end();
    doctor(&mut history);
    notices(checks, &history);
}

#[test]
fn a_true_story_violates_nothing() {
    noticed(&[], |_| {});
}

#[test]
fn a_journal_with_a_hole_is_noticed() {
    noticed_after(&["chain_verifies"], |history| {
        history.log.remove(3);
    });
}

#[test]
fn what_did_not_come_about_in_time_is_noticed() {
    noticed_after(&["converges"], |history| {
        history.awaited.push(crate::testing::oracle::Awaited {
            what: "all nodes drain".into(),
            missed: Some("one does not".into()),
        });
    });
}
