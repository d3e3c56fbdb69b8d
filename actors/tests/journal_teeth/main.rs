//! The suite for providers of the journal has teeth: each realistic bug, in a provider that is otherwise right, is
//! found by the property that is meant to find it, and each property finds some bug.

mod mutant;
mod port;

use std::collections::BTreeSet;

use actors::journal::conformance::{failures, properties};

use self::mutant::{Bug, Mutant};

/// Each bug and the properties that must find it; others may find it too.
const BUGS: [(Bug, &[&str]); 22] = [
    (
        Bug::AcknowledgesConflicts,
        &[
            "an_append_on_an_old_head_changes_nothing_and_learns_the_head",
            "two_writers_of_one_journal_make_one_chain",
        ],
    ),
    (
        Bug::ForgetsDigestInCompare,
        &["an_append_on_an_old_head_changes_nothing_and_learns_the_head"],
    ),
    (
        Bug::AcknowledgesInvalidRows,
        &["a_row_that_does_not_follow_is_never_stored"],
    ),
    (
        Bug::IgnoresRowLimit,
        &["a_row_beyond_the_limits_is_refused"],
    ),
    (Bug::FoldsCase, &["ids_that_resemble_each_other_stay_apart"]),
    (
        Bug::ReadsEmptyBodiesAsNone,
        &["an_acknowledged_row_is_read_back_whole"],
    ),
    (
        Bug::RefusesWhatItStored,
        &["an_append_may_rest_on_one_that_is_still_under_way"],
    ),
    (
        Bug::DropsEveryHundredthAppend,
        &["many_journals_at_once_keep_every_acknowledged_row"],
    ),
    (
        Bug::ReadsBackwardsInOrder,
        &["descending_pages_cover_everything_once"],
    ),
    (
        Bug::IgnoresPageLimit,
        &[
            "ascending_pages_cover_everything_once",
            "descending_pages_cover_everything_once",
        ],
    ),
    (
        Bug::ListsTooMany,
        &["journals_are_listed_once_in_order_by_kind"],
    ),
    (
        Bug::ForgetsWhatWasTrimmed,
        &["trimming_stays_behind_the_snapshot_and_never_goes_back"],
    ),
    (Bug::LosesHeadWhenTrimmed, &["a_trimmed_journal_goes_on"]),
    (Bug::CountsUnknownFromZero, &["an_unknown_journal_is_empty"]),
    (
        Bug::LastSnapshotWins,
        &[
            "an_older_snapshot_never_replaces_a_newer_one",
            "a_snapshot_ahead_of_its_journal_is_refused",
        ],
    ),
    (
        Bug::LastTableWriteWins,
        &["the_higher_rank_wins_and_removal_keeps_its_rank"],
    ),
    (
        Bug::IgnoresErasures,
        &["erased_bodies_are_gone_and_the_chain_holds"],
    ),
    (
        Bug::WritesSideOfRefused,
        &["a_refused_append_leaves_no_side_writes"],
    ),
    (
        Bug::LosesLastRowAtRestart,
        &[
            "everything_is_there_after_a_clean_restart",
            "everything_acknowledged_is_there_after_a_crash",
            "writers_go_on_after_every_restart",
        ],
    ),
    (
        Bug::FirstOverlayWins,
        &["the_overlay_that_applies_more_wins"],
    ),
    (Bug::ScansEverything, &["scans_follow_prefix_and_position"]),
    (
        Bug::NeverClearsWakeUps,
        &["wake_ups_come_due_in_order_until_cleared"],
    ),
];

async fn found(bug: Option<Bug>) -> BTreeSet<&'static str> {
    let failures = failures(&Mutant(bug)).await;
    failures.into_iter().map(|(property, _)| property).collect()
}

#[tokio::test]
async fn without_a_bug_the_same_provider_conforms() {
    assert_eq!(failures(&Mutant(None)).await, []);
}

#[tokio::test]
async fn each_bug_is_found_by_the_property_that_is_meant_to() {
    for (bug, meant) in BUGS {
        let found = found(Some(bug)).await;
        for property in meant {
            assert!(
                found.contains(property),
                "{bug:?} passes {property}; found by {found:?}"
            );
        }
    }
}

#[test]
fn each_property_is_meant_to_find_some_bug() {
    let meant: BTreeSet<_> = BUGS.iter().flat_map(|(_, meant)| *meant).copied().collect();
    let all: BTreeSet<_> = properties().iter().map(|property| property.name).collect();
    assert_eq!(meant, all);
}
