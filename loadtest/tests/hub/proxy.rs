//! A proxy that makes mistakes in what it passes on, so that the checks are seen to notice them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Larger than any request or answer of a short run.
const BUFFER: usize = 256 * 1024;

/// Passes on what comes to its address until the test ends.
pub struct Proxy {
    pub address: SocketAddr,
}

impl Proxy {
    /// In front of a hub: changes what clients ask, and what the hub answers.
    pub fn start(
        hub: SocketAddr,
        ask: impl Fn(Vec<u8>) -> Option<Vec<u8>> + Clone + Send + 'static,
        answer: impl Fn(Vec<u8>) -> Option<Vec<u8>> + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let hub = TcpStream::connect(hub).unwrap();
                for stream in [&client, &hub] {
                    stream.set_nodelay(true).unwrap();
                }
                let (from, to) = (client.try_clone().unwrap(), hub.try_clone().unwrap());
                let (ask, answer) = (ask.clone(), answer.clone());
                thread::spawn(move || pass(from, to, ask));
                thread::spawn(move || pass(hub, client, answer));
            }
        });
        Self { address }
    }
}

/// None is large and few come at the same time, so that what is read at once is whole.
fn pass(mut from: TcpStream, mut to: TcpStream, change: impl Fn(Vec<u8>) -> Option<Vec<u8>>) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let Some(bytes) = change(buffer[..read].to_vec()) else {
            let _ = from.shutdown(Shutdown::Both);
            break;
        };
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Whether something stands in it.
pub fn has(bytes: &[u8], what: &str) -> bool {
    memchr::memmem::find(bytes, what.as_bytes()).is_some()
}

/// Puts other bytes of the same length behind every place where something stands.
pub fn overwrite(mut bytes: Vec<u8>, behind: &str, with: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, behind).collect();
    for at in places {
        let from = at + behind.len();
        if let Some(place) = bytes.get_mut(from..from + with.len()) {
            place.copy_from_slice(with);
        }
    }
    bytes
}
