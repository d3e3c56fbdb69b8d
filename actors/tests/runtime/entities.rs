//! Journaled actors: admission, time-outs, supervision, passivation, snapshots, drain.

use std::time::Duration;

use actors::hub::HubError;
use actors::ids::Sequence;
use actors::journal::{AppendError, Head};
use actors::machines::room::Sent;
use actors::runtime::AskError;
use tokio::task::JoinHandle;

use super::stage::{Stage, entity, pass};
use super::store::Held;

fn is_overloaded<T>(answer: &Result<T, HubError>) -> bool {
    matches!(answer, Err(HubError::Room(AskError::Overloaded { .. })))
}

fn retry_after<T>(answer: &Result<T, HubError>) -> Option<Duration> {
    match answer {
        Err(HubError::Room(AskError::Unavailable { retry_after, .. })) => Some(*retry_after),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_answers_overloaded_and_loses_nothing_it_took() {
    let stage = Stage::new(|limits| limits.runtime.mailbox_commands = 3).await;
    stage.create("band", &[]).await.expect("created");
    stage.store.hold();
    let taken: Vec<_> = (1..=3)
        .map(|n| stage.spawn_send("band", format!("m{n}")))
        .collect();
    pass(10).await;
    let refused = stage.send("band", "ada", "m4").await;
    assert!(is_overloaded(&refused), "{refused:?}");
    stage.store.release();
    for (number, taken) in (3..).zip(taken) {
        let sent = taken.await.expect("answered").expect("accepted");
        assert_eq!(
            sent.sequence,
            Sequence(number),
            "in the order in which they came"
        );
    }
    let sent = stage.send("band", "ada", "m4").await.expect("room again");
    assert_eq!(
        sent.sequence,
        Sequence(6),
        "the refused one had not been begun"
    );
    assert_eq!(stage.hub.load().2, 0, "no bytes wait any more");
}

#[tokio::test(start_paused = true)]
async fn bytes_of_all_entities_together_are_bounded_too() {
    let stage = Stage::new(|limits| limits.runtime.node_bytes = 500).await;
    stage.create("band", &[]).await.expect("created");
    stage.create("duo", &[]).await.expect("created");
    stage.store.hold();
    let (one, two) = (
        stage.spawn_send("band", "m1".into()),
        stage.spawn_send("duo", "m1".into()),
    );
    pass(10).await;
    assert!(is_overloaded(&stage.send("duo", "ada", "m2").await));
    assert!(stage.hub.load().2 <= 500);
    stage.store.release();
    assert!(one.await.expect("answered").is_ok());
    assert!(two.await.expect("answered").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_command_without_an_answer_in_time_is_of_unknown_outcome_and_its_repeat_is_the_same() {
    let stage = Stage::new(|limits| limits.runtime.ask_timeout_ms = 1_000).await;
    stage.create("band", &[]).await.expect("created");
    stage.store.hold();
    let late = stage.send("band", "ada", "m1").await;
    assert_eq!(late, Err(HubError::Room(AskError::OutcomeUnknown)));
    stage.store.release();
    let sent = stage.send("band", "ada", "m1").await.expect("accepted");
    assert_eq!(sent.sequence, Sequence(3), "the first try took effect");
    assert_eq!(stage.head("band").await, Ok(Sequence(3)), "once");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_keeps_refusing_makes_commands_unavailable_and_then_serves_again() {
    let stage = Stage::new(|limits| limits.runtime.refused_attempts = 3).await;
    stage.create("band", &[]).await.expect("created");
    stage
        .store
        .refuse(Some(AppendError::Unavailable("no quorum".into())));
    let refused = stage.send("band", "ada", "m1").await;
    assert!(retry_after(&refused).is_some(), "{refused:?}");
    stage.store.refuse(None);
    assert_eq!(
        stage.head("band").await,
        Ok(Sequence(2)),
        "nothing had changed"
    );
    let sent = stage.send("band", "ada", "m1").await.expect("accepted");
    assert_eq!(sent.sequence, Sequence(3));
}

#[tokio::test(start_paused = true)]
async fn while_a_store_refuses_every_command_hears_so_before_its_time_is_over() {
    let stage = Stage::new(|_| {}).await;
    stage.create("band", &[]).await.expect("created");
    let nearly_full = AppendError::Unavailable("the disk is nearly full".into());
    stage.store.refuse(Some(nearly_full));
    for number in 0..6 {
        let refused = stage.send("band", "ada", &format!("m{number}")).await;
        assert!(retry_after(&refused).is_some(), "m{number}: {refused:?}");
    }
    stage.store.refuse(None);
    assert_eq!(
        stage.head("band").await,
        Ok(Sequence(2)),
        "nothing had changed"
    );
    let sent = stage.send("band", "ada", "m0").await.expect("accepted");
    assert_eq!(sent.sequence, Sequence(3));
}

#[tokio::test(start_paused = true)]
async fn a_broken_store_stops_the_entity_and_says_that_the_outcome_is_unknown() {
    let stage = Stage::new(|_| {}).await;
    stage.create("band", &[]).await.expect("created");
    stage
        .store
        .refuse(Some(AppendError::Broken("fsync failed".into())));
    let broken = stage.send("band", "ada", "m1").await;
    assert_eq!(broken, Err(HubError::Room(AskError::OutcomeUnknown)));
    pass(1).await;
    let resting = stage.send("band", "ada", "m2").await;
    assert!(retry_after(&resting).is_some(), "{resting:?}");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_entity_fails_rests_longer_each_time_and_hurts_no_other() {
    let stage = Stage::new(|limits| limits.runtime.idle_ms = 100).await;
    stage.create("band", &[]).await.expect("created");
    stage.create("duo", &[]).await.expect("created");
    pass(3_000).await;
    assert_eq!(stage.hub.load().0, 0, "both sleep");
    stage.store.corrupt(Some(entity("band")));
    let mut rests = Vec::new();
    for _ in 0..4 {
        let failed = stage.send("band", "ada", "m1").await;
        assert!(retry_after(&failed).is_some(), "{failed:?}");
        // Let its supervisor notice.
        pass(1).await;
        let resting = retry_after(&stage.send("band", "ada", "m1").await).expect("it rests");
        rests.push(resting.as_millis());
        tokio::time::sleep(resting).await;
        assert!(
            stage
                .send("duo", "ada", &format!("m{}", rests.len()))
                .await
                .is_ok()
        );
    }
    assert!(rests.windows(2).all(|pair| pair[1] > pair[0]), "{rests:?}");
    stage.store.corrupt(None);
    pass(10_000).await;
    let sent = stage.send("band", "ada", "m1").await.expect("mended");
    assert_eq!(sent.sequence, Sequence(3));
}

#[tokio::test(start_paused = true)]
async fn an_idle_entity_sleeps_and_wakes_with_everything_it_knew() {
    let stage = Stage::new(|limits| limits.runtime.idle_ms = 500).await;
    stage.create("band", &["bob"]).await.expect("created");
    let sent = stage.send("band", "bob", "m1").await.expect("accepted");
    assert_eq!(stage.hub.load().0, 1);
    pass(2_000).await;
    assert_eq!(stage.hub.load().0, 0, "asleep");
    let again = stage.send("band", "bob", "m1").await.expect("a repeat");
    assert_eq!(again, sent, "the dedupe index came back");
    let next = stage.send("band", "bob", "m2").await.expect("accepted");
    assert_eq!(next.sequence, sent.sequence.next());
}

#[tokio::test(start_paused = true)]
async fn an_entity_with_a_command_in_hand_is_not_put_to_sleep() {
    let stage = Stage::new(|limits| limits.runtime.idle_ms = 100).await;
    stage.create("band", &[]).await.expect("created");
    stage.store.hold();
    let open = stage.spawn_send("band", "m1".into());
    pass(5_000).await;
    assert_eq!(stage.hub.load().0, 1, "awake");
    stage.store.release();
    assert!(open.await.expect("answered").is_ok());
}

#[tokio::test(start_paused = true)]
async fn snapshots_come_by_count_and_recovery_reads_only_what_follows() {
    let stage = Stage::new(|limits| {
        limits.runtime.snapshot_records = 10;
        limits.runtime.snapshot_ratio = 0;
        limits.runtime.idle_ms = 500;
    })
    .await;
    stage.create("band", &[]).await.expect("created");
    for number in 0..25 {
        let sent = stage.send("band", "ada", &format!("m{number}")).await;
        assert!(sent.is_ok());
    }
    let snapshots = stage.store.snapshots();
    assert_eq!(
        snapshots,
        [Sequence(10), Sequence(20)],
        "one every ten records"
    );
    pass(2_000).await;
    stage.store.take_records_read();
    assert_eq!(stage.head("band").await, Ok(Sequence(27)));
    assert_eq!(
        stage.store.take_records_read(),
        7,
        "only what follows the snapshot"
    );
    let again = stage.send("band", "ada", "m0").await.expect("a repeat");
    assert_eq!(again.sequence, Sequence(3), "known from the snapshot");
}

#[tokio::test(start_paused = true)]
async fn two_owners_of_one_room_agree_on_one_history() {
    let store = Held::new(false);
    let one = Stage::on(store.clone(), |_| {}).await;
    let two = Stage::on(store.clone(), |_| {}).await;
    one.create("band", &[]).await.expect("created");
    let mut sequences = Vec::new();
    for number in 0..6 {
        let stage = if number % 2 == 0 { &one } else { &two };
        let sent = stage.send("band", "ada", &format!("m{number}")).await;
        sequences.push(sent.expect("accepted").sequence.0);
        let other = if number % 2 == 0 { &two } else { &one };
        let again = other.send("band", "ada", &format!("m{number}")).await;
        assert_eq!(again.expect("a repeat").sequence.0, sequences[number]);
        assert_eq!(
            other.head("band").await.map(|head| head.0),
            Ok(sequences[number])
        );
    }
    assert_eq!(sequences, [3, 4, 5, 6, 7, 8], "no hole, nothing twice");
}

/// Drains a hub whose store holds back the append of a message; the message, and the drain.
async fn drain_with_a_command_in_hand(
    stage: &Stage,
) -> (JoinHandle<Result<Sent, HubError>>, JoinHandle<()>) {
    stage.store.hold();
    let begun = stage.spawn_send("band", "m1".into());
    pass(10).await;
    let hub = stage.hub.clone();
    let drain = tokio::spawn(async move { hub.drain().await });
    pass(100).await;
    (begun, drain)
}

#[tokio::test(start_paused = true)]
async fn drain_finishes_what_was_begun_and_takes_nothing_new() {
    let stage = Stage::new(|_| {}).await;
    stage.create("band", &[]).await.expect("created");
    let (begun, drain) = drain_with_a_command_in_hand(&stage).await;
    assert!(!drain.is_finished(), "a command is in hand");
    let refused = stage.send("band", "ada", "m2").await;
    assert!(retry_after(&refused).is_some(), "{refused:?}");
    stage.store.release();
    drain.await.expect("drained");
    assert!(begun.await.expect("answered").is_ok());
    assert_eq!(stage.hub.load().0, 0, "all asleep");
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_although_another_node_always_writes_first() {
    let stage = Stage::on(Held::new(false), |_| {}).await;
    stage.create("band", &[]).await.expect("created");
    let (begun, drain) = drain_with_a_command_in_hand(&stage).await;
    let head = Head::default();
    stage.store.refuse(Some(AppendError::Conflict { head }));
    stage.store.release();
    tokio::time::timeout(Duration::from_secs(20), drain)
        .await
        .expect("within the grace")
        .expect("drained");
    let answer = begun.await.expect("answered");
    assert!(retry_after(&answer).is_some(), "{answer:?}");
}
