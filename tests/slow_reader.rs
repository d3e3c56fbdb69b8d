//! A client stops reading while 50,000 messages pass, and the hub keeps neither them nor the others waiting; then the client
//! reads every one of them, in order.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use chaos::client::{Client, Settings};
use common::{TestHub, token};
use protocol::Encoding;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

const ROOM: &str = "concert";
const MESSAGES: u64 = 50_000;
const SENDERS: u64 = 40;
/// The text of a message: together they are far more than all buffers between hub and reader.
const TEXT_BYTES: usize = 700;
/// How much the hub's memory may grow meanwhile.
const GROWTH_MIB: u64 = 96;
const SOON: Duration = Duration::from_secs(60);

async fn member(hub: &TestHub, user: &str, encoding: Encoding, callbacks: usize) -> Client {
    let mut settings = Settings::new(
        format!("{}/hubs/chat", hub.url()),
        encoding,
        Some(token(user)),
    );
    settings.callbacks = callbacks;
    settings.silence = Duration::from_secs(600);
    Client::connect(&settings).await.unwrap()
}

/// Takes the room's messages and checks that they are the next ones.
async fn take(client: &mut Client, next: &mut u64, head: u64) {
    while *next <= head {
        let callback = timeout(SOON, client.next())
            .await
            .expect("a message is late");
        let callback = callback.expect("the reader was disconnected");
        let object = callback.object().unwrap();
        if let Some(sequence) = object["sequence"].as_u64() {
            assert_eq!(sequence, *next, "{}", callback.target);
            *next += 1;
        }
    }
}

async fn slow_reader(encoding: Encoding) {
    // The reader's silence is part of the test, so it must not be taken for a dead one.
    let variables = [
        ("MUSSIKON_GATEWAY__SLOW_CONSUMER_MS", "300000"),
        ("MUSSIKON_GATEWAY__INVOCATIONS_PER_SECOND", "0"),
    ];
    let hub = TestHub::start_with(&variables).await;
    let owner = member(&hub, "owner", Encoding::Json, 64).await;
    let made: Value = owner
        .invoke("CreateRoom", json!([{ "roomId": ROOM, "kind": "public" }]))
        .await
        .unwrap();
    let first = made["head"].as_u64().unwrap() + 1;
    let head = first + MESSAGES - 1;

    // One callback is taken into the queue, and then this client reads no more.
    let mut slow = member(&hub, "slow", encoding, 1).await;
    let mut quick = member(&hub, "quick", encoding, 4096).await;
    for client in [&slow, &quick] {
        client
            .invoke::<Value>("JoinRoom", json!([ROOM]))
            .await
            .unwrap();
    }
    let before = hub.rss_bytes().unwrap();
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        let client = member(&hub, &format!("sender-{number}"), encoding, 64).await;
        senders.spawn(async move {
            let text = "x".repeat(TEXT_BYTES);
            for _ in 0..MESSAGES / SENDERS {
                let message = json!([ROOM, { "kind": "text", "text": text }]);
                client
                    .invoke::<Value>("SendMessage", message)
                    .await
                    .unwrap();
            }
        });
    }
    let mut highest = before;
    let mut next = first;
    while next <= head {
        let part = (next + 999).min(head);
        take(&mut quick, &mut next, part).await;
        highest = highest.max(hub.rss_bytes().unwrap());
    }
    senders.join_all().await;
    let grown = highest.saturating_sub(before) / (1024 * 1024);
    assert!(grown <= GROWTH_MIB, "the hub grew by {grown} MiB");

    // Calls are answered in their turn among what was owed before, so the answer shows that nothing is stuck.
    let mut next = first;
    take(&mut slow, &mut next, head).await;
    let seen: Value = slow
        .invoke("History", json!([ROOM, { "limit": 1 }]))
        .await
        .unwrap();
    assert_eq!(seen["messages"][0]["sequence"], head);
    assert_eq!(next, head + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stopped_reading_reads_everything_later_and_costs_no_memory_meanwhile() {
    slow_reader(Encoding::Json).await;
}
