//! CQL nodes for tests of this folder: some only talk to them, some kill them.
#![allow(dead_code)] // Each test program uses its part.
#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

use std::sync::{Arc, Weak};

use actors::journal::scylla::ScyllaAccess;
use chaos::cql::{CqlNode, CqlServers, CqlSpec};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// Where jars are kept and folders of nodes go.
pub const BUILD: &str = env!("CARGO_TARGET_TMPDIR");

/// A folder for nodes, gone when dropped.
pub fn folder() -> TempDir {
    std::fs::create_dir_all(BUILD).unwrap();
    let mut folder = tempfile::Builder::new();
    folder.prefix("cql-").tempdir_in(BUILD).unwrap()
}

/// How nodes in `folder` are started.
pub fn spec(folder: &TempDir) -> CqlSpec {
    CqlSpec::new(BUILD, folder.path())
}

/// A node of our own, to be killed and paused.
pub struct OwnNode {
    pub node: CqlNode,
    _folder: TempDir,
}

impl OwnNode {
    pub async fn start() -> Self {
        let folder = folder();
        let node = CqlNode::start(&spec(&folder)).await;
        let node = node.unwrap_or_else(|error| panic!("{error}"));
        Self {
            node,
            _folder: folder,
        }
    }

    pub fn access(&self) -> ScyllaAccess {
        access([self.node.address()])
    }
}

/// Nodes that the tests of one program share as long as one of them holds them.
static SHARED: Mutex<Weak<Servers>> = Mutex::const_new(Weak::new());

/// Nodes for tests that only talk to them, each in a keyspace of its own.
pub struct Servers {
    servers: CqlServers,
    _folder: TempDir,
}

impl Servers {
    pub async fn provide() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(servers) = shared.upgrade() {
            return servers;
        }
        let folder = folder();
        let servers = CqlServers::provide(&spec(&folder)).await;
        let servers = Arc::new(Self {
            servers: servers.unwrap_or_else(|error| panic!("{error}")),
            _folder: folder,
        });
        *shared = Arc::downgrade(&servers);
        servers
    }

    pub fn access(&self) -> ScyllaAccess {
        access(self.servers.addresses().iter().copied())
    }
}

/// Contact points that ask for no password.
pub fn access(nodes: impl IntoIterator<Item = std::net::SocketAddr>) -> ScyllaAccess {
    ScyllaAccess {
        nodes: nodes.into_iter().map(|node| node.to_string()).collect(),
        password: String::new(),
    }
}
