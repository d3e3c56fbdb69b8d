//! Every bound of a user's rules, in one place.

use serde::{Deserialize, Serialize};

/// Bounds of a user. Configuration section `[user]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserLimits {
    /// Longest name, in characters after trimming.
    pub name_chars: usize,
    /// Longest text about oneself, in characters after trimming.
    pub bio_chars: usize,
    /// Most instruments.
    pub instruments: usize,
    /// Most years on an instrument.
    pub years: u32,
    /// Most genres.
    pub genres: usize,
    /// Highest rate per hour, in cents.
    pub rate_cents: u64,
    /// Longest address, in characters after trimming.
    pub address_chars: usize,
    /// Widest way that a musician may offer to go, in kilometres.
    pub radius_km: u32,
    /// Most stretches of hours in a week.
    pub weekly: usize,
    /// Most days with hours of their own.
    pub dates: usize,
    /// Most stretches of hours on such a day.
    pub hours_per_date: usize,
    /// Most busy times.
    pub busy: usize,
    /// Longest note on a busy time, in characters after trimming.
    pub note_chars: usize,
    /// Longest busy time, in milliseconds.
    pub busy_longest_ms: u64,
    /// Most times that are held and booked for requests.
    pub slots: usize,
    /// Most times that are held and booked for requests and not over; 0 is no bound besides `slots`.
    pub concurrent: usize,
    /// Longest time that a request may ask for, in milliseconds.
    pub slot_longest_ms: u64,
    /// How far ahead a time may lie, in milliseconds: busy, held or booked.
    pub ahead_ms: u64,
    /// What must lie between two requests' times for the musician to get from one place to the other, in milliseconds.
    pub travel_ms: u64,
    /// Longest that a time is held before its request is asked whether it still wants it, in milliseconds.
    pub hold_longest_ms: u64,
    /// After this time a request is asked again, then after twice the time, and so on, in milliseconds.
    pub settle_ms: u64,
    /// Longest pause before it is asked again, in milliseconds.
    pub settle_longest_ms: u64,
    /// How long after its end a time is remembered, in milliseconds.
    pub past_ms: u64,
    /// Released times that are remembered, lest a late copy of an old wish take them again; the oldest go first.
    pub released: usize,
    /// Idempotency keys that are remembered; the oldest go first.
    pub keys: usize,
    /// Errands that may wait; above it nothing new is begun. More than `slots`, for each of these may have a question to ask.
    pub errands: usize,
}

const MINUTE: u64 = 60 * 1_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl Default for UserLimits {
    fn default() -> Self {
        Self {
            name_chars: 100,
            bio_chars: 500,
            instruments: 10,
            years: 80,
            genres: 20,
            rate_cents: 1_000_000,
            address_chars: 500,
            radius_km: 500,
            weekly: 42,
            dates: 120,
            hours_per_date: 6,
            busy: 100,
            note_chars: 200,
            busy_longest_ms: 366 * DAY,
            slots: 200,
            concurrent: 5,
            slot_longest_ms: 48 * HOUR,
            ahead_ms: 2 * 366 * DAY,
            travel_ms: 90 * MINUTE,
            hold_longest_ms: 15 * MINUTE,
            settle_ms: 5 * 1_000,
            settle_longest_ms: 10 * MINUTE,
            past_ms: DAY,
            released: 256,
            keys: 64,
            errands: 256,
        }
    }
}

/// Largest numbers that the card of a musician in the index can hold.
const MOST_CENTS: u64 = u32::MAX as u64 - 1;
const MOST_KM: u32 = u16::MAX as u32;

impl UserLimits {
    /// What is wrong with them: names of fields, and words about each.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let least = [
            ("name_chars", self.name_chars as u64),
            ("instruments", self.instruments as u64),
            ("slots", self.slots as u64),
            ("slot_longest_ms", self.slot_longest_ms),
            ("ahead_ms", self.ahead_ms),
            ("hold_longest_ms", self.hold_longest_ms),
            ("settle_ms", self.settle_ms),
            ("settle_longest_ms", self.settle_longest_ms),
            ("errands", self.errands as u64),
        ];
        let small = least.into_iter().filter(|(_, value)| *value < 1);
        let mut problems: Vec<(&'static str, String)> = small
            .map(|(name, _)| (name, "must be at least 1".to_owned()))
            .collect();
        let most = [
            ("rate_cents", self.rate_cents, MOST_CENTS),
            ("radius_km", self.radius_km.into(), MOST_KM.into()),
        ];
        let big = most.into_iter().filter(|(_, value, most)| value > most);
        problems.extend(big.map(|(name, _, most)| (name, format!("must not be above {most}"))));
        if self.errands <= self.slots && self.errands > 0 {
            problems.push(("errands", "must be above slots".to_owned()));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_and_everything_wrong_is_named() {
        assert_eq!(UserLimits::default().problems(), []);
        let wrong = UserLimits {
            slots: 0,
            errands: 0,
            rate_cents: u64::from(u32::MAX),
            radius_km: 65_536,
            ..UserLimits::default()
        };
        let names: Vec<&str> = wrong.problems().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["slots", "errands", "rate_cents", "radius_km"]);
        let few = UserLimits {
            errands: 200,
            ..UserLimits::default()
        };
        let problems = few.problems();
        assert_eq!(problems, [("errands", "must be above slots".to_owned())]);
    }
}
