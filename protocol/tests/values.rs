//! Values: what readers get from the spellings of other clients, and what cannot be written.

use std::collections::BTreeMap;

use bytes::Bytes;
use protocol::{
    Call, EncodeError, Encoding, Headers, HubMessage, Limits, Outcome, Raw, encode,
    encode_invocation,
};
use serde::{Deserialize, Serialize};

fn json(text: &str) -> Raw {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Raw::parse(Encoding::Json, bytes, &Limits::default()).expect("well-formed")
}

fn msgpack(bytes: &[u8]) -> Raw {
    let bytes = Bytes::copy_from_slice(bytes);
    Raw::parse(Encoding::MessagePack, bytes, &Limits::default()).expect("well-formed")
}

#[test]
fn integers_are_read_in_every_width_and_only_within_their_range() {
    let widths: [&[u8]; 9] = [
        &[42],
        &[0xcc, 42],
        &[0xcd, 0, 42],
        &[0xce, 0, 0, 0, 42],
        &[0xcf, 0, 0, 0, 0, 0, 0, 0, 42],
        &[0xd0, 42],
        &[0xd1, 0, 42],
        &[0xd2, 0, 0, 0, 42],
        &[0xd3, 0, 0, 0, 0, 0, 0, 0, 42],
    ];
    for bytes in widths {
        let value = msgpack(bytes);
        assert_eq!(value.decode::<u8>().expect("fits"), 42);
        assert_eq!(value.decode::<i64>().expect("fits"), 42);
        assert_eq!(value.decode::<Option<u64>>().expect("fits"), Some(42));
        assert_eq!(value.decode::<f64>().expect("fits"), 42.0);
    }
    assert!(msgpack(&[0xcd, 1, 0]).decode::<u8>().is_err());
    assert!(msgpack(&[0xff]).decode::<u64>().is_err());
    assert!(json("256").decode::<u8>().is_err());
    assert!(json("1.5").decode::<i64>().is_err());
    assert_eq!(
        json("18446744073709551615").decode::<u64>().expect("fits"),
        u64::MAX
    );
    assert_eq!(
        json("-9223372036854775808").decode::<i64>().expect("fits"),
        i64::MIN
    );
}

#[test]
fn digits_that_no_number_type_holds_pass_through_unchanged() {
    for text in [
        "123456789012345678901234567890",
        "0.10",
        "1E400",
        "-0",
        "1.0",
    ] {
        let mut out = Vec::new();
        let outcome = Outcome::Result(json(text));
        let headers = Headers::default();
        let message = HubMessage::Completion {
            invocation_id: "1".into(),
            outcome,
            headers,
        };
        encode(Encoding::Json, &message, &mut out).expect("valid");
        let expected = format!("{{\"type\":3,\"invocationId\":\"1\",\"result\":{text}}}\u{1e}");
        assert_eq!(String::from_utf8(out).expect("JSON"), expected);
    }
    assert!(json("1E400").decode::<f64>().is_err());
}

#[test]
fn text_is_read_from_str_and_bin_and_structs_from_maps_and_arrays() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Point {
        x: i32,
        y: Option<i32>,
    }
    assert_eq!(
        msgpack(&[0xc4, 2, b'h', b'i'])
            .decode::<String>()
            .expect("UTF-8"),
        "hi"
    );
    assert_eq!(
        msgpack(&[0xa2, b'h', b'i'])
            .decode::<&str>()
            .expect("UTF-8"),
        "hi"
    );
    assert!(msgpack(&[0xc4, 1, 0xff]).decode::<String>().is_err());
    assert!(json("\"\\ud800\"").decode::<String>().is_err());
    let point = Point { x: 1, y: None };
    assert_eq!(
        msgpack(&[0x82, 0xa1, b'x', 1, 0xa1, b'z', 0x90])
            .decode::<Point>()
            .expect("x"),
        point
    );
    assert_eq!(
        msgpack(&[0x92, 1, 0xc0])
            .decode::<Point>()
            .expect("in order"),
        point
    );
    assert_eq!(
        json("{\"z\":[],\"x\":1}").decode::<Point>().expect("x"),
        point
    );
}

#[test]
fn null_is_recognised_and_errors_do_not_quote_the_value() {
    for encoding in Encoding::ALL {
        let null = Raw::null(encoding);
        assert!(null.is_null());
        assert_eq!(null, Raw::encode(encoding, &()).expect("null"));
        let secret = Raw::encode(encoding, "secret").expect("text");
        assert!(!secret.is_null());
        let error = secret.decode::<u64>().expect_err("not a number");
        assert!(!format!("{error} {secret:?}").contains("secret"));
    }
}

#[test]
fn structs_are_written_with_field_names_in_both_encodings() {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Message {
        room_id: &'static str,
        reply_to: Option<u64>,
    }
    let message = Message {
        room_id: "r",
        reply_to: None,
    };
    let text = Raw::encode(Encoding::Json, &message).expect("plain data");
    assert_eq!(&text.as_bytes()[..], br#"{"roomId":"r","replyTo":null}"#);
    let binary = Raw::encode(Encoding::MessagePack, &message).expect("plain data");
    assert_eq!(
        &binary.as_bytes()[..],
        b"\x82\xa6roomId\xa1r\xa7replyTo\xc0"
    );
}

#[test]
fn what_cannot_be_written_leaves_no_trace() {
    let unwritable = BTreeMap::from([(vec![1], 2)]);
    let mut out = b"before".to_vec();
    let error = encode_invocation(Encoding::Json, "A", &unwritable, &mut out);
    assert!(matches!(error, Err(EncodeError::Json(_))));
    assert_eq!(out, b"before");

    let message = |target: &'static str, argument| HubMessage::Invocation {
        invocation_id: None,
        call: Call::new(target, vec![argument]),
    };
    for encoding in Encoding::ALL {
        let other = Encoding::ALL
            .into_iter()
            .find(|other| *other != encoding)
            .expect("two");
        let error = encode(encoding, &message("A", Raw::null(other)), &mut out);
        assert!(matches!(error, Err(EncodeError::OtherEncoding)));
        let error = encode(encoding, &message("", Raw::null(encoding)), &mut out);
        assert!(matches!(error, Err(EncodeError::Empty("target"))));
        let headers = Headers::default();
        let outcome = Outcome::Error(String::new());
        let failed = HubMessage::Completion {
            invocation_id: "1".into(),
            outcome,
            headers,
        };
        assert!(matches!(
            encode(encoding, &failed, &mut out),
            Err(EncodeError::Empty("error"))
        ));
    }
    assert_eq!(out, b"before");
}
