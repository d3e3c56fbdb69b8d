//! What an alarm is for can be read from its moment, so that whoever finds one in the store knows it too. And two alarms of
//! an entity that are for different things are never the same row: who clears one leaves the other.

use crate::ids::Timestamp;

/// How soon after an append its index rows are looked after if its writer does not report back, in milliseconds: with the
/// look for due alarms and the repair itself it is about four seconds.
pub(crate) const REPAIR_SOON_MS: u64 = 2_500;
/// By how much nodes differ in that, in milliseconds.
pub(crate) const REPAIR_SPREAD_MS: u64 = 512;
/// Longer than an append that was sent may take to land, in milliseconds.
pub(crate) const LANDED_MS: u64 = 40_000;

/// What an alarm is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Errands and deadlines of an entity.
    Chores,
    /// Rows beside an append may be missing. It may still land after the alarm went off, so another one follows.
    Repair,
    /// By now an append has landed or never will.
    Landed,
}

impl Kind {
    /// Moments of its own: so much above a multiple of `of`.
    fn above(self) -> (u64, u64) {
        match self {
            Kind::Chores => (0, 2),
            Kind::Repair => (1, 4),
            Kind::Landed => (3, 4),
        }
    }

    /// The kind of an alarm.
    pub fn of(alarm: Timestamp) -> Self {
        match alarm.0 % 4 {
            1 => Kind::Repair,
            3 => Kind::Landed,
            _ => Kind::Chores,
        }
    }

    /// The first moment of the kind at or after another.
    pub fn at(self, moment: Timestamp) -> Timestamp {
        let (above, of) = self.above();
        let missing = (above + of - moment.0 % of) % of;
        moment.plus_millis(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_share_a_moment_and_each_is_found_again() {
        for moment in 0..64 {
            for kind in [Kind::Chores, Kind::Repair, Kind::Landed] {
                let at = kind.at(Timestamp(moment));
                assert_eq!(Kind::of(at), kind);
                assert!((moment..moment + 4).contains(&at.0), "{moment} {at:?}");
                assert_eq!(kind.at(at), at);
            }
        }
    }
}
