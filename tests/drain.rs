//! The orderly end: readiness, closing with leave to reconnect, what is in flight, grace, second signal.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use chaos::client::{Client, Settings};
use protocol::{CloseReason, Encoding};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

mod common;
use common::{TestHub, token};

const LONG: Duration = Duration::from_secs(20);

async fn client(hub: &TestHub, path: &str, user: &str) -> Client {
    let url = format!("{}{path}", hub.url());
    let settings = Settings::new(url, Encoding::Json, Some(token(user)));
    Client::connect(&settings).await.expect("connected")
}

/// Status of a GET on a connection of its own; `None` if nobody answers.
async fn status(hub: &TestHub, path: &str) -> Option<u16> {
    let mut socket = TcpStream::connect(hub.address()).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

fn signal(hub: &TestHub, name: &str) {
    let id = hub.id().expect("running").to_string();
    let sent = Command::new("kill").args([name, &id]).status();
    assert!(sent.expect("kill runs").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_closes_everyone_with_leave_to_reconnect_and_exits_with_zero() {
    let mut hub = TestHub::start().await;
    let mut clients = Vec::new();
    for user in ["ana", "ben", "cleo"] {
        clients.push(client(&hub, "/hubs/chat", user).await);
    }
    let room = json!([{"roomId": "r", "kind": "public", "name": "R"}]);
    let _: Value = clients[0]
        .invoke("CreateRoom", room)
        .await
        .expect("created");
    let message = json!(["r", {"kind": "text", "text": "kept"}]);
    let sent: Value = clients[0]
        .invoke("SendMessage", message)
        .await
        .expect("sent");

    let exit = hub.terminate(LONG).await.expect("ended");
    assert_eq!(exit.code(), Some(0), "{}", hub.logs());
    for client in clients {
        match client.ended().await {
            CloseReason::Peer {
                allow_reconnect,
                error,
            } => {
                assert!(allow_reconnect && error.is_none(), "{error:?}");
            }
            other => panic!("{other:?}"),
        }
    }

    hub.restart().await.expect("starts again");
    let client = client(&hub, "/hubs/chat", "ana").await;
    let history: Value = client.invoke("History", json!(["r"])).await.expect("read");
    let messages = history["messages"].as_array().expect("messages");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["sequence"], sent["sequence"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_flight_is_answered_before_its_connection_is_closed() {
    // During the notice everything is served, so a call made before the signal has long begun at its end.
    let variables = [
        ("MUSSIKON_DRAIN__NOTICE_MS", "2000"),
        ("MUSSIKON_GATEWAY__DRAIN_FINISH_MS", "10000"),
    ];
    let mut hub = TestHub::start_with(&variables).await;
    let slow = client(&hub, "/hubs/echo", "ana").await;
    let caller = slow.caller();
    let call = tokio::spawn(async move {
        let answer: Result<String, _> = caller.invoke("SlowEcho", json!(["late", 4000])).await;
        answer
    });
    let exit = hub.terminate(LONG).await.expect("ended");
    assert_eq!(exit.code(), Some(0), "{}", hub.logs());
    assert_eq!(call.await.expect("ran").expect("answered"), "late");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_does_not_wait_for_those_who_do_not_read_their_answers() {
    let mut hub = TestHub::start().await;
    let mut deaf = TcpStream::connect(hub.address()).await.expect("connected");
    let many = b"GET /metrics HTTP/1.1\r\nhost: hub\r\n\r\n".repeat(1_000);
    // Until the hub can write no more and so reads no more.
    let filled = async { while deaf.write_all(&many).await.is_ok() {} };
    let stuck = tokio::time::timeout(Duration::from_secs(2), filled).await;
    assert!(stuck.is_err(), "the hub holds no end of answers");
    let exit = hub.terminate(LONG).await.expect("ended");
    assert_eq!(exit.code(), Some(0), "{}", hub.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_no_during_the_notice_while_everything_is_still_served() {
    // Long, so that everything below happens in it on the slowest machine.
    let mut hub = TestHub::start_with(&[("MUSSIKON_DRAIN__NOTICE_MS", "10000")]).await;
    assert_eq!(status(&hub, "/health/ready").await, Some(200));
    signal(&hub, "-TERM");
    let deadline = Instant::now() + Duration::from_secs(5);
    while status(&hub, "/health/ready").await != Some(503) {
        assert!(Instant::now() < deadline, "readiness turned in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(status(&hub, "/health").await, Some(200));
    let late = client(&hub, "/hubs/chat", "ana").await;
    let rooms: Value = late
        .invoke("MyRooms", json!([]))
        .await
        .expect("still served");
    assert!(rooms.is_array() || rooms.is_object());
    let exit = hub.wait(LONG).await.expect("ended");
    assert_eq!(exit.code(), Some(0), "{}", hub.logs());
    assert_eq!(
        status(&hub, "/health").await,
        None,
        "nobody answers any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_process_at_once() {
    let mut hub = TestHub::start_with(&[
        ("MUSSIKON_DRAIN__NOTICE_MS", "60000"),
        ("MUSSIKON_DRAIN__GRACE_MS", "120000"),
    ])
    .await;
    signal(&hub, "-TERM");
    while status(&hub, "/health/ready").await != Some(503) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    signal(&hub, "-INT");
    let exit = hub.wait(LONG).await.expect("ended");
    assert_eq!(
        (exit.code(), exit.signal()),
        (Some(130), None),
        "{}",
        hub.logs()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_go_cannot_hold_the_process_beyond_its_grace() {
    let variables = [
        ("MUSSIKON_DRAIN__NOTICE_MS", "500"),
        ("MUSSIKON_DRAIN__GRACE_MS", "2000"),
        ("MUSSIKON_DRAIN__SPREAD_MS", "100"),
        ("MUSSIKON_GATEWAY__DRAIN_FINISH_MS", "60000"),
    ];
    let mut hub = TestHub::start_with(&variables).await;
    let stubborn = client(&hub, "/hubs/echo", "ana").await;
    let caller = stubborn.caller();
    let call = tokio::spawn(async move {
        let answer: Result<String, _> = caller.invoke("SlowEcho", json!(["x", 60_000])).await;
        answer
    });
    // What it asks for would take a minute.
    let exit = hub.terminate(LONG).await.expect("ended");
    assert_eq!(exit.code(), Some(1), "{}", hub.logs());
    assert!(hub.logs().contains("the grace is over"), "{}", hub.logs());
    assert!(call.await.expect("ran").is_err());
}
