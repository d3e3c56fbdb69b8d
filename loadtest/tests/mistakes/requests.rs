//! Mistakes in what the HTTP API says.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::hub::proxy::{Proxy, has, overwrite};

/// What is done wrong.
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

/// A proxy that makes this mistake.
pub fn proxy(hub: SocketAddr, mistake: Mistake) -> Proxy {
    let (ask, answer) = (
        move |bytes| Some(ask(mistake, bytes)),
        move |bytes| Some(answer(mistake, bytes)),
    );
    Proxy::start(hub, ask, answer)
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
