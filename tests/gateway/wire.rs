//! JSON records on a raw WebSocket.

use chaos::raw::RawSocket;
use serde_json::{Value, json};

use crate::server::{SOON, Server};

/// A WebSocket on the open hub after `records` were sent in one frame.
pub async fn connected(server: &Server, records: &[Value]) -> RawSocket {
    let mut socket = RawSocket::websocket(server.address, "/hubs/echo", "")
        .await
        .unwrap();
    let text: String = records
        .iter()
        .map(|record| format!("{record}\u{1e}"))
        .collect();
    socket.text(&text).await.unwrap();
    socket
}

pub fn handshake() -> Value {
    json!({"protocol": "json", "version": 1})
}

pub fn call(id: Option<u32>, target: &str, arguments: Value) -> Value {
    match id {
        Some(id) => {
            json!({"type": 1, "invocationId": id.to_string(), "target": target, "arguments": arguments})
        }
        None => json!({"type": 1, "target": target, "arguments": arguments}),
    }
}

pub fn records(text: &str) -> Vec<Value> {
    let parts = text.split('\u{1e}').filter(|part| !part.is_empty());
    parts
        .map(|part| serde_json::from_str(part).unwrap())
        .collect()
}

/// Reads records until one satisfies `wanted`; returns all.
pub async fn read_until(socket: &mut RawSocket, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut seen = Vec::new();
    while !seen.iter().any(&wanted) {
        let (_, payload) = socket.next_frame(SOON).await.unwrap().unwrap();
        seen.extend(records(std::str::from_utf8(&payload).unwrap()));
    }
    seen
}
