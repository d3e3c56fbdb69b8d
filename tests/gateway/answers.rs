//! Answers that are longer than a client reads, or than it has acknowledged: calls wait, and nobody is cut off.

use std::time::Duration;

use chaos::raw::RawSocket;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::server::{SOON, Server};
use crate::wire::{call, connected, handshake, read_until, records};

/// Longer than a send queue may be, all together.
const ANSWERS: u32 = 40;
const LENGTH: usize = 500_000;

#[tokio::test]
async fn answers_that_are_read_late_hold_up_later_calls_and_all_arrive_in_order() {
    let server = Server::start();
    let calls = (0..ANSWERS).map(|id| call(Some(id), "BigString", json!([LENGTH])));
    let sent: Vec<Value> = std::iter::once(handshake()).chain(calls).collect();
    let mut socket = connected(&server, &sent).await;
    // The last call is begun only when nearly all answers have been read, however long that takes.
    let client = server.client(protocol::Encoding::Json).await;
    let text: String = client.invoke("Echo", json!(["others"])).await.unwrap();
    assert_eq!(text, "others");
    for id in 0..ANSWERS {
        let seen = read_until(&mut socket, |record| record["type"] == 3).await;
        let answer = seen.last().unwrap();
        assert_eq!(answer["invocationId"], id.to_string());
        assert_eq!(answer["result"].as_str().unwrap().len(), LENGTH);
    }
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answers_makes_the_hub_neither_work_nor_read_on() {
    let server = Server::start_with(|limits| {
        limits.pending_invocations = 4;
        limits.invocations_per_second = 0;
    });
    let mut socket = connected(&server, &[handshake()]).await;
    let padding = "x".repeat(20_000);
    let one = format!("{}\u{1e}", call(Some(1), "Echo", json!([padding])));
    // More than what sockets, the send queue and four waiting calls hold.
    let flood = async {
        for _ in 0..5_000 {
            socket.text(&one).await.unwrap();
        }
    };
    let stuck = timeout(Duration::from_secs(3), flood).await;
    assert!(stuck.is_err(), "100 MB of calls were taken in unanswered");
}

#[tokio::test]
async fn items_are_not_read_on_when_nobody_takes_them() {
    let server = Server::start();
    let echo = json!({"type": 4, "invocationId": "1", "target": "StreamEcho", "arguments": [], "streamIds": ["u"]});
    let mut socket = connected(&server, &[handshake(), echo]).await;
    let item = json!({"type": 2, "invocationId": "u", "item": "x".repeat(20_000)});
    let item = format!("{item}\u{1e}");
    let flood = async {
        for _ in 0..5_000 {
            socket.text(&item).await.unwrap();
        }
    };
    let stuck = timeout(Duration::from_secs(3), flood).await;
    assert!(stuck.is_err(), "100 MB of items were taken in");
}

#[tokio::test]
async fn what_cannot_be_held_back_still_ends_a_connection_that_does_not_read() {
    let server = Server::start_with(|limits| {
        limits.invocations_per_second = 0;
        limits.send_queue_max_bytes = limits.send_queue_bytes;
    });
    let mut socket = connected(&server, &[handshake()]).await;
    let one = format!("{}\u{1e}", call(Some(1), "NoSuchMethod", json!([])));
    let many = one.repeat(1_000);
    let refused = async { while socket.text(&many).await.is_ok() {} };
    timeout(SOON, refused).await.expect("the hub ended it");
    server.wait_for_connections(0).await;
}

#[tokio::test]
async fn a_drain_still_reads_what_the_last_calls_wait_for_and_refuses_new_ones() {
    let mut server = Server::start();
    let ask = call(Some(1), "InvokeClientResult", json!(["question"]));
    let mut socket = connected(&server, &[handshake(), ask]).await;
    let seen = read_until(&mut socket, |record| record["type"] == 1).await;
    let id = seen.last().unwrap()["invocationId"].clone();

    server.stop_accepting().await;
    let late = call(Some(2), "Echo", json!(["late"]));
    let answer = json!({"type": 3, "invocationId": id, "result": "answer"});
    let client = async {
        // The drain has begun when a call is refused.
        loop {
            write(&mut socket, &late).await;
            let seen = read_until(&mut socket, |record| record["invocationId"] == "2").await;
            if let Some(error) = seen.last().unwrap()["error"].as_str() {
                assert!(error.contains("HubException: unavailable: "), "{error}");
                break;
            }
        }
        write(&mut socket, &answer).await;
        socket.ending(SOON).await.unwrap()
    };
    let (ending, ()) = tokio::join!(client, server.gateway.drain(Duration::ZERO));
    let completion = json!({"type": 3, "invocationId": "1", "result": "answer"});
    let close = json!({"type": 7, "allowReconnect": true});
    assert_eq!(records(&ending.text()), [completion, close]);
}

async fn write(socket: &mut RawSocket, record: &Value) {
    socket.text(&format!("{record}\u{1e}")).await.unwrap();
}
