//! Prints nanoseconds per message for the paths that every message of a hub takes.
//!
//! `cargo run --release -p protocol --example speed`

#![allow(clippy::print_stdout)] // It is all that it does.
#![allow(clippy::disallowed_methods)] // A stopwatch needs a clock.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::server::{ServerConnection, ServerEvent, ServerSettings};
use protocol::{
    Call, Decoder, Encoding, HubMessage, Limits, Raw, encode, encode_completion, encode_invocation,
};
use serde::{Deserialize, Serialize};

/// About what a client of the chat hub sends.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Draft<'a> {
    id: &'a str,
    kind: &'a str,
    text: &'a str,
}

/// About what it gets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivery<'a> {
    room_id: &'a str,
    sequence: u64,
    number: u64,
    id: &'a str,
    sender_id: &'a str,
    kind: &'a str,
    text: &'a str,
    sent_at: &'a str,
}

const TEXT: &str = "See you at eight in front of the old theatre, bring the good cables";

fn invocation(encoding: Encoding) -> Result<Bytes, Box<dyn std::error::Error>> {
    let draft = Draft {
        id: "0190a7c4-5b1e-7cc3-98a4-2f6f0d3e8b11",
        kind: "text",
        text: TEXT,
    };
    let arguments = vec![
        Raw::encode(encoding, "room-0190a7c4")?,
        Raw::encode(encoding, &draft)?,
    ];
    let message = HubMessage::Invocation {
        invocation_id: Some("1234".into()),
        call: Call::new("SendMessage", arguments),
    };
    Ok(protocol::to_bytes(encoding, &message)?)
}

/// The best of several rounds, in nanoseconds per turn.
fn measure(mut turn: impl FnMut()) -> f64 {
    const TURNS: u32 = 50_000;
    let round = |_| {
        let start = Instant::now();
        (0..TURNS).for_each(|_| turn());
        start.elapsed().as_nanos() as f64 / f64::from(TURNS)
    };
    (0..9).map(round).fold(f64::MAX, f64::min)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for encoding in Encoding::ALL {
        let record = invocation(encoding)?;
        let show = |what: &str, nanoseconds: f64| {
            println!("{:<12} {what:<46} {nanoseconds:>7.0} ns", encoding.name());
        };
        println!("{:<12} {} bytes", encoding.name(), record.len());

        let mut decoder = Decoder::new(encoding, Limits::default());
        show(
            "decode a SendMessage",
            measure(|| {
                decoder.push(Bytes::copy_from_slice(&record));
                black_box(decoder.next().ok());
            }),
        );

        let mut server =
            ServerConnection::new(Arc::new(ServerSettings::default()), false, Duration::ZERO);
        let hello = format!(
            "{{\"protocol\":\"{}\",\"version\":1}}\u{1e}",
            encoding.name()
        );
        server.receive(hello.into_bytes(), Duration::ZERO);
        server.poll_event();
        show(
            "the same through a connection, arguments read",
            measure(|| {
                server.receive(Bytes::copy_from_slice(&record), Duration::ZERO);
                while let Some(event) = server.poll_event() {
                    if let ServerEvent::Invocation { call, .. } = event {
                        black_box(call.arguments[0].decode::<&str>().ok());
                        black_box(
                            call.arguments[1]
                                .decode::<Draft<'_>>()
                                .ok()
                                .map(|draft| draft.text.len()),
                        );
                    }
                }
            }),
        );

        let delivery = Delivery {
            room_id: "room-0190a7c4",
            sequence: 123_456,
            number: 120_000,
            id: "0190a7c4-5b1e-7cc3-98a4-2f6f0d3e8b11",
            sender_id: "musician-42",
            kind: "text",
            text: TEXT,
            sent_at: "2025-06-01T20:15:00.123Z",
        };
        let mut out = Vec::with_capacity(1024);
        show(
            "encode a ReceiveMessage",
            measure(|| {
                out.clear();
                black_box(encode_invocation(encoding, "ReceiveMessage", &delivery, &mut out).ok());
            }),
        );
        show(
            "encode a completion",
            measure(|| {
                out.clear();
                black_box(
                    encode_completion(encoding, "1234", &(123_456_u64, "2025-06-01"), &mut out)
                        .ok(),
                );
            }),
        );
        show(
            "encode a ping",
            measure(|| {
                out.clear();
                black_box(encode(encoding, &HubMessage::Ping, &mut out).ok());
            }),
        );
    }
    Ok(())
}
