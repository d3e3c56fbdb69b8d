//! The hub is killed five times in the middle of traffic. What it had acknowledged is there, once, in one order, and every
//! reader of either encoding goes on without a gap.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use chaos::client::Settings;
use chaos::history::{Event, History};
use chaos::member::{Sending, connected, read, send};
use common::{TestHub, judge, token};
use protocol::Encoding;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const KILLS: usize = 5;
const ROOMS: [&str; 3] = ["cellar", "stage", "attic"];
const SENDERS: usize = 9;
/// Acknowledgements that must come between two kills.
const TRAFFIC: usize = 300;
const SOON: Duration = Duration::from_secs(30);

fn encoding(number: usize) -> Encoding {
    Encoding::ALL[number % 2]
}

fn acknowledged(history: &History) -> usize {
    let records = history.records();
    records
        .iter()
        .filter(|record| matches!(record.event, Event::Acknowledged { .. }))
        .count()
}

async fn until_acknowledged(history: &History, count: usize, hub: &TestHub) {
    let waiting = async {
        while acknowledged(history) < count {
            sleep(Duration::from_millis(20)).await;
        }
    };
    if timeout(SOON, waiting).await.is_err() {
        judge(history, hub);
        panic!(
            "{} of {count} acknowledged in time\n{}",
            acknowledged(history),
            hub.logs()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_kills_under_load_lose_double_and_reorder_nothing() {
    let mut hub = TestHub::start().await;
    let url = format!("{}/hubs/chat", hub.url());
    let settings = |user: &str, encoding| Settings::new(url.clone(), encoding, Some(token(user)));
    let history = History::new(2_000_000);
    let (goals, stop) = (
        ROOMS.map(|_| watch::Sender::new(None)),
        watch::Sender::new(false),
    );

    let owner = connected(&settings("owner", Encoding::Json)).await;
    let (mut readers, mut senders) = (JoinSet::new(), JoinSet::new());
    for (room, goal) in ROOMS.into_iter().zip(&goals) {
        let made = json!([{ "roomId": room, "kind": "public" }]);
        owner.invoke::<Value>("CreateRoom", made).await.unwrap();
        for number in 0..4 {
            let name = format!("reader-{number}");
            let (settings, history, goal) = (
                settings(&name, encoding(number)),
                history.clone(),
                goal.subscribe(),
            );
            readers.spawn(async move { read(&name, settings, room, 0, history, goal).await });
        }
    }
    for number in 0..SENDERS {
        let user = format!("sender-{number}");
        let sending = Sending {
            settings: settings(&user, encoding(number)),
            user,
            room: ROOMS[number % ROOMS.len()].to_owned(),
            pause: Duration::from_millis(1),
            give_up_every: 3,
        };
        senders.spawn(send(sending, history.clone(), stop.subscribe()));
    }

    let mut due = 0;
    for _ in 0..KILLS {
        due = due.max(acknowledged(&history)) + TRAFFIC;
        until_acknowledged(&history, due, &hub).await;
        hub.kill();
        hub.restart().await.unwrap();
    }
    until_acknowledged(&history, acknowledged(&history) + TRAFFIC, &hub).await;
    stop.send_replace(true);
    let fared = timeout(SOON, senders.join_all()).await.unwrap();
    let acknowledged: usize = fared.iter().map(|fared| fared.acknowledged).sum();
    let unanswered: usize = fared.iter().map(|fared| fared.unanswered).sum();
    assert!(acknowledged > (KILLS + 1) * TRAFFIC, "{fared:?}");
    assert!(
        unanswered > KILLS,
        "the kills came at quiet moments: {fared:?}"
    );

    // Everyone reads to the end, and so does someone who was not there before.
    let witness = connected(&settings("owner", Encoding::MessagePack)).await;
    for (room, goal) in ROOMS.into_iter().zip(&goals) {
        let summary: Value = witness.invoke("JoinRoom", json!([room])).await.unwrap();
        goal.send_replace(summary["head"].as_u64());
        let (settings, history, goal) = (
            settings("late", Encoding::Json),
            history.clone(),
            goal.subscribe(),
        );
        readers.spawn(async move { KILLS + read("late", settings, room, 0, history, goal).await });
    }
    let connections = timeout(SOON, readers.join_all()).await;
    let connections = connections.unwrap_or_else(|_| {
        judge(&history, &hub);
        panic!("readers did not reach the end\n{}", hub.logs())
    });
    assert!(
        connections.iter().all(|count| *count > KILLS),
        "{connections:?}"
    );
    judge(&history, &hub);
}
