//! Hubs over their servers with nothing in between and nothing done to them: for whoever wants to measure them.

use std::time::Duration;

use serde::Serialize;
use tokio::time::sleep;

use super::error::SiteError;
use super::servers::Servers;
use super::signer::SECRET;
use super::site::SiteSpec;
use crate::hub::{HubProcess, start_all};
use crate::process::ProcessError;

/// How soon it is noticed that a hub has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Hubs that run until this is dropped.
pub struct Stand {
    hubs: Vec<HubProcess>,
}

/// What a load generator needs to know of running hubs.
#[derive(Debug, Serialize)]
pub struct Standing {
    /// Where each listens, as `http://HOST:PORT`.
    pub targets: Vec<String>,
    /// Their processes.
    pub pids: Vec<u32>,
    /// What tokens are signed with.
    pub secret: &'static str,
}

impl Stand {
    /// Starts the hubs of a site over servers of the same topology.
    pub async fn start(spec: &SiteSpec, servers: Option<&Servers>) -> Result<Self, SiteError> {
        let specs = match servers {
            None if spec.topology.is_cluster() => return Err(spec.lacks("servers")),
            None => vec![spec.hub(0)],
            Some(servers) => {
                let nodes = servers.cql.addresses();
                let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
                let way = (nodes.join(","), servers.nats.urls());
                let ways = vec![way; spec.topology.hubs()];
                spec.cluster(servers, ways).await?
            }
        };
        let hubs = start_all(specs).await?;
        Ok(Self { hubs })
    }

    /// How to reach them.
    pub fn standing(&self) -> Standing {
        Standing {
            targets: self.hubs.iter().map(HubProcess::url).collect(),
            pids: self.hubs.iter().filter_map(|hub| hub.id()).collect(),
            secret: SECRET,
        }
    }

    /// Starts again whichever of them ends, as whoever operates hubs would; goes on until one cannot be started.
    pub async fn keep(&mut self) -> Result<(), SiteError> {
        loop {
            for hub in &mut self.hubs {
                if let Some(status) = hub.ended().map_err(ProcessError::from)? {
                    eprintln!("chaos: the hub at {} ended: {status}", hub.url());
                    hub.restart().await?;
                }
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// The ends of all logs.
    pub fn logs(&self) -> String {
        let logs: Vec<String> = self.hubs.iter().map(|hub| hub.logs()).collect();
        logs.join("\n")
    }
}
