//! The official JavaScript client, unmodified, against the real hub, in both encodings.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::time::Duration;

use chaos::driver;
use chaos::node::NodeClients;
use chaos::proxy::Proxy;
use common::{BUILD, TestHub, sources, token, tokens};

const WITHIN: Duration = Duration::from_secs(120);

async fn clients() -> NodeClients {
    let provide = || NodeClients::provide(&sources("clients/js"), Path::new(BUILD));
    let provided = tokio::task::spawn_blocking(provide).await.unwrap();
    provided.unwrap_or_else(|error| panic!("{error}"))
}

async fn echo(encoding: &str) {
    let clients = clients().await;
    let hub = TestHub::start().await;
    let mut script = clients.script("echo.mjs");
    script.args([
        "--url",
        &hub.url(),
        "--encoding",
        encoding,
        "--token",
        &token("ana"),
    ]);
    let passed = driver::run(script, WITHIN, async |_| {}).await;
    let passed = passed.unwrap_or_else(|error| panic!("{error}\n{}", hub.logs()));
    assert!(passed >= 25, "only {passed} cases");
}

#[tokio::test]
async fn every_method_of_the_echo_hub_works_in_json() {
    echo("json").await;
}

#[tokio::test]
async fn every_method_of_the_echo_hub_works_in_messagepack() {
    echo("messagepack").await;
}

#[tokio::test]
async fn clients_of_both_encodings_chat() {
    let clients = clients().await;
    let hub = TestHub::start().await;
    let mut script = clients.script("chat.mjs");
    script.args([
        "--url",
        &hub.url(),
        "--tokens",
        &tokens(&["alice", "bob", "carol", "dave"]),
    ]);
    let passed = driver::run(script, WITHIN, async |_| {}).await;
    let passed = passed.unwrap_or_else(|error| panic!("{error}\n{}", hub.logs()));
    assert!(passed >= 17, "only {passed} cases");
}

async fn resume(encoding: &str) {
    let clients = clients().await;
    let mut hub = TestHub::start().await;
    let proxy = Proxy::start(hub.address()).await.unwrap();
    let mut script = clients.script("resume.mjs");
    script.args([
        "--url",
        &proxy.url(),
        "--direct",
        &hub.url(),
        "--encoding",
        encoding,
    ]);
    script.args(["--tokens", &tokens(&["alice", "bob"])]);
    let passed = driver::run(script, WITHIN, async |deed| match deed.as_str() {
        "cut" => proxy.cut(),
        "kill and restart the hub" => hub.restart().await.unwrap(),
        other => panic!("nobody can {other}"),
    })
    .await;
    let passed = passed.unwrap_or_else(|error| panic!("{error}\n{}", hub.logs()));
    assert_eq!(passed, 4);
}

#[tokio::test]
async fn cut_connections_and_a_killed_hub_leave_no_gap_in_json() {
    resume("json").await;
}

#[tokio::test]
async fn cut_connections_and_a_killed_hub_leave_no_gap_in_messagepack() {
    resume("messagepack").await;
}
