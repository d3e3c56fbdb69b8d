//! The handshake: answers, failures, what it settles.

use bytes::Bytes;
use protocol::handshake::HandshakeError;
use protocol::server::{ServerConnection, ServerEvent};
use protocol::{CloseReason, Encoding};

use crate::{HELLO, at, events, receive, server, written};

#[test]
fn messages_may_follow_the_handshake_in_the_same_frame_or_come_byte_by_byte() {
    let call = b"{\"type\":1,\"target\":\"A\",\"arguments\":[7]}\x1e";
    let stream = [HELLO, call].concat();
    for size in [1, 5, stream.len()] {
        let mut server = server(false);
        let mut seen = Vec::new();
        for chunk in stream.chunks(size) {
            server.receive(Bytes::copy_from_slice(chunk), at(1));
            seen.extend(events(&mut server));
        }
        let [
            ServerEvent::Handshaked {
                encoding,
                version,
                stateful,
            },
            ServerEvent::Invocation {
                invocation_id,
                call,
            },
        ] = &seen[..]
        else {
            panic!("{seen:?}");
        };
        assert_eq!((*encoding, *version, *stateful), (Encoding::Json, 1, false));
        assert_eq!((invocation_id, call.target.as_str()), (&None, "A"));
        assert_eq!(call.arguments[0].decode::<u8>().expect("a number"), 7);
        assert_eq!(written(&mut server), "{}\u{1e}");
    }
}

#[test]
fn stateful_reconnect_needs_the_negotiation_and_version_2() {
    let cases = [
        (true, 2, true),
        (true, 1, false),
        (false, 2, false),
        (false, 1, false),
    ];
    for (negotiated, version, expected) in cases {
        let mut server = server(negotiated);
        let hello = format!("{{\"protocol\":\"messagepack\",\"version\":{version}}}");
        let seen = receive(&mut server, &hello, at(0));
        let encoding = Encoding::MessagePack;
        let handshaked = ServerEvent::Handshaked {
            encoding,
            version,
            stateful: expected,
        };
        assert_eq!(seen, [handshaked]);
        assert_eq!(
            (server.is_stateful(), server.encoding()),
            (expected, encoding)
        );
        assert_eq!(server.resume(at(1)).is_ok(), expected);
    }
}

#[test]
fn a_failed_handshake_is_answered_with_its_text_and_nothing_is_read_after_it() {
    let refused = |server: &mut ServerConnection, error: HandshakeError| {
        let text = format!("{{\"error\":\"{error}\"}}\u{1e}");
        let closed = ServerEvent::Closed(CloseReason::Handshake(error));
        assert_eq!(events(server), [closed]);
        assert_eq!(written(server), text);
        server.receive(HELLO, at(60));
        server.handle_timeout(at(60));
        assert_eq!((events(server), written(server)), (vec![], String::new()));
        assert_eq!(server.poll_timeout(), None);
    };
    let mut garbage = server(false);
    garbage.receive(&b"GET / HTTP/1.1\x1e"[..], at(0));
    refused(&mut garbage, HandshakeError::Malformed);

    let mut endless = server(false);
    endless.receive(vec![b' '; 32 * 1024 + 1], at(0));
    refused(&mut endless, HandshakeError::Canceled);

    let mut late = server(false);
    late.receive(&HELLO[..5], at(14));
    assert_eq!(late.poll_timeout(), Some(at(15)), "a dribble gains no time");
    late.handle_timeout(at(14));
    assert_eq!(
        (events(&mut late), written(&mut late)),
        (vec![], String::new())
    );
    late.handle_timeout(at(15));
    refused(&mut late, HandshakeError::Canceled);
}

#[test]
fn a_server_that_closes_before_the_handshake_refuses_it_in_text_and_only_then() {
    for (error, text) in [
        (None, "Handshake was canceled."),
        (Some("not \"now\""), "not \\\"now\\\""),
    ] {
        let mut server = server(true);
        server.close(error, true, at(1));
        assert_eq!(
            written(&mut server),
            format!("{{\"error\":\"{text}\"}}\u{1e}")
        );
        let closed = ServerEvent::Closed(CloseReason::Local);
        assert_eq!(events(&mut server), [closed]);
        server.close(error, true, at(2));
        assert_eq!(written(&mut server), "");
    }
}
