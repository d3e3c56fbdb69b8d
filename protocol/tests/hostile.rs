//! Bytes that mean harm: nothing panics, nothing is kept beyond the limits, nothing recurses.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use protocol::client::{ClientConnection, ClientEvent, ClientSettings};
use protocol::server::{ServerConnection, ServerEvent, ServerSettings};
use protocol::{CloseReason, Decoder, Encoding, Limits, ProtocolError, Raw};
use serde::de::IgnoredAny;

const NOW: Duration = Duration::from_secs(5);

fn small() -> Limits {
    Limits {
        max_message_bytes: 200,
        ..Limits::default()
    }
}

/// Valid traffic to spoil: all kinds of messages in one stream.
fn traffic(encoding: Encoding) -> Vec<u8> {
    let mut stream = Vec::new();
    for line in include_str!("golden/messages.txt").lines() {
        let Some(("=" | "<", text)) = line.split_once(' ') else {
            continue;
        };
        match encoding {
            Encoding::Json if text.starts_with('{') => {
                stream.extend_from_slice(text.as_bytes());
                stream.push(0x1e);
            }
            Encoding::MessagePack if !text.starts_with('{') => {
                let digits: String = text.split_whitespace().collect();
                let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex");
                stream.push((digits.len() / 2) as u8);
                stream.extend((0..digits.len()).step_by(2).map(byte));
            }
            _ => {}
        }
    }
    stream
}

#[derive(Debug, Clone)]
enum Spoil {
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
}

fn spoil(stream: &mut Vec<u8>, how: &Spoil) {
    match how {
        _ if stream.is_empty() => {}
        Spoil::Flip(at, bits) => {
            let at = at.index(stream.len());
            stream[at] ^= bits;
        }
        Spoil::Insert(at, bytes) => {
            let at = at.index(stream.len());
            stream.splice(at..at, bytes.iter().copied());
        }
        Spoil::Remove(at, count) => {
            let at = at.index(stream.len());
            stream.drain(at..stream.len().min(at + count));
        }
        Spoil::Repeat(at, count) => {
            let at = at.index(stream.len());
            let piece = stream[at..stream.len().min(at + count)].to_vec();
            stream.splice(at..at, piece);
        }
    }
}

fn spoiled() -> impl Strategy<Value = (Encoding, Vec<u8>)> {
    let heads = vec![
        0xdd_u8, 0xdf, 0xdb, 0xc6, 0xc9, 0x91, 0x81, 0xff, b'[', b'{', b'"', b'\\', 0x1e,
    ];
    let how = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, bits)| Spoil::Flip(at, bits)),
        (any::<Index>(), vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Spoil::Insert(at, bytes)),
        (any::<Index>(), vec(prop::sample::select(heads), 1..6))
            .prop_map(|(at, bytes)| Spoil::Insert(at, bytes)),
        (any::<Index>(), 1..20_usize).prop_map(|(at, count)| Spoil::Remove(at, count)),
        (any::<Index>(), 1..60_usize).prop_map(|(at, count)| Spoil::Repeat(at, count)),
    ];
    let stream = (prop::sample::select(Encoding::ALL.to_vec()), vec(how, 1..6));
    stream.prop_map(|(encoding, hows)| {
        let mut stream = traffic(encoding);
        hows.iter().for_each(|how| spoil(&mut stream, how));
        (encoding, stream)
    })
}

fn garbage() -> impl Strategy<Value = (Encoding, Vec<u8>)> {
    (
        prop::sample::select(Encoding::ALL.to_vec()),
        vec(any::<u8>(), 0..600),
    )
}

fn chunks(stream: &[u8], cuts: &[usize]) -> Vec<Bytes> {
    let mut rest = Bytes::copy_from_slice(stream);
    let mut chunks = Vec::new();
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        chunks.push(rest.split_to((*cut).min(rest.len())));
    }
    chunks
}

/// Reads until the stream ends or breaks: what was read, and why it broke.
fn read(
    encoding: Encoding,
    chunks: &[Bytes],
) -> Result<(usize, Option<ProtocolError>), TestCaseError> {
    let limits = small();
    let mut decoder = Decoder::new(encoding, limits);
    let mut messages = 0;
    for chunk in chunks {
        decoder.push(chunk.clone());
        loop {
            match decoder.next() {
                Ok(Some(_)) => messages += 1,
                Ok(None) => break,
                Err(error) => return Ok((messages, Some(error))),
            }
        }
        prop_assert!(decoder.buffered() <= limits.max_message_bytes + 5);
    }
    Ok((messages, None))
}

