//! What a run goes on: hubs that clients reach, and faults that can be carried out there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::alone::{self, Carried, Hurt, Scene};
use super::class::Class;
use super::error::SiteError;
use super::fault::{Fault, Scenario};
use super::findings::Findings;
use super::signer::Signer;
use super::site::Site;
use super::workload::Connect;

/// Between two looks at hubs that are to find together.
const LOOK: Duration = Duration::from_millis(50);

/// Where a hub tells how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub address: SocketAddr,
    /// The path of its readiness.
    pub ready: String,
}

impl Place {
    /// A hub of the suite's own.
    pub(super) fn of(address: SocketAddr) -> Self {
        let ready = "/health/ready".to_owned();
        Self { address, ready }
    }
}

/// A class of requests that hubs are not asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unasked {
    pub class: Class,
    /// Why not.
    pub reason: String,
}

/// A site of the suite's own, or a deployment of somebody else.
pub(super) trait Ground {
    /// How clients connect.
    fn connect(&self) -> Connect;

    /// Where clients reach the hubs over HTTP.
    fn fronts(&self) -> Vec<SocketAddr>;

    /// Where the hubs tell how they are, past whatever hurts clients.
    fn places(&self) -> Vec<Place>;

    /// How tokens are made.
    fn signer(&self) -> Signer;

    /// Begins the names of users who must not have been there before.
    fn newcomers(&self) -> String;

    /// The classes that its hubs are not to be asked for, or do not answer.
    async fn unasked(&self, rooms: &[String]) -> Vec<Unasked>;

    /// Why the hubs are not all ready and known to each other, if they are not.
    async fn unready(&self) -> Option<String>;

    /// Those of the rooms that a hub owns, as others tell.
    async fn owned(&self, hub: usize, rooms: &[String]) -> Vec<String>;

    /// Carries out a fault to its end, and answers when it was in force.
    async fn carry_out(&mut self, fault: Fault) -> Result<Instant, SiteError>;

    /// Carries out one of those that hurt a single hub or its machine, and answers what was seen of it.
    async fn carry_out_alone(
        &mut self,
        fault: Hurt,
        scene: &Scene<'_>,
    ) -> Result<Carried, SiteError>;

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

    fn fronts(&self) -> Vec<SocketAddr> {
        Site::fronts(self)
    }

    fn places(&self) -> Vec<Place> {
        Site::places(self)
    }

    fn signer(&self) -> Signer {
        Signer::own()
    }

    /// Nobody was here before.
    fn newcomers(&self) -> String {
        String::new()
    }

    /// Hubs of the suite's own answer everything, or the run is broken.
    async fn unasked(&self, _rooms: &[String]) -> Vec<Unasked> {
        Vec::new()
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
        fault: Hurt,
        scene: &Scene<'_>,
    ) -> Result<Carried, SiteError> {
        Box::pin(alone::carry_out(self, fault, scene)).await
    }

    fn findings(&mut self, scenario: Scenario) -> Findings {
        self.told(scenario)
    }

    fn logs(&self) -> String {
        Site::logs(self)
    }
}
