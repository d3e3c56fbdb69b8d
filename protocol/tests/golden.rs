//! Golden vectors: every message type in both encodings, written exactly so, and read from every spelling
//! that clients use. And what must be refused.

use bytes::Bytes;
use protocol::{
    Call, Decoder, Encoding, Headers, HubMessage, Limits, Outcome, ProtocolError, Raw, encode,
};

fn message(name: &str, encoding: Encoding) -> HubMessage {
    let answer = || Raw::encode(encoding, &42).expect("a number");
    let call = |target: &str, arguments| Call::new(target, arguments);
    let headers = Headers::default();
    match name {
        "ping" => HubMessage::Ping,
        "close" => HubMessage::Close {
            error: None,
            allow_reconnect: false,
        },
        "close_with_error_and_reconnect" => HubMessage::Close {
            error: Some("Connection closed with an error.".into()),
            allow_reconnect: true,
        },
        "ack" => HubMessage::Ack { sequence_id: 300 },
        "sequence" => HubMessage::Sequence { sequence_id: 7 },
        "largest_sequence" => HubMessage::Sequence {
            sequence_id: u64::MAX,
        },
        "invocation_without_id" => HubMessage::Invocation {
            invocation_id: None,
            call: call("Send", vec![answer()]),
        },
        "invocation_with_id" => HubMessage::Invocation {
            invocation_id: Some("0".into()),
            call: call("Send", vec![]),
        },
        "invocation_with_streams_and_headers" => HubMessage::Invocation {
            invocation_id: Some("1".into()),
            call: Call {
                stream_ids: vec!["2".into(), "3".into()],
                headers: Headers(vec![("k".into(), "v".into())]),
                ..call("Up", vec![])
            },
        },
        "stream_invocation" => HubMessage::StreamInvocation {
            invocation_id: "5".into(),
            call: call("Count", vec![]),
        },
        "stream_item" => HubMessage::StreamItem {
            invocation_id: "5".into(),
            item: answer(),
            headers,
        },
        "stream_item_null" => HubMessage::StreamItem {
            invocation_id: "5".into(),
            item: Raw::null(encoding),
            headers,
        },
        "completion_void" => completion(Outcome::Void),
        "completion_result" => completion(Outcome::Result(answer())),
        "completion_null_result" => completion(Outcome::Result(Raw::null(encoding))),
        "completion_error" => completion(Outcome::Error("no \"room\"".into())),
        "cancel" => HubMessage::CancelInvocation {
            invocation_id: "5".into(),
            headers,
        },
        _ => panic!("no message is called {name}"),
    }
}

