//! Turns of two owners that write to one journal at once, each taking the other for gone.
//!
//! An append that follows the one before at once leaves no gap, and an owner that has to read first would never be in
//! time. So an owner that has met another one works for a turn, then rests for as long as it takes to come back from a
//! lost append, and so on until it has not met the other for some turns. The first turn of a newcomer is luck, helped by
//! short pauses between its tries; by taking it, it makes itself known.

use std::time::Duration;

use crate::ids::Timestamp;

/// A turn is so many times the way back, which is what handing over costs.
const TURN: u64 = 8;
/// A rest is so many times the way back: one try may have begun too early, the next one must fit.
const REST: u64 = 2;
/// Bounds of a way back in milliseconds. A store that was gone, or a clock that was set, makes no turn long.
const WAY_BACK: std::ops::RangeInclusive<u64> = 10..=250;

/// Whether and when the next append may go out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Turns {
    /// Rests that are left before the other owner is taken for gone.
    rests: u32,
    /// When an append was lost whose way back is not over.
    lost: Option<Timestamp>,
    /// What the last way back took, in milliseconds.
    way_back: u64,
    /// When the turn is over; it begins with the first append that lands.
    ends: Option<Timestamp>,
    /// The next append goes out no earlier.
    not_before: Timestamp,
}

impl Turns {
    /// Another owner was there.
    pub(super) fn lost(&mut self, turns: u32, now: Timestamp) {
        *self = Self {
            rests: turns,
            lost: Some(now),
            ..Self::default()
        };
    }

    /// The state is rebuilt.
    pub(super) fn recovered(&mut self, now: Timestamp) {
        if let Some(lost) = self.lost.take() {
            self.way_back = now.since(lost).clamp(*WAY_BACK.start(), *WAY_BACK.end());
        }
    }

    /// An append of our own has landed.
    pub(super) fn committed(&mut self, now: Timestamp) {
        if self.rests == 0 {
            return;
        }
        let (turn, rest) = (self.way_back * TURN, self.way_back * REST);
        match self.ends {
            None => self.ends = Some(now.plus_millis(turn)),
            // One that is farther ahead than that is of before the clock was set back.
            Some(ends) if now < ends && ends.since(now) <= rest + turn => {}
            Some(_) => {
                self.rests -= 1;
                self.not_before = now.plus_millis(rest);
                self.ends = Some(self.not_before.plus_millis(turn));
            }
        }
    }

    /// How long the next append has to wait. It may be sealed now: what comes meanwhile goes with the one after it.
    pub(super) fn rest(&self, now: Timestamp) -> Duration {
        let rest = self.not_before.since(now);
        Duration::from_millis(rest.min(self.way_back * REST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_turn_and_no_rest_long() {
        for early in [0, 9] {
            let mut turns = Turns::default();
            turns.lost(2, START);
            turns.recovered(START.plus_millis(30));
            turns.committed(START.plus_millis(30));
            turns.committed(START.plus_millis(30 + (30 * TURN) * early));
            // A minute earlier, within the turn or in the rest after it.
            let now = Timestamp(START.0 - 60_000);
            assert!(turns.rest(now) <= ms(60));
            turns.committed(now);
            assert_eq!(turns.rest(now), ms(60), "the turn is over");
            assert_eq!(turns.rest(now.plus_millis(60)), ms(0));
        }
    }

    #[test]
    fn an_owner_that_met_another_rests_between_turns_until_it_is_alone_again() {
        let mut turns = Turns::default();
        turns.committed(START);
        assert_eq!(turns.rest(START), ms(0), "nobody else was ever there");
        turns.lost(2, START);
        let mut now = START.plus_millis(30);
        turns.recovered(now);
        for _ in 0..2 {
            turns.committed(now);
            assert_eq!(turns.rest(now), ms(0), "the turn begins");
            now = now.plus_millis(30 * TURN);
            turns.committed(now);
            assert_eq!(turns.rest(now), ms(60), "the turn is over");
            assert_eq!(turns.rest(now.plus_millis(20)), ms(40));
            now = now.plus_millis(60);
            assert_eq!(turns.rest(now), ms(0), "the rest is over");
        }
        let later = now.plus_millis(30 * TURN);
        turns.committed(later);
        assert_eq!(turns.rest(later), ms(0), "the other one is gone");
    }

    #[test]
    fn losing_again_ends_the_rest_and_begins_anew() {
        let mut turns = Turns::default();
        for now in [START, START.plus_millis(1_000)] {
            turns.lost(8, now);
            turns.recovered(now.plus_millis(20));
            assert_eq!(turns.rest(now.plus_millis(20)), ms(0));
            turns.committed(now.plus_millis(25));
            turns.committed(now.plus_millis(300));
            assert_eq!(turns.rest(now.plus_millis(300)), ms(40));
        }
    }

    #[test]
    fn no_rest_is_long_whatever_the_clock_does() {
        let mut turns = Turns::default();
        turns.lost(8, START);
        turns.recovered(Timestamp(u64::MAX));
        for now in [START, Timestamp(u64::MAX)] {
            turns.committed(now);
        }
        assert_eq!(turns.rest(Timestamp(0)), ms(500));
    }
}
