//! A planned change of owners: what it adds to the time of a send, and that nobody's first command finds a room asleep.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chaos::client::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::place::{Place, get_as};

const ROOMS: usize = 6;
const DRAIN: Duration = Duration::from_secs(40);
const CALM: Duration = Duration::from_secs(3);
const READY: &str = "mussikon_first_commands_total{found=\"ready\"}";
const ASLEEP: &str = "mussikon_first_commands_total{found=\"asleep\"}";
/// The aim is 200 ms on a machine of its own; here a build may run beside it.
const MOST_ADDED: Duration = Duration::from_millis(1_000);

/// When a send began, and how long it took.
type Sent = (Instant, Duration);

/// Sends into a room, one after the other, until told to end.
fn probe(client: Client, room: String, ends: Arc<AtomicBool>) -> JoinHandle<Vec<Sent>> {
    tokio::spawn(async move {
        let mut sent = Vec::new();
        while !ends.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let message = json!([room, { "kind": "text", "text": "is anybody there" }]);
            let done = client.invoke::<Value>("SendMessage", message).await;
            done.expect("no send fails while nodes come and go");
            sent.push((begun, begun.elapsed()));
            sleep(Duration::from_millis(10)).await;
        }
        sent
    })
}

/// Names of rooms that this hub owns.
async fn rooms_of(place: &Place, hub: usize) -> Vec<String> {
    let owner = format!("hub-{hub}");
    let mut found = Vec::new();
    for name in (0..).map(|n| format!("hall-{n}")) {
        let seen = get_as(&place.hubs[0], &format!("/admin/rooms/{name}"), "admin").await;
        let seen: Value = serde_json::from_str(&seen).unwrap();
        if seen["owner"] == *owner {
            found.push(name);
        }
        if found.len() == ROOMS {
            break;
        }
    }
    found
}

async fn sum(place: &Place, hubs: &[usize], key: &str) -> f64 {
    let mut sum = 0.0;
    for hub in hubs {
        sum += place.metric_with(*hub, key).await;
    }
    sum
}

/// The longest send that began in a span, the median, and how many there were.
fn longest(sent: &[Vec<Sent>], from: Instant, until: Instant) -> (Duration, Duration, usize) {
    let all = sent.iter().flatten();
    let within = all.filter(|(begun, _)| (from..until).contains(begun));
    let mut took: Vec<Duration> = within.map(|(_, took)| *took).collect();
    took.sort();
    (took[took.len() - 1], took[took.len() / 2], took.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_and_a_return_add_little_to_any_send_and_find_every_room_awake() {
    let mut place = Place::start("handover", 3, &[]).await;
    place.until_others(2).await;
    let rooms = rooms_of(&place, 2).await;
    let (ends, mut probes) = (Arc::new(AtomicBool::new(false)), Vec::new());
    for (number, name) in rooms.iter().enumerate() {
        let client = place.client(number % 2, "ada").await;
        let made = json!([{ "roomId": name, "kind": "public", "name": name }]);
        client.invoke::<Value>("CreateRoom", made).await.unwrap();
        probes.push(probe(client, name.clone(), ends.clone()));
    }
    sleep(CALM / 3).await;
    let calm = Instant::now();
    sleep(CALM).await;
    let others = [0, 1];
    let asleep = sum(&place, &others, ASLEEP).await;

    let leaving = Instant::now();
    let status = place.hubs[2].terminate(DRAIN).await.unwrap();
    assert!(status.success(), "{status}\n{}", place.logs());
    sleep(CALM / 3).await;
    let left = Instant::now();
    assert_eq!(
        sum(&place, &others, READY).await,
        ROOMS as f64,
        "{}",
        place.logs()
    );
    assert_eq!(
        sum(&place, &others, ASLEEP).await,
        asleep,
        "{}",
        place.logs()
    );

    place.hubs[2].restart().await.unwrap();
    place.until_others(2).await;
    sleep(CALM).await;
    let back = Instant::now();
    assert_eq!(
        place.metric_with(2, READY).await,
        ROOMS as f64,
        "{}",
        place.logs()
    );
    assert_eq!(place.metric_with(2, ASLEEP).await, 0.0, "{}", place.logs());

    ends.store(true, Ordering::Relaxed);
    let mut sent = Vec::new();
    for probe in probes {
        sent.push(probe.await.unwrap());
    }
    let (usual, median, count) = longest(&sent, calm, leaving);
    println!("calm: {count} sends, median {median:?}, longest {usual:?}");
    for (what, from, until) in [("drain", leaving, left), ("return", left, back)] {
        let (longest, median, count) = longest(&sent, from, until);
        let added = longest.saturating_sub(usual);
        println!(
            "{what}: {count} sends, median {median:?}, longest {longest:?}, {added:?} more than in calm"
        );
        assert!(
            added < MOST_ADDED,
            "{what} added {added:?}\n{}",
            place.logs()
        );
    }
}
