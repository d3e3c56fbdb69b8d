//! The trace context that every message carries, in the form of the W3C's `traceparent`.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Name of the header.
pub const TRACEPARENT: &str = "traceparent";
const VERSION: &str = "00";
const SAMPLED: u8 = 1;

/// A trace and the span within it that sent a message. Neither is ever zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trace {
    /// Of the whole work.
    pub trace: u128,
    /// Of the part that sent.
    pub span: u64,
}

impl Trace {
    /// Reads a header; unknown later versions are read as far as they agree with this one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let sized = [(version, 2), (trace, 32), (span, 16), (flags, 2)];
        let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
        let plain = sized
            .iter()
            .all(|(part, size)| part.len() == *size && hex(part));
        if !plain || version == "ff" || (version == VERSION && parts.next().is_some()) {
            return None;
        }
        let (trace, span) = (
            u128::from_str_radix(trace, 16).ok()?,
            u64::from_str_radix(span, 16).ok()?,
        );
        (trace != 0 && span != 0).then_some(Self { trace, span })
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{VERSION}-{:032x}-{:016x}-{SAMPLED:02x}",
            self.trace, self.span
        )
    }
}

/// Makes traces of one node: distinct, and the same again for the same salt.
#[derive(Debug)]
pub struct Traces {
    salt: u64,
    count: AtomicU64,
}

impl Traces {
    /// `salt` is any number that differs between nodes and starts.
    pub fn new(salt: u64) -> Self {
        Self {
            salt,
            count: AtomicU64::new(0),
        }
    }

    /// A new trace.
    pub fn begin(&self) -> Trace {
        let trace = self.number();
        self.within(trace)
    }

    /// A new span in the trace that a message came with.
    pub fn follow(&self, parent: Trace) -> Trace {
        self.within(parent.trace)
    }

    fn within(&self, trace: u128) -> Trace {
        let span = (self.number() as u64).max(1);
        Trace { trace, span }
    }

    fn number(&self) -> u128 {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        xxh3_128_with_seed(&count.to_be_bytes(), self.salt).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_survives_its_text_and_what_is_no_trace_is_refused() {
        let traces = Traces::new(7);
        let trace = traces.begin();
        assert_eq!(Trace::parse(&trace.to_string()), Some(trace));
        let next = traces.follow(trace);
        assert_eq!((next.trace, next.span == trace.span), (trace.trace, false));
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(Trace::parse(good).is_some());
        for bad in [
            "",
            "00-0-0-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Trace::parse(bad), None, "{bad}");
        }
        let later = format!("{}-more", good.replacen("00", "01", 1));
        assert!(Trace::parse(&later).is_some());
    }

    #[test]
    fn the_same_salt_makes_the_same_traces_and_another_makes_others() {
        let begun = |salt| Traces::new(salt).begin();
        assert_eq!(begun(1), begun(1));
        assert_ne!(begun(1), begun(2));
    }
}
