//! Streams both ways, cancellation, results of clients, and the texts of failed calls.

use chaos::raw::RawSocket;
use serde_json::{Value, json};

use crate::server::Server;
use crate::wire::{call, connected, handshake, read_until};

fn stream(id: &str, target: &str, arguments: Value) -> Value {
    json!({"type": 4, "invocationId": id, "target": target, "arguments": arguments})
}

fn item(id: &str, item: Value) -> Value {
    json!({"type": 2, "invocationId": id, "item": item})
}

fn end(id: &str) -> Value {
    json!({"type": 3, "invocationId": id})
}

async fn send(socket: &mut RawSocket, record: &Value) {
    socket.text(&format!("{record}\u{1e}")).await.unwrap();
}

/// The items and the completion of a stream.
async fn collect(socket: &mut RawSocket, id: &str) -> (Vec<Value>, Value) {
    let is_end = |record: &Value| record["type"] == 3 && record["invocationId"] == id;
    let seen = read_until(socket, is_end).await;
    let of_id = |kind: i64| {
        let seen = seen.iter();
        seen.filter(move |record| record["invocationId"] == id && record["type"] == kind)
    };
    let items = of_id(2).map(|record| record["item"].clone()).collect();
    (items, of_id(3).next().unwrap().clone())
}

#[tokio::test]
async fn streams_run_beside_calls_and_end_when_cancelled() {
    let server = Server::start();
    let mut socket = connected(
        &server,
        &[
            handshake(),
            stream("e", "InfiniteStream", json!([])),
            call(Some(1), "SlowEcho", json!(["slow", 200])),
            stream("s", "Stream", json!([])),
        ],
    )
    .await;
    let (items, completion) = collect(&mut socket, "s").await;
    assert_eq!(items, ["a", "b", "c"]);
    assert_eq!(completion, end("s"));

    send(&mut socket, &stream("e", "Stream", json!([]))).await;
    let (_, twice) = collect(&mut socket, "e").await;
    assert_eq!(twice["error"], "Invocation ID 'e' is already in use.");
    send(&mut socket, &json!({"type": 5, "invocationId": "e"})).await;
    let seen = read_until(&mut socket, |record| *record == end("e")).await;
    let told = |record: &Value| record["target"] == "StreamCanceled";
    assert!(seen.iter().any(told), "{seen:?}");

    send(&mut socket, &stream("e", "EmptyStream", json!([]))).await;
    assert_eq!(
        collect(&mut socket, "e").await,
        (vec![], end("e")),
        "free again"
    );
    let late = json!({"type": 5, "invocationId": "unknown"});
    send(&mut socket, &late).await;
    send(&mut socket, &call(Some(2), "Echo", json!(["x"]))).await;
    read_until(&mut socket, |record| record["result"] == "x").await;
}

#[tokio::test]
async fn uploads_reach_their_method_and_may_come_back_as_a_stream() {
    let server = Server::start();
    let concat = json!({"type": 1, "invocationId": "1", "target": "StreamingConcat", "arguments": [], "streamIds": ["u"]});
    let records = [
        handshake(),
        concat,
        call(Some(2), "Echo", json!(["meanwhile"])),
        item("u", json!("ab")),
        item("u", json!("cd")),
    ];
    let mut socket = connected(&server, &records).await;
    read_until(&mut socket, |record| record["result"] == "meanwhile").await;
    send(&mut socket, &end("u")).await;
    read_until(&mut socket, |record| record["result"] == "abcd").await;

    let echo = json!({"type": 4, "invocationId": "3", "target": "StreamEcho", "arguments": [], "streamIds": ["u"]});
    send(&mut socket, &echo).await;
    for number in 0..100 {
        send(&mut socket, &item("u", json!({ "n": number }))).await;
    }
    let failed = json!({"type": 3, "invocationId": "u", "error": "torn"});
    send(&mut socket, &failed).await;
    let (items, completion) = collect(&mut socket, "3").await;
    let sent: Vec<_> = (0..100).map(|number| json!({ "n": number })).collect();
    assert_eq!(items, sent);
    let text = "An error occurred on the server while streaming results. \
                HubException: the client's stream failed: torn";
    assert_eq!(completion["error"], text);
}

#[tokio::test]
async fn an_upload_waits_for_the_reader_of_its_echo_and_arrives_whole() {
    let server = Server::start_with(|limits| {
        limits.parallel_streams = 2;
        limits.stream_buffer = 2;
    });
    // Their items come back only as fast as they are read: nobody reads yet.
    let echo = json!({"type": 4, "invocationId": "1", "target": "StreamEcho", "arguments": [], "streamIds": ["u"]});
    let mut socket = connected(&server, &[handshake(), echo]).await;
    let big = "x".repeat(30_000);
    let count = 100;
    for _ in 0..count {
        send(&mut socket, &item("u", json!(big))).await;
    }
    send(&mut socket, &end("u")).await;
    let (items, completion) = collect(&mut socket, "1").await;
    assert_eq!(items.len(), count);
    assert_eq!(completion, end("1"));
}

