//! Carries out what happens around hubs: to the network, to servers, to the program.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::time::sleep;

use super::around::{Around, Build, Loss};
use super::error::SiteError;
use super::fault::Scenario;
use super::findings::Findings;
use super::site::{Site, node_name};
use super::slow;
use crate::member::now;

/// How long a NATS server that is told to leave may take.
const LEAVE: Duration = Duration::from_secs(60);

impl Site<'_> {
    /// Carries out a fault to its end, and answers when it was in force.
    pub(super) async fn carry_out_around(&mut self, fault: Around) -> Result<Instant, SiteError> {
        let time = fault.lasting();
        let mut in_force = now();
        match fault {
            Around::Partition { .. } | Around::Lossy { .. } | Around::Throttle { .. } => {
                self.hurt_network(fault, time).await?;
            }
            Around::CutCql { hub, way, .. } => self.links(hub)?.cut_cql(way, time).await,
            Around::SlowCql {
                node, delay_millis, ..
            } => {
                self.slow_cql(node, Duration::from_millis(delay_millis), time)
                    .await?;
            }
            Around::LameDuck { server } => self.lame_duck(server).await?,
            Around::SplitNats { server, .. } => {
                let nats = &self.servers()?.nats;
                nats.split(server);
                sleep(time).await;
                nats.mend();
                nats.linked().await?;
            }
            Around::SlowConsumer { hub, .. } => self.slow_consumer(hub, time).await?,
            Around::LoseQuorum { kept, loss, .. } => {
                in_force = self.lose_quorum(kept, loss, time).await?;
            }
            Around::Upgrade { hub, build } => in_force = self.upgrade(hub, build).await?,
        }
        Ok(in_force)
    }

    /// What the site itself has to tell of a run.
    pub(super) fn told(&mut self, scenario: Scenario) -> Findings {
        Findings {
            means: scenario.is_of_network().then(|| self.by.clone()),
            versions: self.versions.clone(),
            notes: std::mem::take(&mut self.notes),
            ..Findings::default()
        }
    }

    /// By the kernel where hubs have namespaces, by proxies else.
    async fn hurt_network(&self, fault: Around, time: Duration) -> Result<(), SiteError> {
        let Some(net) = &self.net else {
            match fault {
                Around::Partition {
                    hub, way, server, ..
                } => self.links(hub)?.partition(way, server, time).await,
                Around::Lossy { hub, percent, .. } => self.links(hub)?.stall(percent, time).await,
                Around::Throttle {
                    hub,
                    bytes_per_second,
                    ..
                } => self.links(hub)?.throttle(bytes_per_second, time).await,
                _ => {}
            }
            return Ok(());
        };
        match fault {
            Around::Partition {
                hub, way, server, ..
            } => net.cut(hub, way, server)?,
            Around::Lossy { hub, percent, .. } => net.lose(hub, percent)?,
            Around::Throttle {
                hub,
                bytes_per_second,
                ..
            } => net.throttle(hub, bytes_per_second)?,
            _ => {}
        }
        sleep(time).await;
        Ok(net.heal()?)
    }

    async fn slow_cql(
        &self,
        node: usize,
        delay: Duration,
        time: Duration,
    ) -> Result<(), SiteError> {
        let mut proxies = Vec::new();
        for hub in 0..self.hubs.len() {
            proxies.push(self.links(hub)?.cql(node));
        }
        proxies.iter().for_each(|proxy| proxy.slow(delay));
        sleep(time).await;
        proxies.iter().for_each(|proxy| proxy.heal());
        Ok(())
    }

    /// The server says to its clients that it leaves, sends them away one by one and ends by itself. It is the first, from
    /// the planned one on, that has a client at all.
    async fn lame_duck(&mut self, planned: usize) -> Result<(), SiteError> {
        let nats = &mut self.servers()?.nats;
        let (mut server, mut clients) = (planned, 0);
        for turn in 0..nats.nodes.len() {
            server = (planned + turn) % nats.nodes.len();
            let told = nats.nodes[server].monitor("/varz").await?;
            clients = told["connections"].as_u64().unwrap_or(0);
            if clients > 0 {
                break;
            }
        }
        let begun = now();
        nats.nodes[server].signal("USR2")?;
        nats.nodes[server].wait(LEAVE).await?;
        let took = begun.elapsed().as_millis();
        nats.nodes[server].restart().await?;
        nats.linked().await?;
        self.notes.push(format!(
            "NATS server {server} had sent {clients} clients away and ended after {took} ms"
        ));
        Ok(())
    }

    async fn slow_consumer(&mut self, hub: usize, time: Duration) -> Result<(), SiteError> {
        let name = node_name(hub);
        self.links(hub)?.stop_reading_nats();
        let dropped = slow::fill(&self.servers()?.nats, &name).await;
        if dropped.is_ok() {
            sleep(time).await;
        }
        self.links(hub)?.read_nats_again();
        let dropped = dropped?;
        self.notes.push(format!(
            "NATS server {} dropped {name} as a slow consumer after {} bytes",
            dropped.server, dropped.bytes
        ));
        Ok(())
    }

    async fn lose_quorum(
        &mut self,
        kept: usize,
        loss: Loss,
        time: Duration,
    ) -> Result<Instant, SiteError> {
        let nodes = &mut self.servers()?.cql.nodes;
        let nodes = nodes.iter_mut().enumerate();
        let mut gone: Vec<_> = nodes.filter(|(number, _)| *number != kept).collect();
        for (_, node) in &mut gone {
            match loss {
                Loss::Paused => node.pause()?,
                Loss::Killed => node.kill(),
            }
        }
        let in_force = now();
        sleep(time).await;
        let back = gone.into_iter().map(|(_, node)| async move {
            match loss {
                Loss::Paused => node.resume().map_err(SiteError::from),
                Loss::Killed => node.restart().await.map_err(SiteError::from),
            }
        });
        try_join_all(back).await?;
        Ok(in_force)
    }

    /// Answers when it had left.
    pub(super) async fn upgrade(&mut self, hub: usize, build: Build) -> Result<Instant, SiteError> {
        let versions = self.versions.as_ref().ok_or(SiteError::NoNext)?;
        let version = match build {
            Build::Old => &versions.old,
            Build::Next => &versions.next,
        };
        let (program, told) = (version.program.clone(), version.to_string());
        self.hubs[hub].spec_mut().binary = program;
        let left = self.drain(hub).await?;
        self.notes.push(format!("hub {hub} runs {told}"));
        Ok(left)
    }
}
