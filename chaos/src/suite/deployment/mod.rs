//! Runs on a deployment that somebody else started: described by a file, and hurt by nothing that the file does not allow.

mod allowed;
mod file;
mod member;
mod mending;
mod site;

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

pub use self::allowed::RefusedError;
use self::allowed::plan;
pub use self::file::{Deployment, DeploymentError, Traffic};
pub use self::member::{Hurt, Kind, Member, MemberError};
use self::site::Given;
use super::alone::Kit;
use super::format::Report;
use super::ground::Ground;
use super::plan::Plan;
use super::run::{Course, RunError, run_on};
use super::topology::Topology;
use super::workload::WorkloadSpec;
use crate::shell;

/// Why there is no report of a run on a deployment.
#[derive(Debug, Error)]
pub enum DeployedError {
    /// The scenario needs what is not allowed.
    #[error(transparent)]
    Refused(#[from] RefusedError),
    /// It was not carried out.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Runs a scenario on a deployment, in rooms that it had not before. Refuses one that needs what is not allowed, before
/// anybody connects. What is to be kept of a broken run goes to `folder`.
pub async fn run_deployed(
    deployment: &Deployment,
    from: &Plan,
    folder: PathBuf,
) -> Result<(Report, String), DeployedError> {
    let steps = plan(deployment, from)?;
    let mut given = Given::find(deployment).await.map_err(RunError::from)?;
    let traffic = traffic(deployment, &given.newcomers());
    let course = Course {
        folder: &folder,
        from,
        steps: &steps,
        kit: &Kit::default(),
    };
    let (mut report, logs) = run_on(&mut given, &course, traffic).await?;
    report.command = deployment.command(from);
    Ok((report, logs))
}

/// Who takes part, in rooms of this run's own.
fn traffic(deployment: &Deployment, newcomers: &str) -> WorkloadSpec {
    let rooms = ["cellar", "stage", "attic"];
    WorkloadSpec {
        rooms: rooms.map(|room| format!("{newcomers}{room}")).into(),
        readers: deployment.traffic.readers,
        senders: deployment.traffic.senders,
        pause: Duration::from_millis(deployment.traffic.pause_ms),
        converge_within: Duration::from_millis(deployment.traffic.converge_within_ms),
        // As patient as with a cluster of the suite's own.
        ..WorkloadSpec::of(Topology::Cluster)
    }
}

impl Deployment {
    /// The command that runs a plan on it again.
    pub fn command(&self, from: &Plan) -> String {
        format!(
            "cargo chaos run {} --deployment {} --seed {} --seconds {} --longest-pause {}",
            from.scenario.name(),
            shell::word(&self.path),
            from.seed,
            from.length.as_secs(),
            from.longest.as_secs(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::file::tests::{GOOD, parse};
    use super::*;
    use crate::suite::format::tests::report;
    use crate::suite::{Fault, Scenario, Verdict, demand};

    #[test]
    fn hubs_that_run_already_have_the_limits_of_the_faults_and_a_patience_well_beyond() {
        let missed = |fault, millis| {
            let mut report = report();
            (report.scenario, report.topology) = (Scenario::KillCql, Topology::Existing);
            (report.expected, report.findings.missed) = (Verdict::Kept, Vec::new());
            report.faults[0].step.fault = fault;
            report.faults[0].served_again_in_millis = Some(millis);
            demand(&mut report, &[]);
            !report.findings.missed.is_empty()
        };
        let store = Fault::KillCql { node: 0, millis: 0 };
        let hub = Fault::KillHub { hub: 0, millis: 0 };
        assert!(!missed(store, 30_000) && missed(store, 30_001));
        assert!(!missed(hub, 10_000) && missed(hub, 10_001));
        let patience = traffic(&parse(GOOD).unwrap(), "new-").patience;
        assert!(patience >= Duration::from_secs(60), "{patience:?}");
    }
}
