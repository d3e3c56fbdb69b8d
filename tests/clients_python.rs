//! A Python client, unmodified, against the real hub, in both encodings.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::time::Duration;

use chaos::driver;
use chaos::python::PythonClients;
use common::{BUILD, TestHub, sources, token};

const WITHIN: Duration = Duration::from_secs(120);

async fn run(script: &'static str, encoding: &str, cases: usize) {
    let provide = || PythonClients::provide(&sources("clients/python"), Path::new(BUILD));
    let provided = tokio::task::spawn_blocking(provide).await.unwrap();
    let clients = provided.unwrap_or_else(|error| panic!("{error}"));
    let hub = TestHub::start().await;
    let mut command = clients.script(script);
    command.args([
        "--url",
        &hub.url(),
        "--encoding",
        encoding,
        "--token",
        &token("pedro"),
    ]);
    let passed = driver::run(command, WITHIN, async |_| {}).await;
    let passed = passed.unwrap_or_else(|error| panic!("{error}\n{}", hub.logs()));
    assert_eq!(passed, cases);
}

#[tokio::test]
async fn the_echo_hub_works_in_json() {
    run("echo.py", "json", 7).await;
}

#[tokio::test]
async fn the_echo_hub_works_in_messagepack() {
    run("echo.py", "messagepack", 7).await;
}

#[tokio::test]
async fn the_chat_hub_works_in_json() {
    run("chat.py", "json", 3).await;
}

#[tokio::test]
async fn the_chat_hub_works_in_messagepack() {
    run("chat.py", "messagepack", 3).await;
}
