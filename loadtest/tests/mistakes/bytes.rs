//! Bytes on their way, changed here and there.

use std::sync::atomic::{AtomicU32, Ordering};

/// One of so many is wrong.
pub const EVERY: u32 = 40;

/// Whether the mistake is due that is made every so often.
pub fn is_due(count: &AtomicU32) -> bool {
    count.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1
}

/// Changes one of so many records that begin so.
pub fn records(
    mut bytes: Vec<u8>,
    head: &str,
    count: &AtomicU32,
    change: &dyn Fn(&mut [u8]),
) -> Vec<u8> {
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, head).collect();
    for from in places {
        let end = memchr::memchr(0x1e, &bytes[from..]).map(|length| from + length);
        if let Some(end) = end.filter(|_| is_due(count)) {
            change(&mut bytes[from..end]);
        }
    }
    bytes
}

/// Adds to every number behind something, if it has as many digits then.
pub fn shift(bytes: &mut [u8], behind: &str, by: i64) {
    let places: Vec<usize> = memchr::memmem::find_iter(bytes, behind).collect();
    for at in places {
        let from = at + behind.len();
        let digits = bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let place = &mut bytes[from..from + digits];
        let number: Option<i64> = std::str::from_utf8(place).unwrap().parse().ok();
        let other = number
            .map(|number| (number + by).to_string())
            .unwrap_or_default();
        if other.len() == digits {
            place.copy_from_slice(other.as_bytes());
        }
    }
}

/// Puts something of the same length in the place of something.
pub fn replace(mut bytes: Vec<u8>, what: &str, with: &str) -> Vec<u8> {
    assert_eq!(what.len(), with.len());
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, what).collect();
    for at in places {
        bytes[at..at + with.len()].copy_from_slice(with.as_bytes());
    }
    bytes
}
