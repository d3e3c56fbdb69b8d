//! CQL servers for tests: nodes named by the environment, or nodes of our own that are killed, paused and restarted.

mod cluster;
mod config;
mod door;
mod probe;
mod program;

use std::io;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::net::lookup_host;
use tokio::runtime::Handle;
use tokio::time::timeout;

pub use self::cluster::CqlCluster;
use self::config::Place;
use self::door::Door;
use self::program::Installation;
use crate::certificates::Certificate;
use crate::ports::{Port, PortError};
use crate::process::{Launch, Process, ProcessError, StartError};
use crate::provision::ProvisionError;

/// Names running nodes, `HOST:PORT` with commas between them, if it is set.
const VARIABLE: &str = "MUSSIKON_TEST_CQL_NODES";
/// How long one question of a probe may take.
const PROBE: Duration = Duration::from_secs(2);
/// The user and password that a node with passwords has from the start.
pub const FIRST_USER: (&str, &str) = ("cassandra", "cassandra");
/// Longest name of a keyspace that servers take.
const KEYSPACE_CHARS: usize = 48;

/// Why there is no CQL server.
#[derive(Debug, Error)]
pub enum CqlError {
    /// There is no program to run.
    #[error("a CQL server cannot be provided: {0}")]
    Program(#[from] ProvisionError),
    /// The process did not start or was not ready.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There was no port for it.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The run that archives the server's classes did not end.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The run that archives the server's classes left no archive.
    #[error("no archive of the server's classes was written\n{logs}")]
    NoArchive {
        /// The ends of the run's logs.
        logs: String,
    },
    /// The nodes run but did not find each other.
    #[error("{nodes} CQL nodes did not agree on a schema within {within:?}\n{logs}")]
    Unsettled {
        /// How many there are.
        nodes: usize,
        /// How long they were given.
        within: Duration,
        /// The ends of the first node's logs.
        logs: String,
    },
    /// A node named by the environment does not answer.
    #[error("{VARIABLE} names {node}, which does not answer a query: {reason}")]
    Given {
        /// The node.
        node: String,
        /// What went wrong.
        reason: String,
    },
    /// A task of this process ended before its time.
    #[error("providing a CQL server was cut short: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// How to start CQL nodes.
#[derive(Clone, Debug)]
pub struct CqlSpec {
    /// Where jars and the archive of classes are kept, shared by all tests of a build folder. An absolute path.
    pub build: PathBuf,
    /// Gets a folder `node-N` for each node, with its data, settings and logs. An absolute path.
    pub folder: PathBuf,
    /// The heap of each node in MiB; 256 at least. The process needs about 200 more.
    pub heap_megabytes: u32,
    /// Whether clients need a user and password; [`FIRST_USER`] is there from the start.
    pub password: bool,
    /// Encrypts the connections of clients, and refuses all others.
    pub tls: Option<Certificate>,
    /// Names and values of further lines of the settings file, as in `("write_request_timeout", "300ms")`.
    pub settings: Vec<(String, String)>,
    /// How long a start may take until the node answers a query.
    pub start_within: Duration,
}

impl CqlSpec {
    /// Nodes open to everybody on this machine, with everything they write below `folder`.
    pub fn new(build: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self {
            build: build.into(),
            folder: folder.into(),
            heap_megabytes: 384,
            password: false,
            tls: None,
            settings: Vec::new(),
            start_within: Duration::from_secs(90),
        }
    }
}

/// A node of our own. Dropping it kills the process, and so does the death of this process by any cause.
#[derive(Debug)]
pub struct CqlNode {
    launch: Launch,
    address: SocketAddr,
    door: Door,
    process: Process,
    /// Ports that only this node uses; those of a cluster belong to it.
    _ports: Vec<Port>,
}

impl CqlNode {
    /// Starts one node and waits until it answers a query.
    pub async fn start(spec: &CqlSpec) -> Result<Self, CqlError> {
        let installation = install(&spec.build).await?;
        Self::start_single(spec, &installation).await
    }

    async fn start_single(spec: &CqlSpec, installation: &Installation) -> Result<Self, CqlError> {
        let host = [127, 0, 0, 1];
        let (port, storage) = (Port::claim(host)?, Port::claim(host)?);
        let place = Place {
            address: port.address(),
            storage_port: storage.number(),
            seed: host.into(),
            token: config::token(0, 1),
        };
        let folder = spec.folder.join("node-0");
        let mut node = Self::start_at(spec, installation, &place, &folder).await?;
        node._ports = vec![port, storage];
        Ok(node)
    }

    async fn start_at(
        spec: &CqlSpec,
        installation: &Installation,
        place: &Place,
        folder: &Path,
    ) -> Result<Self, CqlError> {
        let launch = Launch {
            name: "the CQL node",
            program: "/bin/sh".into(),
            arguments: config::prepare(installation, spec, place, folder)?,
            folder: folder.to_owned(),
            variables: Vec::new(),
            start_within: spec.start_within,
        };
        let door = Door::of(spec)?;
        let process = run(&launch, place.address, &door).await?;
        Ok(Self {
            launch,
            address: place.address,
            door,
            process,
            _ports: Vec::new(),
        })
    }

    /// Starts it again on its ports and data; kills it first if it still runs.
    pub async fn restart(&mut self) -> Result<(), StartError> {
        self.process.kill();
        self.process = run(&self.launch, self.address, &self.door).await?;
        Ok(())
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Deref for CqlNode {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for CqlNode {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// Nodes for tests that only talk to them: those that the environment names, else one of our own.
#[derive(Debug)]
pub struct CqlServers {
    addresses: Vec<SocketAddr>,
    own: Option<CqlNode>,
}

impl CqlServers {
    /// The nodes of `MUSSIKON_TEST_CQL_NODES`, which must answer; without it, a node of our own is started.
    pub async fn provide(spec: &CqlSpec) -> Result<Self, CqlError> {
        match std::env::var(VARIABLE) {
            Ok(names) => Self::given(&names).await,
            Err(_) => {
                let node = CqlNode::start(spec).await?;
                Ok(Self {
                    addresses: vec![node.address()],
                    own: Some(node),
                })
            }
        }
    }

    /// The nodes `HOST:PORT,…`, which must answer.
    pub async fn given(names: &str) -> Result<Self, CqlError> {
        let mut addresses = Vec::new();
        for node in names.split(',').map(str::trim) {
            let address = find(node).await.map_err(|error| CqlError::Given {
                node: node.to_owned(),
                reason: error.to_string(),
            })?;
            addresses.push(address);
        }
        Ok(Self {
            addresses,
            own: None,
        })
    }

    /// Where clients connect.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The node, if it is our own and may be killed.
    pub fn own(&mut self) -> Option<&mut CqlNode> {
        self.own.as_mut()
    }

    /// Whether the nodes are ScyllaDB's: then tablets and `USING TIMEOUT` exist.
    pub async fn are_scylla(&self) -> io::Result<bool> {
        match self.addresses.first() {
            Some(address) => in_time(probe::is_scylla(*address)).await,
            None => Ok(false),
        }
    }
}

/// A name for the keyspace of one test that no other run has: the same server may serve many.
pub fn keyspace(test: &str) -> String {
    let word = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let id = uuid::Uuid::new_v4().simple().to_string();
    let kept: String = test.chars().map(word).take(KEYSPACE_CHARS - 15).collect();
    format!("t_{kept}_{}", &id[..12])
}

async fn install(build: &Path) -> Result<Installation, CqlError> {
    let (build, runtime) = (build.to_owned(), Handle::current());
    tokio::task::spawn_blocking(move || program::provide(&build, &runtime)).await?
}

async fn run(launch: &Launch, address: SocketAddr, door: &Door) -> Result<Process, StartError> {
    let ready = || async move {
        let answered = in_time(probe::answers(address, door)).await;
        matches!(answered, Ok(true)).then_some(())
    };
    Ok(Process::start(launch, ready).await?.0)
}

/// The address of a node that answers; one that asks for a password is there too.
async fn find(node: &str) -> io::Result<SocketAddr> {
    let address = lookup_host(node).await?.next();
    let address = address.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    in_time(probe::is_scylla(address)).await?;
    Ok(address)
}

async fn in_time<T>(question: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match timeout(PROBE, question).await {
        Ok(answer) => answer,
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyspaces_have_names_that_servers_take_and_no_two_the_same() {
        let long = keyspace("A Test::with-a-very-long-name-that-goes-on-and-on-and-on");
        assert!(long.len() <= KEYSPACE_CHARS, "{long}");
        assert!(long.starts_with("t_a_test__with"), "{long}");
        assert_ne!(keyspace("same"), keyspace("same"));
    }

    #[tokio::test]
    async fn a_given_node_that_does_not_answer_is_an_error_with_its_name() {
        let port = Port::claim([127, 0, 0, 1]).unwrap();
        let node = port.address().to_string();
        let error = CqlServers::given(&node).await.unwrap_err().to_string();
        assert!(error.contains(&node) && error.contains(VARIABLE), "{error}");
    }
}
