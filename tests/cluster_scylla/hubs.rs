//! Three hubs over three CQL nodes, one of which is killed or stands still: two of three copies are enough for everybody.

use std::time::Duration;

use chaos::suite::{Means, Plan, Report, Scenario, Servers, SiteSpec, Topology};
use chaos::suite::{Verdict, WorkloadSpec, run};

use super::cql::folder;
use super::site::Site;

/// Carries out a short plan, after which every promise must have been kept.
async fn keeps(scenario: Scenario, servers: &mut Servers) -> Report {
    let folder = folder();
    let plan = Plan {
        scenario,
        topology: Topology::Three,
        seed: 1,
        // One fault.
        length: Duration::from_secs(1),
        longest: Duration::from_secs(4),
    };
    let site = SiteSpec {
        hub: env!("CARGO_BIN_EXE_mussikon-hub").into(),
        folder: folder.path().to_owned(),
        topology: plan.topology,
        variables: Vec::new(),
        next: None,
        means: Means::Proxies,
    };
    let traffic = WorkloadSpec {
        // How quick it is, is for quiet machines to say.
        converge_within: Duration::from_secs(60),
        ..WorkloadSpec::of(plan.topology)
    };
    let done = run(&site, &plan, traffic, Some(servers)).await;
    let (report, logs) = done.unwrap_or_else(|error| panic!("{error}\n{}", plan.command()));
    assert_eq!(report.verdict, Verdict::Kept, "{report:#?}\n{logs}");
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hubs_go_on_while_one_node_of_three_is_killed_or_stands_still() {
    let (_site, mut servers) = Site::shared().await;
    for scenario in [Scenario::KillCql, Scenario::PauseCql] {
        let report = keeps(scenario, &mut servers).await;
        let share = report.availability.share();
        println!(
            "{}: {} faults, {} acknowledged, {:.1} % of attempts, longest silence {} ms",
            report.command,
            report.faults.len(),
            report.acknowledged,
            share * 100.0,
            report.longest_silence_millis,
        );
        assert!(share > 0.8, "{report:#?}");
    }
}
