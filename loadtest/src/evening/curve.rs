//! When operations are due: a profile of rates over time, seen from here.

/// Intended times of operations, counted from the beginning of the traffic.
pub trait Curve {
    /// How many there are.
    fn total(&self) -> u32;
    /// When operation `n` is due, in nanoseconds; never before the one ahead of it. For `n` = [`total`](Self::total) it is the end
    /// of the traffic.
    fn intended_ns(&self, n: u32) -> u64;
    /// The first second that is measured; those before warm up.
    fn measured_from_s(&self) -> u32;
}

/// The same rate from beginning to end.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    /// Operations per second.
    pub rate: f64,
    /// Seconds that warm up; a second of which a part does is not measured.
    pub warmup_s: f64,
    /// Seconds that are measured.
    pub measured_s: f64,
}

impl Curve for Steady {
    fn total(&self) -> u32 {
        // More than can be counted is as many as can be counted.
        (self.rate * (self.warmup_s + self.measured_s)).ceil() as u32
    }

    fn intended_ns(&self, n: u32) -> u64 {
        (f64::from(n) / self.rate * 1e9) as u64
    }

    fn measured_from_s(&self) -> u32 {
        self.warmup_s.ceil() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_spread_evenly_and_ends_after_its_last_interval() {
        let steady = Steady {
            rate: 50.0,
            warmup_s: 1.0,
            measured_s: 3.0,
        };
        assert_eq!((steady.total(), steady.measured_from_s()), (200, 1));
        assert_eq!(steady.intended_ns(50), 1_000_000_000);
        assert_eq!(steady.intended_ns(200), 4_000_000_000);
    }
}
