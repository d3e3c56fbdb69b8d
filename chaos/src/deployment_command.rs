//! `chaos run SCENARIO --deployment FILE`: hubs that somebody else started.

use std::path::Path;
use std::time::Duration;

use chaos::suite::{Deployment, Plan, Scenario, Topology, Verdict, demand, run_deployed};

use crate::begun;
use crate::command::Options;
use crate::places::{empty, write};
use crate::telling::tell;

/// Whether every promise was kept.
pub(crate) async fn run(
    file: &Path,
    scenario: Scenario,
    options: &Options,
) -> Result<bool, Box<dyn std::error::Error>> {
    let deployment = Deployment::read(file, |name| std::env::var(name).ok())?;
    let plan = Plan {
        scenario,
        topology: Topology::Existing,
        seed: options.plan.seed,
        length: Duration::from_secs(options.plan.seconds),
        longest: Duration::from_secs(options.plan.longest_pause),
    };
    std::fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    let folder = empty(&folder.join(format!("{}-existing-{}", scenario.name(), plan.seed)))?;
    println!("{}: {}", scenario.name(), scenario.hypothesis());
    let again = deployment.command(&plan) + &options.words();
    let ran = run_deployed(&deployment, &plan, folder).await;
    let (mut report, _) = ran.inspect_err(|_| println!("  again: {again}"))?;
    report.command = again;
    report.expected = Verdict::Kept;
    demand(&mut report, &options.demand);
    let mut suite = begun(options, Topology::Existing, Vec::new());
    suite.good = tell(&report);
    suite.experiments.push(report);
    println!("page: {}", write(options, &suite)?.display());
    Ok(suite.good)
}
