//! Who is told what a trial sees: the totals of a fixed rate here, the seconds of a scenario elsewhere.

use hdrhistogram::Histogram;

const MICROSECONDS_PER_MINUTE: u64 = 60_000_000;

/// Takes down what happens in a trial. All times are those of the run's clock.
pub trait Books {
    /// Whether the generator may sleep for a millisecond when nothing is due for longer, instead of looking all the time.
    const RESTS: bool;
    /// A message arrived at one member.
    fn delivery(&mut self, index: u32, intended_ns: u64, now_ns: u64);
    /// A send was acknowledged.
    fn acknowledgement(&mut self, index: u32, intended_ns: u64, now_ns: u64);
    /// A send was refused.
    fn refused(&mut self, intended_ns: u64);
    /// A client that was to come back at `intended_ns` has joined its room again, or could not.
    fn back(&mut self, intended_ns: u64, now_ns: Option<u64>);
    /// A send left.
    fn sent(&mut self, index: u32, intended_ns: u64, now_ns: u64);
    /// A turn of the generator is over.
    fn turn(&mut self, now_ns: u64, connections: u32);
}

/// Latencies of the measured part alone.
pub struct Totals {
    /// Sends before this one only warm up.
    pub measured_from: u32,
    /// Intended send to arrival, in microseconds.
    pub latency: Histogram<u64>,
    /// Intended send to acknowledgement.
    pub acknowledgement: Histogram<u64>,
    /// How late sends left.
    pub lag: Histogram<u64>,
}

impl Totals {
    /// Nothing yet.
    pub fn new(measured_from: u32) -> Self {
        let histogram = || {
            Histogram::new_with_max(MICROSECONDS_PER_MINUTE, 3)
                .expect("these bounds are valid for any histogram")
        };
        Self {
            measured_from,
            latency: histogram(),
            acknowledgement: histogram(),
            lag: histogram(),
        }
    }
}

impl Books for Totals {
    const RESTS: bool = false;

    #[inline]
    fn delivery(&mut self, index: u32, intended_ns: u64, now_ns: u64) {
        if index >= self.measured_from {
            self.latency
                .saturating_record(now_ns.saturating_sub(intended_ns) / 1_000);
        }
    }

    #[inline]
    fn acknowledgement(&mut self, index: u32, intended_ns: u64, now_ns: u64) {
        if index >= self.measured_from {
            self.acknowledgement
                .saturating_record(now_ns.saturating_sub(intended_ns) / 1_000);
        }
    }

    fn refused(&mut self, _intended_ns: u64) {}

    fn back(&mut self, _intended_ns: u64, _now_ns: Option<u64>) {}

    fn sent(&mut self, _index: u32, intended_ns: u64, now_ns: u64) {
        self.lag
            .saturating_record(now_ns.saturating_sub(intended_ns) / 1_000);
    }

    fn turn(&mut self, _now_ns: u64, _connections: u32) {}
}
