//! NATS servers with a proxy on every route between two of them, so that they can be cut off from each other.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::config::Ports;
use super::{HOST, NatsError, NatsServer, NatsSpec, until_linked};
use crate::ports::Port;
use crate::proxy::Proxy;

/// One server, or a cluster of some whose routes go through proxies.
pub struct RoutedNats {
    /// The servers, each to be killed, paused and restarted by itself.
    pub nodes: Vec<NatsServer>,
    routes: Vec<Route>,
    start_within: Duration,
    /// What servers tell each other to be their address for routes: nobody listens there, so that no server finds a way past
    /// the proxies.
    _nowhere: Vec<Port>,
}

/// A way by which one server connects to another.
struct Route {
    from: usize,
    to: usize,
    proxy: Proxy,
}

impl RoutedNats {
    /// Starts `size` servers and waits until each is linked with all others.
    pub async fn start(spec: &NatsSpec, size: usize) -> Result<Self, NatsError> {
        let (mut ports, mut nowhere) = (Vec::new(), Vec::new());
        for _ in 0..size {
            ports.push(Ports::claim()?);
            nowhere.push(Port::claim(HOST)?);
        }
        let mut routes = Vec::new();
        for from in 0..size {
            for to in (0..size).filter(|to| *to != from) {
                let there = ports[to].route.address();
                let proxy = Proxy::start(there).await.map_err(NatsError::Proxy)?;
                routes.push(Route { from, to, proxy });
            }
        }
        let starts =
            ports.into_iter().enumerate().map(|(number, ports)| {
                let ways = routes.iter().filter(|route| route.from == number);
                let ways: Vec<SocketAddr> = ways.map(|route| route.proxy.address()).collect();
                let spec = own_spec(spec, nowhere[number].address());
                async move {
                    NatsServer::start_node(&spec, &format!("node-{number}"), ports, &ways).await
                }
            });
        let all = Self {
            nodes: try_join_all(starts).await?,
            routes,
            start_within: spec.start_within,
            _nowhere: nowhere,
        };
        all.linked().await?;
        Ok(all)
    }

    /// Waits until each server is linked with all others, as after a restart or a cut.
    pub async fn linked(&self) -> Result<(), NatsError> {
        until_linked(&self.nodes, self.start_within).await
    }

    /// Cuts a server off from all others until [`RoutedNats::mend`]: what runs between them is reset, what is new refused.
    pub fn split(&self, server: usize) {
        let its = |route: &&Route| route.from == server || route.to == server;
        self.routes
            .iter()
            .filter(its)
            .for_each(|route| route.proxy.cut_off());
    }

    /// Lets all servers reach each other.
    pub fn mend(&self) {
        self.routes.iter().for_each(|route| route.proxy.heal());
    }

    /// How many others a server is linked with, as it says itself.
    pub async fn links_of(&self, server: usize) -> Result<u64, NatsError> {
        self.nodes[server].linked().await
    }

    /// The clients' addresses of all servers.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(NatsServer::address).collect()
    }

    /// The URLs of all servers, with commas between them.
    pub fn urls(&self) -> String {
        let urls: Vec<String> = self.nodes.iter().map(NatsServer::url).collect();
        urls.join(",")
    }
}

/// What one server is told beside its ports: clients learn no address but those that they were given, other servers one that
/// leads nowhere.
fn own_spec(spec: &NatsSpec, nowhere: SocketAddr) -> NatsSpec {
    let mut spec = spec.clone();
    let closed = [
        "no_advertise: true".to_owned(),
        format!("advertise: \"{nowhere}\""),
    ];
    spec.cluster_settings.extend(closed);
    spec
}
