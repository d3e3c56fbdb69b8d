//! Two hubs that write to one room through one store and know nothing of each other.

use std::time::Duration;

use chaos::client::Settings;
use chaos::history::History;
use chaos::member::{Reading, Sending, connected, read, send};
use chaos::suite::encoding;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::common::cql::Servers;
use super::common::{TestHub, judge, token};
use super::place::{PATIENCE, migrate, variables};

const SENDERS: usize = 4;
const ROOM: &str = "contested";

fn settings(hub: &TestHub, user: &str, number: usize) -> Settings {
    let url = format!("{}/hubs/chat", hub.url());
    Settings::new(url, encoding(number), Some(token(user)))
}

/// Sends to `room` over all `hubs` in turn for a while; answers what each sender had acknowledged.
async fn traffic(
    hubs: &[&TestHub],
    room: &str,
    lasting: Duration,
    history: &History,
) -> Vec<usize> {
    let owner = connected(&settings(hubs[0], "owner", 0)).await;
    let made = json!([{ "roomId": room, "kind": "public" }]);
    owner.invoke::<Value>("CreateRoom", made).await.unwrap();
    let stop = watch::Sender::new(false);
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        let user = format!("{room}-{number}");
        let sending = Sending {
            settings: settings(hubs[number % hubs.len()], &user, number),
            user,
            room: room.to_owned(),
            pause: Duration::ZERO,
            give_up_every: 0,
        };
        let (history, stop) = (history.clone(), stop.subscribe());
        senders.spawn(async move { (number, send(sending, history, stop).await) });
    }
    sleep(lasting).await;
    stop.send_replace(true);
    let fared = timeout(PATIENCE, senders.join_all()).await;
    let mut fared = fared.unwrap_or_else(|_| panic!("senders wait\n{}", hubs[0].logs()));
    fared.sort_by_key(|(number, _)| *number);
    fared.into_iter().map(|(_, f)| f.acknowledged).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hubs_duel_over_a_room_for_ten_seconds_without_fork_or_loss_and_take_turns() {
    let servers = Servers::provide().await;
    let variables = variables(&servers.access());
    migrate(&variables);
    let given: Vec<_> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let (left, right) = tokio::join!(TestHub::start_with(&given), TestHub::start_with(&given));
    let (unread, history) = (History::new(1_000_000), History::new(1_000_000));
    let calm = traffic(&[&left], "calm", Duration::from_secs(4), &unread).await;
    let begun = Instant::now();
    let length = Duration::from_secs(10);
    let duel = traffic(&[&left, &right], ROOM, length, &history).await;
    let seconds = begun.elapsed().as_secs_f64();
    for hub in [&left, &right] {
        let (name, reader) = (hub.url(), settings(hub, "reader", 1));
        let watching = connected(&reader).await;
        let summary = watching.invoke::<Value>("JoinRoom", json!([ROOM])).await;
        let goal = watch::Sender::new(summary.unwrap()["head"].as_u64());
        let reading = Reading {
            name: name.clone(),
            settings: reader,
            room: ROOM.into(),
            after: 0,
            joins: watch::Sender::new(0),
        };
        let reading = read(reading, history.clone(), goal.subscribe());
        let read = timeout(PATIENCE, reading).await;
        read.unwrap_or_else(|_| panic!("{name} does not show all\n{}", hub.logs()));
    }
    judge(&history, &left);

    let rate =
        |acknowledged: &[usize], seconds| acknowledged.iter().sum::<usize>() as f64 / seconds;
    let (alone, together) = (rate(&calm, 4.0), rate(&duel, seconds));
    println!("one hub {alone:.0}/s; two in a duel {together:.0}/s, by sender {duel:?}");
    // Each answer needed the room: one that got several got them by taking its turn.
    assert!(duel.iter().all(|count| *count > 5), "one starved: {duel:?}");
    assert!(
        together > alone / 10.0,
        "{alone:.0}/s fell to {together:.0}/s"
    );
}
