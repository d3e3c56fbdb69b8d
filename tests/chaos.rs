//! Short forms of the chaos suite's scenarios on one hub; and one that no store survives, which must be noticed.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use chaos::suite::{Plan, Report, Scenario, SiteSpec, Verdict, WorkloadSpec, run};

async fn short(scenario: Scenario, patience: Duration) -> (Report, String) {
    let build = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(build).unwrap();
    let folder = tempfile::Builder::new()
        .prefix("chaos-")
        .tempdir_in(build)
        .unwrap();
    let site = SiteSpec {
        hub: env!("CARGO_BIN_EXE_mussikon-hub").into(),
        folder: folder.path().to_owned(),
        hubs: 1,
    };
    let plan = Plan {
        scenario,
        seed: 1,
        length: Duration::from_secs(5),
        hubs: site.hubs,
        longest: Duration::from_secs(2),
    };
    let traffic = WorkloadSpec {
        patience,
        ..WorkloadSpec::default()
    };
    run(&site, &plan, traffic).await.unwrap()
}

async fn keeps(scenario: Scenario) {
    let (report, logs) = short(scenario, Duration::from_secs(40)).await;
    assert_eq!(report.verdict, Verdict::Kept, "{report:#?}\n{logs}");
    assert!(report.faults.len() >= 2, "{report:#?}");
    assert!(report.acknowledged > 200, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pauses_lose_nothing() {
    keeps(Scenario::PauseHub).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drains_lose_nothing() {
    keeps(Scenario::RollingRestart).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_and_dead_links_lose_nothing() {
    keeps(Scenario::CutLinks).await;
    keeps(Scenario::HalfOpen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_links_lose_nothing() {
    keeps(Scenario::SlowLinks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_data_is_noticed() {
    let (report, _) = short(Scenario::StaleData, Duration::from_secs(3)).await;
    assert_eq!(report.verdict, Verdict::Broken, "{report:#?}");
    let named = report.first_violations.join("\n");
    assert!(named.contains("one reader got"), "{report:#?}");
}
