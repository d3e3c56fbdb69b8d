//! The business of the platform end to end: official clients over HTTP and both hubs on one node, and whatever else the
//! document of the API allows anybody to send.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use chaos::driver;
use chaos::node::NodeClients;
use chaos::python::PythonClients;
use chaos::token::Claims;
use common::{BUILD, SECRET, TestHub, sources};

const WITHIN: Duration = Duration::from_secs(180);
/// Bounds that protect a public hub from one person.
const UNBOUNDED: [(&str, &str); 4] = [
    ("MUSSIKON_HTTP__REQUESTS_PER_SECOND", "0"),
    ("MUSSIKON_HTTP__SEARCHES_PER_DAY", "0"),
    ("MUSSIKON_REQUEST__NEW_PER_DAY", "0"),
    ("MUSSIKON_REQUEST__ACTIVE_PER_ORGANIZER", "0"),
];
/// Requests of one operation that are made up in each phase.
const EXAMPLES: &str = "12";

fn token(user: &str, role: &str) -> String {
    Claims::user(user).role(role).sign(SECRET).unwrap()
}

/// `{"user": token, …}` of an organizer and two musicians.
pub fn tokens() -> String {
    let people = [
        ("olga", "organizer"),
        ("ana", "musician"),
        ("ben", "musician"),
    ];
    let tokens = people.map(|(user, role)| format!("\"{user}\":\"{}\"", token(user, role)));
    format!("{{{}}}", tokens.join(","))
}

#[tokio::test]
async fn a_request_finds_its_musician_between_real_clients() {
    let provide = || NodeClients::provide(&sources("clients/js"), Path::new(BUILD));
    let provided = tokio::task::spawn_blocking(provide).await.unwrap();
    let clients = provided.unwrap_or_else(|error| panic!("{error}"));
    let hub = TestHub::start_with(&UNBOUNDED).await;
    let mut script = clients.script("market.mjs");
    script.args(["--urls", &hub.url(), "--tokens", &tokens()]);
    let passed = driver::run(script, WITHIN, async |_| {}).await;
    let passed = passed.unwrap_or_else(|error| panic!("{error}\n{}", hub.logs()));
    assert_eq!(passed, 9);
}

/// Requests made up from the hub's own document: valid ones, invalid ones, with and without a token.
async fn holds_to_its_document(user: &str, role: &str) {
    let provide = || PythonClients::provide(&sources("clients/schema"), Path::new(BUILD));
    let provided = tokio::task::spawn_blocking(provide).await.unwrap();
    let tools = provided.unwrap_or_else(|error| panic!("{error}"));
    let hub = TestHub::start_with(&UNBOUNDED).await;
    let mut run = tools.script("run.py");
    run.args(["--url", &hub.url(), "--token", &token(user, role)]);
    run.args(["--examples", EXAMPLES]);
    let mut run = tokio::process::Command::from(run);
    // What it notes of its runs belongs into the build folder.
    run.current_dir(BUILD);
    run.stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(WITHIN * 2, run.output()).await;
    let ended = ended.expect("within the time").unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}\n{errors}\n{}", hub.logs());
    assert!(said.contains("Test cases"), "nothing was tried: {said}");
}

#[tokio::test]
async fn whatever_an_organizer_sends_the_answer_is_one_that_the_document_names() {
    holds_to_its_document("olga", "organizer").await;
}

#[tokio::test]
async fn whatever_an_admin_sends_the_answer_is_one_that_the_document_names() {
    holds_to_its_document("root", "admin").await;
}
