//! One session with the cluster after the other. The driver's pauses before it tries a lost node again grow to ten seconds; when
//! none is left, a new session finds out sooner that one is back.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::RwLock;
use scylla::client::session::Session;
use tokio::time::{sleep, timeout};

use super::Store;
use super::options::{ScyllaAccess, ScyllaError, ScyllaOptions};
use super::session::{self, Profiles};

/// Between two looks at the connections.
const LOOK: Duration = Duration::from_millis(500);
/// A try is given up after this: the driver bounds how long it connects, not how long it shakes hands by TLS.
const TRY: Duration = Duration::from_secs(10);

/// The session of the moment, and what the next one needs.
pub(super) struct Sessions {
    current: RwLock<Arc<Session>>,
    access: ScyllaAccess,
    profiles: Profiles,
}

impl Sessions {
    /// The first one; see [`keep`].
    pub async fn open(access: &ScyllaAccess, options: &ScyllaOptions) -> Result<Self, ScyllaError> {
        let profiles = Profiles::new(options);
        let session = session::connect(access, options, &profiles).await?;
        Ok(Self {
            current: RwLock::new(Arc::new(session)),
            access: access.clone(),
            profiles,
        })
    }

    /// For a request from its beginning to its end.
    pub fn current(&self) -> Arc<Session> {
        self.current.read().clone()
    }

    /// How requests are run, in every session.
    pub fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// Whether there is any to a node that requests may go to.
    fn has_connection(&self, options: &ScyllaOptions) -> bool {
        let state = self.current().get_cluster_state();
        let mut nodes = state.get_nodes_info().iter();
        nodes.any(|node| {
            let is_ours = options.datacenter.is_empty()
                || node.datacenter.as_ref() == Some(&options.datacenter);
            is_ours && node.is_connected()
        })
    }

    /// Requests that are under way end in the old session. What was prepared there holds in all.
    async fn renew(&self, options: &ScyllaOptions) -> Result<(), ScyllaError> {
        let session = session::connect(&self.access, options, &self.profiles).await?;
        *self.current.write() = Arc::new(session);
        Ok(())
    }
}

/// Looks after the sessions of a store for as long as somebody has it.
pub(super) async fn keep(store: Weak<Store>) {
    let mut was_lost = false;
    loop {
        sleep(LOOK).await;
        let Some(store) = store.upgrade() else {
            return;
        };
        let is_lost = !store.sessions.has_connection(&store.options);
        // A connection that has just broken is the driver's to mend, which it does at once.
        if is_lost && was_lost {
            match timeout(TRY, store.sessions.renew(&store.options)).await {
                Ok(Ok(())) => tracing::info!("connected to the cluster store again"),
                Ok(Err(error)) => tracing::debug!(%error, "no node of the cluster store yet"),
                Err(_) => tracing::debug!("a node of the cluster store takes too long"),
            }
        }
        was_lost = is_lost;
    }
}
