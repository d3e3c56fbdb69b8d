//! Network namespaces of real kernels: made, hurt, healed and removed; without the rights for it, an error that says so.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use chaos::net::{Net, NetError, hub_address, server_address};
use chaos::suite::{Server, Way};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const NATS: Server = Server::Nats { server: 0 };
const CQL: Server = Server::Cql { node: 0 };
const SOON: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_millis(300);
const PORT: u16 = 4222;

/// Two hubs; or, where this user may not make namespaces, none, and the error must say what was refused.
fn net() -> Option<Net> {
    match Net::make(2, &[NATS, CQL]) {
        Ok(net) => Some(net),
        Err(NetError::Refused { command, reason }) => {
            // Root may lack the right, too, in a container.
            let forbidden = !is_root() || reason.contains("not permitted");
            assert!(forbidden && !reason.is_empty(), "{command}: {reason}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    uid.unwrap().split_whitespace().next() == Some("0")
}

fn names() -> Vec<String> {
    let list = Command::new("ip").args(["netns", "list"]).output().unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    list.lines().filter_map(first).collect()
}

/// A connection from a hub to a server in the middle.
struct Line {
    hub: TcpStream,
    server: TcpStream,
}

impl Line {
    async fn open(net: &Net, hub: usize, listener: &TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let (hub, server) = tokio::join!(net.hub(hub).connect(address), listener.accept());
        let (hub, (server, _)) = (hub.unwrap(), server.unwrap());
        Self { hub, server }
    }

    /// Whether a byte arrives at the server.
    async fn says(&mut self, within: Duration) -> bool {
        self.hub.write_all(b"x").await.unwrap();
        let mut byte = [0];
        timeout(within, self.server.read_exact(&mut byte))
            .await
            .is_ok()
    }

    /// Whether a byte arrives at the hub.
    async fn hears(&mut self, within: Duration) -> bool {
        self.server.write_all(b"x").await.unwrap();
        let mut byte = [0];
        timeout(within, self.hub.read_exact(&mut byte))
            .await
            .is_ok()
    }
}

async fn listen(net: &Net, server: Server) -> TcpListener {
    let address = SocketAddr::new(server_address(server), PORT);
    net.middle().listen(address).await.unwrap()
}

#[tokio::test]
async fn a_cut_loses_one_direction_of_one_hub_with_one_server_and_nothing_else() {
    let Some(net) = net() else { return };
    let (nats, cql) = (listen(&net, NATS).await, listen(&net, CQL).await);
    let mut cut = Line::open(&net, 0, &nats).await;
    let mut other_server = Line::open(&net, 0, &cql).await;
    let mut other_hub = Line::open(&net, 1, &nats).await;

    net.cut(0, Way::FromHub, Some(NATS)).unwrap();
    assert!(!cut.says(SILENCE).await);
    assert!(other_server.says(SOON).await && other_hub.says(SOON).await);
    net.heal().unwrap();
    // What was lost is sent again.
    let mut byte = [0];
    timeout(SOON, cut.server.read_exact(&mut byte))
        .await
        .unwrap()
        .unwrap();

    net.cut(0, Way::ToHub, None).unwrap();
    assert!(!cut.hears(SILENCE).await && !other_server.hears(SILENCE).await);
    assert!(other_hub.hears(SOON).await);
    net.heal().unwrap();
    timeout(SOON, cut.hub.read_exact(&mut byte))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn loss_and_throttling_take_hold_and_are_taken_back() {
    let Some(net) = net() else { return };
    let nats = listen(&net, NATS).await;
    let mut line = Line::open(&net, 1, &nats).await;
    net.lose(1, 100).unwrap();
    assert!(!line.says(SILENCE).await, "everything is lost");
    net.heal().unwrap();
    let mut byte = [0];
    timeout(SOON, line.server.read_exact(&mut byte))
        .await
        .unwrap()
        .unwrap();

    net.throttle(1, 20_000).unwrap();
    let much = vec![0; 200_000];
    let mut got = vec![0; much.len()];
    let Line { hub, server } = &mut line;
    let passing = async {
        tokio::try_join!(hub.write_all(&much), server.read_exact(&mut got)).unwrap();
    };
    // Ten seconds' worth: it cannot have passed by then.
    tokio::pin!(passing);
    assert!(timeout(Duration::from_secs(1), &mut passing).await.is_err());
    net.heal().unwrap();
    timeout(SOON, passing).await.unwrap();
}

#[tokio::test]
async fn clients_of_this_process_reach_a_hub_that_is_cut_off_from_its_servers() {
    let Some(net) = net() else { return };
    let hub = net.hub(0);
    let listener = hub
        .listen(SocketAddr::new(hub_address(0), PORT))
        .await
        .unwrap();
    net.cut(0, Way::Both, None).unwrap();
    let address = listener.local_addr().unwrap();
    let (client, accepted) = tokio::join!(net.middle().connect(address), listener.accept());
    let (accepted, from) = accepted.unwrap();
    let mut line = Line {
        hub: accepted,
        server: client.unwrap(),
    };
    assert_ne!(from.ip(), server_address(NATS), "it comes from no server");
    assert!(line.says(SOON).await && line.hears(SOON).await);
}

#[tokio::test]
async fn namespaces_go_with_the_network_and_those_of_the_dead_at_the_next_start() {
    let Some(net) = net() else { return };
    let own = format!("mussikon-chaos-{}-", std::process::id());
    let path = net.middle().path().to_owned();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with(&own) && names().contains(&name), "{name}");
    // As of a process whose number another one has by now.
    let dead = "mussikon-chaos-1-1-0-middle";
    let made = Command::new("ip")
        .args(["netns", "add", dead])
        .status()
        .unwrap();
    assert!(made.success());
    drop(net);
    assert!(!names().contains(&name), "{name} is left");
    let next = Net::make(1, &[NATS]).unwrap();
    assert!(!names().iter().any(|name| name == dead));
    drop(next);
}
