//! The processes of a run and what can be done to them.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::around::Server;
use super::error::SiteError;
use super::fault::{Fault, Link};
use super::ground::Place;
use super::links::Links;
use super::means::{By, Means};
use super::servers::Servers;
use super::signer::{SECRET, Signer};
use super::stale;
use super::topology::Topology;
use super::versions::Versions;
use crate::client::Settings;
use crate::cql::keyspace;
use crate::http;
use crate::hub::{HubProcess, HubSpec, start_all};
use crate::member::now;
use crate::net::{Net, hub_address};
use crate::proxy::Proxy;

/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(40);
/// How long hubs may take to tell who owns a room, and between two questions.
const ASK: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);

/// What runs.
#[derive(Clone, Debug)]
pub struct SiteSpec {
    /// The hub's program.
    pub hub: PathBuf,
    /// Holds a folder for each hub. An absolute path.
    pub folder: PathBuf,
    /// What the hubs stand on.
    pub topology: Topology,
    /// Further variables of all hubs; a later value of the same variable wins.
    pub variables: Vec<(String, String)>,
    /// The program that an upgrade leads to.
    pub next: Option<PathBuf>,
    /// By what means the network between hubs and servers is hurt.
    pub means: Means,
}

/// Running hubs, each behind a proxy that its clients go through and, in a cluster, with proxies before its servers. All end
/// when it is dropped, but the servers.
pub struct Site<'a> {
    topology: Topology,
    folder: PathBuf,
    pub(super) hubs: Vec<HubProcess>,
    fronts: Vec<Proxy>,
    links: Vec<Links>,
    servers: Option<&'a mut Servers>,
    /// Ends after the hubs in it.
    pub(super) net: Option<Net>,
    pub(super) by: By,
    pub(super) versions: Option<Versions>,
    /// What is worth telling of faults.
    pub(super) notes: Vec<String>,
}

impl<'a> Site<'a> {
    /// Starts everything over servers of the same topology, which are mended first.
    pub async fn start(
        spec: &SiteSpec,
        mut servers: Option<&'a mut Servers>,
    ) -> Result<Self, SiteError> {
        let (net, by) = spec.net()?;
        let versions = spec
            .next
            .as_deref()
            .map(|next| Versions::of(&spec.hub, next));
        let versions = versions.transpose()?;
        let mut links = Vec::new();
        let mut specs = match &mut servers {
            None if spec.topology.is_cluster() => return Err(spec.lacks("servers")),
            None => vec![spec.hub(0)],
            Some(servers) => {
                servers.heal().await?;
                for hub in 0..spec.topology.hubs() {
                    links.push(match &net {
                        Some(net) => Links::start_in(net, hub, servers).await?,
                        None => Links::start(servers).await?,
                    });
                }
                let ways = links.iter().map(|l| (l.cql_nodes(), l.nats_urls()));
                spec.cluster(servers, ways.collect()).await?
            }
        };
        for (number, hub) in specs.iter_mut().enumerate() {
            if let Some(net) = &net {
                hub.namespace = Some(net.hub(number).path().to_owned());
                hub.host = hub_address(number);
            }
        }
        let hubs = start_all(specs).await?;
        let from = net.as_ref().map(|net| net.middle().clone());
        let mut fronts = Vec::new();
        for hub in &hubs {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            fronts.push(Proxy::over(listener, hub.address(), from.clone())?);
        }
        Ok(Self {
            topology: spec.topology,
            folder: spec.folder.clone(),
            hubs,
            fronts,
            links,
            servers,
            net,
            by,
            versions,
            notes: Vec::new(),
        })
    }

    /// How clients connect: each at a hub of its own at first, and then at any other.
    pub fn connect(&self) -> super::workload::Connect {
        let urls: Vec<String> = self.fronts.iter().map(Proxy::url).collect();
        let signer = Signer::own();
        Box::new(move |user, number| {
            let (before, from) = urls.split_at(number % urls.len());
            let hubs = from.iter().chain(before);
            let mut hubs: VecDeque<String> = hubs.map(|url| format!("{url}/hubs/chat")).collect();
            let token = signer.sign(user, "user");
            let first = hubs.pop_front().unwrap_or_default();
            let mut settings = Settings::new(first, super::workload::encoding(number), token);
            settings.others = hubs;
            // A dead link is noticed in a run's time.
            settings.silence = Duration::from_secs(5);
            settings
        })
    }

    /// Where a hub listens, past the proxy.
    pub(super) fn address(&self, hub: usize) -> SocketAddr {
        self.hubs[hub].address()
    }

    /// Where clients reach the hubs.
    pub(super) fn fronts(&self) -> Vec<SocketAddr> {
        self.fronts.iter().map(Proxy::address).collect()
    }