/// A server and a client get the same bytes after their handshakes; once closed, they stay closed.
fn feed_connections(encoding: Encoding, chunks: &[Bytes]) -> Result<(), TestCaseError> {
    let settings = ServerSettings {
        limits: small(),
        max_streams: 4,
        ..ServerSettings::default()
    };
    let mut server = ServerConnection::new(Arc::new(settings), true, NOW);
    let name = encoding.name();
    let hello = format!("{{\"protocol\":\"{name}\",\"version\":2}}\u{1e}");
    server.receive(hello.into_bytes(), NOW);
    let settings = ClientSettings {
        limits: small(),
        ..ClientSettings::new(encoding, true)
    };
    let mut client = ClientConnection::new(settings, NOW);
    client.receive(&b"{}\x1e"[..], NOW);
    let (mut server_closed, mut client_closed) = (false, false);
    for chunk in chunks {
        server.receive(chunk.clone(), NOW);
        client.receive(chunk.clone(), NOW);
        while let Some(event) = server.poll_event() {
            prop_assert!(!server_closed, "{event:?} after Closed");
            server_closed = matches!(event, ServerEvent::Closed(_));
        }
        while let Some(event) = client.poll_event() {
            prop_assert!(!client_closed, "{event:?} after Closed");
            client_closed = matches!(event, ClientEvent::Closed(_));
        }
    }
    prop_assert_eq!(server_closed, server.poll_timeout().is_none());
    prop_assert_eq!(client_closed, client.poll_timeout().is_none());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn spoiled_traffic_ends_the_same_way_however_it_is_cut(
        (encoding, stream) in prop_oneof![3 => spoiled(), 1 => garbage()],
        cuts in vec(1..300_usize, 1..8),
    ) {
        let whole = read(encoding, &[Bytes::copy_from_slice(&stream)])?;
        prop_assert_eq!(&read(encoding, &chunks(&stream, &cuts))?, &whole);
        prop_assert_eq!(&read(encoding, &chunks(&stream, &[1]))?, &whole);
        feed_connections(encoding, &chunks(&stream, &cuts))?;
    }

    #[test]
    fn handshakes_of_garbage_are_refused_and_read_no_further(
        (_, mut stream) in garbage(),
        json in any::<bool>(),
    ) {
        if json {
            stream = [b"{\"protocol\":\"json\",\"version\":", &stream[..]].concat();
        }
        stream.push(0x1e);
        let mut server = ServerConnection::new(Arc::default(), true, NOW);
        server.receive(stream, NOW);
        let first = server.poll_event();
        let closed = matches!(first, Some(ServerEvent::Closed(CloseReason::Handshake(_))));
        let opened = matches!(first, Some(ServerEvent::Handshaked { .. }));
        prop_assert!(closed || opened, "{:?}", first);
        let answer = server.poll_transmit().expect("an answer");
        prop_assert_eq!(answer.last(), Some(&0x1e));
        prop_assert_eq!(&answer[..] == b"{}\x1e", opened);
    }

    /// An independent reader is the judge of what is JSON.
    #[test]
    fn text_is_a_value_exactly_if_serde_json_says_so(
        text in prop_oneof![
            "[\\[\\]{}:,\"0-9eE.+\\- tn\\\\]{0,12}",
            "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
            "(\\[|\\{\"a\":){0,4}(true|false|null|nul|\"\\\\u00[0-9a-g]{2}\"|\"\\\\[a-z]\"|1)(\\]|\\}){0,4}",
            "\"[a-z\u{0}-\u{1f}\u{7f}é\\\\\"]{0,24}\"",
        ],
    ) {
        let ours = Raw::parse(Encoding::Json, text.clone().into(), &Limits::default()).is_ok();
        // White space around a value is not part of it, for us.
        let theirs = serde_json::from_str::<IgnoredAny>(&text).is_ok() && text.trim_matches(' ') == text;
        prop_assert_eq!(ours, theirs);
    }

    /// And of what is MessagePack.
    #[test]
    fn bytes_are_a_value_exactly_if_rmp_serde_reads_them_to_the_end(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..20),
            vec(prop_oneof![0x80..0xa4_u8, 0xc0..=0xff_u8, 0..3_u8], 0..30),
        ],
    ) {
        let ours = Raw::parse(Encoding::MessagePack, bytes.clone().into(), &Limits::default()).is_ok();
        let mut reader = std::io::Cursor::new(&bytes);
        let read = rmp_serde::from_read::<_, IgnoredAny>(&mut reader).is_ok();
        prop_assert_eq!(ours, read && reader.position() == bytes.len() as u64, "{:x?}", bytes);
    }
}

