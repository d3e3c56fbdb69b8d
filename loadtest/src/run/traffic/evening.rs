//! Traffic of kinds `evening` and `inbox`: people who do what they intend. Of several processes each has a district of their town.

use std::ops::ControlFlow;

use super::town::{self, Town};
use super::{Found, Share, Stage, TrafficError, check_operations};
use crate::evening::{Curve, Speech, Traffic};
use crate::run::log::Log;
use crate::run::timeline::Timeline;
use crate::run::wrong::Wrong;
use crate::timetable::Timetable;

/// Most operations of a run.
const MOST_OPERATIONS: u32 = 20_000_000;

/// The load of a scenario as those engines look at it.
struct Line {
    times: Timetable,
    total: u32,
    end_ns: u64,
    measured_from_s: u32,
}

impl Line {
    /// What one district has of it: as much as it has of the people.
    fn new<T: Town>(town: &T, timeline: &Timeline, share: Share) -> Self {
        let part = f64::from(town.district(share).users()) / f64::from(town.users());
        let offset = f64::from(share.process) / f64::from(share.processes);
        let times = timeline.timetable().share(part, offset);
        Self {
            total: times.count_before(timeline.end_ns()),
            times,
            end_ns: timeline.end_ns(),
            measured_from_s: timeline.warmup_s.ceil() as u32,
        }
    }
}

impl Curve for Line {
    fn total(&self) -> u32 {
        self.total
    }

    fn intended_ns(&self, n: u32) -> u64 {
        match n < self.total {
            true => self.times.ns(n),
            false => self.end_ns,
        }
    }

    fn measured_from_s(&self) -> u32 {
        self.measured_from_s
    }
}

/// Finds settings that cannot be.
pub fn check<T: Town>(town: &T, timeline: &Timeline, processes: u32) -> Result<(), Wrong> {
    if let Err(error) = town.check() {
        let allowed = format!("it must be {}", error.must);
        return Err(Wrong::new(
            format!("traffic.{}", error.name),
            "there",
            allowed,
        ));
    }
    town.check_shares(processes)?;
    if timeline.churn.is_some() {
        let key = "profile.churn_percent_per_minute";
        let allowed = "who comes and goes, the settings of the traffic say: 0 is allowed";
        return Err(Wrong::new(key, "above 0", allowed));
    }
    check_operations(timeline, MOST_OPERATIONS)
}

/// Makes the traffic of this process's district.
pub fn play<T: Town>(
    whole: &T,
    stage: Stage<'_>,
    mut log: Log,
) -> Result<(Found, Log), TrafficError> {
    let share = stage.share;
    let line = Line::new(whole, stage.timeline, share);
    let target = town::target(stage.target, share);
    let speech = match target.mixed {
        true => Speech::Mixed,
        false => Speech::Only(target.encoding),
    };
    let ran = whole.district(share).run(Traffic {
        target: &target,
        clock: stage.clock,
        seed: town::seed(stage.seed, share),
        speech,
        curve: &line,
        gate: stage.gate,
        log: &mut log,
        hook: &mut |_| ControlFlow::Continue(()),
    })?;
    Ok((ran.found(), log))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evening::EveningSpec;
    use crate::run::profile::Profile;
    use crate::run::traffic;

    #[test]
    fn operations_of_all_districts_are_those_of_the_town_and_come_in_turn() {
        let profile = Profile::Ramp {
            from: 50.0,
            to: 150.0,
            seconds: 4.0,
            hold: 0.0,
            warmup: 1.0,
        };
        for (processes, public_rooms, apart) in [(1, 4, 0), (2, 4, 0), (4, 0, 0), (3, 4, 3)] {
            let town = EveningSpec {
                public_rooms,
                ..EveningSpec::default()
            };
            let timeline = Timeline::new(&profile, &traffic::Traffic::Evening(town.clone()));
            let share = |process| Share { process, processes };
            let lines = (0..processes).map(|process| Line::new(&town, &timeline, share(process)));
            let mut times: Vec<u64> = lines
                .flat_map(|line| (0..line.total()).map(move |n| line.intended_ns(n)))
                .collect();
            let whole = timeline.operations();
            assert_eq!(whole, 450);
            assert!((times.len() as u32).abs_diff(whole) <= apart, "{processes}");
            if apart == 0 {
                times.sort_unstable();
                let table = timeline.timetable();
                for (n, time) in (0..).zip(times) {
                    assert!(table.ns(n).abs_diff(time) < 1_000, "{processes}: {n}");
                }
            }
        }
    }
}
