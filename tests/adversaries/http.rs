//! Requests that never end, tokens that are not good, ids that are someone else's.

use std::net::SocketAddr;
use std::time::Duration;

use chaos::raw::{RawError, RawSocket, Response};
use chaos::token::Claims;
use serde_json::Value;
use tokio::task::JoinSet;

use super::common::{SECRET, token};
use super::{ECHO, JSON, SOON, write_on};

/// Heads that come a byte now and then, and sockets over which nothing comes.
pub async fn slow_requests(hub: SocketAddr) {
    let mut slow = JoinSet::new();
    for number in 0..100 {
        slow.spawn(async move {
            let mut socket = RawSocket::connect(hub).await.unwrap();
            if number % 2 == 0 {
                socket
                    .write(b"GET /hubs/echo HTTP/1.1\r\nHost: a\r\nX-A: ")
                    .await
                    .unwrap();
            }
            for _ in 0..80 {
                if number % 2 == 0 && !write_on(&mut socket, b"a").await {
                    return;
                }
                // Anything but silence is the end: an answer, or the end of the stream.
                if !matches!(
                    socket.next_frame(Duration::from_millis(100)).await,
                    Err(RawError::Late(_))
                ) {
                    return;
                }
            }
            panic!("a request without an end was waited for");
        });
    }
    while let Some(ended) = slow.join_next().await {
        ended.unwrap();
    }
}

/// Asks for much and reads nothing of it.
pub async fn unread_answers(hub: SocketAddr) {
    let mut deaf = JoinSet::new();
    for _ in 0..4 {
        deaf.spawn(async move {
            let mut socket = RawSocket::connect(hub).await.unwrap();
            let many = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(200);
            let asked = async { while write_on(&mut socket, many.as_bytes()).await {} };
            let ended = tokio::time::timeout(SOON, asked).await;
            assert!(ended.is_ok(), "answers that nobody reads were waited with");
        });
    }
    while let Some(ended) = deaf.join_next().await {
        ended.unwrap();
    }
}

pub async fn endless_head(hub: SocketAddr) {
    let mut socket = RawSocket::connect(hub).await.unwrap();
    let endless = format!("GET / HTTP/1.1\r\nHost: a\r\nX-A: {}", "a".repeat(200_000));
    write_on(&mut socket, endless.as_bytes()).await;
    match socket.response(SOON).await {
        Ok(response) => assert!([400, 431].contains(&response.status), "{response:?}"),
        Err(RawError::Late(what)) => panic!("the hub did not {what}"),
        Err(_) => {}
    }
}

pub async fn bad_tokens(hub: SocketAddr) {
    let good = token("mallory");
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let claims = signed.split_once('.').unwrap().1;
    let other: String = signature.chars().rev().collect();
    for bad in [
        "garbage".to_owned(),
        format!("{signed}.{other}"),
        format!("{signed}."),
        // {"alg":"none","typ":"JWT"}
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}."),
        Claims::user("mallory")
            .sign("another secret, long enough for any rule too")
            .unwrap(),
        Claims::user("mallory")
            .expired(Duration::from_secs(2))
            .sign(SECRET)
            .unwrap(),
        Claims::user("").sign(SECRET).unwrap(),
    ] {
        let bearer = format!("Authorization: Bearer {bad}\r\n");
        let negotiated = request(
            hub,
            "POST",
            "/hubs/chat/negotiate?negotiateVersion=1",
            &bearer,
        )
        .await;
        assert_eq!(negotiated.status, 401, "{bad}");
        assert!(
            !String::from_utf8_lossy(&negotiated.body).contains(&bad),
            "the token is repeated"
        );
        assert_eq!(upgrade(hub, "/hubs/chat", &bearer).await, 401, "{bad}");
        assert_eq!(
            upgrade(hub, &format!("/hubs/chat?access_token={bad}"), "").await,
            401,
            "{bad}"
        );
    }
    assert_eq!(
        request(hub, "POST", "/hubs/chat/negotiate", "")
            .await
            .status,
        401
    );
    assert_eq!(upgrade(hub, "/hubs/chat", "").await, 401);
    assert_eq!(
        upgrade(hub, &format!("/hubs/chat?access_token={good}"), "").await,
        101
    );
}