fn nested(encoding: Encoding, depth: usize) -> Vec<Vec<u8>> {
    match encoding {
        Encoding::Json => [("[", "]"), ("{\"a\":", "}")]
            .map(|(open, close)| format!("{}1{}", open.repeat(depth), close.repeat(depth)).into())
            .to_vec(),
        Encoding::MessagePack => [&[0x91][..], &[0x81, 0xa1, b'a'], &[0xdc, 0, 1]]
            .map(|open| [open.repeat(depth), vec![1]].concat())
            .to_vec(),
    }
}

#[test]
fn nesting_is_refused_beyond_the_limit_without_recursion() {
    let on_a_tiny_stack = || {
        for encoding in Encoding::ALL {
            let limits = Limits {
                max_message_bytes: 1 << 24,
                ..Limits::default()
            };
            for value in nested(encoding, 64) {
                assert!(Raw::parse(encoding, value.into(), &limits).is_ok());
            }
            for depth in [65, 15_000, 1_000_000] {
                for value in nested(encoding, depth) {
                    let refused = Raw::parse(encoding, value.into(), &limits);
                    assert_eq!(
                        refused,
                        Err(ProtocolError::TooDeep { limit: 64 }),
                        "{depth}"
                    );
                }
            }
        }
        let open = "[".repeat(15_000);
        for record in [
            format!("{{\"type\":1,\"arguments\":[{open}"),
            format!("{{\"x\":{open}"),
        ] {
            let mut decoder = Decoder::new(Encoding::Json, Limits::default());
            decoder.push(record.into_bytes());
            decoder.push(&b"\x1e"[..]);
            assert_eq!(decoder.next(), Err(ProtocolError::TooDeep { limit: 64 }));
        }
    };
    let thread = std::thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(on_a_tiny_stack);
    thread.expect("a thread").join().expect("no overflow");
}

/// Readers of values recurse: whatever the settings say, they are only given what they bear.
#[test]
fn the_deepest_value_that_can_be_allowed_is_read_on_a_small_stack() {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Tree {
        Leaf(#[expect(dead_code)] u8),
        List(Vec<Tree>),
        Map(std::collections::BTreeMap<String, Tree>),
    }
    fn height(tree: &Tree) -> usize {
        match tree {
            Tree::Leaf(_) => 0,
            Tree::List(list) => 1 + list.iter().map(height).max().unwrap_or(0),
            Tree::Map(map) => 1 + map.values().map(height).max().unwrap_or(0),
        }
    }
    let limits = Limits {
        max_depth: usize::MAX,
        ..Limits::default()
    };
    for encoding in Encoding::ALL {
        for value in nested(encoding, Limits::DEPTH_CEILING + 1) {
            let refused = Raw::parse(encoding, value.into(), &limits);
            assert_eq!(
                refused,
                Err(ProtocolError::TooDeep {
                    limit: Limits::DEPTH_CEILING
                })
            );
        }
    }
    let on_a_small_stack = move || {
        for encoding in Encoding::ALL {
            for value in nested(encoding, Limits::DEPTH_CEILING) {
                let value = Raw::parse(encoding, value.into(), &limits).expect("at the limit");
                let json: Result<serde_json::Value, _> = value.decode();
                assert!(json.is_ok(), "{encoding:?}: {:?}", json.err());
            }
            // Twelve: an untagged enum reads its content once per level, which is its own affair.
            for value in nested(encoding, 12) {
                let value = Raw::parse(encoding, value.into(), &limits).expect("below the limit");
                assert_eq!(
                    value.decode::<Tree>().map(|tree| height(&tree)).ok(),
                    Some(12)
                );
            }
        }
    };
    let thread = std::thread::Builder::new()
        .stack_size(512 * 1024)
        .spawn(on_a_small_stack);
    thread.expect("a thread").join().expect("no overflow");
}
