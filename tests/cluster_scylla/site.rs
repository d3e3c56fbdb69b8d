//! Three CQL nodes, and a broker for hubs over them, that the tests of this program use one after the other: faults need them for themselves.

use std::sync::{Arc, Weak};

use actors::journal::scylla::{ScyllaAccess, ScyllaOptions};
use chaos::suite::{Servers, Topology};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};

use super::cql::{BUILD, access, folder};
use super::place::options;

/// The cluster as long as a test holds it.
static SHARED: Mutex<Weak<Site>> = Mutex::const_new(Weak::new());

pub struct Site {
    servers: Arc<Mutex<Servers>>,
    addresses: Vec<std::net::SocketAddr>,
    _folder: TempDir,
}

impl Site {
    /// The site, and its nodes for the test that has its turn.
    pub async fn shared() -> (Arc<Self>, OwnedMutexGuard<Servers>) {
        let site = Self::started(SHARED.lock().await).await;
        let nodes = site.servers.clone().lock_owned().await;
        (site, nodes)
    }

    async fn started(mut shared: MutexGuard<'_, Weak<Self>>) -> Arc<Self> {
        if let Some(site) = shared.upgrade() {
            return site;
        }
        let folder = folder();
        let servers = Servers::start(Topology::Three, BUILD.as_ref(), folder.path()).await;
        let servers = servers.unwrap_or_else(|error| panic!("{error}"));
        let servers = servers.expect("a topology with servers");
        let site = Arc::new(Self {
            addresses: servers.cql.addresses(),
            servers: Arc::new(Mutex::new(servers)),
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