#[tokio::test]
async fn results_are_asked_of_the_client_without_holding_up_its_calls() {
    let server = Server::start();
    let ask = call(Some(1), "InvokeClientResult", json!(["question"]));
    let meanwhile = call(Some(2), "Echo", json!(["meanwhile"]));
    let mut socket = connected(&server, &[handshake(), ask.clone(), meanwhile]).await;
    let seen = read_until(&mut socket, |record| record["result"] == "meanwhile").await;
    let question = seen.iter().find(|record| record["type"] == 1).unwrap();
    assert_eq!(question["target"], "GetClientResult");
    assert_eq!(question["arguments"], json!(["question"]));
    let id = question["invocationId"].as_str().unwrap();
    assert!(id.starts_with('s'));
    let answer = json!({"type": 3, "invocationId": id, "result": {"a": 1}});
    send(&mut socket, &answer).await;
    read_until(&mut socket, |record| record["result"] == json!({"a": 1})).await;

    send(&mut socket, &ask).await;
    let seen = read_until(&mut socket, |record| record["type"] == 1).await;
    let id = seen.last().unwrap()["invocationId"].clone();
    let answer = json!({"type": 3, "invocationId": id, "error": "no idea"});
    send(&mut socket, &answer).await;
    let seen = read_until(&mut socket, |record| record["type"] == 3).await;
    let text = "An unexpected error occurred invoking 'InvokeClientResult' on the server. \
                HubException: no idea";
    assert_eq!(seen.last().unwrap()["error"], text);
}

#[tokio::test]
async fn failed_calls_have_the_texts_that_clients_know() {
    let server = Server::start();
    let mut socket = connected(&server, &[handshake()]).await;
    let unexpected =
        |method: &str| format!("An unexpected error occurred invoking '{method}' on the server.");
    let cases = [
        (call(Some(1), "nope", json!([])), "Unknown hub method 'nope'".into()),
        (
            call(Some(1), "add", json!(["a", 2])),
            "Failed to invoke 'Add' due to an error on the server.".into(),
        ),
        (
            call(Some(1), "Echo", json!([])),
            "Failed to invoke 'Echo' due to an error on the server.".into(),
        ),
        (call(Some(1), "ThrowException", json!(["secret"])), unexpected("ThrowException")),
        (
            call(Some(1), "ThrowHubException", json!(["shown"])),
            unexpected("ThrowHubException") + " HubException: shown",
        ),
        (
            call(Some(1), "StreamingConcat", json!([])),
            unexpected("StreamingConcat"),
        ),
        (
            call(Some(1), "Stream", json!([])),
            "The client attempted to invoke the streaming 'Stream' method with a non-streaming invocation.".into(),
        ),
        (
            stream("1", "Echo", json!(["x"])),
            "The client attempted to invoke the non-streaming 'Echo' method with a streaming invocation.".into(),
        ),
        (
            stream("1", "StreamThrowException", json!(["secret"])),
            unexpected("StreamThrowException"),
        ),
        (
            stream("1", "StreamThenThrow", json!(["secret"])),
            "An error occurred on the server while streaming results.".into(),
        ),
    ];
    for (record, text) in cases {
        send(&mut socket, &record).await;
        let (_, completion) = collect(&mut socket, "1").await;
        assert_eq!(completion["error"], Value::String(text), "{record}");
    }
    send(&mut socket, &call(None, "nope", json!([]))).await;
    send(&mut socket, &call(Some(2), "VoidMethod", json!([]))).await;
    let seen = read_until(&mut socket, |record| record["type"] == 3).await;
    assert_eq!(
        seen,
        [end("2")],
        "without an id there is no answer, not even an error"
    );
}

#[tokio::test]
async fn closing_by_the_hub_says_whether_to_come_back() {
    let server = Server::start();
    for allow in [false, true] {
        let close = call(Some(1), "CloseMe", json!([allow]));
        let mut socket = connected(&server, &[handshake(), close]).await;
        let ending = socket.ending(crate::server::SOON).await.unwrap();
        let seen = crate::wire::records(&ending.text());
        let mut close = json!({"type": 7});
        if allow {
            close["allowReconnect"] = json!(true);
        }
        assert_eq!(seen, [json!({}), end("1"), close]);
        assert_eq!(ending.close_code, Some(1000));
    }
}
