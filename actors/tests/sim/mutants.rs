//! The simulation has teeth: each deliberate mistake in the product is found, by the check that is meant
//! to find it, most of them within a few hundred seeds and some rare ones by a seed that is known.

use actors::testing::mistake::{self, Mistake};
use actors::testing::{Mutation, mutate};

use super::chat;

/// Runs seeds with a mistake of the product switched on until one of `checks` finds it, the one that is known to first.
fn found(known: u64, mutation: Mutation, checks: &[&str]) {
    mutate(Some(mutation));
    let seed = finds(known, checks);
    mutate(None);
    told(format!("{mutation:?}"), seed);
}

/// The same for a mistake on the way between clients and hub.
fn found_at_the_edge(known: u64, mistake: Mistake, checks: &[&str]) {
    mistake::make(Some(mistake));
    let seed = finds(known, checks);
    mistake::make(None);
    told(format!("{mistake:?}"), seed);
}

fn told(mistake: String, seed: Result<u64, Vec<String>>) {
    match seed {
        Ok(seed) => println!("{mistake} is found by seed {seed}"),
        Err(others) => {
            panic!("{mistake} lived through {SEEDS} seeds; other violations: {others:#?}")
        }
    }
}

const SEEDS: u64 = 3_000;

/// The seed by which one of `checks` finds something; else what other checks found.
fn finds(known: u64, checks: &[&str]) -> Result<u64, Vec<String>> {
    let mut others = Vec::new();
    let found = std::iter::once(known).chain(0..SEEDS).find(|seed| {
        let violated = chat::tried(*seed);
        let meant = |violation: &String| checks.iter().any(|check| violation.starts_with(check));
        let hit = violated.iter().any(meant);
        others.extend(violated.into_iter().filter(|violation| !meant(violation)));
        hit
    });
    found.ok_or(others)
}

#[test]
fn an_acknowledgement_before_durability_is_found() {
    found(0, Mutation::AcknowledgeEarly, &["acked_is_durable"]);
}

#[test]
fn an_append_in_doubt_taken_for_a_failure_is_found() {
    found(0, Mutation::DoubtIsFailure, &["rejected_is_absent"]);
}

#[test]
fn an_unchanged_head_taken_for_proof_is_found() {
    found(0, Mutation::TrustUnchangedHead, &["rejected_is_absent"]);
}

#[test]
fn a_forgotten_dedupe_rule_is_found() {
    found(0, Mutation::ForgetDedupe, &["dedupe"]);
}

#[test]
fn an_unfenced_answer_is_found() {
    found(0, Mutation::SkipFence, &["answers_are_current"]);
}

#[test]
fn a_recovery_without_repairs_is_found() {
    found(0, Mutation::SkipRepair, &["side_writes_agree"]);
}

#[test]
fn a_commit_after_doubt_without_repairs_is_found() {
    found(0, Mutation::CommitUnrepaired, &["side_writes_agree"]);
}

#[test]
fn a_catch_up_that_begins_one_event_late_is_found() {
    found(0, Mutation::SpliceLate, &["delivered_runs"]);
}

#[test]
fn a_gap_in_the_live_feed_is_found() {
    found(0, Mutation::IgnoreGaps, &["delivered_runs"]);
}

#[test]
fn a_told_head_taken_for_what_readers_have_seen_is_found() {
    found(0, Mutation::TrustToldHead, &["delivered_runs"]);
}

#[test]
fn a_gap_that_is_filled_once_or_never_is_found() {
    found(0, Mutation::FillOnce, &["converges"]);
}

#[test]
fn a_last_word_that_is_not_repeated_is_found() {
    found(834, Mutation::SkipTails, &["converges"]);
}

#[test]
fn a_loss_after_which_nobody_looks_is_found() {
    found(0, Mutation::SkipLooks, &["converges", "presence_is_true"]);
}

#[test]
fn a_deleted_text_that_is_kept_for_latecomers_is_found() {
    found(0, Mutation::KeepDeleted, &["deleted_is_gone"]);
}

#[test]
fn an_answer_to_a_lost_append_is_found() {
    found(0, Mutation::AnswerLost, &["acked_is_durable"]);
}

#[test]
fn a_forwarded_wish_in_doubt_taken_for_a_failure_is_found() {
    found(0, Mutation::ForwardDoubtIsFailure, &["rejected_is_absent"]);
}

#[test]
fn a_look_before_interest_has_spread_taken_for_the_one_after_it_is_found() {
    found(23_826, Mutation::HurryLooks, &["presence_is_true"]);
}

#[test]
fn an_append_without_a_wake_up_is_found() {
    found(205, Mutation::SkipWakeup, &["side_writes_agree"]);
}

#[test]
fn a_former_member_who_reads_on_is_found() {
    found(0, Mutation::RemovedReadOn, &["members_only"]);
}

#[test]
fn a_read_mark_that_goes_back_is_found() {
    found(0, Mutation::MarkGoesBack, &["cursors_advance"]);
}

#[test]
fn a_farewell_that_is_said_once_is_found() {
    found(209, Mutation::SkipFarewells, &["presence_is_true"]);
}

#[test]
fn presence_on_a_node_that_is_gone_is_found() {
    found(0, Mutation::KeepTheGone, &["presence_is_true"]);
}

#[test]
fn presence_that_nobody_asks_for_is_found() {
    found(0, Mutation::AskNobody, &["presence_is_true"]);
}

#[test]
fn an_answer_to_a_lost_append_is_older_than_what_its_sender_knew() {
    let older = ["answers_are_current: a message"];
    found(0, Mutation::AnswerLost, &older);
}

#[test]
fn events_that_a_reset_passes_over_are_found() {
    found_at_the_edge(0, Mistake::ResetOverLoss, &["delivered_runs"]);
}

#[test]
fn a_text_that_is_not_the_one_sent_is_found() {
    found_at_the_edge(0, Mistake::SendOtherText, &["acked_is_durable"]);
    found_at_the_edge(0, Mistake::SendOtherText, &["texts_were_said"]);
}

#[test]
fn a_text_that_is_shown_for_another_is_found() {
    found_at_the_edge(0, Mistake::ShowOtherText, &["texts_were_said"]);
}

#[test]
fn a_message_that_nobody_sent_is_found() {
    found_at_the_edge(0, Mistake::SendUnasked, &["rejected_is_absent"]);
}
