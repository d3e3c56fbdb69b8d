//! The load of a scenario over its whole time, as its traffic makes it.

use super::profile::{Churn, Profile};
use super::record::Phase;
use super::traffic::Traffic;
use crate::timetable::{Stretch, Timetable};

/// Phases with their rates, and what belongs to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// One after the other, the warm-up first when there is one.
    pub phases: Vec<Phase>,
    /// Seconds that are checked and not measured.
    pub warmup_s: f64,
    /// Seconds until the last phase ends.
    pub seconds: f64,
    /// Seconds after the clients are gone.
    pub after_s: f64,
    /// Clients that leave and come back, when some do.
    pub churn: Option<Churn>,
}

impl Timeline {
    /// What a profile plans for some traffic.
    pub fn new(profile: &Profile, traffic: &Traffic) -> Self {
        let mut phases = profile.phases();
        let until_s = phases.last().map_or(0.0, |last| last.until_s);
        phases.extend(traffic.more_phases(until_s));
        Self {
            warmup_s: profile.warmup_s(),
            seconds: phases.last().map_or(0.0, |last| last.until_s),
            after_s: profile.after_s(),
            churn: profile.churn(),
            phases,
        }
    }

    /// When every operation is due.
    pub fn timetable(&self) -> Timetable {
        let stretch = |phase: &Phase| Stretch {
            seconds: phase.until_s - phase.from_s,
            from: phase.from_rate,
            until: phase.until_rate,
        };
        Timetable::new(&self.phases.iter().map(stretch).collect::<Vec<_>>())
    }

    /// How many there are.
    pub fn operations(&self) -> u32 {
        self.timetable().count_before(self.end_ns())
    }

    /// Nanoseconds until the last phase ends.
    pub fn end_ns(&self) -> u64 {
        (self.seconds * 1e9) as u64
    }
}
