//! One hub with the embedded store.

use std::time::Duration;

use chaos::suite::{Plan, RunError, Scenario, Topology, Unsteady, Verdict};

use super::{carry_out, keeps, short};

async fn alone(scenario: Scenario) {
    let length = match scenario {
        // Each takes as long as clients need to notice.
        Scenario::HalfOpen => Duration::from_secs(8),
        _ => Duration::from_secs(5),
    };
    let plan = Plan {
        length,
        ..short(scenario, Topology::Single)
    };
    let report = keeps(&plan, None).await;
    assert!(report.acknowledged > 200, "{report:#?}");
    // Nobody can take its place, and it serves again when it is back.
    let back = report
        .faults
        .iter()
        .all(|fault| fault.served_again_in_millis.is_some());
    assert!(back, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pauses_lose_nothing() {
    alone(Scenario::PauseHub).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drains_lose_nothing() {
    alone(Scenario::RollingRestart).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_and_dead_links_lose_nothing() {
    alone(Scenario::CutLinks).await;
    alone(Scenario::HalfOpen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_links_lose_nothing() {
    alone(Scenario::SlowLinks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_data_is_noticed() {
    let plan = short(Scenario::StaleData, Topology::Single);
    let done = carry_out(&plan, &[], Duration::from_secs(3), None).await;
    let (report, _) = done.unwrap();
    assert_eq!(report.verdict, Verdict::Broken, "{report:#?}");
    let named = report.first_violations.join("\n");
    assert!(named.contains("one reader got"), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsteady_state_is_refused_before_anything_is_done_to_it() {
    // Everybody is told to send less.
    let slow = [
        ("MUSSIKON_ROOM__SENDS_PER_SECOND", "1"),
        ("MUSSIKON_ROOM__SEND_BURST", "1"),
    ];
    let plan = short(Scenario::KillHub, Topology::Single);
    let done = carry_out(&plan, &slow, Duration::from_secs(4), None).await;
    let refused = matches!(
        &done,
        Err(RunError::Unsteady {
            unsteady: Unsteady::Failing { .. } | Unsteady::Silent(_),
            ..
        })
    );
    assert!(refused, "{done:?}");
}
