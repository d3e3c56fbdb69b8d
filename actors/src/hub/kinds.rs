//! The kinds of entities that a hub runs, and what all of them stand on.

use std::sync::Arc;

use ractor::SpawnErr;

use super::relay::Listeners;
use crate::clock::Clock;
use crate::cluster::{Directories, Hosted};
use crate::journal::{Journal, Wakeups};
use crate::runtime::{CommitSink, Deps, Directory, Errands, RuntimeLimits};

/// What every kind of entity on a hub stands on.
pub(crate) struct Ground {
    pub journal: Arc<dyn Journal>,
    pub wakeups: Arc<dyn Wakeups>,
    pub clock: Arc<dyn Clock>,
    pub errands: Arc<dyn Errands>,
    pub limits: Arc<RuntimeLimits>,
    pub salt: u64,
    /// Where goes what becomes durable of entities that anybody may listen to.
    pub listeners: Listeners,
    pub directories: Directories,
}

impl Ground {
    /// The hub runs one more kind of entity from now on.
    pub async fn host<M: Hosted>(
        &self,
        rules: M::Limits,
        sink: Arc<dyn CommitSink<M>>,
    ) -> Result<(), SpawnErr> {
        let deps = Deps {
            journal: self.journal.clone(),
            wakeups: self.wakeups.clone(),
            clock: self.clock.clone(),
            sink,
            errands: self.errands.clone(),
            limits: self.limits.clone(),
            rules: Arc::new(rules),
            salt: self.salt,
        };
        let gate = self.directories.gate().clone();
        let directory = Directory::start_beside(deps, gate).await?;
        if !self.directories.host(directory) {
            tracing::error!(kind = ?M::KIND, "a kind of entity was to run twice on one hub");
        }
        Ok(())
    }
}
