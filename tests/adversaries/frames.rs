//! Frames, messages and handshakes that are no such thing.

use std::net::SocketAddr;

use chaos::raw::{FIN, RawError, RawSocket, frame, head, opcode, unmasked};

use super::{BROKEN, JSON, MESSAGEPACK, SOON, bytes, connected, ended, told, websocket, write_on};

const ECHO: &str =
    "{\"type\":1,\"target\":\"Echo\",\"invocationId\":\"1\",\"arguments\":[\"a\"]}\u{1e}";

pub async fn garbage(hub: SocketAddr) {
    let noise: Vec<u8> = (0..2000u32)
        .map(|n| (n * 7919 % 251) as u8 | 0x80)
        .collect();
    let mut socket = RawSocket::connect(hub).await.unwrap();
    socket.write(&noise).await.unwrap();
    match socket.response(SOON).await {
        Ok(response) => assert_eq!(response.status, 400),
        Err(RawError::Late(what)) => panic!("the hub did not {what}"),
        Err(_) => {}
    }
    let malformed = "An unexpected error occurred during connection handshake.";
    for (handshake, words) in [
        ("no handshake", malformed),
        ("{}", malformed),
        ("[1,2]", malformed),
        ("", malformed),
        (
            r#"{"protocol":"xml","version":1}"#,
            "The protocol 'xml' is not supported.",
        ),
        (
            r#"{"protocol":"json","version":9}"#,
            "The server does not support version 9 of the 'json' protocol.",
        ),
    ] {
        let mut socket = websocket(hub).await;
        socket.text(&format!("{handshake}\u{1e}")).await.unwrap();
        told(socket, words).await;
    }
    for message in [
        "no json",
        "{\"type\":1}",
        "{\"type\":3,\"invocationId\":7}",
        "[]",
    ] {
        let mut socket = connected(hub, JSON).await;
        socket.text(&format!("{message}\u{1e}")).await.unwrap();
        told(socket, BROKEN).await;
    }
    for message in [
        &[1, 0xc1][..],
        &[2, 0x91, 0x01],
        &[3, 0x93, 0x01, 0x07],
        &[1, 0xff],
        &[0],
    ] {
        let mut socket = connected(hub, MESSAGEPACK).await;
        bytes(&mut socket, message).await;
        told(socket, BROKEN).await;
    }
}

pub async fn oversize(hub: SocketAddr) {
    let mut socket = websocket(hub).await;
    write_on(&mut socket, &frame(FIN | opcode::TEXT, &[b' '; 40_000])).await;
    ended(socket).await;

    let long = ECHO.replace("\"a\"", &format!("\"{}\"", "x".repeat(33_000)));
    let mut socket = connected(hub, JSON).await;
    write_on(&mut socket, &frame(FIN | opcode::TEXT, long.as_bytes())).await;
    told(socket, BROKEN).await;

    // The same in small frames, and without ever coming to the end of the message.
    let mut socket = connected(hub, JSON).await;
    for piece in long.as_bytes().chunks(1000).take(33) {
        write_on(&mut socket, &frame(FIN | opcode::TEXT, piece)).await;
    }
    told(socket, BROKEN).await;

    // One WebSocket message of ever more parts.
    let mut socket = connected(hub, JSON).await;
    write_on(&mut socket, &frame(opcode::TEXT, b"{")).await;
    while write_on(&mut socket, &frame(opcode::CONTINUATION, &[b' '; 1000])).await {
        tokio::task::yield_now().await;
    }
    ended(socket).await;
}

