//! What goes wrong around the hubs of a cluster: its network and its program.

use std::time::Duration;

use chaos::suite::{Around, By, Fault, Plan, Scenario, Topology};

use super::cluster::Shared;
use super::{keeps, short};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_is_cut_off_from_all_its_servers_finds_back_and_nothing_is_lost() {
    let shared = Shared::provide().await;
    let mut servers = shared.servers.lock().await;
    let plan = Plan {
        length: Duration::from_secs(6),
        longest: Duration::from_secs(3),
        ..short(Scenario::Partition, Topology::Cluster)
    };
    let report = keeps(&plan, Some(&mut servers)).await;
    // By the kernel where that can be had, and the report says why if it cannot.
    let told = match &report.findings.means {
        Some(By::Namespaces) => true,
        Some(By::Proxies { because }) => because.is_some(),
        None => false,
    };
    assert!(told, "{report:#?}");
    assert!(report.findings.together.is_some(), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hub_is_upgraded_and_rolled_back_under_traffic_and_nothing_is_lost() {
    let shared = Shared::provide().await;
    let mut servers = shared.servers.lock().await;
    let plan = short(Scenario::RollingUpgrade, Topology::Cluster);
    let report = keeps(&plan, Some(&mut servers)).await;
    let upgraded = report
        .faults
        .iter()
        .filter(|struck| matches!(struck.step.fault, Fault::Around(Around::Upgrade { .. })));
    assert_eq!(upgraded.count(), 6, "{report:#?}");
    let versions = report.findings.versions.as_ref().unwrap();
    assert!(
        versions.old.version.starts_with("mussikon-hub "),
        "{versions:?}"
    );
    assert_eq!(versions.old, versions.next);
    assert!(!report.handoffs.samples.is_empty(), "{report:#?}");
}
