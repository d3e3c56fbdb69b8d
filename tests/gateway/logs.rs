//! What the gateway writes to the log: of a connection its public id, and never what would let others use it.

use std::io::Write;
use std::sync::Arc;

use chaos::raw::RawSocket;
use parking_lot::Mutex;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::http::negotiate;
use crate::server::{SOON, Server};
use crate::wire::{call, handshake, read_until};

/// Lines of this thread's log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A client of negotiate version 0 has one id for everything: it is the secret, and public to the client alone.
#[tokio::test]
async fn the_token_of_a_connection_is_never_logged_not_even_if_it_is_the_public_id() {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone());
    let _log = tracing::subscriber::set_default(log.finish());
    let server = Server::start_with(|limits| limits.invocation_burst = 3);
    let answer = negotiate(&server, "/hubs/echo", "", "").await;
    let token = answer["connectionId"].as_str().unwrap().to_owned();
    let target = format!("/hubs/echo?id={token}");
    let mut socket = RawSocket::websocket(server.address, &target, "")
        .await
        .unwrap();
    let mut sent = vec![
        handshake(),
        call(Some(1), "GetCallerConnectionId", json!([])),
        call(Some(2), "ThrowException", json!(["on purpose"])),
        call(Some(3), "NoSuchMethod", json!([])),
    ];
    sent.extend((4..9).map(|id| call(Some(id), "VoidMethod", json!([]))));
    sent.push(json!({"type": 7}));
    let sent: String = sent
        .iter()
        .map(|record| format!("{record}\u{1e}"))
        .collect();
    socket.text(&sent).await.unwrap();
    let seen = read_until(&mut socket, |record| record["invocationId"] == "1").await;
    assert!(
        seen.iter().any(|record| record["result"] == token),
        "{seen:?}"
    );
    socket.ending(SOON).await.unwrap();
    server.wait_for_connections(0).await;
    let log = String::from_utf8(lines.0.lock().clone()).unwrap();
    for line in ["connection closed", "on purpose", "call refused"] {
        assert!(log.contains(line), "{line:?} is not in {log}");
    }
    assert!(!log.contains(&token), "{log}");
}
