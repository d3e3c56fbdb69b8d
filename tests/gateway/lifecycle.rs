//! How connections end: handshakes, silence, expired tokens, refusals to read, drain.

use std::time::Duration;

use chaos::raw::{FIN, RawSocket, frame, opcode};
use protocol::{CloseReason, Encoding};
use serde_json::{Value, json};

use crate::server::{SOON, Server};
use crate::wire::{call, connected, handshake, read_until, records};

#[tokio::test]
async fn a_handshake_that_does_not_come_or_is_wrong_is_refused_with_the_known_text() {
    let server = Server::start_with(|limits| limits.handshake_ms = 100);
    let mut silent = RawSocket::websocket(server.address, "/hubs/echo", "")
        .await
        .unwrap();
    let ending = silent.ending(SOON).await.unwrap();
    assert_eq!(
        records(&ending.text()),
        [json!({"error": "Handshake was canceled."})]
    );
    assert_eq!((ending.close_code, ending.reset), (Some(1000), false));

    let mut other = connected(&server, &[json!({"protocol": "xml", "version": 1})]).await;
    let ending = other.ending(SOON).await.unwrap();
    let text = "The protocol 'xml' is not supported.";
    assert_eq!(records(&ending.text()), [json!({ "error": text })]);
    server.wait_for_connections(0).await;
}

#[tokio::test]
async fn a_client_that_falls_silent_is_closed_and_an_idle_one_is_pinged() {
    let server = Server::start_with(|limits| {
        limits.keep_alive_ms = 50;
        limits.client_timeout_ms = 300;
    });
    let mut socket = connected(&server, &[handshake(), json!({"type": 6})]).await;
    let ending = socket.ending(SOON).await.unwrap();
    let records = records(&ending.text());
    let pings = records.iter().filter(|record| record["type"] == 6).count();
    assert!((2..=8).contains(&pings), "{records:?}");
    let close =
        json!({"type": 7, "error": "Connection closed with an error.", "allowReconnect": true});
    assert_eq!(records.last(), Some(&close));
    assert_eq!(ending.close_code, Some(1000));
}

#[tokio::test]
async fn an_expired_token_closes_the_connection_and_allows_to_come_back() {
    let server = Server::start();
    let target = "/hubs/echo-auth?access_token=anna:200";
    let mut socket = RawSocket::websocket(server.address, target, "")
        .await
        .unwrap();
    socket
        .text(&format!("{}\u{1e}", handshake()))
        .await
        .unwrap();
    let ending = socket.ending(SOON).await.unwrap();
    let close =
        json!({"type": 7, "error": "The access token has expired.", "allowReconnect": true});
    assert_eq!(records(&ending.text()), [json!({}), close]);
}

/// Whatever encoding a client is about to choose: at that point it reads a handshake's answer, which is text.
#[tokio::test]
async fn whoever_is_closed_before_the_handshake_is_told_so_as_its_answer() {
    let mut server = Server::start();
    let target = "/hubs/echo-auth?access_token=anna:200";
    let mut expired = RawSocket::websocket(server.address, target, "")
        .await
        .unwrap();
    let mut silent = RawSocket::websocket(server.address, "/hubs/echo", "")
        .await
        .unwrap();
    let told = expired.ending(SOON).await.unwrap();
    let answer = json!({"error": "The access token has expired."});
    assert_eq!(records(&told.text()), [answer]);
    assert_eq!(told.close_code, Some(1000));

    server.stop_accepting().await;
    server.gateway.drain(Duration::from_millis(50)).await;
    let told = silent.ending(SOON).await.unwrap();
    let answer = json!({"error": "Handshake was canceled."});
    assert_eq!(records(&told.text()), [answer]);
    assert_eq!(told.close_code, Some(1000));
}

#[tokio::test]
async fn plain_calls_keep_their_order_and_a_pause_of_reading_is_no_silence_of_the_client() {
    let server = Server::start_with(|limits| {
        limits.pending_invocations = 2;
        limits.keep_alive_ms = 100;
        limits.client_timeout_ms = 200;
    });
    let mut sent = vec![handshake(), json!({"type": 6})];
    for number in 0..20 {
        sent.push(call(None, "Record", json!([number])));
        let pause = if number == 0 { 600 } else { 0 };
        sent.push(call(
            Some(number),
            "SlowEcho",
            json!([number.to_string(), pause]),
        ));
    }
    sent.push(call(Some(99), "GetRecorded", json!([])));
    let mut socket = connected(&server, &sent).await;
    let seen = read_until(&mut socket, |record| record["invocationId"] == "99").await;
    let answers: Vec<_> = seen.iter().filter(|record| record["type"] == 3).collect();
    let echoed: Vec<_> = answers[..20]
        .iter()
        .map(|record| record["result"].clone())
        .collect();
    let expected: Vec<_> = (0..20)
        .map(|number: u32| json!(number.to_string()))
        .collect();
    assert_eq!(echoed, expected);
    assert_eq!(answers[20]["result"], json!((0..20).collect::<Vec<u32>>()));
}

