//! No input makes a connection allocate more than a small multiple of its limits, and none makes it keep more.
//!
//! One test only: the allocator counts for the whole process.

use std::alloc::System;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cap::Cap;
use protocol::Encoding;
use protocol::server::{ServerConnection, ServerEvent, ServerSettings};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const LIMIT: usize = 32 * 1024;
const NOW: Duration = Duration::from_secs(5);

struct Attack {
    name: &'static str,
    encoding: Encoding,
    /// Given to the connection one by one.
    frames: Vec<Bytes>,
    /// Whether the connection must end.
    ends: bool,
}

fn attack(name: &'static str, encoding: Encoding, frames: Vec<Vec<u8>>, ends: bool) -> Attack {
    let shared = |frame| {
        let frame = Bytes::from(frame);
        // The first clone allocates what all further ones share: not the connection's doing.
        drop(frame.clone());
        frame
    };
    Attack {
        name,
        encoding,
        frames: frames.into_iter().map(shared).collect(),
        ends,
    }
}

fn json(name: &'static str, record: String, ends: bool) -> Attack {
    attack(
        name,
        Encoding::Json,
        vec![format!("{record}\u{1e}").into_bytes()],
        ends,
    )
}

fn msgpack(name: &'static str, body: &[u8]) -> Attack {
    let length = [body.len() as u8 & 0x7f | 0x80, (body.len() >> 7) as u8];
    attack(
        name,
        Encoding::MessagePack,
        vec![[&length, body].concat()],
        true,
    )
}

fn json_attacks() -> Vec<Attack> {
    let call =
        |arguments: &str| format!("{{\"type\":1,\"target\":\"A\",\"arguments\":[{arguments}]}}");
    let header = |i: u32| format!("\"{i}\":\"\"");
    let headers: Vec<String> = (0..3_000).map(header).collect();
    let endless = (0..100).map(|_| vec![b'['; 1024]).collect();
    let id = "x".repeat(30_000);
    let stream = |i: u32| {
        let stream = format!(
            "{{\"type\":4,\"invocationId\":\"{i:0>128}\",\"target\":\"A\",\"arguments\":[]}}\u{1e}"
        );
        stream.into_bytes()
    };
    vec![
        json("many arguments", call(&"1,".repeat(16_000)), true),
        json(
            "long argument",
            call(&format!("\"{}\"", "x".repeat(32_000))),
            false,
        ),
        json(
            "escaped argument",
            call(&format!("\"{}\"", "\\u0041".repeat(5_000))),
            false,
        ),
        json(
            "escaped target",
            call("").replace('A', &"\\u0041".repeat(5_000)),
            false,
        ),
        json(
            "escaped names",
            format!("{{{}\"type\":6}}", "\"\\u0061\":0,".repeat(2_500)),
            false,
        ),
        json(
            "many headers",
            call("").replace('{', &format!("{{\"headers\":{{{}}},", headers.join(","))),
            true,
        ),
        json(
            "long id",
            format!("{{\"type\":5,\"invocationId\":\"{id}\"}}"),
            true,
        ),
        json("deep", call(&"[".repeat(15_000)), true),
        attack("endless record", Encoding::Json, endless, true),
        attack(
            "endless streams",
            Encoding::Json,
            (0..5_000).map(stream).collect(),
            false,
        ),
        attack(
            "pings",
            Encoding::Json,
            vec![b"{\"type\":6}\x1e".repeat(3_000)],
            false,
        ),
    ]
}

fn msgpack_attacks() -> Vec<Attack> {
    let prefix = vec![
        vec![0xff, 0xff, 0xff, 0xff, 0x07],
        vec![0; 1024],
        vec![0; 100_000],
    ];
    let dribble = std::iter::once(vec![0x80, 0x80, 0x02]).chain((0..40_000).map(|_| vec![0xc0]));
    vec![
        msgpack(
            "arguments by the billion",
            b"\x95\x01\x80\xc0\xa1A\xdd\xff\xff\xff\xff",
        ),
        msgpack(
            "nested array by the billion",
            b"\x95\x01\x80\xc0\xa1A\x91\xdd\xff\xff\xff\xff\x01",
        ),
        msgpack(
            "nested map by the billion",
            b"\x95\x01\x80\xc0\xa1A\x91\xdf\xff\xff\xff\xff\x01",
        ),
        msgpack(
            "long text",
            b"\x95\x01\x80\xc0\xa1A\x91\xdb\xff\xff\xff\xff\x01",
        ),
        msgpack(
            "long bin",
            b"\x95\x01\x80\xc0\xa1A\x91\xc6\xff\xff\xff\xff\x01",
        ),
        msgpack(
            "long extension",
            b"\x95\x01\x80\xc0\xa1A\x91\xc9\xff\xff\xff\xff\x01\x01",
        ),
        msgpack(
            "headers by the billion",
            b"\x95\x01\xdf\xff\xff\xff\xff\xc0\xa1A\x90",
        ),
        msgpack(
            "streams by the billion",
            b"\x96\x01\x80\xc0\xa1A\x90\xdd\xff\xff\xff\xff",
        ),
        msgpack("elements by the billion", b"\xdd\xff\xff\xff\xff\x06"),
        msgpack("long target", b"\x95\x01\x80\xc0\xdb\xff\xff\xff\xffA"),
        attack(
            "two gigabytes announced",
            Encoding::MessagePack,
            prefix,
            true,
        ),
        attack(
            "one byte at a time",
            Encoding::MessagePack,
            dribble.collect(),
            true,
        ),
    ]
}

/// What a connection held at the end of an attack, in bytes.
fn run(settings: &Arc<ServerSettings>, attack: &Attack) -> usize {
    let before = ALLOCATOR.allocated();
    let mut server = ServerConnection::new(settings.clone(), true, NOW);
    let hello: &[u8] = match attack.encoding {
        Encoding::Json => b"{\"protocol\":\"json\",\"version\":2}\x1e",
        Encoding::MessagePack => b"{\"protocol\":\"messagepack\",\"version\":2}\x1e",
    };
    server.receive(Bytes::from_static(hello), NOW);
    let mut ended = false;
    for frame in &attack.frames {
        server.receive(frame.clone(), NOW);
        while let Some(event) = server.poll_event() {
            ended |= matches!(event, ServerEvent::Closed(_));
        }
        while server.poll_transmit().is_some() {}
    }
    assert_eq!(ended, attack.ends, "{}", attack.name);
    ALLOCATOR.allocated().saturating_sub(before)
}

#[test]
fn memory_stays_within_a_small_multiple_of_the_limits() {
    let settings = Arc::new(ServerSettings::default());
    assert_eq!(settings.limits.max_message_bytes, LIMIT);
    let attacks: Vec<Attack> = json_attacks()
        .into_iter()
        .chain(msgpack_attacks())
        .collect();
    // Making the attacks has cost memory too; from here on only the connections allocate.
    let made = ALLOCATOR.max_allocated();
    let filler = vec![0_u8; made - ALLOCATOR.allocated()];
    let before = ALLOCATOR.max_allocated();
    for attack in &attacks {
        let held = run(&settings, attack);
        let streams = settings.max_streams * (settings.limits.max_id_bytes + 100);
        assert!(held <= streams, "{} keeps {held} bytes", attack.name);
        let peak = ALLOCATOR.max_allocated() - before;
        assert!(peak <= 3 * LIMIT, "{} took {peak} bytes", attack.name);
    }
    assert!(ALLOCATOR.max_allocated() > before, "the measure works");
    drop(filler);
}
