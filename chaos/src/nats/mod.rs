//! NATS servers for tests: one node or a cluster, killed, paused and restarted on their ports. No JetStream.

mod config;
mod program;
mod routed;

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::try_join_all;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

pub use self::config::{NatsSpec, NatsTls};
use self::config::{Ports, text};
pub use self::routed::RoutedNats;
use crate::ports::{Port, PortError};
use crate::process::{Launch, Process, StartError};
use crate::provision::{ProvisionError, at};

const HOST: [u8; 4] = [127, 0, 0, 1];
/// How long one question of the readiness probe may take.
const PROBE: Duration = Duration::from_secs(1);
/// The longest answer of the monitor that is read, in bytes.
const MONITOR_BYTES: u64 = 16 << 20;

/// Why a NATS server is not there.
#[derive(Debug, Error)]
pub enum NatsError {
    /// There is no program to run.
    #[error("nats-server cannot be provided: {0}")]
    Program(#[from] ProvisionError),
    /// The process did not start or was not ready.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There was no port for it.
    #[error(transparent)]
    Port(#[from] PortError),
    /// There was no proxy for a route.
    #[error("a route has no proxy: {0}")]
    Proxy(#[source] std::io::Error),
    /// The nodes run but did not find each other.
    #[error("node {node} is linked with {linked} of {wanted} others after {within:?}\n{logs}")]
    Apart {
        /// The node that lacks others, counted from 0.
        node: usize,
        /// Others it is linked with.
        linked: u64,
        /// Others there are.
        wanted: usize,
        /// The time they had.
        within: Duration,
        /// The ends of its logs.
        logs: String,
    },
    /// The monitor did not answer as it should.
    #[error("the monitor's answer to {path} failed: {reason}")]
    Monitor {
        /// What was asked.
        path: String,
        /// What went wrong.
        reason: String,
    },
}

/// A NATS server. Dropping it kills the process, and so does the death of this process by any cause.
#[derive(Debug)]
pub struct NatsServer {
    launch: Launch,
    scheme: &'static str,
    client: Option<(String, String)>,
    encrypted: bool,
    ports: Ports,
    process: Process,
}

impl NatsServer {
    /// Starts one server and waits until it serves clients.
    pub async fn start(spec: &NatsSpec) -> Result<Self, NatsError> {
        Self::start_node(spec, "node-0", Ports::claim()?, &[]).await
    }

    async fn start_node(
        spec: &NatsSpec,
        name: &str,
        ports: Ports,
        routes: &[SocketAddr],
    ) -> Result<Self, NatsError> {
        let build = spec.build.clone();
        let program = tokio::task::spawn_blocking(move || program::provide(&build));
        let program = program.await.map_err(at_join)??;
        let folder = spec.folder.join(name);
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        let path = folder.join("nats.conf");
        std::fs::write(&path, text(spec, name, &ports, routes)).map_err(at(&path))?;
        let launch = Launch {
            name: "nats-server",
            program,
            arguments: vec!["--config".into(), path.into()],
            folder,
            variables: Vec::new(),
            start_within: spec.start_within,
        };
        let client = spec.credentials.clone();
        let encrypted = spec.tls.is_some();
        let process = run(&launch, &ports, client.as_ref(), encrypted).await?;
        Ok(Self {
            launch,
            scheme: if encrypted { "tls" } else { "nats" },
            client,
            encrypted,
            ports,
            process,
        })
    }

    /// Starts it again on its ports; kills it first if it still runs.
    pub async fn restart(&mut self) -> Result<(), StartError> {
        self.process.kill();
        let client = self.client.as_ref();
        self.process = run(&self.launch, &self.ports, client, self.encrypted).await?;
        Ok(())
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.ports.client.address()
    }

    /// `nats://127.0.0.1:PORT`, or `tls://…`; without credentials.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address())
    }

    /// What the server's HTTP monitor says, for example to `/varz`, `/connz` or `/subsz`.
    pub async fn monitor(&self, path: &str) -> Result<serde_json::Value, NatsError> {
        let failed = |reason: String| NatsError::Monitor {
            path: path.to_owned(),
            reason,
        };
        let body = timeout(PROBE * 10, http_get(self.ports.monitor.address(), path))
            .await
            .map_err(|_| failed("no answer in time".to_owned()))?
            .map_err(|error| failed(error.to_string()))?;
        serde_json::from_str(&body).map_err(|error| failed(error.to_string()))
    }

    /// How many other nodes of its cluster it is linked with.
    pub async fn linked(&self) -> Result<u64, NatsError> {
        let varz = self.monitor("/varz").await?;
        Ok(varz["remotes"].as_u64().unwrap_or(0))
    }
}

impl Deref for NatsServer {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for NatsServer {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// NATS servers that know each other.
#[derive(Debug)]
pub struct NatsCluster {
    /// The nodes, each to be killed, paused and restarted by itself.
    pub nodes: Vec<NatsServer>,
    start_within: Duration,
}

impl NatsCluster {
    /// Starts `size` nodes side by side and waits until each is linked with all others.
    pub async fn start(spec: &NatsSpec, size: usize) -> Result<Self, NatsError> {
        let ports: Vec<Ports> = (0..size)
            .map(|_| Ports::claim())
            .collect::<Result<_, _>>()?;
        let routes: Vec<SocketAddr> = ports.iter().map(|p| p.route.address()).collect();
        let names: Vec<String> = (0..size).map(|node| format!("node-{node}")).collect();
        let starts = ports
            .into_iter()
            .zip(&names)
            .map(|(ports, name)| NatsServer::start_node(spec, name, ports, &routes));
        let cluster = Self {
            nodes: try_join_all(starts).await?,
            start_within: spec.start_within,
        };
        cluster.linked().await?;
        Ok(cluster)
    }

    /// Waits until each node is linked with all others, as after a restart.
    pub async fn linked(&self) -> Result<(), NatsError> {
        until_linked(&self.nodes, self.start_within).await
    }

    /// The URLs of all nodes.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(NatsServer::url).collect()
    }
}

/// Waits until each node is linked with all others.
async fn until_linked(nodes: &[NatsServer], within: Duration) -> Result<(), NatsError> {
    let wanted = nodes.len().saturating_sub(1);
    let deadline = Instant::now() + within;
    for (node, server) in nodes.iter().enumerate() {
        loop {
            let linked = server.linked().await?;
            if linked as usize == wanted {
                break;
            }
            if Instant::now() >= deadline {
                let logs = server.logs();
                return Err(NatsError::Apart {
                    node,
                    linked,
                    wanted,
                    within,
                    logs,
                });
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

fn at_join(error: tokio::task::JoinError) -> NatsError {
    at(&PathBuf::from("nats-server"))(std::io::Error::other(error)).into()
}

async fn run(
    launch: &Launch,
    ports: &Ports,
    client: Option<&(String, String)>,
    encrypted: bool,
) -> Result<Process, StartError> {
    let address = ports.client.address();
    let ready = || async move {
        let answered = timeout(PROBE, answers(address, client, encrypted)).await;
        matches!(answered, Ok(Ok(true))).then_some(())
    };
    Ok(Process::start(launch, ready).await?.0)
}

/// Whether the server greets and, where the connection stays plain, lets this client in.
async fn answers(
    address: SocketAddr,
    client: Option<&(String, String)>,
    encrypted: bool,
) -> std::io::Result<bool> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let Some(greeting) = line.strip_prefix("INFO ") else {
        return Ok(false);
    };
    let greeting: serde_json::Value = serde_json::from_str(greeting)?;
    // Whoever wants to know a client that we do not is as ready as we can see.
    if encrypted || (greeting["auth_required"] == true && client.is_none()) {
        return Ok(true);
    }
    let mut options =
        serde_json::json!({"verbose": false, "pedantic": false, "lang": "probe", "version": "1"});
    if let Some((user, password)) = client {
        options["user"] = user.as_str().into();
        options["pass"] = password.as_str().into();
    }
    let hello = format!("CONNECT {options}\r\nPING\r\n");
    stream.write_all(hello.as_bytes()).await?;
    line.clear();
    stream.read_line(&mut line).await?;
    Ok(line.starts_with("PONG"))
}

/// The body of a successful answer.
async fn http_get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream
        .take(MONITOR_BYTES)
        .read_to_string(&mut answer)
        .await?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
        _ => Err(std::io::Error::other(
            answer.lines().next().unwrap_or("no answer").to_owned(),
        )),
    }
}