/// Lengths that nothing follows.
pub async fn huge_announced_lengths(hub: SocketAddr) {
    for length in [1 << 20, 1 << 32, (1 << 63) - 1, u64::MAX] {
        let mut socket = connected(hub, JSON).await;
        socket
            .write(&head(FIN | opcode::TEXT, 0x80, length))
            .await
            .unwrap();
        write_on(&mut socket, &[0; 64]).await;
        ended(socket).await;
    }
    let all = 0xff; // Four of them announce 2^32 - 1.
    for message in [
        &[all, all, all, all, 0x07][..],                // a record of 2 GiB
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x01],          // a length that does not end
        &[10, 0xdd, all, all, all, all, 1, 2, 3, 4, 5], // a message of many members
        &[10, 0x96, 1, 0xdf, all, all, all, all, 1, 2, 3], // many headers
        &[10, 0x93, 2, 0x80, 0xdb, all, all, all, all, 65, 66], // a long string
        &[12, 0x94, 2, 0x80, 0xa1, 49, 0xc6, all, all, all, all, 1, 2], // many bytes
    ] {
        let mut socket = connected(hub, MESSAGEPACK).await;
        bytes(&mut socket, message).await;
        told(socket, BROKEN).await;
    }
}

pub async fn deep_nesting(hub: SocketAddr) {
    let begin =
        "{\"type\":1,\"target\":\"EchoComplexObject\",\"invocationId\":\"1\",\"arguments\":[";
    let (open, close) = ("[".repeat(15_000), "]".repeat(15_000));
    for message in [
        format!("{begin}{open}"),
        format!("{begin}{open}{close}]}}"),
        format!("{begin}{}", "{\"a\":".repeat(5_000)),
        "{\"a\":".repeat(5_000),
    ] {
        let mut socket = connected(hub, JSON).await;
        socket.text(&format!("{message}\u{1e}")).await.unwrap();
        told(socket, BROKEN).await;
    }
    let mut message = vec![0xb0, 0xea, 0x01]; // 30,000 as a varint
    message.extend([0x91; 30_000]);
    let mut socket = connected(hub, MESSAGEPACK).await;
    bytes(&mut socket, &message).await;
    told(socket, BROKEN).await;
}

pub async fn invalid_utf8(hub: SocketAddr) {
    let text =
        b"{\"type\":1,\"target\":\"Echo\",\"invocationId\":\"1\",\"arguments\":[\"\xff\xfe\"]}\x1e";
    for kind in [opcode::TEXT, opcode::BINARY] {
        let mut socket = connected(hub, JSON).await;
        socket.frame(FIN | kind, text).await.unwrap();
        ended(socket).await;
    }
    // In the name of a method.
    let mut socket = connected(hub, MESSAGEPACK).await;
    bytes(
        &mut socket,
        &[9, 0x95, 1, 0x80, 0xa1, b'1', 0xa2, 0xff, 0xfe, 0x90],
    )
    .await;
    told(socket, BROKEN).await;
}

pub async fn broken_frames(hub: SocketAddr) {
    let echo = ECHO.as_bytes();
    for bytes in [
        unmasked(FIN | opcode::TEXT, echo),
        frame(FIN | 0x40 | opcode::TEXT, echo), // a reserved bit
        frame(FIN | 3, echo),                   // a reserved kind
        frame(FIN | opcode::CONTINUATION, echo), // continues nothing
        frame(opcode::PING, b"half a ping"),    // a control frame in parts
        frame(FIN | opcode::PING, &[b'p'; 126]), // and one that is too long
    ] {
        let mut socket = connected(hub, JSON).await;
        socket.write(&bytes).await.unwrap();
        ended(socket).await;
    }
}

/// Half a frame, or half a message, and then nothing more: its silence is what ends such a client.
pub async fn half_frames(hub: SocketAddr) {
    let ping = frame(FIN | opcode::TEXT, b"{\"type\":6}\x1e");
    let mut waiting = Vec::new();
    for half in [
        &frame(FIN | opcode::TEXT, &[b'{'; 500])[..100],
        &frame(FIN | opcode::TEXT, b"{\"type\":")[..],
        &frame(opcode::TEXT, b"{\"type\":1")[..],
        &[0x81][..],
    ] {
        let mut socket = connected(hub, JSON).await;
        socket.write(&ping).await.unwrap();
        socket.write(half).await.unwrap();
        waiting.push(ended(socket));
    }
    for ended in waiting {
        ended.await;
    }
}

pub async fn no_handshake(hub: SocketAddr) {
    told(websocket(hub).await, "Handshake was canceled.").await;
    let mut socket = websocket(hub).await;
    socket.text("{\"protocol\":\"js").await.unwrap();
    told(socket, "Handshake was canceled.").await;
}