    /// Where they tell how they are: past the proxies, but for hubs in namespaces, which are reached no other way.
    pub(super) fn places(&self) -> Vec<Place> {
        let addresses = match &self.net {
            None => self.hubs.iter().map(HubProcess::address).collect(),
            Some(_) => self.fronts(),
        };
        addresses.into_iter().map(Place::of).collect()
    }

    pub(super) fn process(&self, hub: usize) -> &HubProcess {
        &self.hubs[hub]
    }

    pub(super) fn process_mut(&mut self, hub: usize) -> &mut HubProcess {
        &mut self.hubs[hub]
    }

    /// The ends of all logs.
    pub fn logs(&self) -> String {
        let logs = self.hubs.iter().enumerate();
        let logs = logs.map(|(number, hub)| format!("hub {number}\n{}", hub.logs()));
        logs.collect::<Vec<_>>().join("\n")
    }

    /// Why the hubs are not all ready and known to each other, if they are not.
    pub async fn unready(&self) -> Option<String> {
        let operator = Signer::own().operator();
        for (number, front) in self.fronts.iter().enumerate() {
            // A hub in a namespace is reached no other way.
            let ask = |path| http::get(front.address(), path, operator.as_deref());
            match ask("/health/ready").await {
                Ok(ready) if ready.status == 200 => {}
                Ok(ready) => {
                    let said = String::from_utf8_lossy(&ready.body).into_owned();
                    return Some(format!("hub {number} is not ready: {said}"));
                }
                Err(error) => return Some(format!("hub {number}: {error}")),
            }
            let Ok(metrics) = ask("/metrics").await else {
                return Some(format!("hub {number} has no metrics"));
            };
            let known = http::metric(&String::from_utf8_lossy(&metrics.body), "mussikon_nodes");
            let wanted = self.hubs.len();
            if self.topology.is_cluster() && known != wanted as f64 {
                return Some(format!("hub {number} knows {known} of {wanted} hubs"));
            }
        }
        let unused = self
            .links
            .iter()
            .position(|links| links.used().contains(&0));
        unused.map(|hub| format!("hub {hub} goes to its servers past the proxies"))
    }

    /// Those of the rooms that a hub owns, as the others tell; none if there is no other.
    pub async fn owned(&self, hub: usize, rooms: &[String]) -> Vec<String> {
        let mut owned = Vec::new();
        for room in rooms.iter().filter(|_| self.topology.is_cluster()) {
            if self.owner(room, hub).await == Some(hub) {
                owned.push(room.clone());
            }
        }
        owned
    }

    /// Which hub owns a room, as any but one tells. After the fault before this one they may not be able to for a moment.
    pub(super) async fn owner(&self, room: &str, but: usize) -> Option<usize> {
        let path = format!("/admin/rooms/{room}");
        let operator = Signer::own().operator();
        let hubs = self.hubs.len();
        let asking = async {
            for asked in (1..hubs).cycle() {
                let other = self.fronts[(but + asked) % self.fronts.len()].address();
                let answer = http::get(other, &path, operator.as_deref()).await;
                let body = answer.map(|answer| answer.body).unwrap_or_default();
                let told: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
                if let Some(owner) = told["owner"].as_str() {
                    return (0..hubs).find(|hub| node_name(*hub) == owner);
                }
                sleep(LOOK).await;
            }
            // There is no other hub, so it owns all.
            Some(but)
        };
        timeout(ASK, asking).await.ok().flatten()
    }

    /// Carries out a fault to its end, and answers when it was in force.
    pub async fn carry_out(&mut self, fault: Fault) -> Result<Instant, SiteError> {
        let time = fault.lasting();
        let mut in_force = now();
        match fault {
            Fault::KillHub { hub, .. } => {
                self.hubs[hub].kill();
                in_force = now();
                sleep(time).await;
                self.hubs[hub].restart().await?;
            }
            Fault::PauseHub { hub, .. } => {
                self.hubs[hub].pause()?;
                sleep(time).await;
                self.hubs[hub].resume()?;
            }
            Fault::DrainHub { hub } => in_force = self.drain(hub).await?,
            Fault::CutLinks { hub } => self.fronts[hub].cut(),
            Fault::HalfOpen { hub } => self.fronts[hub].half_open(),
            Fault::SlowLinks {
                hub,
                link,
                delay_millis,
                ..
            } => {
                let delay = Duration::from_millis(delay_millis);
                self.slow(hub, link, delay, time).await?;
            }
            Fault::RestartNats { server, .. } => self.servers()?.restart_nats(server, time).await?,
            Fault::PauseNats { server, .. } => self.servers()?.pause_nats(server, time).await?,
            Fault::CutNats { hub, way, .. } => self.links(hub)?.cut_nats(way, time).await,
            Fault::KillCql { node, .. } => self.servers()?.kill_cql(node, time).await?,
            Fault::PauseCql { node, .. } => self.servers()?.pause_cql(node, time).await?,
            Fault::StaleData => {
                let servers = self.servers.as_deref_mut();
                stale::go_back(&mut self.hubs, servers, &self.folder).await?;
            }
            Fault::Around(around) => in_force = self.carry_out_around(around).await?,
            // Needs more than the processes: see `alone`.
            Fault::Alone(_) => return Err(SiteError::Kit("witnesses of such a fault")),
        }
        Ok(in_force)
    }

