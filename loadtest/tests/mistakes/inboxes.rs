//! Mistakes in what inboxes show and say.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::bytes::{EVERY, is_due, records, replace, shift};
use crate::hub::proxy::{Proxy, has, overwrite};

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Every so many notices one is not shown.
    Lose,
    /// Every so many pieces with a notice one comes twice.
    Repeat,
    /// Every so many notices one is only counted.
    OnlyCount,
    /// Every so many notices the connection ends before the answer; the repeat has another key.
    ForgetKeys,
    /// Every so many answers to notices one names another sequence.
    MoveAccepted,
    /// Every so many inboxes one has a notice that nobody knows.
    HideInList,
    /// Whoever asks how many are unread is told a wrong number.
    Miscount,
}

/// A proxy that makes this mistake, on lines that speak JSON.
pub fn proxy(hub: SocketAddr, mistake: Mistake) -> Proxy {
    let (asked, answered) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    Proxy::start(
        hub,
        move |bytes| Some(ask(mistake, bytes, &asked)),
        move |bytes| answer(mistake, bytes, &answered),
    )
}

fn ask(mistake: Mistake, bytes: Vec<u8>, count: &AtomicU32) -> Vec<u8> {
    match mistake {
        Mistake::ForgetKeys => {
            let number = format!("{:08x}", count.fetch_add(1, Ordering::Relaxed));
            overwrite(bytes, "idempotency-key: ", number.as_bytes())
        }
        _ => bytes,
    }
}

fn answer(mistake: Mistake, mut bytes: Vec<u8>, count: &AtomicU32) -> Option<Vec<u8>> {
    const NOTICE: &str = "{\"type\":1,\"target\":\"ReceiveNotification\"";
    const ACCEPTED: &str = "HTTP/1.1 201";
    let is_list = has(&bytes, "\"items\":[{");
    Some(match mistake {
        // A ping says nothing.
        Mistake::Lose => records(bytes, NOTICE, count, &|record| record[8] = b'6'),
        Mistake::Repeat if has(&bytes, NOTICE) && is_due(count) => bytes.repeat(2),
        Mistake::OnlyCount => records(bytes, NOTICE, count, &|record| {
            record[19..40].copy_from_slice(b"\"UnreadChanged\"      ");
        }),
        Mistake::ForgetKeys if has(&bytes, ACCEPTED) && is_due(count) => return None,
        Mistake::MoveAccepted if has(&bytes, ACCEPTED) && is_due(count) => {
            shift(&mut bytes, "\"sequence\":", 1);
            bytes
        }
        Mistake::HideInList
            if is_list
                && count
                    .fetch_add(1, Ordering::Relaxed)
                    .is_multiple_of(EVERY / 10) =>
        {
            replace(bytes, "\"n\":\"0002", "\"x\":\"0002")
        }
        Mistake::Miscount if !is_list => {
            shift(&mut bytes, ",\"unread\":", 1);
            bytes
        }
        _ => bytes,
    })
}
