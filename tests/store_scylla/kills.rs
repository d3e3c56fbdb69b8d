//! Hubs killed under load, and hubs whose store is killed and paused.

use std::time::Duration;

use chaos::history::Event;
use chaos::member::connected;
use tokio::time::sleep;

use super::common::cql::{OwnNode, Servers};
use super::place::{Chat, READERS, ROOM, command, migrate, told_to_retry, variables};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_asks_for_the_schema_and_loses_nothing_when_it_is_killed_under_load() {
    const KILLS: usize = 4;
    let servers = Servers::provide().await;
    let variables = variables(&servers.access());
    let unmade = command(&["serve"], &variables);
    let complaint = String::from_utf8_lossy(&unmade.stderr).into_owned();
    let named = complaint.contains("run `mussikon-hub migrate`");
    assert!(named && !unmade.status.success(), "{complaint}");
    for expected in ["version 1 created", "version 1, nothing to do"] {
        let told = migrate(&variables);
        assert!(told.contains(expected), "{told}");
    }

    let mut chat = Chat::start(&variables).await;
    for _ in 0..KILLS {
        chat.goes_on().await;
        chat.hub.kill();
        chat.hub.restart().await.unwrap();
    }
    chat.goes_on().await;
    let (outcome, _) = chat.finish().await;
    let unanswered: usize = outcome.senders.iter().map(|s| s.unanswered).sum();
    assert!(unanswered > KILLS, "kills at quiet moments: {outcome:?}");
    // Those that were there from the start came back after every kill; others came at the end.
    let stayed = outcome.connections.iter().filter(|count| **count > KILLS);
    assert_eq!(stayed.count(), READERS, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_killed_and_paused_under_a_hub_delays_sends_and_loses_nothing() {
    let mut own = OwnNode::start().await;
    let variables = variables(&own.access());
    migrate(&variables);
    let chat = Chat::start(&variables).await;
    let guest = connected(&chat.settings).await;
    for id in ["first", "second"] {
        chat.goes_on().await;
        own.node.kill();
        let answer = chat.send(&guest, id, |answer| answer.is_err()).await;
        assert!(told_to_retry(&answer), "{answer:?}");
        own.node.restart().await.unwrap();
        // Tried again with the same id it is there once, whatever became of it before.
        let answer = chat.send(&guest, id, |answer| !told_to_retry(answer)).await;
        let sequence = answer.unwrap()["sequence"].as_u64().unwrap();
        let id = format!("guest/{id}");
        let acknowledged = Event::Acknowledged { id, sequence };
        chat.history.record("guest", ROOM, acknowledged);

        chat.goes_on().await;
        own.node.pause().unwrap();
        // Longer than an append may take.
        sleep(Duration::from_secs(3)).await;
        own.node.resume().unwrap();
    }
    chat.goes_on().await;
    let (outcome, history) = chat.finish().await;
    // The hub stayed, and so did everybody's connection; nobody was told that a message will never be there.
    let once = outcome.connections.iter().filter(|count| **count == 1);
    assert_eq!(once.count(), outcome.connections.len(), "{outcome:?}");
    let refused = |event: &Event| matches!(event, Event::Refused { .. });
    let records = history.records();
    let refused = records.iter().filter(|record| refused(&record.event));
    assert_eq!(refused.count(), 0);
}
