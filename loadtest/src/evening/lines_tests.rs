//! Lines to a server that does as it is told: how they are opened, left, paused and lost.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream as Socket};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use super::*;
use crate::token::Credentials;

/// Keeps what it hears.
#[derive(Default)]
struct Ear(Vec<String>);

impl Listener for Ear {
    fn heard(&mut self, _: usize, payload: &[u8], _: u64) -> Result<(), HubError> {
        self.0.push(String::from_utf8_lossy(payload).into_owned());
        Ok(())
    }
}

/// Accepts WebSockets, answers the handshake, and hands each on with what was said first.
fn server() -> (SocketAddr, Receiver<(Socket, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = sync_channel(8);
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let mut bytes = Vec::new();
            let answer = loop {
                read_more(&mut socket, &mut bytes).unwrap();
                if let Some((used, answer)) = websocket::answer_upgrade(&bytes) {
                    bytes.drain(..used);
                    break answer;
                }
            };
            socket.write_all(&answer).unwrap();
            let mut said = unmasked(&mut bytes);
            while !said.contains("hello") {
                read_more(&mut socket, &mut bytes).unwrap();
                said += &unmasked(&mut bytes);
            }
            send(&mut socket, "{}\u{1e}");
            if sender.send((socket, said)).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

fn read_more(socket: &mut Socket, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let read = socket.read(&mut buffer)?;
    bytes.extend_from_slice(&buffer[..read]);
    match read {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// The payloads of all whole frames, which are taken out; of a close frame its code.
fn unmasked(bytes: &mut Vec<u8>) -> String {
    let mut said = String::new();
    while let Some(head) = websocket::head(bytes).unwrap() {
        let end = head.head_bytes + head.payload_bytes;
        if bytes.len() < end {
            break;
        }
        let frame: Vec<u8> = bytes.drain(..end).collect();
        let mut payload = frame[head.head_bytes..].to_vec();
        websocket::apply_mask(&mut payload, head.mask.unwrap());
        match head.opcode {
            websocket::CLOSE => {
                said += &format!("close {}", u16::from_be_bytes([payload[0], payload[1]]))
            }
            _ => said += &String::from_utf8_lossy(&payload),
        }
    }
    said
}

fn send(socket: &mut Socket, payload: &str) {
    let mut frame = Vec::new();
    websocket::push_frame(&mut frame, websocket::TEXT, payload.as_bytes(), None);
    socket.write_all(&frame).unwrap();
}

fn lines(address: SocketAddr) -> Lines {
    let target = Target {
        addresses: vec![address],
        credentials: Credentials::Secret("of nobody".into()),
        encoding: Encoding::Json,
        mixed: false,
        // Another process has the first source address.
        first: 20_000,
        nonce: "n".into(),
        text_bytes: 64,
    };
    let mut lines = Lines::new(&target, Clock::start()).unwrap();
    let line = lines.add(Person {
        user: "ana".into(),
        hub: "/hubs/chat",
        encoding: Encoding::Json,
        receive_buffer: Some(4_096),
    });
    assert_eq!(line, 0);
    lines
}

/// Turns until something holds.
fn until(lines: &mut Lines, ear: &mut Ear, mut holds: impl FnMut(&mut Lines, &Ear) -> bool) {
    while !holds(lines, ear) {
        lines.turn(Duration::from_millis(5), ear).unwrap();
    }
}

/// An open line and its other end.
fn open(address: SocketAddr, sockets: &Receiver<(Socket, String)>) -> (Lines, Ear, Socket, String) {
    let (mut lines, mut ear) = (lines(address), Ear::default());
    lines.open(0, &[b"hello\x1e".to_vec()]).unwrap();
    let mut end = None;
    until(&mut lines, &mut ear, |lines, _| {
        end = end.take().or_else(|| sockets.try_recv().ok());
        end.is_some() && matches!(lines.lines[0].stage, Stage::Up)
    });
    let (socket, said) = end.unwrap();
    (lines, ear, socket, said)
}

#[test]
fn a_line_says_what_it_wants_and_hears_what_comes() {
    let (address, sockets) = server();
    let (mut lines, mut ear, mut socket, said) = open(address, &sockets);
    assert!(said.starts_with("{\"protocol\":\"json\""), "{said}");
    assert_eq!(socket.peer_addr().unwrap().ip().to_string(), "127.0.0.2");
    send(&mut socket, "one");
    send(&mut socket, "two");
    until(&mut lines, &mut ear, |_, ear| ear.0.len() == 2);
    assert_eq!(ear.0, ["one", "two"]);
    lines.say_record(0, b"thanks");
    let mut bytes = Vec::new();
    read_more(&mut socket, &mut bytes).unwrap();
    assert_eq!(unmasked(&mut bytes), "thanks");
    assert!(lines.take_lost().is_empty());
}

#[test]
fn a_paused_line_hears_nothing_until_it_reads_on_and_then_everything() {
    let (address, sockets) = server();
    let (mut lines, mut ear, mut socket, _) = open(address, &sockets);
    lines.pause(0);
    send(&mut socket, "one");
    for _ in 0..10 {
        lines.turn(Duration::from_millis(5), &mut ear).unwrap();
    }
    assert!(ear.0.is_empty());
    send(&mut socket, "two");
    lines.resume(0, &mut ear);
    until(&mut lines, &mut ear, |_, ear| ear.0.len() == 2);
    assert_eq!(ear.0, ["one", "two"]);
}

#[test]
fn a_line_is_left_with_a_goodbye_with_a_reset_or_without_a_word() {
    let (address, sockets) = server();
    for how in [Ending::Clean, Ending::Cut, Ending::Dead] {
        let (mut lines, mut ear, mut socket, _) = open(address, &sockets);
        send(&mut socket, "late");
        lines.leave(0, how);
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let mut bytes = Vec::new();
        let read = read_more(&mut socket, &mut bytes).map_err(|error| error.kind());
        match how {
            Ending::Clean => {
                assert_eq!(unmasked(&mut bytes), "{\"type\":7}\u{1e}close 1000");
                // It hears no more, and is gone when the other end is.
                drop(socket);
                until(&mut lines, &mut ear, |lines, _| {
                    matches!(lines.lines[0].stage, Stage::Down)
                });
            }
            Ending::Cut => assert_eq!(read, Err(ErrorKind::ConnectionReset)),
            Ending::Dead => {
                assert_eq!(
                    read,
                    Err(ErrorKind::WouldBlock),
                    "it is open, and says nothing"
                );
                assert_eq!(lines.dead.len(), 1);
                // Long after, it is reset.
                lines.keep_alive(lines.clock.now_ns() + DEAD_NS + 1);
                assert!(lines.dead.is_empty());
            }
        }
        assert!(ear.0.is_empty() && lines.take_lost().is_empty(), "{how:?}");
        // Whoever left can come again.
        lines.open(0, &[b"hello\x1e".to_vec()]).unwrap();
        until(&mut lines, &mut ear, |lines, _| {
            matches!(lines.lines[0].stage, Stage::Up)
        });
        assert!(sockets.recv().is_ok());
    }
}

#[test]
fn a_line_whose_other_end_is_gone_or_silent_is_lost_once() {
    let (address, sockets) = server();
    let (mut lines, mut ear, socket, _) = open(address, &sockets);
    drop(socket);
    until(&mut lines, &mut ear, |lines, _| !lines.lost.is_empty());
    assert_eq!(
        lines.take_lost(),
        [(0, "connection: unexpected end of file".to_owned())]
    );
    let (mut lines, _ear, _socket, _) = open(address, &sockets);
    lines.keep_alive(lines.clock.now_ns() + SILENT_NS + PING_EVERY_NS);
    lines.keep_alive(lines.clock.now_ns() + SILENT_NS + 2 * PING_EVERY_NS);
    assert_eq!(
        lines.take_lost(),
        [(0, "nothing was heard for 30 s".to_owned())]
    );
}

/// Both are told by one event, after which there is none.
#[test]
fn what_comes_together_with_the_end_is_heard_and_the_end_is_noticed() {
    let (address, sockets) = server();
    let (mut lines, mut ear, mut socket, _) = open(address, &sockets);
    send(&mut socket, "last words");
    socket.shutdown(std::net::Shutdown::Both).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    until(&mut lines, &mut ear, |lines, _| !lines.lost.is_empty());
    assert_eq!(ear.0, ["last words"]);
}
