//! Each hub's ways to its servers, every one through a proxy of its own.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::sleep;

use super::around::Server;
use super::error::SiteError;
use super::fault::{Link, Way};
use super::servers::Servers;
use crate::net::{Net, server_address};
use crate::ports::Port;
use crate::proxy::{Fault, Proxy};

/// A lost packet is sent again after so long, at least.
const AGAIN: Duration = Duration::from_millis(200);
/// Where a hub's proxies listen in the middle of namespaces: each hub's next to those of the one before.
const FIRST_PORT: u16 = 4222;

/// One hub's links with its servers, each through a proxy of its own.
pub(super) struct Links {
    /// One before each server.
    nats: Vec<Proxy>,
    /// One before each node, all on one port and, but for namespaces, on the node's own host: a driver takes the port of the
    /// node that it asked first for that of all others.
    cql: Vec<Proxy>,
    /// In a namespace: what stands there at the nodes' hosts, and goes on to the proxies in the middle.
    doors: Vec<Proxy>,
    cql_hosts: Vec<IpAddr>,
    cql_port: Port,
}

impl Links {
    pub(super) async fn start(servers: &Servers) -> Result<Self, SiteError> {
        let mut links = Self::none_yet(servers)?;
        for server in servers.nats.addresses() {
            links.nats.push(Proxy::start(server).await?);
        }
        for node in servers.cql.addresses() {
            let here = SocketAddr::new(node.ip(), links.cql_port.number());
            links.cql.push(Proxy::start_at(here, node).await?);
        }
        Ok(links)
    }

    /// The same for a hub in a namespace.
    pub(super) async fn start_in(
        net: &Net,
        hub: usize,
        servers: &Servers,
    ) -> Result<Self, SiteError> {
        let mut links = Self::none_yet(servers)?;
        let offset = u16::try_from(hub).unwrap_or_default();
        let middle = |server| SocketAddr::new(server_address(server), FIRST_PORT + offset);
        for (server, address) in servers.nats.addresses().into_iter().enumerate() {
            let listener = net.middle().listen(middle(Server::Nats { server })).await?;
            links.nats.push(Proxy::over(listener, address, None)?);
        }
        for (node, address) in servers.cql.addresses().into_iter().enumerate() {
            let between = middle(Server::Cql { node });
            let listener = net.middle().listen(between).await?;
            links.cql.push(Proxy::over(listener, address, None)?);
            let door = SocketAddr::new(address.ip(), links.cql_port.number());
            let own = net.hub(hub);
            let listener = own.listen(door).await?;
            links
                .doors
                .push(Proxy::over(listener, between, Some(own.clone()))?);
        }
        Ok(links)
    }

    fn none_yet(servers: &Servers) -> Result<Self, SiteError> {
        let nodes = servers.cql.addresses();
        let cql_hosts: Vec<IpAddr> = nodes.iter().map(SocketAddr::ip).collect();
        Ok(Self {
            nats: Vec::new(),
            cql: Vec::new(),
            doors: Vec::new(),
            cql_port: Port::claim_on(&cql_hosts)?,
            cql_hosts,
        })
    }

    /// `nats://HOST:PORT,…` of the proxies.
    pub(super) fn nats_urls(&self) -> String {
        let urls = self
            .nats
            .iter()
            .map(|proxy| format!("nats://{}", proxy.address()));
        urls.collect::<Vec<_>>().join(",")
    }

    /// `HOST:PORT,…` of the proxies.
    pub(super) fn cql_nodes(&self) -> String {
        let port = self.cql_port.number();
        let nodes = self.cql_hosts.iter().map(|host| format!("{host}:{port}"));
        nodes.collect::<Vec<_>>().join(",")
    }

    /// How many connections went through the proxies so far, to NATS and to each CQL node.
    pub(super) fn used(&self) -> Vec<u64> {
        // A hub needs one NATS server and all CQL nodes.
        let nats = self.nats.iter().map(Proxy::accepted).sum();
        [nats]
            .into_iter()
            .chain(self.cql.iter().map(Proxy::accepted))
            .collect()
    }

