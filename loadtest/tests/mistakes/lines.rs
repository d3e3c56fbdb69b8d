//! Mistakes in what goes over the lines of an evening, and in what inboxes say.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::bytes::{EVERY, is_due, records, replace, shift};
use crate::hub::proxy::{Proxy, has, overwrite};

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Every so many deliveries one is lost.
    Lose,
    /// One delivery is lost, and no other one.
    LoseOne,
    /// Every so many pieces with a delivery one comes twice.
    Repeat,
    /// Every so many deliveries one has the sequence of another place.
    Move,
    /// Every so many deliveries one is that of another message.
    Exchange,
    /// Every so many deliveries one is of another room.
    Stray,
    /// Every so many answers to sends one names another sequence.
    Misacknowledge,
    /// Whoever comes back is shown what follows after one more than was seen.
    SkipOnReturn,
    /// Whoever comes back is shown once more what was seen last.
    RepeatOnReturn,
    /// Every so many sends the connection ends before the answer; the repeat has another id.
    ForgetIds,
    /// "Is typing" has a sequence.
    CountTyping,
    /// Pages of history have other messages.
    ChangeHistory,
    /// Every so many answers the connection ends before one: no mistake, if it is allowed.
    Cut,
}

/// A proxy that makes this mistake, on lines that speak JSON.
pub fn proxy(hub: SocketAddr, mistake: Mistake) -> Proxy {
    let (asked, answered) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let ends = Arc::new(AtomicU32::new(0));
    let cuts = ends.clone();
    Proxy::start(
        hub,
        move |bytes| Some(ask(mistake, bytes, &asked, &ends)),
        move |bytes| answer(mistake, bytes, &answered, &cuts),
    )
}

/// Changes what a client says, which is masked.
fn ask(mistake: Mistake, bytes: Vec<u8>, count: &AtomicU32, ends: &AtomicU32) -> Vec<u8> {
    let is_wanted = matches!(
        mistake,
        Mistake::SkipOnReturn | Mistake::RepeatOnReturn | Mistake::ForgetIds
    );
    match is_wanted && bytes.first().is_some_and(|first| first & 0x80 != 0) {
        true => frames(bytes, |payload| match mistake {
            Mistake::SkipOnReturn => shift(payload, "\"afterSequence\":", 1),
            Mistake::RepeatOnReturn => shift(payload, "\"afterSequence\":", -1),
            _ if has(payload, "\"SendMessage\"") => {
                let number = count.fetch_add(1, Ordering::Relaxed);
                // No two have the same id, so that a repeat is another message.
                let ids = overwrite(
                    payload.to_vec(),
                    "{\"id\":\"",
                    format!("{number:08x}").as_bytes(),
                );
                payload.copy_from_slice(&ids);
                if number % EVERY == EVERY - 1 {
                    ends.fetch_add(1, Ordering::Relaxed);
                }
            }
            _ => {}
        }),
        false => bytes,
    }
}

fn answer(
    mistake: Mistake,
    bytes: Vec<u8>,
    count: &AtomicU32,
    ends: &AtomicU32,
) -> Option<Vec<u8>> {
    // The id of a send is its stamp.
    const ANSWER: &str = "{\"type\":3,\"invocationId\":\"0";
    const DELIVERY: &str = "{\"type\":1,\"target\":\"ReceiveMessage\"";
    let delivery = |change: &dyn Fn(&mut [u8])| records(bytes.clone(), DELIVERY, count, change);
    Some(match mistake {
        // A ping says nothing.
        Mistake::Lose => delivery(&|record| record[8] = b'6'),
        Mistake::LoseOne => delivery(&|record| {
            if ends.fetch_add(1, Ordering::Relaxed) == 0 {
                record[8] = b'6';
            }
        }),
        Mistake::Repeat if has(&bytes, DELIVERY) && is_due(count) => bytes.repeat(2),
        Mistake::Move => delivery(&|record| shift(record, "\"sequence\":", 2)),
        Mistake::Exchange => delivery(&|record| {
            let at = memchr::memchr(b'~', record).unwrap();
            record[at + 5..at + 13].copy_from_slice(b"00000003");
        }),
        Mistake::Stray => delivery(&|record| {
            let other = overwrite(record.to_vec(), "\"roomId\":\"", b"x");
            record.copy_from_slice(&other);
        }),
        Mistake::Misacknowledge => records(bytes, ANSWER, count, &|record| {
            shift(record, "\"sequence\":", 1)
        }),
        Mistake::ForgetIds if has(&bytes, "{\"type\":3") => {
            let due = ends.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
                due.checked_sub(1)
            });
            return due.is_err().then_some(bytes);
        }
        Mistake::Cut if has(&bytes, ANSWER) && is_due(count) => return None,
        Mistake::CountTyping => replace(bytes, "\"isTyping\":true", "\"sequence\":1234"),
        Mistake::ChangeHistory if has(&bytes, "\"invocationId\":\"history\"") => {
            replace(bytes, "\"text\":\"~0001000", "\"text\":\"~0001001")
        }
        _ => bytes,
    })
}

/// Changes the payload of every masked frame.
fn frames(mut bytes: Vec<u8>, mut change: impl FnMut(&mut [u8])) -> Vec<u8> {
    let mut at = 0;
    while let Some((start, end)) = frame(&bytes[at..]).map(|(start, end)| (at + start, at + end)) {
        let mask: [u8; 4] = bytes[start - 4..start].try_into().unwrap();
        let apply = |payload: &mut [u8]| {
            payload
                .iter_mut()
                .enumerate()
                .for_each(|(at, byte)| *byte ^= mask[at % 4]);
        };
        apply(&mut bytes[start..end]);
        change(&mut bytes[start..end]);
        apply(&mut bytes[start..end]);
        at = end;
    }
    bytes
}

/// Where the payload of a whole masked frame begins and ends.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let (length, head) = match bytes.get(1)? & 0x7f {
        126 => (
            u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?) as usize,
            8,
        ),
        127 => return None,
        short => (usize::from(short), 6),
    };
    (bytes.len() >= head + length).then_some((head, head + length))
}
