//! What a run says of each second beside the latencies: what was planned, who was there, how late the generator was.

use hdrhistogram::Histogram;

use crate::figures::Quantiles;
use crate::run::record::Second;
use crate::run::recorder::{MOST_SECONDS, second_of};

#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    planned: u32,
    connections: u32,
    lag_p99_ms: f64,
}

/// The seconds of a run, from the beginning of its traffic.
pub struct Side {
    measured_from: u32,
    moments: Vec<Moment>,
    /// Lateness in microseconds: of the second that is under way, and of the measured part. None if it cannot be had, which does
    /// not happen with such bounds.
    now: Option<Histogram<u64>>,
    whole: Option<Histogram<u64>>,
    /// Most connections at the same time.
    pub most_connections: u32,
}

fn histogram() -> Option<Histogram<u64>> {
    Histogram::new_with_bounds(1, 600_000_000, 3).ok()
}

impl Side {
    /// Counts from second 0; `measured_from` is the first after the warm-up.
    pub fn new(measured_from: u32) -> Self {
        Self {
            measured_from,
            moments: Vec::new(),
            now: histogram(),
            whole: histogram(),
            most_connections: 0,
        }
    }

    fn moment(&mut self, second: u32) -> Option<&mut Moment> {
        let at = second as usize;
        if at >= MOST_SECONDS {
            return None;
        }
        if self.moments.len() <= at {
            self.moments.resize(at + 1, Moment::default());
        }
        self.moments.get_mut(at)
    }

    /// An operation of the plan was begun so much later than intended.
    pub fn began(&mut self, at_ns: u64, late_ns: u64) {
        let second = second_of(at_ns);
        if let Some(moment) = self.moment(second) {
            moment.planned += 1;
        }
        let us = late_ns / 1_000;
        if let Some(now) = &mut self.now {
            now.saturating_record(us);
        }
        if let Some(whole) = self.whole.as_mut().filter(|_| second >= self.measured_from) {
            whole.saturating_record(us);
        }
    }

    /// So many connections are there; call it a few times in each second, and `is_last` at its end.
    pub fn look(&mut self, second: u32, connections: u32, is_last: bool) {
        self.most_connections = self.most_connections.max(connections);
        let mut lag_p99_ms = None;
        if let Some(now) = self.now.as_mut().filter(|_| is_last) {
            lag_p99_ms = Some(now.value_at_quantile(0.99) as f64 / 1_000.0);
            now.reset();
        }
        if let Some(moment) = self.moment(second) {
            moment.connections = connections;
            moment.lag_p99_ms = lag_p99_ms.unwrap_or(moment.lag_p99_ms);
        }
    }

    /// How many seconds there are.
    pub fn count(&self) -> u32 {
        self.moments.len() as u32
    }

    /// Fills in what is known of a second.
    pub fn tell(&self, second: &mut Second) {
        let known = self
            .moments
            .get(second.at_s as usize)
            .copied()
            .unwrap_or_default();
        second.planned = f64::from(known.planned);
        second.connections = known.connections;
        second.lag_p99_ms = known.lag_p99_ms;
    }

    /// How late operations of the measured part were.
    pub fn lag(&self) -> Quantiles {
        self.whole.as_ref().map(Quantiles::of).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn each_second_has_its_own_plan_people_and_lateness() {
        let mut side = Side::new(1);
        side.began(S / 2, 900_000_000);
        side.look(0, 5, true);
        (0..100).for_each(|n| side.began(S + n, 1_000_000));
        side.look(1, 9, false);
        side.look(1, 7, true);
        let tell = |at_s| {
            let mut second = Second {
                at_s,
                ..Second::default()
            };
            side.tell(&mut second);
            (
                second.planned,
                second.connections,
                second.lag_p99_ms.round(),
            )
        };
        assert_eq!(
            [tell(0), tell(1), tell(2)],
            [(1.0, 5, 900.0), (100.0, 7, 1.0), (0.0, 0, 0.0)]
        );
        assert_eq!((side.most_connections, side.count()), (9, 2));
        let lag = side.lag();
        assert_eq!(lag.count, 100, "no warm-up");
        assert!(lag.max_ms < 1.1, "{lag:?}");
    }
}
