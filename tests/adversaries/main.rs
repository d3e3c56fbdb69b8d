//! Clients that break the rules, each in its own way, many at once: every one is told clearly or cut off, the hub's memory
//! stays bounded, and two well-behaved clients chat on undisturbed.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod floods;
mod frames;
mod http;

use std::net::SocketAddr;
use std::time::Duration;

use chaos::raw::{FIN, RawSocket, opcode};
use common::TestHub;
use common::bystander::Bystander;
use tokio::task::JoinSet;
use tokio::time::sleep;

const SOON: Duration = Duration::from_secs(10);
const JSON: &str = "{\"protocol\":\"json\",\"version\":1}\u{1e}";
const MESSAGEPACK: &str = "{\"protocol\":\"messagepack\",\"version\":1}\u{1e}";
const ECHO: &str = "/hubs/echo";
/// What every client is told when it broke the protocol.
const BROKEN: &str = "Connection closed with an error.";
/// How much the hub's memory may grow meanwhile.
///
/// What the limits let all of them hold together is some 30 MiB, half of it unread answers, and the allocator keeps up to
/// twice of that. A hub that queued answers without a bound grew by 368 MiB.
const GROWTH_MIB: u64 = 128;

/// Times that a test can wait for.
const SHORT_TIMES: [(&str, &str); 7] = [
    ("MUSSIKON_GATEWAY__HANDSHAKE_MS", "1000"),
    ("MUSSIKON_GATEWAY__HTTP_HEADER_MS", "1500"),
    ("MUSSIKON_GATEWAY__HTTP_REQUEST_MS", "3000"),
    ("MUSSIKON_GATEWAY__KEEP_ALIVE_MS", "1000"),
    ("MUSSIKON_GATEWAY__CLIENT_TIMEOUT_MS", "7000"),
    ("MUSSIKON_GATEWAY__SWEEP_MS", "100"),
    ("MUSSIKON_GATEWAY__HANDSHAKES_PER_SECOND", "0"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_break_the_rules_are_cut_off_and_nobody_else_notices() {
    let hub = TestHub::start_with(&SHORT_TIMES).await;
    let address = hub.address();
    let bystander = Bystander::start(&hub).await;
    let before = hub.rss_bytes().unwrap();

    let mut adversaries = JoinSet::new();
    macro_rules! attack {
        ($($module:ident: $($name:ident),*;)*) => {
            $($(adversaries.spawn($module::$name(address));)*)*
        };
    }
    attack! {
        frames: garbage, oversize, huge_announced_lengths, deep_nesting, invalid_utf8, broken_frames, half_frames, no_handshake;
        http: slow_requests, unread_answers, endless_head, bad_tokens, ids_in_use, ids_of_others, wrong_requests;
        floods: pings, calls, connections;
    }
    let mut failures = Vec::new();
    let mut highest = before;
    while !adversaries.is_empty() {
        tokio::select! {
            Some(ended) = adversaries.join_next() => failures.extend(ended.err().map(|error| error.to_string())),
            () = sleep(Duration::from_millis(50)) => highest = highest.max(hub.rss_bytes().unwrap()),
        }
    }
    let grown = highest.saturating_sub(before) / (1024 * 1024);
    assert!(
        failures.is_empty(),
        "{failures:?}, and the hub grew by {grown} MiB\n{}",
        hub.logs()
    );
    assert!(grown <= GROWTH_MIB, "the hub grew by {grown} MiB");

    let watched = bystander.stop().await;
    assert!(watched.exchanged > 50, "{watched:?}");
    assert!(watched.slowest < Duration::from_secs(5), "{watched:?}");
}

async fn websocket(hub: SocketAddr) -> RawSocket {
    RawSocket::websocket(hub, ECHO, "").await.unwrap()
}

/// A WebSocket after a good handshake.
async fn connected(hub: SocketAddr, handshake: &str) -> RawSocket {
    let mut socket = websocket(hub).await;
    socket.text(handshake).await.unwrap();
    let (_, answer) = socket.next_frame(SOON).await.unwrap().unwrap();
    assert_eq!(answer, b"{}\x1e");
    socket
}

/// The hub must say `words` in its last message and then close, with a close frame.
#[track_caller]
fn told(socket: RawSocket, words: &str) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let ending = ending(socket, caller).await;
        assert!(
            ending.text().contains(words),
            "{caller}: {words:?} not in {ending:?}"
        );
        assert!(
            ending.close_code.is_some(),
            "{caller}: no close frame: {ending:?}"
        );
    }
}

/// The hub must end the connection and not have served it.
#[track_caller]
fn ended(socket: RawSocket) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let ending = ending(socket, caller).await;
        assert!(
            !ending.text().contains("\"result\""),
            "{caller}: it was served: {ending:?}"
        );
    }
}

async fn ending(mut socket: RawSocket, caller: &std::panic::Location<'_>) -> chaos::raw::Ending {
    let ending = socket.ending(SOON).await;
    ending.unwrap_or_else(|error| panic!("{caller}: {error}"))
}

/// A message in a binary frame.
async fn bytes(socket: &mut RawSocket, message: &[u8]) {
    socket.frame(FIN | opcode::BINARY, message).await.unwrap();
}

/// Writes, and tells whether the hub still listens.
async fn write_on(socket: &mut RawSocket, bytes: &[u8]) -> bool {
    socket.write(bytes).await.is_ok()
}
