//! Negotiation, upgrades, and what is answered to requests that are neither.

use std::time::Duration;

use chaos::raw::{RawError, RawSocket, Response};
use serde_json::Value;

use crate::server::{SOON, Server};

async fn request(server: &Server, method: &str, target: &str, headers: &str) -> Response {
    let mut socket = RawSocket::connect(server.address).await.unwrap();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: hub\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n"
    );
    socket.write(request.as_bytes()).await.unwrap();
    socket.response(SOON).await.unwrap()
}

async fn status(server: &Server, method: &str, target: &str) -> u16 {
    request(server, method, target, "").await.status
}

async fn upgrade(server: &Server, target: &str, headers: &str) -> Result<RawSocket, u16> {
    match RawSocket::websocket(server.address, target, headers).await {
        Ok(socket) => Ok(socket),
        Err(RawError::NotUpgraded(status)) => Err(status),
        Err(other) => panic!("{other}"),
    }
}

pub async fn negotiate(server: &Server, path: &str, query: &str, headers: &str) -> Value {
    let target = format!("{path}/negotiate?{query}");
    let response = request(server, "POST", &target, headers).await;
    assert_eq!(response.status, 200);
    assert!(response.head.to_lowercase().contains("application/json"));
    serde_json::from_slice(&response.body).unwrap()
}

#[tokio::test]
async fn negotiation_answers_each_version_and_offers_only_websockets() {
    let server = Server::start();
    let one = negotiate(&server, "/hubs/echo", "negotiateVersion=1", "").await;
    assert_eq!(one["negotiateVersion"], 1);
    assert_eq!(one["connectionId"].as_str().unwrap().len(), 22);
    assert_eq!(one["availableTransports"].as_array().unwrap().len(), 1);
    assert_eq!(one["availableTransports"][0]["transport"], "WebSockets");
    assert!(one.get("useStatefulReconnect").is_none());
    let token = one["connectionToken"].as_str().unwrap();
    assert_ne!(token, one["connectionId"]);

    let asked = "negotiateVersion=7&useStatefulReconnect=true";
    let stateful = negotiate(&server, "/hubs/echo", asked, "").await;
    assert_eq!(stateful["negotiateVersion"], 1);
    assert_eq!(stateful["useStatefulReconnect"], true);

    let zero = negotiate(&server, "/hubs/echo", "", "").await;
    assert!(zero.get("connectionToken").is_none());
    let id = zero["connectionId"].as_str().unwrap();
    assert!(
        upgrade(&server, &format!("/hubs/echo?id={id}"), "")
            .await
            .is_ok()
    );

    let refused = negotiate(&server, "/hubs/echo", "negotiateVersion=x", "").await;
    assert!(refused["error"].as_str().unwrap().contains("'x'"));
    assert_eq!(status(&server, "GET", "/hubs/echo/negotiate").await, 405);
}

#[tokio::test]
async fn an_id_connects_once_while_it_is_fresh_and_only_at_its_own_hub() {
    let server = Server::start();
    let answer = negotiate(&server, "/hubs/echo", "negotiateVersion=1", "").await;
    let [id, token] = ["connectionId", "connectionToken"].map(|key| answer[key].as_str().unwrap());
    let public = format!("/hubs/echo?id={id}");
    assert_eq!(upgrade(&server, &public, "").await.err(), Some(404));
    let elsewhere = format!("/hubs/echo-auth?id={token}&access_token=anna");
    assert_eq!(upgrade(&server, &elsewhere, "").await.err(), Some(404));

    let target = format!("/hubs/echo?id={token}");
    let alive = upgrade(&server, &target, "").await.unwrap();
    assert_eq!(upgrade(&server, &target, "").await.err(), Some(409));
    drop(alive);
    server.wait_for_connections(0).await;
    assert_eq!(upgrade(&server, &target, "").await.err(), Some(404));

    // A server of its own, for nothing above may be too slow for such an expiry.
    let expiry = Duration::from_millis(100);
    let hasty = Server::start_with(|limits| limits.negotiate_expiry_ms = 100);
    let late = negotiate(&hasty, "/hubs/echo", "negotiateVersion=1", "").await;
    tokio::time::sleep(expiry + Duration::from_millis(10)).await;
    let late = format!(
        "/hubs/echo?id={}",
        late["connectionToken"].as_str().unwrap()
    );
    assert_eq!(upgrade(&hasty, &late, "").await.err(), Some(404));
}

