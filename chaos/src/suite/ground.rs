//! What a run goes on: hubs that clients reach, and faults that can be carried out there.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::error::SiteError;
use super::fault::{Fault, Scenario};
use super::findings::Findings;
use super::site::Site;
use super::workload::Connect;

/// Between two looks at hubs that are to find together.
const LOOK: Duration = Duration::from_millis(50);

/// A site of the suite's own, or a deployment of somebody else.
pub(super) trait Ground {
    /// How clients connect.
    fn connect(&self) -> Connect;

    /// Why the hubs are not all ready and known to each other, if they are not.
    async fn unready(&self) -> Option<String>;

    /// Those of the rooms that a hub owns, as others tell.
    async fn owned(&self, hub: usize, rooms: &[String]) -> Vec<String>;

    /// Carries out a fault to its end, and answers when it was in force.
    async fn carry_out(&mut self, fault: Fault) -> Result<Instant, SiteError>;

    /// What it has to tell of a run.
    fn findings(&mut self, scenario: Scenario) -> Findings;

    /// The ends of all logs.
    fn logs(&self) -> String;

    /// Waits until all hubs are ready and know each other.
    async fn until_known(&self) {
        while self.unready().await.is_some() {
            sleep(LOOK).await;
        }
    }
}

impl Ground for Site<'_> {
    fn connect(&self) -> Connect {
        Site::connect(self)
    }

    async fn unready(&self) -> Option<String> {
        Site::unready(self).await
    }

    async fn owned(&self, hub: usize, rooms: &[String]) -> Vec<String> {
        Site::owned(self, hub, rooms).await
    }

    async fn carry_out(&mut self, fault: Fault) -> Result<Instant, SiteError> {
        Site::carry_out(self, fault).await
    }

    fn findings(&mut self, scenario: Scenario) -> Findings {
        self.told(scenario)
    }

    fn logs(&self) -> String {
        Site::logs(self)
    }
}
