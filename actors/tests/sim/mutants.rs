//! The simulation has teeth: each deliberate mistake in the product is found, by the check that is meant
//! to find it, within a few hundred seeds.

use actors::testing::checks::violations;
use actors::testing::mistake::{self, Mistake};
use actors::testing::{Mutation, mutate};

use super::world;

/// Runs seeds with a mistake of the product switched on until one of `checks` finds it.
fn found(mutation: Mutation, checks: &[&str]) {
    mutate(Some(mutation));
    let lived = lives_through(checks);
    mutate(None);
    if let Some(others) = lived {
        panic!("{mutation:?} lived through {SEEDS} seeds; other violations: {others:#?}");
    }
}

/// The same for a mistake on the way between clients and hub.
fn found_at_the_edge(mistake: Mistake, checks: &[&str]) {
    mistake::make(Some(mistake));
    let lived = lives_through(checks);
    mistake::make(None);
    if let Some(others) = lived {
        panic!("{mistake:?} lived through {SEEDS} seeds; other violations: {others:#?}");
    }
}

const SEEDS: u64 = 400;

/// Runs seeds until one of `checks` finds something; else answers what other checks found.
fn lives_through(checks: &[&str]) -> Option<Vec<String>> {
    let mut others = Vec::new();
    let found = (0..SEEDS).find(|seed| {
        let violated = violations(&world::run(*seed, false).history);
        let meant = |violation: &String| checks.iter().any(|check| violation.starts_with(check));
        let hit = violated.iter().any(meant);
        others.extend(violated.into_iter().filter(|violation| !meant(violation)));
        hit
    });
    found.is_none().then_some(others)
}

#[test]
fn an_acknowledgement_before_durability_is_found() {
    found(Mutation::AcknowledgeEarly, &["acked_is_durable"]);
}

#[test]
fn an_append_in_doubt_taken_for_a_failure_is_found() {
    found(Mutation::DoubtIsFailure, &["rejected_is_absent"]);
}

#[test]
fn an_unchanged_head_taken_for_proof_is_found() {
    found(Mutation::TrustUnchangedHead, &["rejected_is_absent"]);
}

#[test]
fn a_forgotten_dedupe_rule_is_found() {
    found(Mutation::ForgetDedupe, &["dedupe"]);
}

#[test]
fn an_unfenced_answer_is_found() {
    found(Mutation::SkipFence, &["answers_are_current"]);
}

#[test]
fn a_recovery_without_repairs_is_found() {
    found(Mutation::SkipRepair, &["side_writes_agree"]);
}

#[test]
fn a_commit_after_doubt_without_repairs_is_found() {
    found(Mutation::CommitUnrepaired, &["side_writes_agree"]);
}

#[test]
fn a_catch_up_that_begins_one_event_late_is_found() {
    found(Mutation::SpliceLate, &["delivered_runs"]);
}

#[test]
fn a_gap_in_the_live_feed_is_found() {
    found(Mutation::IgnoreGaps, &["delivered_runs"]);
}

#[test]
fn a_deleted_text_that_is_kept_for_latecomers_is_found() {
    found(Mutation::KeepDeleted, &["deleted_is_gone"]);
}

#[test]
fn an_answer_to_a_lost_append_is_found() {
    found(Mutation::AnswerLost, &["acked_is_durable"]);
}

#[test]
fn an_answer_to_a_lost_append_is_older_than_what_its_sender_knew() {
    found(Mutation::AnswerLost, &["answers_are_current: a message"]);
}

#[test]
fn events_that_a_reset_passes_over_are_found() {
    found_at_the_edge(Mistake::ResetOverLoss, &["delivered_runs"]);
}

#[test]
fn a_text_that_is_not_the_one_sent_is_found() {
    found_at_the_edge(Mistake::SendOtherText, &["acked_is_durable"]);
    found_at_the_edge(Mistake::SendOtherText, &["texts_were_said"]);
}

#[test]
fn a_text_that_is_shown_for_another_is_found() {
    found_at_the_edge(Mistake::ShowOtherText, &["texts_were_said"]);
}

#[test]
fn a_message_that_nobody_sent_is_found() {
    found_at_the_edge(Mistake::SendUnasked, &["rejected_is_absent"]);
}
