//! A proxy that makes one mistake in what it passes on, so that the checks are seen to notice it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// Larger than any request or answer of a short run.
const BUFFER: usize = 256 * 1024;

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Whoever is told that another one has the request is told to have it.
    TellLosersThatTheyWon,
    /// A request does not say who has it.
    HideWhoIsAssigned,
    /// No two requests have the same idempotency key.
    ChangeKeys,
    /// Messages in a history have other sequences than those that were acknowledged.
    MoveMessages,
    /// Inboxes are not to be had.
    FailInboxes,
}

/// Passes on what comes to its address until the test ends.
pub struct Proxy {
    pub address: SocketAddr,
}

impl Proxy {
    /// In front of a hub.
    pub fn start(hub: SocketAddr, mistake: Mistake) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let hub = TcpStream::connect(hub).unwrap();
                for stream in [&client, &hub] {
                    stream.set_nodelay(true).unwrap();
                }
                let (from, to) = (client.try_clone().unwrap(), hub.try_clone().unwrap());
                thread::spawn(move || pass(from, to, |bytes| ask(mistake, bytes)));
                thread::spawn(move || pass(hub, client, |bytes| answer(mistake, bytes)));
            }
        });
        Self { address }
    }
}

/// One request is in flight at a time and none is large, so that what is read at once is whole.
fn pass(mut from: TcpStream, mut to: TcpStream, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&change(buffer[..read].to_vec())).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn has(bytes: &[u8], what: &str) -> bool {
    memchr::memmem::find(bytes, what.as_bytes()).is_some()
}

/// Puts other bytes of the same length behind every place where something stands.
fn overwrite(mut bytes: Vec<u8>, behind: &str, with: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, behind).collect();
    for at in places {
        let from = at + behind.len();
        if let Some(place) = bytes.get_mut(from..from + with.len()) {
            place.copy_from_slice(with);
        }
    }
    bytes
}

fn ask(mistake: Mistake, bytes: Vec<u8>) -> Vec<u8> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    match mistake {
        Mistake::ChangeKeys => {
            let number = format!("{:06x}", ASKED.fetch_add(1, Ordering::Relaxed));
            overwrite(bytes, "idempotency-key: ", number.as_bytes())
        }
        // The path is gone from the answer: here it is changed into one that there is not.
        Mistake::FailInboxes if bytes.starts_with(b"GET /api/inbox?") => {
            overwrite(bytes, "GET /api/", b"vanis")
        }
        _ => bytes,
    }
}

fn answer(mistake: Mistake, bytes: Vec<u8>) -> Vec<u8> {
    let lost = has(&bytes, "\"already_assigned\"") || has(&bytes, "\"outcome\":\"taken\"");
    match mistake {
        Mistake::TellLosersThatTheyWon if lost => {
            let won = "{\"outcome\":\"assigned\"}";
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
            format!("{head}{}\r\n\r\n{won}", won.len()).into_bytes()
        }
        Mistake::HideWhoIsAssigned => overwrite(bytes, "\"assignedId\":\"", b"x"),
        // An acknowledgement has no sender: it stays as it is.
        Mistake::MoveMessages if has(&bytes, "\"senderId\"") => {
            overwrite(bytes, "\"sequence\":", b"9")
        }
        _ => bytes,
    }
}