#[tokio::test]
async fn a_protected_hub_wants_a_token_everywhere_and_the_same_user_throughout() {
    let server = Server::start();
    let refused = request(&server, "POST", "/hubs/echo-auth/negotiate", "").await;
    assert_eq!(refused.status, 401);
    assert!(
        refused
            .head
            .to_lowercase()
            .contains("www-authenticate: bearer")
    );
    assert_eq!(
        upgrade(&server, "/hubs/echo-auth", "").await.err(),
        Some(401)
    );
    assert_eq!(status(&server, "POST", "/hubs/echo-auth?id=x").await, 401);
    let broken = "Authorization: Bearer a:b\r\n";
    assert_eq!(
        upgrade(&server, "/hubs/echo-auth", broken).await.err(),
        Some(401)
    );

    let anna = "Authorization: Bearer anna\r\n";
    let answer = negotiate(&server, "/hubs/echo-auth", "negotiateVersion=1", anna).await;
    let target = format!(
        "/hubs/echo-auth?id={}",
        answer["connectionToken"].as_str().unwrap()
    );
    let ben = format!("{target}&access_token=ben");
    assert_eq!(upgrade(&server, &ben, "").await.err(), Some(403));
    let anna = format!("{target}&access_token=anna");
    assert!(upgrade(&server, &anna, "").await.is_ok());
    assert!(
        upgrade(&server, "/hubs/echo-auth?access_token=anna", "")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn other_transports_are_refused_as_clients_expect() {
    let server = Server::start();
    for method in ["GET", "POST", "DELETE"] {
        assert_eq!(
            status(&server, method, "/hubs/echo").await,
            400,
            "{method} no id"
        );
        assert_eq!(
            status(&server, method, "/hubs/echo?id=x").await,
            404,
            "{method} unknown"
        );
    }
    let answer = negotiate(&server, "/hubs/echo", "negotiateVersion=1", "").await;
    let target = format!(
        "/hubs/echo?id={}",
        answer["connectionToken"].as_str().unwrap()
    );
    let _alive = upgrade(&server, &target, "").await.unwrap();
    for (method, expected) in [("GET", 400), ("POST", 405), ("DELETE", 400), ("PUT", 405)] {
        assert_eq!(status(&server, method, &target).await, expected, "{method}");
    }
    let old = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n";
    let refused = request(&server, "GET", "/hubs/echo", old).await;
    assert_eq!(refused.status, 426);
    assert!(
        refused
            .head
            .to_lowercase()
            .contains("sec-websocket-version: 13")
    );
}

#[tokio::test]
async fn connections_and_handshakes_are_limited() {
    let server = Server::start_with(|limits| limits.max_connections = 2);
    let first = upgrade(&server, "/hubs/echo", "").await.unwrap();
    let _second = upgrade(&server, "/hubs/echo", "").await.unwrap();
    assert_eq!(upgrade(&server, "/hubs/echo", "").await.err(), Some(503));
    drop(first);
    server.wait_for_connections(1).await;
    assert!(upgrade(&server, "/hubs/echo", "").await.is_ok());

    let hurried = Server::start_with(|limits| {
        limits.handshakes_per_second = 1;
        limits.handshake_burst = 2;
        limits.trust_forwarded_for = true;
    });
    let from = |address: &str| format!("X-Forwarded-For: 10.9.9.9, {address}\r\n");
    for expected in [200, 200, 429] {
        let target = "/hubs/echo/negotiate";
        let response = request(&hurried, "POST", target, &from("10.0.0.1")).await;
        assert_eq!(response.status, expected);
        assert_eq!(expected == 429, response.head.contains("retry-after: 1"));
    }
    let other = upgrade(&hurried, "/hubs/echo", &from("10.0.0.2")).await;
    assert!(other.is_ok(), "another address");
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_socket() {
    let server = Server::start_with(|limits| limits.http_header_ms = 100);
    let mut half = RawSocket::connect(server.address).await.unwrap();
    half.write(b"GET /hubs/echo HTTP/1.1\r\nHost:")
        .await
        .unwrap();
    let mut silent = RawSocket::connect(server.address).await.unwrap();
    for socket in [&mut half, &mut silent] {
        let ended = socket.next_frame(SOON).await;
        assert!(!matches!(ended, Err(RawError::Late(_))), "{ended:?}");
    }
}
