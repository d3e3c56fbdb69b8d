//! Stateful reconnect on the wire, where a client library would hide it: what is resent, what is dropped, who may resume, and
//! what ends a connection for good.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use chaos::raw::{FIN, RawError, RawSocket, opcode};
use common::{TestHub, token};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);
const PATH: &str = "/hubs/echo-auth";

/// A client that shows every record.
struct Wire {
    socket: RawSocket,
    records: VecDeque<Value>,
}

impl Wire {
    /// Opens a WebSocket with this id; a status when it is refused.
    async fn open(hub: SocketAddr, id: &str, user: &str) -> Result<Self, u16> {
        let bearer = format!("Authorization: Bearer {}\r\n", token(user));
        match RawSocket::websocket(hub, &format!("{PATH}?id={id}"), &bearer).await {
            Ok(socket) => Ok(Self {
                socket,
                records: VecDeque::new(),
            }),
            Err(RawError::NotUpgraded(status)) => Err(status),
            Err(other) => panic!("{other}"),
        }
    }

    async fn handshake(&mut self, version: u32) {
        self.send(json!({ "protocol": "json", "version": version }))
            .await;
        assert_eq!(self.next().await, json!({}));
    }

    async fn send(&mut self, record: Value) {
        self.socket.text(&format!("{record}\u{1e}")).await.unwrap();
    }

    async fn invoke(&mut self, id: u32, target: &str, arguments: Value) {
        self.send(json!({ "type": 1, "invocationId": id.to_string(), "target": target, "arguments": arguments })).await;
    }

    /// Has a stream of so many items echoed, each of 20,000 characters, as call 1.
    async fn echo_stream(&mut self, items: u32) {
        let item = "x".repeat(20_000);
        self.send(json!({ "type": 4, "invocationId": "1", "target": "StreamEcho", "arguments": [], "streamIds": ["u"] }))
            .await;
        for _ in 0..items {
            self.send(json!({ "type": 2, "invocationId": "u", "item": item }))
                .await;
        }
        self.send(json!({ "type": 3, "invocationId": "u" })).await;
    }

    /// The next record that is neither a ping nor an acknowledgement.
    async fn next(&mut self) -> Value {
        self.first(|kind| kind != 6 && kind != 8).await
    }

    /// Waits for an acknowledgement by the hub.
    async fn acknowledged(&mut self) -> u64 {
        let record = self.first(|kind| kind == 8).await;
        record["sequenceId"].as_u64().unwrap()
    }

    /// Takes the first record of a wanted type; others stay.
    async fn first(&mut self, wanted: impl Fn(u64) -> bool) -> Value {
        loop {
            let kind = |record: &Value| record["type"].as_u64().unwrap_or_default();
            let found = self.records.iter().position(|record| wanted(kind(record)));
            if let Some(at) = found {
                return self.records.remove(at).unwrap();
            }
            self.fill().await;
        }
    }

    async fn fill(&mut self) {
        let (first, payload) = self
            .socket
            .next_frame(SOON)
            .await
            .unwrap()
            .expect("the hub closed");
        assert_eq!(first, FIN | opcode::TEXT);
        let text = String::from_utf8(payload).unwrap();
        for record in text.split_terminator('\u{1e}') {
            self.records
                .push_back(serde_json::from_str(record).unwrap());
        }
    }

    /// The id of the next completion, and its result.
    async fn completion(&mut self) -> (String, Value) {
        let record = self.next().await;
        assert_eq!(record["type"], 3, "{record}");
        (
            record["invocationId"].as_str().unwrap().to_owned(),
            record["result"].clone(),
        )
    }
}

/// Negotiates stateful reconnect and returns the secret id.
async fn negotiate(hub: SocketAddr, user: &str) -> String {
    let mut socket = RawSocket::connect(hub).await.unwrap();
    let request = format!(
        "POST {PATH}/negotiate?negotiateVersion=1&useStatefulReconnect=true HTTP/1.1\r\nHost: {hub}\r\n\
         Authorization: Bearer {}\r\nContent-Length: 0\r\n\r\n",
        token(user)
    );
    socket.write(request.as_bytes()).await.unwrap();
    let response = socket.response(SOON).await.unwrap();
    let answer: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(answer["useStatefulReconnect"], true, "{answer}");
    answer["connectionToken"].as_str().unwrap().to_owned()
}

