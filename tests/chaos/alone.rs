//! Faults of one hub and its machine, as short as they can be: each must come about, and do no more than is believed.

use std::time::Duration;

use chaos::suite::{Plan, Report, Scenario, Topology};

use super::{keeps, short};

/// Two faults, or a few more.
async fn alone(scenario: Scenario, seconds: u64) -> Report {
    let plan = Plan {
        length: Duration::from_secs(seconds),
        longest: Duration::from_secs(2),
        ..short(scenario, Topology::Single)
    };
    let report = keeps(&plan, None).await;
    // Each has something of its own to look at, and did.
    let checked = report.faults.iter().all(|fault| !fault.checks.is_empty());
    assert!(checked, "{report:#?}");
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing() {
    let report = alone(Scenario::FullDisk, 9).await;
    assert!(report.submitted > 0 && report.pages > 0, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_syncs_lose_nothing_and_are_reported() {
    let report = alone(Scenario::SyncError, 9).await;
    let reported = report
        .faults
        .iter()
        .all(|fault| fault.detection.reported_in_millis.is_some());
    assert!(reported, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_and_a_poisoned_room_lose_nothing() {
    alone(Scenario::ClockJump, 9).await;
    alone(Scenario::PoisonRoom, 9).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pressure_floods_and_slow_clients_lose_nothing() {
    for scenario in [
        Scenario::CpuPressure,
        Scenario::MemoryPressure,
        Scenario::ConnectionFlood,
        Scenario::SlowClients,
    ] {
        alone(scenario, 9).await;
    }
}