    /// Answers when it had left.
    pub(super) async fn drain(&mut self, hub: usize) -> Result<Instant, SiteError> {
        let process = &mut self.hubs[hub];
        let status = process.terminate(DRAIN).await?;
        if !status.success() {
            let logs = process.logs();
            return Err(SiteError::Drain { hub, status, logs });
        }
        let left = now();
        process.restart().await?;
        Ok(left)
    }

    async fn slow(
        &self,
        hub: usize,
        link: Link,
        delay: Duration,
        time: Duration,
    ) -> Result<(), SiteError> {
        if link != Link::Clients {
            self.links(hub)?.slow(link, delay, time).await;
            return Ok(());
        }
        self.fronts[hub].slow(delay);
        sleep(time).await;
        self.fronts[hub].heal();
        Ok(())
    }

    pub(super) fn servers(&mut self) -> Result<&mut Servers, SiteError> {
        let topology = self.topology;
        self.servers.as_deref_mut().ok_or(SiteError::Topology {
            topology,
            missing: "servers",
        })
    }

    pub(super) fn links(&self, hub: usize) -> Result<&Links, SiteError> {
        let topology = self.topology;
        self.links.get(hub).ok_or(SiteError::Topology {
            topology,
            missing: "links between hubs and servers",
        })
    }
}

impl SiteSpec {
    pub(super) fn lacks(&self, missing: &'static str) -> SiteError {
        let topology = self.topology;
        SiteError::Topology { topology, missing }
    }

    /// The namespaces, if they are wanted and can be had, and by what the network is hurt.
    fn net(&self) -> Result<(Option<Net>, By), SiteError> {
        if self.means == Means::Proxies {
            return Ok((None, By::Proxies { because: None }));
        }
        match Net::make(self.topology.hubs(), &Server::all(self.topology)) {
            Ok(net) => Ok((Some(net), By::Namespaces)),
            Err(error) if self.means == Means::Namespaces => Err(error.into()),
            Err(error) => {
                let because = Some(error.to_string());
                Ok((None, By::Proxies { because }))
            }
        }
    }

    /// A hub with the embedded store.
    pub(super) fn hub(&self, number: usize) -> HubSpec {
        let name = node_name(number);
        let spec = HubSpec::new(&self.hub, self.folder.join(&name))
            .variable("MUSSIKON_ENV", "production")
            .variable("MUSSIKON_JWT_SECRET", SECRET)
            .variable("MUSSIKON_ROOM__SENDS_PER_SECOND", "0")
            .variable("MUSSIKON_NODE_ID", name);
        let given = self.variables.iter();
        given.fold(spec, |spec, (name, value)| spec.variable(name, value))
    }

    /// The hubs of a cluster in a new keyspace, whose schema is made here; each with its way to the CQL nodes and to NATS.
    pub(super) async fn cluster(
        &self,
        servers: &Servers,
        ways: Vec<(String, String)>,
    ) -> Result<Vec<HubSpec>, SiteError> {
        let keyspace = keyspace("site");
        let copies = servers.cql.nodes.len().to_string();
        let hub = |number: usize, nodes: String, nats: String| {
            self.hub(number)
                .variable("MUSSIKON_STORE", "scylla")
                .variable("MUSSIKON_SCYLLA__KEYSPACE", &keyspace)
                .variable("MUSSIKON_SCYLLA__REPLICATION", &copies)
                .variable("MUSSIKON_SCYLLA_NODES", nodes)
                .variable("MUSSIKON_BUS", "nats")
                .variable("MUSSIKON_NATS_URL", nats)
                // Hubs of an earlier site on the same servers are none of this one's.
                .variable("MUSSIKON_NATS__PREFIX", &keyspace)
                // A dead link is noticed in a run's time.
                .variable("MUSSIKON_NATS__PING_MS", "1000")
        };
        let nodes = servers.cql.addresses();
        let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
        let operator = hub(0, nodes.join(","), servers.nats.urls());
        operator.run(&["migrate"]).await?;
        let hubs = ways.into_iter().enumerate();
        Ok(hubs
            .map(|(number, (nodes, nats))| hub(number, nodes, nats))
            .collect())
    }
}

pub(super) fn node_name(hub: usize) -> String {
    format!("hub-{hub}")
}
