//! A request finds its musician although organizer and musicians are on three hubs, over HTTP and both of their hubs.

use std::path::Path;
use std::time::Duration;

use chaos::driver;
use chaos::node::NodeClients;
use chaos::token::Claims;

use super::place::{BUILD, Place, SECRET};

const WITHIN: Duration = Duration::from_secs(240);

#[tokio::test]
async fn a_request_finds_its_musician_across_three_hubs() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/js");
    let provide = move || NodeClients::provide(&sources, Path::new(BUILD));
    let provided = tokio::task::spawn_blocking(provide).await.unwrap();
    let clients = provided.unwrap_or_else(|error| panic!("{error}"));
    let place = Place::start("market", 3, &[]).await;
    place.until_others(2).await;
    let people = [
        ("olga", "organizer"),
        ("ana", "musician"),
        ("ben", "musician"),
    ];
    let tokens = people.map(|(user, role)| {
        let token = Claims::user(user).role(role).sign(SECRET).unwrap();
        format!("\"{user}\":\"{token}\"")
    });
    let mut script = clients.script("market.mjs");
    script.args(["--urls", &place.urls().join(" ")]);
    script.args(["--tokens", &format!("{{{}}}", tokens.join(","))]);
    let passed = driver::run(script, WITHIN, async |_| {}).await;
    let passed = passed.unwrap_or_else(|error| panic!("{error}\n{}", place.logs()));
    assert_eq!(passed, 9);
}