fn completion(outcome: Outcome) -> HubMessage {
    HubMessage::Completion {
        invocation_id: "5".into(),
        outcome,
        headers: Headers::default(),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let pair = |pair: &[u8]| {
        u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex digits")
    };
    digits.chunks(2).map(pair).collect()
}

/// The framed record of a vector line: JSON text, or hex of a MessagePack body.
fn framed(text: &str) -> (Encoding, Vec<u8>) {
    if text.starts_with('{') {
        return (Encoding::Json, [text.as_bytes(), b"\x1e"].concat());
    }
    let body = unhex(text);
    assert!(body.len() < 128, "vectors are short");
    (
        Encoding::MessagePack,
        [&[body.len() as u8], &body[..]].concat(),
    )
}

fn read(encoding: Encoding, bytes: &[u8]) -> Result<Option<HubMessage>, ProtocolError> {
    let mut decoder = Decoder::new(encoding, Limits::default());
    decoder.push(Bytes::copy_from_slice(bytes));
    let message = decoder.next()?;
    assert_eq!(decoder.next()?, None, "one record is one message");
    assert_eq!(decoder.buffered(), 0);
    Ok(message)
}

#[test]
fn every_message_type_is_written_and_read_as_its_vectors_say() {
    let mut name = "";
    let mut seen = Vec::new();
    for line in include_str!("golden/messages.txt").lines() {
        let Some((mark @ ("=" | "<"), text)) = line.split_once(' ') else {
            if !line.is_empty() && !line.starts_with('#') {
                name = line;
            }
            continue;
        };
        let (encoding, bytes) = framed(text);
        let expected = message(name, encoding);
        let found = read(encoding, &bytes);
        assert_eq!(found, Ok(Some(expected.clone())), "{name}: read {text}");
        if mark == "=" {
            let mut written = b"before".to_vec();
            encode(encoding, &expected, &mut written).expect("a valid message");
            let lossy = String::from_utf8_lossy(&written);
            assert_eq!(
                written,
                [b"before", &bytes[..]].concat(),
                "{name}: wrote {lossy}"
            );
            seen.push((std::mem::discriminant(&expected), encoding));
        }
    }
    for encoding in Encoding::ALL {
        let kinds: std::collections::HashSet<_> = seen
            .iter()
            .filter(|(_, other)| *other == encoding)
            .map(|(kind, _)| kind)
            .collect();
        assert_eq!(
            kinds.len(),
            9,
            "all message types are there in {encoding:?}"
        );
    }
}

/// What the official clients and the servers they were tested with put on the wire, byte for byte.
#[test]
fn a_ping_is_exactly_the_bytes_that_clients_compare() {
    let ping = |encoding| protocol::to_bytes(encoding, &HubMessage::Ping).expect("valid");
    assert_eq!(&ping(Encoding::MessagePack)[..], [0x02, 0x91, 0x06]);
    assert_eq!(&ping(Encoding::Json)[..], b"{\"type\":6}\x1e");
}

#[test]
fn messages_of_unknown_type_are_skipped_whatever_they_hold() {
    let unknown = [
        r#"{"type":77,"target":5,"arguments":{},"headers":7,"sequenceId":"x"}"#,
        r#"{"error":[],"type":0}"#,
        "93 4d c0 92 01 81 a1 78 c0",
        "91 00",
    ];
    for text in unknown {
        let (encoding, mut bytes) = framed(text);
        bytes.extend(protocol::to_bytes(encoding, &HubMessage::Ping).expect("valid"));
        assert_eq!(read(encoding, &bytes), Ok(Some(HubMessage::Ping)), "{text}");
    }
}

#[test]
fn records_that_break_the_protocol_are_refused_with_the_reason() {
    use ProtocolError::{Missing, ResultAndError, WrongType};
    let cases = [
        (r#"{}"#, Missing("type")),
        (r#"{"type":null}"#, WrongType("type")),
        (r#"{"type":"1"}"#, WrongType("type")),
        (r#"{"type":1.5}"#, WrongType("type")),
        (r#"{"type":1,"arguments":[]}"#, Missing("target")),
        (
            r#"{"type":1,"target":"","arguments":[]}"#,
            Missing("target"),
        ),
        (
            r#"{"type":1,"target":7,"arguments":[]}"#,
            WrongType("target"),
        ),
        (
            r#"{"type":1,"target":"\ud800","arguments":[]}"#,
            WrongType("target"),
        ),
        (r#"{"type":1,"target":"A"}"#, Missing("arguments")),
        (
            r#"{"type":1,"target":"A","arguments":{}}"#,
            WrongType("arguments"),
        ),
        (
            r#"{"type":1,"target":"A","arguments":[],"streamIds":[1]}"#,
            WrongType("streamIds"),
        ),
        (
            r#"{"type":1,"target":"A","arguments":[],"headers":[]}"#,
            WrongType("headers"),
        ),
        (
            r#"{"type":1,"target":"A","arguments":[],"headers":null}"#,
            WrongType("headers"),
        ),
        (
            r#"{"type":4,"target":"A","arguments":[]}"#,
            Missing("invocationId"),
        ),
        (
            r#"{"type":4,"invocationId":"","target":"A","arguments":[]}"#,
            Missing("invocationId"),
        ),
        (r#"{"type":2,"invocationId":"5"}"#, Missing("item")),
        (r#"{"type":2,"item":1}"#, Missing("invocationId")),
        (
            r#"{"type":3,"invocationId":"5","result":null,"error":"x"}"#,
            ResultAndError,
        ),
        (r#"{"type":5}"#, Missing("invocationId")),
        (
            r#"{"type":7,"allowReconnect":1}"#,
            WrongType("allowReconnect"),
        ),
        (r#"{"type":8}"#, Missing("sequenceId")),
        (r#"{"type":8,"sequenceId":-1}"#, WrongType("sequenceId")),
        (
            r#"{"type":9,"sequenceId":18446744073709551616}"#,
            WrongType("sequenceId"),
        ),
        ("90", Missing("type")),
        ("91 c0", WrongType("type")),
        ("91 ff", WrongType("type")),
        ("95 01 c0 c0 a1 41 90", WrongType("headers")),
        ("95 01 00 c0 a1 41 90", WrongType("headers")),
        ("94 01 80 c0 a1 41", Missing("arguments")),
        ("95 01 80 07 a1 41 90", WrongType("invocationId")),
        ("95 01 80 c0 c0 90", Missing("target")),
        ("95 01 80 c0 a1 41 c0", WrongType("arguments")),
        ("96 01 80 c0 a1 41 90 91 07", WrongType("streamIds")),
        ("95 04 80 c0 a1 41 90", Missing("invocationId")),
        ("93 02 80 a1 35", Missing("item")),
        ("94 03 80 a1 35 04", WrongType("resultKind")),
        ("94 03 80 a1 35 01", Missing("error")),
        ("95 03 80 a1 35 01 07", WrongType("error")),
        ("94 03 80 a1 35 03", Missing("result")),
        ("92 08 ff", WrongType("sequenceId")),
        ("92 08 d3 ffffffffffffffff", WrongType("sequenceId")),
    ];
    for (text, reason) in cases {
        let (encoding, bytes) = framed(text);
        assert_eq!(read(encoding, &bytes), Err(reason), "{text}");
    }
}

#[test]
fn text_that_is_not_json_is_malformed_at_its_place() {
    let cases: [(&[u8], usize); 17] = [
        (b"", 0),
        (b"[]", 0),
        (b"6", 0),
        (b"{\"type\":6", 9),
        (b"{\"type\":6}x", 10),
        (b"{\"type\":6}{\"type\":6}", 10),
        (b"{\"type\":6,}", 10),
        (b"{type:6}", 1),
        (b"{\"type\" 6}", 8),
        (b"{\"type\":06}", 9),
        (b"{\"type\":6,\"x\":+1}", 14),
        (b"{\"type\":6,\"x\":1.}", 16),
        (b"{\"type\":6,\"x\":[1 2]}", 17),
        (b"{\"type\":6,\"x\":nul}", 14),
        (b"{\"type\":6,\"x\":\"\\x\"}", 15),
        (b"{\"type\":6,\"x\":\"a\nb\"}", 16),
        (b"{\"type\":6,\"x\":\"\xff\"}", 15),
    ];
    for (text, place) in cases {
        let found = read(Encoding::Json, &[text, b"\x1e"].concat());
        let lossy = String::from_utf8_lossy(text);
        assert!(
            matches!(found, Err(ProtocolError::Malformed { at, .. }) if at == place),
            "{lossy}: {found:?} is not at {place}"
        );
    }
    let cases = [
        "",
        "c1",
        "06",
        "91",
        "91 06 c0",
        "95 01 80 c0 a2 41",
        "95 01 80 c0 a1 ff 90",
    ];
    for text in cases {
        let (_, bytes) = (0, [&[unhex(text).len() as u8], &unhex(text)[..]].concat());
        let found = read(Encoding::MessagePack, &bytes);
        assert!(
            matches!(found, Err(ProtocolError::Malformed { .. })),
            "{text}: {found:?}"
        );
    }
}
