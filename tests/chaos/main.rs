//! Short forms of the chaos suite's scenarios, on one hub and on a cluster; and data that goes back, which no store survives
//! and which must be noticed.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "figures go to the output of tests")]

mod alone;
mod around;
mod cluster;
mod deployment;
mod drill;
mod single;

use std::path::Path;
use std::time::Duration;

use chaos::suite::{
    Means, Plan, Report, RunError, Scenario, Servers, SiteSpec, Topology, Verdict, WorkloadSpec,
    run,
};
use tempfile::TempDir;

const BUILD: &str = env!("CARGO_TARGET_TMPDIR");

fn folder() -> TempDir {
    std::fs::create_dir_all(BUILD).unwrap();
    let mut folder = tempfile::Builder::new();
    folder.prefix("chaos-").tempdir_in(BUILD).unwrap()
}

/// A short plan.
fn short(scenario: Scenario, topology: Topology) -> Plan {
    Plan {
        scenario,
        topology,
        seed: 1,
        length: Duration::from_secs(5),
        longest: Duration::from_secs(2),
    }
}

/// Carries a plan out on hubs with these variables, in traffic of this patience.
async fn carry_out(
    plan: &Plan,
    variables: &[(&str, &str)],
    patience: Duration,
    servers: Option<&mut Servers>,
) -> Result<(Report, String), RunError> {
    let folder = folder();
    let variables = variables.iter();
    let site = SiteSpec {
        hub: env!("CARGO_BIN_EXE_mussikon-hub").into(),
        folder: folder.path().to_owned(),
        topology: plan.topology,
        variables: variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        next: (plan.scenario == Scenario::RollingUpgrade)
            .then(|| env!("CARGO_BIN_EXE_mussikon-hub").into()),
        means: match plan.scenario.is_of_network() {
            true => Means::Auto,
            false => Means::Proxies,
        },
    };
    let traffic = WorkloadSpec {
        patience,
        // How quick it is, is for quiet machines to say.
        converge_within: patience,
        ..WorkloadSpec::of(plan.topology)
    };
    let done = run(&site, plan, traffic, servers).await;
    if let Ok((report, _)) = &done
        && let Some(history) = &report.history
    {
        let kept = Path::new(BUILD).join(format!("history-{}.jsonl", std::process::id()));
        std::fs::copy(history, &kept).unwrap();
        println!("the last broken history is in {}", kept.display());
    }
    done
}

/// Carries a plan out, after which every promise must have been kept.
async fn keeps(plan: &Plan, servers: Option<&mut Servers>) -> Report {
    let done = carry_out(plan, &[], Duration::from_secs(60), servers).await;
    let (report, logs) = done.unwrap_or_else(|error| panic!("{error}\n{}", plan.command()));
    assert_eq!(report.verdict, Verdict::Kept, "{report:#?}\n{logs}");
    assert!(report.faults.len() >= 2, "{report:#?}");
    println!(
        "{}: {} faults, {} acknowledged, {:.1} % of attempts, failover {:?}, hand-off {:?}",
        report.command,
        report.faults.len(),
        report.acknowledged,
        report.availability.share() * 100.0,
        report.failovers,
        report.handoffs,
    );
    report
}
