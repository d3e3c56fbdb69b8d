//! Streams both ways and client results.

use std::sync::Arc;

use protocol::server::{ServerConnection, ServerEvent, ServerSettings};
use protocol::{Encoding, Outcome, Raw};

use crate::{HELLO, at, events, open_server, receive, shown};

#[test]
fn an_id_is_in_use_from_its_call_until_its_release() {
    let mut server = open_server();
    let seen = receive(
        &mut server,
        "{\"type\":4,\"invocationId\":\"1\",\"target\":\"Count\",\"arguments\":[]}
         {\"type\":4,\"invocationId\":\"1\",\"target\":\"Count\",\"arguments\":[]}
         {\"type\":1,\"invocationId\":\"2\",\"target\":\"Up\",\"arguments\":[],\"streamIds\":[\"3\",\"1\"]}
         {\"type\":2,\"invocationId\":\"3\",\"item\":9}
         {\"type\":1,\"target\":\"Up\",\"arguments\":[],\"streamIds\":[\"1\"]}
         {\"type\":5,\"invocationId\":\"1\"}
         {\"type\":5,\"invocationId\":\"2\"}
         {\"type\":3,\"invocationId\":\"1\"}",
        at(1),
    );
    let expected = [
        "stream Count 1",
        "refuse 1: Invocation ID '1' is already in use.",
        "refuse 2: Invocation ID '1' is already in use.",
        "cancel 1",
    ];
    assert_eq!(
        shown(&seen),
        expected,
        "a refused call starts none of its streams"
    );

    server.release("1");
    let again = "{\"type\":5,\"invocationId\":\"1\"}
        {\"type\":4,\"invocationId\":\"1\",\"target\":\"Count\",\"arguments\":[]}";
    assert_eq!(
        shown(&receive(&mut server, again, at(2))),
        ["stream Count 1"]
    );
}

#[test]
fn upload_streams_end_with_the_client_or_with_their_call() {
    let mut server = open_server();
    let seen = receive(
        &mut server,
        "{\"type\":1,\"invocationId\":\"0\",\"target\":\"Up\",\"arguments\":[],\"streamIds\":[\"1\",\"s2\",\"3\"]}
         {\"type\":2,\"invocationId\":\"1\",\"item\":5}
         {\"type\":2,\"invocationId\":\"9\",\"item\":5}
         {\"type\":5,\"invocationId\":\"1\"}
         {\"type\":3,\"invocationId\":\"1\"}
         {\"type\":2,\"invocationId\":\"1\",\"item\":6}
         {\"type\":3,\"invocationId\":\"s2\",\"error\":\"broken\"}",
        at(1),
    );
    let expected = [
        "call Up Some(\"0\")",
        "item 1 5",
        "end 1 None",
        "end s2 Some(\"broken\")",
    ];
    assert_eq!(shown(&seen), expected);
    server.release("3");
    let late =
        "{\"type\":2,\"invocationId\":\"3\",\"item\":5}\n{\"type\":3,\"invocationId\":\"3\"}";
    assert_eq!(receive(&mut server, late, at(2)), []);
}

#[test]
fn the_streams_of_a_client_are_bounded() {
    let settings = ServerSettings {
        max_streams: 3,
        ..ServerSettings::default()
    };
    let mut server = ServerConnection::new(Arc::new(settings), false, at(0));
    server.receive(HELLO, at(0));
    events(&mut server);
    let stream = |id: u32, uploads: &str| {
        format!(
            "{{\"type\":4,\"invocationId\":\"{id}\",\"target\":\"S\",\"arguments\":[],\"streamIds\":[{uploads}]}}"
        )
    };
    let seen = receive(
        &mut server,
        &[stream(1, ""), stream(2, "\"3\",\"4\""), stream(5, "\"6\"")].join("\n"),
        at(1),
    );
    let expected = [
        "stream S 1",
        "refuse 2: Too many streams are running on this connection.",
        "stream S 5",
    ];
    assert_eq!(shown(&seen), expected);
}

#[test]
fn client_results_are_told_apart_from_uploads_by_their_ids() {
    let mut server = open_server();
    assert_eq!(
        (
            server.next_invocation_id().as_str(),
            server.next_invocation_id().as_str()
        ),
        ("s1", "s2")
    );
    let seen = receive(
        &mut server,
        "{\"type\":3,\"invocationId\":\"7\",\"result\":1}
         {\"type\":3,\"invocationId\":\"s2\",\"result\":null}
         {\"type\":3,\"invocationId\":\"s1\",\"error\":\"Client didn't provide a result.\"}",
        at(1),
    );
    let expected = [
        ServerEvent::ClientResult {
            invocation_id: "s2".into(),
            outcome: Outcome::Result(Raw::null(Encoding::Json)),
        },
        ServerEvent::ClientResult {
            invocation_id: "s1".into(),
            outcome: Outcome::Error("Client didn't provide a result.".into()),
        },
    ];
    assert_eq!(seen, expected);
}

#[test]
fn an_idle_connection_is_small() {
    assert!(
        size_of::<ServerConnection>() <= 300,
        "{} bytes",
        size_of::<ServerConnection>()
    );
}
