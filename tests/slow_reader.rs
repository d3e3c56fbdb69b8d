//! Two clients, one of each encoding, stop reading while 50,000 messages pass. The hub keeps neither the messages nor the
//! others waiting; then both read every one of them, in order.
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
const MESSAGES: u64 = 65_000;
const SENDERS: u64 = 40;
/// The text of a message: all together are far more than the buffers between hub and reader.
const TEXT_BYTES: usize = 2_000;
/// How much the hub's memory may grow meanwhile: less than what the messages take in one encoding alone.
const GROWTH_MIB: u64 = 112;
const _: () = assert!(MESSAGES * TEXT_BYTES as u64 > (GROWTH_MIB + 10) * 1024 * 1024);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_stopped_reading_read_everything_later_and_cost_no_memory_meanwhile() {
    // The readers' silence is part of the test, so it must not be taken for death.
    let hub = TestHub::start_with(&[
        ("MUSSIKON_GATEWAY__SLOW_CONSUMER_MS", "300000"),
        ("MUSSIKON_GATEWAY__INVOCATIONS_PER_SECOND", "0"),
        // What the store itself keeps in memory would hide what readers cost.
        ("MUSSIKON_JOURNAL__WRITE_BUFFER_BYTES", "2097152"),
        ("MUSSIKON_JOURNAL__CACHE_BYTES", "2097152"),
        // And so would pages that the allocator holds without using them.
        ("MIMALLOC_ARENA_EAGER_COMMIT", "0"),
    ])
    .await;
    let owner = member(&hub, "owner", Encoding::Json, 64).await;
    let made = json!([{ "roomId": ROOM, "kind": "public" }]);
    let made: Value = owner.invoke("CreateRoom", made).await.unwrap();
    let first = made["head"].as_u64().unwrap() + 1;
    let head = first + MESSAGES - 1;

    // One callback is taken into the queue of a slow client, and then it reads no more.
    let mut slow = Vec::new();
    for (user, encoding) in [
        ("slow-one", Encoding::Json),
        ("slow-two", Encoding::MessagePack),
    ] {
        slow.push(member(&hub, user, encoding, 1).await);
    }
    let mut quick = member(&hub, "quick", Encoding::Json, 4096).await;
    for client in slow.iter().chain([&quick]) {
        client
            .invoke::<Value>("JoinRoom", json!([ROOM]))
            .await
            .unwrap();
    }
    let before = hub.rss_bytes().unwrap();
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        let client = member(&hub, &format!("sender-{number}"), Encoding::MessagePack, 64).await;
        senders.spawn(async move {
            let message = json!([ROOM, { "kind": "text", "text": "ü".repeat(TEXT_BYTES / 2) }]);
            for _ in 0..MESSAGES / SENDERS {
                client
                    .invoke::<Value>("SendMessage", message.clone())
                    .await
                    .unwrap();
            }
        });
    }
    let (mut highest, mut next) = (before, first);
    while next <= head {
        let part = (next + 999).min(head);
        take(&mut quick, &mut next, part).await;
        highest = highest.max(hub.rss_bytes().unwrap());
    }
    senders.join_all().await;
    let grown = highest.saturating_sub(before) / (1024 * 1024);
    assert!(grown <= GROWTH_MIB, "the hub grew by {grown} MiB");

    for mut client in slow {
        let mut next = first;
        take(&mut client, &mut next, head).await;
        let page = json!([ROOM, { "limit": 1 }]);
        let newest: Value = client.invoke("History", page).await.unwrap();
        assert_eq!(
            newest["messages"][0]["sequence"], head,
            "it is as connected as ever"
        );
    }
}
