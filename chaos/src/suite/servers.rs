//! What the hubs of a cluster stand on, and each hub's way there.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use super::error::SiteError;
use super::fault::{Link, Way};
use super::topology::Topology;
use crate::cql::{CqlCluster, CqlSpec};
use crate::nats::{NatsServer, NatsSpec};
use crate::ports::Port;
use crate::proxy::Proxy;

/// One NATS server and CQL nodes. Several sites may use them one after the other, each in a keyspace of its own.
#[derive(Debug)]
pub struct Servers {
    /// The broker.
    pub nats: NatsServer,
    /// The store; all nodes have a copy of everything.
    pub cql: CqlCluster,
}

impl Servers {
    /// Starts what a topology needs; none if that is nothing. Programs and jars are kept in `build`, an absolute path, and
    /// what the servers write in `folder`, another one.
    pub async fn start(
        topology: Topology,
        build: &Path,
        folder: &Path,
    ) -> Result<Option<Self>, SiteError> {
        let nodes = topology.cql_nodes();
        if nodes == 0 {
            return Ok(None);
        }
        let nats = NatsSpec::new(build, folder.join("nats"));
        let cql = CqlSpec {
            // Three of them share a machine with what is tested.
            heap_megabytes: if nodes == 1 { 384 } else { 256 },
            start_within: Duration::from_secs(180),
            ..CqlSpec::new(build, folder.join("cql"))
        };
        let (nats, cql) = tokio::try_join!(
            async { NatsServer::start(&nats).await.map_err(SiteError::from) },
            async {
                CqlCluster::start(&cql, nodes)
                    .await
                    .map_err(SiteError::from)
            },
        )?;
        Ok(Some(Self { nats, cql }))
    }

    /// Whatever was done to them: all run.
    pub async fn heal(&mut self) -> Result<(), SiteError> {
        if self.nats.id().is_none() {
            self.nats.restart().await?;
        }
        self.nats.resume()?;
        for node in &mut self.cql.nodes {
            if node.id().is_none() {
                node.restart().await?;
            }
            node.resume()?;
        }
        Ok(())
    }

    pub(super) async fn restart_nats(&mut self, away: Duration) -> Result<(), SiteError> {
        self.nats.kill();
        sleep(away).await;
        Ok(self.nats.restart().await?)
    }

    pub(super) async fn pause_nats(&self, time: Duration) -> Result<(), SiteError> {
        self.nats.pause()?;
        sleep(time).await;
        Ok(self.nats.resume()?)
    }

    pub(super) async fn kill_cql(&mut self, node: usize, away: Duration) -> Result<(), SiteError> {
        self.cql.nodes[node].kill();
        sleep(away).await;
        Ok(self.cql.nodes[node].restart().await?)
    }

    pub(super) async fn pause_cql(&self, node: usize, time: Duration) -> Result<(), SiteError> {
        self.cql.nodes[node].pause()?;
        sleep(time).await;
        Ok(self.cql.nodes[node].resume()?)
    }
}

/// One hub's links with its servers, each through a proxy of its own.
pub(super) struct Links {
    nats: Proxy,
    /// One before each node, on the node's own host and all on one port: a driver takes the port of the node that it asked
    /// first for that of all others.
    cql: Vec<Proxy>,
    cql_port: Port,
}

impl Links {
    pub(super) async fn start(servers: &Servers) -> Result<Self, SiteError> {
        let nodes = servers.cql.addresses();
        let hosts: Vec<IpAddr> = nodes.iter().map(SocketAddr::ip).collect();
        let cql_port = Port::claim_on(&hosts)?;
        let mut cql = Vec::new();
        for node in nodes {
            let here = SocketAddr::new(node.ip(), cql_port.number());
            cql.push(Proxy::start_at(here, node).await?);
        }
        Ok(Self {
            nats: Proxy::start(servers.nats.address()).await?,
            cql,
            cql_port,
        })
    }

    /// `nats://127.0.0.1:PORT` of the proxy.
    pub(super) fn nats_url(&self) -> String {
        format!("nats://{}", self.nats.address())
    }

    /// `HOST:PORT,…` of the proxies.
    pub(super) fn cql_nodes(&self) -> String {
        let port = self.cql_port.number();
        let hosts = self.cql.iter().map(|proxy| proxy.address().ip());
        let nodes: Vec<String> = hosts.map(|host| format!("{host}:{port}")).collect();
        nodes.join(",")
    }

    /// How many connections went through the proxies so far, to NATS and to each CQL node.
    pub(super) fn used(&self) -> Vec<u64> {
        let all = [&self.nats].into_iter().chain(&self.cql);
        all.map(Proxy::accepted).collect()
    }

    /// Loses all that passes between the hub and NATS, for a while. New connections fare no better.
    pub(super) async fn cut_nats(&self, way: Way, time: Duration) {
        self.nats.set(|faults| {
            faults.upstream.dropped = matches!(way, Way::Both | Way::FromHub);
            faults.downstream.dropped = matches!(way, Way::Both | Way::ToHub);
        });
        sleep(time).await;
        self.nats.heal();
        // What a stream has lost it cannot make up for: as after a real cut of that length, both sides start anew.
        self.nats.cut();
    }

    pub(super) async fn slow(&self, link: Link, delay: Duration, time: Duration) {
        let proxies = match link {
            Link::Clients | Link::Nats => std::slice::from_ref(&self.nats),
            Link::Cql => self.cql.as_slice(),
        };
        proxies.iter().for_each(|proxy| proxy.slow(delay));
        sleep(time).await;
        proxies.iter().for_each(Proxy::heal);
    }
}
