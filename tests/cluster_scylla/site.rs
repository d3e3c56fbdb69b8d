//! Three nodes that the tests of this program use one after the other: faults need them for themselves.

use std::sync::{Arc, Weak};
use std::time::Duration;

use actors::journal::scylla::{ScyllaAccess, ScyllaOptions};
use chaos::cql::{CqlCluster, CqlSpec};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};

use super::cql::{access, folder, spec};
use super::place::options;

/// The cluster as long as a test holds it.
static SHARED: Mutex<Weak<Site>> = Mutex::const_new(Weak::new());

pub struct Site {
    cluster: Arc<Mutex<CqlCluster>>,
    addresses: Vec<std::net::SocketAddr>,
    _folder: TempDir,
}

impl Site {
    /// The site, and its nodes for the test that has its turn.
    pub async fn shared() -> (Arc<Self>, OwnedMutexGuard<CqlCluster>) {
        let site = Self::started(SHARED.lock().await).await;
        let nodes = site.cluster.clone().lock_owned().await;
        (site, nodes)
    }

    async fn started(mut shared: MutexGuard<'_, Weak<Self>>) -> Arc<Self> {
        if let Some(site) = shared.upgrade() {
            return site;
        }
        let folder = folder();
        let spec = CqlSpec {
            heap_megabytes: 256,
            start_within: Duration::from_secs(180),
            ..spec(&folder)
        };
        let cluster = CqlCluster::start(&spec, 3).await;
        let cluster = cluster.unwrap_or_else(|error| panic!("{error}"));
        let site = Arc::new(Self {
            addresses: cluster.addresses(),
            cluster: Arc::new(Mutex::new(cluster)),
            _folder: folder,
        });
        *shared = Arc::downgrade(&site);
        site
    }

    pub fn access(&self) -> ScyllaAccess {
        access(self.addresses.iter().copied())
    }

    /// One that knows only this node at first.
    pub fn access_by(&self, node: usize) -> ScyllaAccess {
        access([self.addresses[node]])
    }
}

/// Options for a new keyspace of three copies.
pub fn three_copies(test: &str) -> ScyllaOptions {
    ScyllaOptions {
        replication: 3,
        ..options(test)
    }
}
