//! More than anyone should send, from clients that never read an answer. Each is either cut off or no longer read from.

use std::net::SocketAddr;
use std::time::Duration;

use chaos::raw::{FIN, RawSocket, frame, opcode};
use tokio::time::{sleep, timeout};

use super::{JSON, connected, write_on};

/// How long a flood lasts, if it is not cut off.
const FLOOD: Duration = Duration::from_secs(3);

/// Pings of both kinds as fast as they go.
pub async fn pings(hub: SocketAddr) {
    let mut pings = Vec::new();
    for _ in 0..500 {
        pings.extend(frame(FIN | opcode::PING, &[b'p'; 125]));
        pings.extend(frame(FIN | opcode::TEXT, b"{\"type\":6}\x1e"));
    }
    flood(hub, &pings).await;
}

/// Calls whose answers are long.
pub async fn calls(hub: SocketAddr) {
    let call =
        b"{\"type\":1,\"target\":\"BigString\",\"invocationId\":\"1\",\"arguments\":[100000]}\x1e";
    flood(hub, &frame(FIN | opcode::TEXT, call)).await;
}

async fn flood(hub: SocketAddr, bytes: &[u8]) {
    let mut socket = connected(hub, JSON).await;
    let flooding = async { while write_on(&mut socket, bytes).await {} };
    // Either way of ending is right; the bystanders and the hub's memory are the judges.
    let _ = timeout(FLOOD, flooding).await;
}

/// Connections that come and go without a word.
pub async fn connections(hub: SocketAddr) {
    let mut open = Vec::new();
    for number in 0..500 {
        let socket = RawSocket::connect(hub).await.unwrap();
        if number % 2 == 0 {
            open.push(socket);
        }
        if number % 100 == 0 {
            sleep(Duration::from_millis(50)).await;
        }
    }
}
