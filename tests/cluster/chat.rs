//! A conversation across nodes keeps every promise while the format between them is raised and taken back; what happens when
//! they and their servers fail is tried by `tests/chaos/`.

use std::time::Duration;

use chaos::history::History;
use chaos::suite::{Connect, Outcome, Workload, WorkloadSpec};

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
