//! Conversations across nodes keep every promise, in calm and in trouble.

use std::time::Duration;

use chaos::history::History;
use chaos::suite::{Connect, Outcome, Workload, WorkloadSpec};
use tokio::time::{Instant, sleep};

use super::balancer::Balancer;
use super::place::Place;

/// Records that a test may make.
pub const RECORDS: usize = 2_000_000;
/// How long an orderly end may take.
const DRAIN: Duration = Duration::from_secs(40);
/// Everyone is at the head within so long after the last trouble, and some time for a busy machine.
const CAUGHT_UP: Duration = Duration::from_secs(10);

/// Four rooms and three hubs, so that every room has a sender and a reader on every hub.
fn traffic() -> WorkloadSpec {
    WorkloadSpec {
        rooms: ["cellar", "stage", "attic", "garden"]
            .map(str::to_owned)
            .into(),
        readers: 3,
        senders: 12,
        pause: Duration::from_millis(5),
        patience: Duration::from_secs(60),
        ..WorkloadSpec::default()
    }
}

pub async fn begin(connect: Connect, history: &History) -> Workload {
    let begun = Workload::start(traffic(), connect, history.clone()).await;
    begun.unwrap()
}

/// Acknowledgements that must still come.
pub async fn further(workload: &Workload, count: usize, place: &Place) {
    let enough = workload.acknowledged() + count;
    let waited = workload.until_acknowledged(enough).await;
    assert!(waited.is_ok(), "{waited:?}\n{}", place.logs());
}

pub async fn finish(workload: Workload, history: &History, place: &Place) -> Outcome {
    let outcome = workload.finish().await;
    place.judge(history);
    outcome.unwrap_or_else(|error| panic!("{error}\n{}", place.logs()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_three_hubs_share_rooms_and_whoever_is_killed_drained_or_paused_loses_nothing() {
    let mut place = Place::start("chat", 3, &[]).await;
    place.until_others(2).await;
    let history = History::new(RECORDS);
    let addresses = place.hubs.iter().map(|hub| hub.address()).collect();
    let balancer = Balancer::start(addresses).await;
    // Everyone's next connection leads to the next hub, and so do negotiation and WebSocket.
    let workload = begin(Place::connect(vec![balancer.url()]), &history).await;
    further(&workload, 200, &place).await;
    let mut forwarded = 0.0;
    for hub in 0..3 {
        forwarded += place.metric(hub, "mussikon_forwarded_total").await;
    }
    assert!(
        forwarded > 50.0,
        "every hub answered by itself: {forwarded}"
    );

    for hub in 0..3 {
        place.hubs[hub].kill();
        let killed = Instant::now();
        further(&workload, 100, &place).await;
        println!(
            "100 messages within {:?} of the death of hub {hub}",
            killed.elapsed()
        );
        place.hubs[hub].restart().await.unwrap();
        place.until_others(2).await;
        further(&workload, 50, &place).await;
    }
    let status = place.hubs[1].terminate(DRAIN).await.unwrap();
    assert!(status.success(), "{status}\n{}", place.logs());
    further(&workload, 100, &place).await;
    place.hubs[1].restart().await.unwrap();
    place.until_others(2).await;

    // Taken for dead while it stands still, it wakes up with rooms that others have written to meanwhile.
    place.hubs[2].pause().unwrap();
    let paused = Instant::now();
    further(&workload, 100, &place).await;
    sleep(Duration::from_secs(4).saturating_sub(paused.elapsed())).await;
    place.hubs[2].resume().unwrap();
    further(&workload, 100, &place).await;
    let outcome = finish(workload, &history, &place).await;
    println!("{} acknowledged, {outcome:?}", history.acknowledged());
    assert!(outcome.caught_up_in < CAUGHT_UP, "{outcome:?}");
    let unanswered: usize = outcome.senders.iter().map(|s| s.unanswered).sum();
    assert!(unanswered > 0, "no kill was felt by any sender");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_dies_or_stands_still_costs_time_and_no_message() {
    let mut place = Place::start("broker", 3, &[("MUSSIKON_NATS__PING_MS", "500")]).await;
    place.until_others(2).await;
    let history = History::new(RECORDS);
    let workload = begin(Place::connect(place.urls()), &history).await;
    further(&workload, 100, &place).await;

    place.nats.kill();
    for hub in 0..3 {
        place
            .until_metric(hub, "mussikon_bus_connected", |up| up == 0.0)
            .await;
    }
    // Each hub goes on with the rooms that it owns.
    further(&workload, 20, &place).await;
    let health = super::place::get(&place.hubs[0], "/health/ready").await;
    assert!(health.contains("cut off from the other nodes"), "{health}");
    place.nats.restart().await.unwrap();
    for hub in 0..3 {
        place
            .until_metric(hub, "mussikon_bus_connected", |up| up == 1.0)
            .await;
    }
    further(&workload, 200, &place).await;

    place.nats.pause().unwrap();
    sleep(Duration::from_secs(4)).await;
    place.nats.resume().unwrap();
    further(&workload, 200, &place).await;
    let outcome = finish(workload, &history, &place).await;
    println!("{} acknowledged, {outcome:?}", history.acknowledged());
    assert!(outcome.caught_up_in < CAUGHT_UP, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_format_between_nodes_is_raised_and_taken_back_node_by_node_under_traffic() {
    let mut place = Place::start("formats", 3, &[]).await;
    place.until_others(2).await;
    let history = History::new(RECORDS);
    let workload = begin(Place::connect(place.urls()), &history).await;
    for format in ["2", "1"] {
        for hub in 0..3 {
            let process = &mut place.hubs[hub];
            let variables = &mut process.spec_mut().variables;
            variables.push(("MUSSIKON_PEERS__FORMAT".to_owned(), format.to_owned()));
            let status = process.terminate(DRAIN).await.unwrap();
            assert!(status.success(), "{status}\n{}", place.logs());
            place.hubs[hub].restart().await.unwrap();
            place.until_others(2).await;
            further(&workload, 40, &place).await;
        }
        let listed = place.run("nodes");
        let writes = format!("\"writesFormat\":{format}");
        assert_eq!(listed.matches(&writes).count(), 3, "{listed}");
    }
    let outcome = finish(workload, &history, &place).await;
    assert!(outcome.caught_up_in < CAUGHT_UP, "{outcome:?}");
    for hub in 0..3 {
        assert!(
            !place.hubs[hub].logs().contains("not understood"),
            "{}",
            place.logs()
        );
    }
}
