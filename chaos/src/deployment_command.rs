//! `chaos run SCENARIO --deployment FILE`: hubs that somebody else started.

use std::path::Path;
use std::time::Duration;

use chaos::suite::{Deployment, Plan, Scenario, Shares, Topology, run_deployed};

use crate::command::Options;
use crate::{begun, empty, tell, write};

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
        seed: options.seed,
        length: options.length(),
        longest: Duration::from_secs(options.longest_pause),
    };
    std::fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    let folder = empty(&folder.join(format!("{}-existing-{}", scenario.name(), plan.seed)))?;
    let (report, _) = run_deployed(&deployment, &plan, folder).await?;
    let shares = Shares {
        run: vec![scenario],
        length: plan.length,
        left_out: Vec::new(),
    };
    let mut suite = begun(options, &shares);
    suite.topology = plan.topology;
    suite.good = tell(&report);
    suite.experiments.push(report);
    let page = write(options, &suite)?;
    println!("page: {}", page.display());
    Ok(suite.good)
}
