//! Connections are cut, frozen and slowed down between a hub and its readers: after each fault a reader that names the last
//! sequence it has goes on from there, without a gap and without a repetition.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use chaos::client::{Client, Settings};
use chaos::history::History;
use chaos::member::{Reading, Sending, read, send};
use chaos::proxy::{Fault, Proxy};
use common::{TestHub, judge, token};
use protocol::Encoding;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Readers that subscribe anew after a cut, and readers with stateful reconnect.
const PLAIN: usize = 4;
const STATEFUL: usize = 2;
const ROOM: &str = "studio";
const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_resume_by_sequence_whatever_happens_to_their_connections() {
    // A dead connection is noticed by its silence, so both sides say something often.
    let hub = TestHub::start_with(&[
        ("MUSSIKON_GATEWAY__KEEP_ALIVE_MS", "200"),
        ("MUSSIKON_GATEWAY__SWEEP_MS", "100"),
    ])
    .await;
    let proxy = Proxy::start(hub.address()).await.unwrap();
    let history = History::new(2_000_000);
    let (goal, stop) = (watch::Sender::new(None), watch::Sender::new(false));
    let at = |url: String, user: &str, encoding| {
        let mut settings = Settings::new(format!("{url}/hubs/chat"), encoding, Some(token(user)));
        settings.silence = Duration::from_millis(1500);
        settings
    };

    let owner = Client::connect(&at(hub.url(), "owner", Encoding::Json))
        .await
        .unwrap();
    let made = json!([{ "roomId": ROOM, "kind": "public" }]);
    owner.invoke::<Value>("CreateRoom", made).await.unwrap();
    let mut readers = JoinSet::new();
    for number in 0..PLAIN + STATEFUL {
        let name = format!("reader-{number}");
        let mut settings = at(proxy.url(), &name, Encoding::ALL[number % 2]);
        // The last ones hide their cuts: their connections outlive their sockets.
        settings.stateful = number >= PLAIN;
        let reading = Reading {
            name,
            settings,
            room: ROOM.to_owned(),
            after: 0,
            joins: watch::Sender::new(0),
        };
        readers.spawn(read(reading, history.clone(), goal.subscribe()));
    }
    // One sender is untouched; the other goes through the faults and sends again what was not answered.
    let mut senders = JoinSet::new();
    for (user, url) in [("steady", hub.url()), ("shaken", proxy.url())] {
        let sending = Sending {
            user: user.to_owned(),
            settings: at(url, user, Encoding::MessagePack),
            room: ROOM.to_owned(),
            pause: Duration::from_millis(2),
            give_up_every: 4,
        };
        senders.spawn(send(sending, history.clone(), stop.subscribe()));
    }

    let moment = Duration::from_millis(300);
    for round in 0..8 {
        sleep(moment).await;
        proxy.cut();
        sleep(moment).await;
        match round % 4 {
            0 => proxy.set(|faults| faults.downstream.paused = true),
            1 => proxy.set(|faults| {
                faults.downstream = Fault {
                    delay: Duration::from_millis(40),
                    bytes_per_second: Some(20_000),
                    ..Fault::default()
                };
            }),
            2 => proxy.set(|faults| faults.refuse = true),
            // The hub goes on believing in these, and their clients come back by other ways.
            _ => {
                proxy.half_open();
                sleep(6 * moment).await;
            }
        }
        sleep(moment).await;
        if round % 4 != 3 {
            proxy.cut();
        }
        proxy.heal();
    }
    stop.send_replace(true);
    let fared = timeout(SOON, senders.join_all()).await.unwrap();
    assert!(
        fared.iter().all(|fared| fared.acknowledged > 50),
        "{fared:?}"
    );

    let summary: Value = owner.invoke("JoinRoom", json!([ROOM])).await.unwrap();
    goal.send_replace(summary["head"].as_u64());
    let connections = timeout(SOON, readers.join_all()).await;
    let connections = connections.unwrap_or_else(|_| {
        judge(&history, &hub);
        panic!("readers did not reach the end\n{}", hub.logs())
    });
    let again = connections.iter().filter(|count| **count >= 6).count();
    assert!(again >= PLAIN, "{connections:?}");
    judge(&history, &hub);
}

#[tokio::test]
async fn a_refused_join_of_many_rooms_takes_no_subscription_away() {
    let hub = TestHub::start().await;
    let url = format!("{}/hubs/chat", hub.url());
    let settings = Settings::new(url, Encoding::Json, Some(token("ana")));
    let mut client = Client::connect(&settings).await.unwrap();
    let made = json!([{ "roomId": ROOM, "kind": "public" }]);
    client.invoke::<Value>("CreateRoom", made).await.unwrap();
    client
        .invoke::<Value>("JoinRoom", json!([ROOM]))
        .await
        .unwrap();
    let both = json!([[{ "roomId": ROOM }, { "roomId": "nowhere" }]]);
    let refused = client.invoke::<Value>("JoinRooms", both).await.unwrap_err();
    assert!(refused.is_code("room_not_found"), "{refused}");
    let message = json!([ROOM, { "kind": "text", "text": "still here" }]);
    client
        .invoke::<Value>("SendMessage", message)
        .await
        .unwrap();
    let heard = async {
        loop {
            let callback = client.next().await.expect("a callback");
            if callback.target == "ReceiveMessage" {
                return callback.object().unwrap()["text"].clone();
            }
        }
    };
    assert_eq!(timeout(SOON, heard).await.unwrap(), "still here");
}
