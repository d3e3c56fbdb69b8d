//! What the hubs of a cluster stand on.

use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use super::error::SiteError;
use super::topology::Topology;
use crate::cql::{CqlCluster, CqlSpec};
use crate::nats::{NatsSpec, RoutedNats};

/// Lines of every NATS server's configuration: one that is told to leave does so as soon as it may.
const LEAVE_SOON: [&str; 2] = [
    "lame_duck_duration: \"30s\"",
    "lame_duck_grace_period: \"1s\"",
];

/// NATS servers and CQL nodes. Several sites may use them one after the other, each in a keyspace of its own.
pub struct Servers {
    /// The broker: one server or a cluster.
    pub nats: RoutedNats,
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
        let mut nats = NatsSpec::new(build, folder.join("nats"));
        nats.settings.extend(LEAVE_SOON.map(str::to_owned));
        let brokers = topology.nats_servers();
        let cql = CqlSpec {
            // Three of them share a machine with what is tested.
            heap_megabytes: if nodes == 1 { 384 } else { 256 },
            start_within: Duration::from_secs(180),
            ..CqlSpec::new(build, folder.join("cql"))
        };
        let (nats, cql) = tokio::try_join!(
            async {
                RoutedNats::start(&nats, brokers)
                    .await
                    .map_err(SiteError::from)
            },
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
        self.nats.mend();
        for server in &mut self.nats.nodes {
            if server.id().is_none() {
                server.restart().await?;
            }
            server.resume()?;
        }
        self.nats.linked().await?;
        for node in &mut self.cql.nodes {
            if node.id().is_none() {
                node.restart().await?;
            }
            node.resume()?;
        }
        Ok(())
    }

    pub(super) async fn restart_nats(
        &mut self,
        server: usize,
        away: Duration,
    ) -> Result<(), SiteError> {
        self.nats.nodes[server].kill();
        sleep(away).await;
        self.nats.nodes[server].restart().await?;
        Ok(self.nats.linked().await?)
    }

    pub(super) async fn pause_nats(&self, server: usize, time: Duration) -> Result<(), SiteError> {
        self.nats.nodes[server].pause()?;
        sleep(time).await;
        Ok(self.nats.nodes[server].resume()?)
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