    /// Loses all that passes between the hub and NATS, for a while. New connections fare no better.
    pub(super) async fn cut_nats(&self, way: Way, time: Duration) {
        cut(&self.nats.iter().collect::<Vec<_>>(), way, time).await;
    }

    /// The same between the hub and the CQL nodes.
    pub(super) async fn cut_cql(&self, way: Way, time: Duration) {
        cut(&self.cql.iter().collect::<Vec<_>>(), way, time).await;
    }

    /// The same between the hub and one server, or all.
    pub(super) async fn partition(&self, way: Way, server: Option<Server>, time: Duration) {
        cut(&self.before(server), way, time).await;
    }

    /// What lossy lines look like to whoever reads from a stream: nothing is lost, and some of it comes late. Of each moment
    /// as long as a packet takes to be sent again, a share is one in which nothing passes.
    pub(super) async fn stall(&self, percent: u8, time: Duration) {
        let all = self.before(None);
        let every = AGAIN * 100 / u32::from(percent.max(1));
        let passing = async {
            loop {
                sleep(every.saturating_sub(AGAIN)).await;
                set(&all, |fault| fault.paused = true);
                sleep(AGAIN).await;
                set(&all, |fault| fault.paused = false);
            }
        };
        // It never ends by itself.
        let _ = tokio::time::timeout(time, passing).await;
        all.iter().for_each(|proxy| proxy.heal());
    }

    pub(super) async fn throttle(&self, bytes_per_second: u32, time: Duration) {
        let all = self.before(None);
        set(&all, |fault| {
            fault.bytes_per_second = Some(bytes_per_second)
        });
        sleep(time).await;
        all.iter().for_each(|proxy| proxy.heal());
    }

    /// Takes nothing from NATS any more, until [`Links::read_nats_again`].
    pub(super) fn stop_reading_nats(&self) {
        for proxy in &self.nats {
            proxy.set(|faults| faults.downstream.paused = true);
        }
    }

    /// All connections with NATS are reset; new ones work.
    pub(super) fn read_nats_again(&self) {
        for proxy in &self.nats {
            proxy.heal();
            proxy.cut();
        }
    }

    pub(super) async fn slow(&self, link: Link, delay: Duration, time: Duration) {
        let proxies = match link {
            Link::Clients | Link::Nats => self.nats.as_slice(),
            Link::Cql => self.cql.as_slice(),
        };
        proxies.iter().for_each(|proxy| proxy.slow(delay));
        sleep(time).await;
        proxies.iter().for_each(Proxy::heal);
    }

    /// The proxy before one CQL node.
    pub(super) fn cql(&self, node: usize) -> &Proxy {
        &self.cql[node]
    }

    fn before(&self, server: Option<Server>) -> Vec<&Proxy> {
        match server {
            None => self.nats.iter().chain(&self.cql).collect(),
            Some(Server::Nats { server }) => vec![&self.nats[server]],
            Some(Server::Cql { node }) => vec![&self.cql[node]],
        }
    }
}

fn set(proxies: &[&Proxy], change: impl Fn(&mut Fault)) {
    for proxy in proxies {
        proxy.set(|faults| {
            change(&mut faults.upstream);
            change(&mut faults.downstream);
        });
    }
}

/// Loses what passes, for a while.
async fn cut(proxies: &[&Proxy], way: Way, time: Duration) {
    for proxy in proxies {
        proxy.set(|faults| {
            faults.upstream.dropped = matches!(way, Way::Both | Way::FromHub);
            faults.downstream.dropped = matches!(way, Way::Both | Way::ToHub);
        });
    }
    sleep(time).await;
    for proxy in proxies {
        proxy.heal();
        // What a stream has lost it cannot make up for: as after a real cut of that length, both sides start anew.
        proxy.cut();
    }
}
