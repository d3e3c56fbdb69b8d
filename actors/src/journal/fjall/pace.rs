//! How long the commit thread rests between two groups: a pure function of what it has just served.
//!
//! A sync costs the same for one write as for a hundred, and so does waking whoever waits for it. Where writers meet, a
//! short rest makes the next group larger; a writer that is alone never waits.

use std::time::Duration;

/// A rest is this many times as long as the group before it took, if that group held several writes,
const FACTOR: u32 = 3;
/// and never longer than this, which is also the time from one group to the next when writers come quickly.
const PERIOD: Duration = Duration::from_millis(2);
/// Writers in one period that make it worth to gather for a whole one.
const ENOUGH: f64 = 3.0;
/// Seconds in which what was served is forgotten by a factor of *e*.
const MEMORY: f64 = 0.008;

/// Keeps in mind how quickly writers come.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Writers that came, faded with time; divided by [`MEMORY`] their rate per second.
    recent: f64,
}

impl Pace {
    /// The rest after a group.
    ///
    /// `since` is the time from the begin of the group before it to its own begin, `took` how long it took; `served` and
    /// `waiting` count writes, `writers` those that another writer had gone before.
    pub(super) fn rest(
        &mut self,
        since: Duration,
        took: Duration,
        served: usize,
        waiting: usize,
        writers: usize,
    ) -> Duration {
        self.recent = self.recent * (-since.as_secs_f64() / MEMORY).exp() + writers as f64;
        let due = self.recent / MEMORY * PERIOD.as_secs_f64();
        let gathering = match due >= ENOUGH {
            true => PERIOD.saturating_sub(took),
            false => Duration::ZERO,
        };
        let sharing = match served + waiting < 2 {
            true => Duration::ZERO,
            false => (took * FACTOR).min(PERIOD),
        };
        gathering.max(sharing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNC: Duration = Duration::from_micros(150);

    fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// The last rest of a second in which a writer came every `gap`, each another one or always the same.
    fn steady(gap: u64, others: bool) -> Duration {
        let mut pace = Pace::default();
        let mut rest = Duration::ZERO;
        for _ in 0..1_000_000 / gap {
            rest = pace.rest(micros(gap), SYNC, 1, 0, usize::from(others));
        }
        rest
    }

    #[test]
    fn a_writer_alone_never_waits() {
        assert_eq!(steady(200, false), Duration::ZERO);
    }

    #[test]
    fn few_writers_do_not_wait_and_many_share_a_period() {
        assert_eq!(steady(2_000, true), Duration::ZERO);
        assert_eq!(steady(500, true), PERIOD - SYNC);
    }

    #[test]
    fn a_rest_ends_soon_after_the_writers_are_gone() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.rest(micros(100), SYNC, 1, 0, 1);
        }
        assert_eq!(pace.rest(micros(50_000), SYNC, 1, 0, 1), Duration::ZERO);
    }

    #[test]
    fn a_group_of_several_rests_in_proportion_and_never_longer_than_a_period() {
        let mut pace = Pace::default();
        let rest = pace.rest(Duration::from_secs(1), SYNC, 2, 0, 1);
        assert_eq!(rest, SYNC * FACTOR);
        let slow = pace.rest(Duration::from_secs(1), PERIOD * 4, 300, 100, 1);
        assert_eq!(slow, PERIOD);
    }
}
