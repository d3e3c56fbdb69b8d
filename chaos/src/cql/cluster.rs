//! CQL nodes of our own that form one cluster.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::config::{self, Place};
use super::{CqlError, CqlNode, CqlSpec, in_time, install, probe};
use crate::ports::Port;

/// Between two looks at a cluster that is about to settle.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a statement may take that all nodes with a copy take part in.
const STATEMENT: Duration = Duration::from_secs(10);

/// Nodes of our own that form a cluster: 127.0.0.1, 127.0.0.2 and so on, all on one port.
#[derive(Debug)]
pub struct CqlCluster {
    /// The nodes, each to be killed, paused and restarted by itself.
    pub nodes: Vec<CqlNode>,
    _ports: [Port; 2],
}

impl CqlCluster {
    /// Starts `size` nodes one after another, as they want to be, each once the one before answers a query, and waits until
    /// each knows all others and has the same schema: a driver that came earlier would leave out those not known yet, and
    /// go on before they had heard of its tables. 250 at most.
    pub async fn start(spec: &CqlSpec, size: u8) -> Result<Self, CqlError> {
        let installation = install(&spec.build).await?;
        let hosts: Vec<IpAddr> = (1..=size).map(|n| IpAddr::from([127, 0, 0, n])).collect();
        let ports = [Port::claim_on(&hosts)?, Port::claim_on(&hosts)?];
        let mut nodes = Vec::new();
        for (number, host) in hosts.iter().enumerate() {
            let place = Place {
                address: SocketAddr::new(*host, ports[0].number()),
                storage_port: ports[1].number(),
                seed: hosts[0],
                token: config::token(number, hosts.len()),
            };
            let folder = spec.folder.join(format!("node-{number}"));
            nodes.push(CqlNode::start_at(spec, &installation, &place, &folder).await?);
        }
        let cluster = Self {
            nodes,
            _ports: ports,
        };
        cluster.wait_until_settled(spec.start_within).await?;
        Ok(cluster)
    }

    async fn wait_until_settled(&self, within: Duration) -> Result<(), CqlError> {
        let settled = async {
            while !self.is_settled().await {
                sleep(PAUSE).await;
            }
        };
        timeout(within, settled)
            .await
            .map_err(|_| CqlError::Unsettled {
                nodes: self.nodes.len(),
                within,
                logs: self
                    .nodes
                    .first()
                    .map(|node| node.logs())
                    .unwrap_or_default(),
            })
    }

    async fn is_settled(&self) -> bool {
        let mut schemas = HashSet::new();
        for node in &self.nodes {
            match in_time(probe::schemas(node.address, &node.door)).await {
                Ok(known) if known.len() == self.nodes.len() => schemas.extend(known),
                _ => return false,
            }
        }
        schemas.len() == 1 && !schemas.contains(&Vec::new())
    }

    /// Carries a statement out on all nodes that have a copy. Answers its only column; nothing if it answers no rows.
    pub async fn ask(&self, statement: &str) -> io::Result<Vec<Vec<u8>>> {
        let node = self.nodes.first().ok_or(io::ErrorKind::NotFound)?;
        let done = timeout(STATEMENT, probe::run(node.address, &node.door, statement)).await;
        done.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Where clients connect.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(CqlNode::address).collect()
    }
}
