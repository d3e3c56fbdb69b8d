//! What a run goes on: hubs that clients reach, and faults that can be carried out there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::alone::{self, Alone, Carried, Scene};
use super::error::SiteError;
use super::fault::{Fault, Scenario};
use super::findings::Findings;
use super::site::Site;
use super::workload::Connect;
use crate::hub::HubProcess;
use crate::proxy::Proxy;

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

    /// Carries out a fault of one hub and its machine, and looks at what it does.
    async fn carry_out_alone(
        &mut self,
        _alone: Alone,
        _scene: &Scene<'_>,
    ) -> Result<Carried, SiteError> {
        Err(SiteError::Kit("hubs of the suite's own"))
    }

    /// Where clients of the API reach the hubs; none where nothing lasting is to be made.
    fn http(&self) -> Vec<SocketAddr> {
        Vec::new()
    }

    /// Where an operator asks each hub how it is; none where that is not to be done.
    fn operated(&self) -> Vec<SocketAddr> {
        Vec::new()
    }

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

    async fn carry_out_alone(
        &mut self,
        alone: Alone,
        scene: &Scene<'_>,
    ) -> Result<Carried, SiteError> {
        Box::pin(alone::carry_out(self, alone, scene)).await
    }

    fn http(&self) -> Vec<SocketAddr> {
        self.fronts.iter().map(Proxy::address).collect()
    }

    fn operated(&self) -> Vec<SocketAddr> {
        self.hubs.iter().map(|hub| hub.address()).collect()
    }

    fn findings(&mut self, scenario: Scenario) -> Findings {
        self.told(scenario)
    }

    fn logs(&self) -> String {
        Site::logs(self)
    }
}

impl Site<'_> {
    /// Where a hub listens, past the proxy.
    pub(super) fn address(&self, hub: usize) -> SocketAddr {
        self.hubs[hub].address()
    }

    pub(super) fn process(&self, hub: usize) -> &HubProcess {
        &self.hubs[hub]
    }

    pub(super) fn process_mut(&mut self, hub: usize) -> &mut HubProcess {
        &mut self.hubs[hub]
    }
}
