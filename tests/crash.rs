//! The hub is killed five times in the middle of traffic. What it had acknowledged is there, once, in one order, and every
//! reader of either encoding goes on without a gap.
#![allow(clippy::unwrap_used)]

mod common;

use chaos::client::Settings;
use chaos::history::History;
use chaos::suite::{Workload, WorkloadError, WorkloadSpec, encoding};
use common::{TestHub, judge, token};

const KILLS: usize = 5;
/// Acknowledgements that must come between two kills.
const TRAFFIC: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_kills_under_load_lose_double_and_reorder_nothing() {
    let mut hub = TestHub::start().await;
    let url = format!("{}/hubs/chat", hub.url());
    let connect =
        move |user: &str, number| Settings::new(url.clone(), encoding(number), Some(token(user)));
    let history = History::new(2_000_000);
    let spec = WorkloadSpec::default();
    let workload = Workload::start(spec, Box::new(connect), history.clone()).await;
    let mut workload = workload.unwrap();
    let shown = |error: WorkloadError, hub: &TestHub| -> ! {
        judge(&history, hub);
        panic!("{error}\n{}", hub.logs())
    };

    let mut joins = vec![0; workload.joins().len()];
    for kill in 0..=KILLS {
        if kill > 0 {
            joins = workload.joins();
            hub.kill();
            hub.restart().await.unwrap();
        }
        // However long it takes on this machine: everyone is back, and traffic went on.
        if let Err(error) = workload.until_joined_again(&joins).await {
            shown(error, &hub);
        }
        let due = workload.acknowledged() + TRAFFIC;
        if let Err(error) = workload.until_acknowledged(due).await {
            shown(error, &hub);
        }
    }
    let outcome = workload.finish().await;
    let outcome = outcome.unwrap_or_else(|error| shown(error, &hub));
    let fared = outcome.senders;
    let acknowledged: usize = fared.iter().map(|fared| fared.acknowledged).sum();
    let unanswered: usize = fared.iter().map(|fared| fared.unanswered).sum();
    assert!(acknowledged > (KILLS + 1) * TRAFFIC, "{fared:?}");
    assert!(
        unanswered > KILLS,
        "the kills came at quiet moments: {fared:?}"
    );
    // Those that were there from the start came back after every kill; three came at the end.
    let stayed = outcome.connections.iter().filter(|count| **count > KILLS);
    assert_eq!(stayed.count(), 12, "{:?}", outcome.connections);
    judge(&history, &hub);
}
