//! Connections by example. Here: what the examples share.

mod client;
mod closing;
mod handshake;
mod stateful;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use protocol::server::{ServerConnection, ServerEvent, ServerSettings};

pub(crate) const HELLO: &[u8] = b"{\"protocol\":\"json\",\"version\":1}\x1e";
pub(crate) const CLOSED: &str =
    "{\"type\":7,\"error\":\"Connection closed with an error.\",\"allowReconnect\":true}\x1e";

pub(crate) fn at(seconds: u64) -> Duration {
    Duration::from_secs(1_000 + seconds)
}

pub(crate) fn server(stateful: bool) -> ServerConnection {
    ServerConnection::new(Arc::new(ServerSettings::default()), stateful, at(0))
}

/// A server after the handshake of a JSON client.
pub(crate) fn open_server() -> ServerConnection {
    let mut server = server(false);
    server.receive(HELLO, at(0));
    assert!(matches!(
        server.poll_event(),
        Some(ServerEvent::Handshaked { .. })
    ));
    assert_eq!(written(&mut server), "{}\u{1e}");
    server
}

pub(crate) fn written(server: &mut ServerConnection) -> String {
    let mut out = Vec::new();
    while let Some(record) = server.poll_transmit() {
        out.extend_from_slice(&record);
    }
    String::from_utf8(out).expect("JSON")
}

pub(crate) fn events(server: &mut ServerConnection) -> Vec<ServerEvent> {
    std::iter::from_fn(|| server.poll_event()).collect()
}

pub(crate) fn receive(
    server: &mut ServerConnection,
    text: &str,
    now: Duration,
) -> Vec<ServerEvent> {
    let framed: String = text
        .lines()
        .map(|line| format!("{}\u{1e}", line.trim()))
        .collect();
    server.receive(framed.into_bytes(), now);
    events(server)
}

pub(crate) fn shown(events: &[ServerEvent]) -> Vec<String> {
    let show = |event: &ServerEvent| match event {
        ServerEvent::Invocation {
            invocation_id,
            call,
        } => {
            format!("call {} {:?}", call.target, invocation_id.as_deref())
        }
        ServerEvent::StreamInvocation {
            invocation_id,
            call,
        } => {
            format!("stream {} {invocation_id}", call.target)
        }
        ServerEvent::Refused {
            invocation_id,
            error,
        } => format!("refuse {invocation_id}: {error}"),
        ServerEvent::StreamItem { stream_id, item } => {
            format!(
                "item {stream_id} {}",
                item.decode::<i64>().expect("a number")
            )
        }
        ServerEvent::StreamEnded { stream_id, error } => format!("end {stream_id} {error:?}"),
        ServerEvent::Cancel { invocation_id } => format!("cancel {invocation_id}"),
        ServerEvent::ClientResult {
            invocation_id,
            outcome,
        } => {
            format!("result {invocation_id} {outcome:?}")
        }
        other => format!("{other:?}"),
    };
    events.iter().map(show).collect()
}