pub async fn ids_in_use(hub: SocketAddr) {
    let (public, secret) = negotiate(hub, ECHO, "").await;
    for id in [&public, "unknown", "", &secret[1..]] {
        assert_eq!(
            upgrade(hub, &format!("{ECHO}?id={id}"), "").await,
            404,
            "{id}"
        );
    }
    let target = format!("{ECHO}?id={secret}");
    let mut first = RawSocket::websocket(hub, &target, "").await.unwrap();
    first.text(JSON).await.unwrap();
    assert!(first.next_frame(SOON).await.unwrap().is_some());
    assert_eq!(upgrade(hub, &target, "").await, 409, "an id that is in use");
    let echo =
        "{\"type\":1,\"target\":\"Echo\",\"invocationId\":\"1\",\"arguments\":[\"mine\"]}\u{1e}";
    first.text(echo).await.unwrap();
    loop {
        let (_, answer) = first
            .next_frame(SOON)
            .await
            .unwrap()
            .expect("the first connection lives on");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if !answer.contains("\"type\":6") {
            assert!(answer.contains("\"mine\""), "{answer}");
            return;
        }
    }
}

pub async fn ids_of_others(hub: SocketAddr) {
    let bearer = |user| format!("Authorization: Bearer {}\r\n", token(user));
    let (_, secret) = negotiate(hub, "/hubs/chat", &bearer("victim")).await;
    let target = format!("/hubs/chat?id={secret}");
    let status = upgrade(hub, &target, &bearer("mallory")).await;
    assert!([401, 403, 404].contains(&status), "{status}");
    assert_eq!(
        upgrade(hub, &target, "").await,
        401,
        "an id alone does not authenticate"
    );
    assert_eq!(
        upgrade(hub, &target, &bearer("victim")).await,
        101,
        "and it is still its owner's"
    );
}

pub async fn wrong_requests(hub: SocketAddr) {
    for (method, target, status) in [
        ("GET", "/hubs/echo/negotiate", 405),
        ("GET", "/hubs/nothing", 404),
        ("POST", "/hubs/nothing/negotiate", 404),
        ("POST", "/hubs/echo?id=unknown", 404),
        ("POST", "/hubs/echo", 400),
    ] {
        assert_eq!(
            request(hub, method, target, "").await.status,
            status,
            "{method} {target}"
        );
    }
}

/// The public and the secret id of a negotiated connection.
async fn negotiate(hub: SocketAddr, path: &str, headers: &str) -> (String, String) {
    let response = request(
        hub,
        "POST",
        &format!("{path}/negotiate?negotiateVersion=1"),
        headers,
    )
    .await;
    assert_eq!(response.status, 200, "{response:?}");
    let ids: Value = serde_json::from_slice(&response.body).unwrap();
    let id = |name: &str| ids[name].as_str().unwrap().to_owned();
    (id("connectionId"), id("connectionToken"))
}

async fn request(hub: SocketAddr, method: &str, target: &str, headers: &str) -> Response {
    let mut socket = RawSocket::connect(hub).await.unwrap();
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: {hub}\r\nContent-Length: 0\r\n{headers}\r\n");
    socket.write(request.as_bytes()).await.unwrap();
    socket.response(SOON).await.unwrap()
}

/// The status that answers an upgrade.
async fn upgrade(hub: SocketAddr, target: &str, headers: &str) -> u16 {
    match RawSocket::websocket(hub, target, headers).await {
        Ok(_) => 101,
        Err(RawError::NotUpgraded(status)) => status,
        Err(other) => panic!("{target}: {other}"),
    }
}