#[tokio::test]
async fn too_many_calls_are_refused_with_a_code() {
    let server = Server::start_with(|limits| {
        limits.invocations_per_second = 1;
        limits.invocation_burst = 3;
    });
    let client = server.client(Encoding::MessagePack).await;
    let mut refused = 0;
    for _ in 0..5 {
        if let Err(error) = client.invoke::<Value>("VoidMethod", json!([])).await {
            assert!(error.is_code("rate_limited"), "{error}");
            refused += 1;
        }
    }
    assert_eq!(refused, 2);
}

#[tokio::test]
async fn who_does_not_read_is_disconnected_and_others_are_served() {
    let server = Server::start_with(|limits| {
        // Longer than making the answers takes on a busy machine: who reads must not be taken for deaf.
        limits.slow_consumer_ms = 1_500;
        limits.send_queue_max_bytes = 64 * 1024 * 1024;
    });
    let mut deaf = connected(&server, &[handshake()]).await;
    for id in 0..8 {
        let big = format!("{}\u{1e}", call(Some(id), "BigString", json!([4_000_000])));
        deaf.text(&big).await.unwrap();
    }
    let client = server.client(Encoding::Json).await;
    server.wait_for_connections(1).await;
    let text: String = client.invoke("Echo", json!(["still here"])).await.unwrap();
    assert_eq!(text, "still here");
    assert!(deaf.ending(SOON).await.unwrap().close_code.is_none());
}

#[tokio::test]
async fn drain_lets_calls_finish_then_closes_everyone_with_leave_to_come_back() {
    let mut server = Server::start();
    let slow = call(Some(1), "SlowEcho", json!(["done", 300]));
    let mut busy = connected(&server, &[handshake(), slow]).await;
    let mut idle = connected(&server, &[handshake()]).await;
    let client = server.client(Encoding::Json).await;
    read_until(&mut busy, |record| *record == json!({})).await;

    server.stop_accepting().await;
    server.gateway.drain(Duration::from_millis(50)).await;
    assert_eq!(server.gateway.connections(), 0);
    let close = json!({"type": 7, "allowReconnect": true});
    let busy = busy.ending(SOON).await.unwrap();
    let answer = json!({"type": 3, "invocationId": "1", "result": "done"});
    assert_eq!(records(&busy.text()), [answer, close.clone()]);
    let idle = idle.ending(SOON).await.unwrap();
    assert_eq!(records(&idle.text()), [json!({}), close]);
    assert_eq!((busy.close_code, idle.close_code), (Some(1000), Some(1000)));
    let reason = client.ended().await;
    let allowed = CloseReason::Peer {
        error: None,
        allow_reconnect: true,
    };
    assert_eq!(reason, allowed);
    let refused = RawSocket::connect(server.address).await;
    assert!(refused.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn pings_of_the_websocket_are_answered_and_its_close_is_returned() {
    let server = Server::start();
    let mut socket = connected(&server, &[handshake()]).await;
    socket.frame(FIN | opcode::PING, b"hello").await.unwrap();
    socket
        .frame(FIN | opcode::CLOSE, &1000u16.to_be_bytes())
        .await
        .unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = socket.next_frame(SOON).await.unwrap() {
        frames.push(frame);
    }
    let text = (FIN | opcode::TEXT, b"{}\x1e".to_vec());
    let pong = (FIN | opcode::PONG, b"hello".to_vec());
    let close = (FIN | opcode::CLOSE, 1000u16.to_be_bytes().to_vec());
    assert_eq!(frames, [text, pong, close]);
    server.wait_for_connections(0).await;
}

#[tokio::test]
async fn frames_sent_before_the_upgrade_is_answered_are_not_lost() {
    let server = Server::start();
    let head = format!(
        "GET /hubs/echo HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address
    );
    let mut bytes = head.into_bytes();
    let text = format!(
        "{}\u{1e}{}\u{1e}",
        handshake(),
        call(Some(1), "Echo", json!(["early"]))
    );
    bytes.extend(frame(FIN | opcode::TEXT, text.as_bytes()));
    let mut socket = RawSocket::connect(server.address).await.unwrap();
    socket.write(&bytes).await.unwrap();
    assert_eq!(socket.response(SOON).await.unwrap().status, 101);
    read_until(&mut socket, |record| record["result"] == "early").await;
}