/// A stateful connection of `ana` and its id.
async fn stateful(hub: SocketAddr) -> (Wire, String) {
    let id = negotiate(hub, "ana").await;
    let mut wire = Wire::open(hub, &id, "ana").await.unwrap();
    wire.handshake(2).await;
    (wire, id)
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_and_what_was_processed_is_not_done_again() {
    let hub = TestHub::start().await;
    let (mut old, id) = stateful(hub.address()).await;
    for number in 1..=4 {
        old.invoke(number, "Record", json!([number])).await;
        assert_eq!(old.completion().await.0, number.to_string());
    }
    old.send(json!({ "type": 8, "sequenceId": 2 })).await;
    assert_eq!(old.acknowledged().await, 4);

    // The hub still believes in the old socket when the new one comes.
    let mut new = Wire::open(hub.address(), &id, "ana").await.unwrap();
    let first = new.next().await;
    assert_eq!(
        (&first["type"], &first["sequenceId"]),
        (&json!(9), &json!(3)),
        "two were acknowledged"
    );
    assert_eq!(new.completion().await.0, "3");
    assert_eq!(new.completion().await.0, "4");
    old.socket.ending(SOON).await.unwrap();

    // This side begins again at its third message, which the hub has processed.
    new.send(json!({ "type": 9, "sequenceId": 3 })).await;
    for number in 3..=5 {
        new.invoke(number, "Record", json!([number])).await;
    }
    assert_eq!(
        new.completion().await.0,
        "5",
        "the third and the fourth were dropped"
    );
    new.invoke(6, "GetRecorded", json!([])).await;
    assert_eq!(
        new.completion().await,
        ("6".to_owned(), json!([1, 2, 3, 4, 5]))
    );
}

#[tokio::test]
async fn calls_go_on_over_a_resume_and_their_results_come_once() {
    let hub = TestHub::start().await;
    let (mut wire, id) = stateful(hub.address()).await;
    wire.invoke(1, "SendBurst", json!([200, 5])).await;
    assert_eq!(wire.completion().await.0, "1");
    // Counted so far: the completion. The client's own call is counted too, and never resent.
    let mut received = 1;
    let mut bursts = Vec::new();
    for _ in 0..4 {
        for _ in 0..30 {
            let record = wire.next().await;
            received += 1;
            bursts.push(record["arguments"][0].as_u64().unwrap());
        }
        // A dropped socket without a close frame, as a lost network leaves it.
        drop(wire);
        wire = Wire::open(hub.address(), &id, "ana").await.unwrap();
        let first = wire.next().await;
        assert_eq!(first["type"], 9, "{first}");
        wire.send(json!({ "type": 9, "sequenceId": 2 })).await;
        // What comes from here on is numbered from this; what is known already is skipped.
        let resent = first["sequenceId"].as_u64().unwrap();
        assert!(resent <= received + 1, "{resent} after {received}");
        for _ in resent..=received {
            wire.next().await;
        }
        wire.send(json!({ "type": 8, "sequenceId": received }))
            .await;
    }
    while bursts.len() < 200 {
        bursts.push(wire.next().await["arguments"][0].as_u64().unwrap());
    }
    assert_eq!(bursts, (0..200).collect::<Vec<u64>>());
}

#[tokio::test]
async fn only_its_user_resumes_a_connection_and_a_goodbye_ends_it() {
    let hub = TestHub::start().await;
    let (mut wire, id) = stateful(hub.address()).await;
    let refused = Wire::open(hub.address(), &id, "mallory")
        .await
        .err()
        .unwrap();
    assert!([401, 403, 404].contains(&refused), "{refused}");
    wire.invoke(1, "Record", json!([1])).await;
    assert_eq!(
        wire.completion().await.0,
        "1",
        "the attempt changed nothing"
    );

    wire.send(json!({ "type": 7 })).await;
    wire.socket
        .frame(FIN | opcode::CLOSE, &1000u16.to_be_bytes())
        .await
        .unwrap();
    wire.socket.ending(SOON).await.unwrap();
    assert_eq!(
        Wire::open(hub.address(), &id, "ana").await.err(),
        Some(404),
        "nothing is left to resume"
    );

    // Version 1 in the handshake gives the feature up.
    let id = negotiate(hub.address(), "ana").await;
    let mut plain = Wire::open(hub.address(), &id, "ana").await.unwrap();
    plain.handshake(1).await;
    let refused = Wire::open(hub.address(), &id, "ana").await.err();
    assert!(matches!(refused, Some(404 | 409)), "{refused:?}");
    plain.invoke(1, "Echo", json!(["alive"])).await;
    assert_eq!(plain.completion().await, ("1".to_owned(), json!("alive")));
}

/// Longer, all together, than what may be sent unacknowledged.
const ANSWERS: u32 = 100;
const LENGTH: usize = 100_000;

#[tokio::test]
async fn calls_wait_for_acknowledgements_that_come_behind_other_calls() {
    let hub = TestHub::start().await;
    let (mut wire, _) = stateful(hub.address()).await;
    // All are on their way before the first acknowledgement can be.
    for id in 0..ANSWERS {
        wire.invoke(id, "BigString", json!([LENGTH])).await;
    }
    for id in 0..ANSWERS {
        let (answered, text) = wire.completion().await;
        assert_eq!(answered, id.to_string());
        assert_eq!(text.as_str().unwrap().len(), LENGTH);
        wire.send(json!({ "type": 8, "sequenceId": id + 1 })).await;
    }
}

#[tokio::test]
async fn items_wait_for_acknowledgements_that_come_behind_other_items() {
    let hub = TestHub::start().await;
    let (mut wire, _) = stateful(hub.address()).await;
    wire.echo_stream(ANSWERS).await;
    for number in 1..=ANSWERS {
        let record = wire.next().await;
        assert_eq!(record["type"], 2, "{record}");
        wire.send(json!({ "type": 8, "sequenceId": number })).await;
    }
    assert_eq!(wire.completion().await.0, "1");
}

/// More than half of what a stateful connection lets wait, beside what its client has not acknowledged; and less than all
/// of it even if no more than a full send queue has left, for then reading would pause before the acknowledgements.
const ITEMS: u32 = 120;

#[tokio::test]
async fn an_acknowledgement_held_back_while_items_wait_follows_as_soon_as_they_do_not() {
    let hub = TestHub::start().await;
    let (mut wire, _) = stateful(hub.address()).await;
    wire.echo_stream(ITEMS).await;
    let all = u64::from(ITEMS) + 2;
    let early = async { while wire.acknowledged().await < all {} };
    let early = tokio::time::timeout(Duration::from_millis(2_500), early).await;
    assert!(early.is_err(), "acknowledged what waits");

    for number in 1..=ITEMS {
        assert_eq!(wire.next().await["type"], 2);
        wire.send(json!({ "type": 8, "sequenceId": number })).await;
    }
    assert_eq!(wire.completion().await.0, "1");
    // Well before anything else is due, such as a ping.
    while wire.acknowledged().await < all {}
}

#[tokio::test]
async fn a_client_that_never_acknowledges_is_ended_and_not_kept_waiting_for_ever() {
    let hub = TestHub::start_with(&[("MUSSIKON_GATEWAY__SLOW_CONSUMER_MS", "1000")]).await;
    let (mut wire, _) = stateful(hub.address()).await;
    for id in 0..ANSWERS {
        wire.invoke(id, "BigString", json!([LENGTH])).await;
    }
    let mut answered = 0;
    while let Ok(Some((_, payload))) = wire.socket.next_frame(SOON).await {
        answered += payload
            .windows(8)
            .filter(|part| part == b"\"result\"")
            .count();
    }
    assert!((1..ANSWERS as usize).contains(&answered), "{answered}");
    // The others are served.
    let (mut other, _) = stateful(hub.address()).await;
    other.invoke(1, "Echo", json!(["alive"])).await;
    assert_eq!(other.completion().await, ("1".to_owned(), json!("alive")));
}
