//! Traffic of kinds `evening` and `inbox`: engines that keep their own books, of which a scenario only hears.

use std::ops::ControlFlow;

use super::{Found, Stage, TrafficError, check_operations};
use crate::evening::{Curve, EveningError, Progress, Ran, SpecError, Speech, Traffic};
use crate::run::log::Log;
use crate::run::recorder::Recorder;
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
    fn new(timeline: &Timeline) -> Self {
        Self {
            times: timeline.timetable(),
            total: timeline.operations(),
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
pub fn check(
    spec: Result<(), SpecError>,
    timeline: &Timeline,
    processes: u32,
) -> Result<(), Wrong> {
    if let Err(error) = spec {
        let allowed = format!("it must be {}", error.must);
        return Err(Wrong::new(
            format!("traffic.{}", error.name),
            "there",
            allowed,
        ));
    }
    if processes > 1 {
        let allowed = "people who meet each other live in one process: 1 is allowed";
        return Err(Wrong::new("processes", processes, allowed));
    }
    if timeline.churn.is_some() {
        let key = "profile.churn_percent_per_minute";
        let allowed = "who comes and goes, the settings of the traffic say: 0 is allowed";
        return Err(Wrong::new(key, "above 0", allowed));
    }
    check_operations(timeline, MOST_OPERATIONS)
}

/// Makes the traffic.
pub fn play(
    stage: Stage<'_>,
    mut log: Log,
    run: impl FnOnce(Traffic<'_>) -> Result<Ran, EveningError>,
) -> Result<(Found, Log), TrafficError> {
    let line = Line::new(stage.timeline);
    let speech = match stage.target.mixed {
        true => Speech::Mixed,
        false => Speech::Only(stage.target.encoding),
    };
    let clock = stage.clock;
    let (recorder, mut teller) = log.lend();
    let mut hook = |progress: &Progress, recorder: &Recorder| {
        let began_ns = clock.now_ns().saturating_sub((progress.at_s * 1e9) as u64);
        teller.tell(began_ns, progress.at_s, progress.connections, recorder);
        ControlFlow::Continue(())
    };
    let ran = run(Traffic {
        target: stage.target,
        clock,
        seed: stage.seed,
        speech,
        curve: &line,
        recorder: &mut *recorder,
        hook: &mut hook,
    })?;
    let measured = ran.measurement("", recorder, &line);
    let found = Found {
        own: Some(Box::new(measured)),
        ..Found::default()
    };
    Ok((found, log))
}
