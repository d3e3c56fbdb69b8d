//! Traffic of kind `idle`: connections that joined a room and only ping. At the end one message reaches each of them.

use serde::Deserialize;

use super::rooms::play_plan;
use super::{Found, MOST_CONNECTIONS, Share, Stage, TrafficError};
use crate::plan::{Plan, Shape};
use crate::run::log::Log;
use crate::run::record::Phase;
use crate::run::timeline::Timeline;
use crate::run::wrong::{Wrong, within};

/// Within so many seconds every room gets its message.
const PROBE_S: f64 = 2.0;

/// The settings. There are no operations, so that the rate of the profile is 0.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdleSpec {
    /// Connections.
    pub connections: u32,
    /// Rooms that they are spread over.
    #[serde(default = "a_hundred")]
    pub rooms: u32,
}

fn a_hundred() -> u32 {
    100
}

impl IdleSpec {
    /// Finds settings that cannot be.
    pub fn check(&self, timeline: &Timeline, processes: u32) -> Result<(), Wrong> {
        within("traffic.connections", self.connections, 1, MOST_CONNECTIONS)?;
        within("traffic.rooms", self.rooms, processes, self.connections)?;
        if !self.connections.is_multiple_of(self.rooms) {
            let allowed = format!("a multiple of the {} rooms is needed", self.rooms);
            return Err(Wrong::new("traffic.connections", self.connections, allowed));
        }
        // The last phase is the message at the end.
        let (_, phases) = timeline.phases.split_last().unwrap_or((&NOTHING, &[]));
        match phases
            .iter()
            .find(|phase| phase.from_rate + phase.until_rate > 0.0)
        {
            Some(phase) => {
                let rate = phase.from_rate.max(phase.until_rate);
                Err(Wrong::new(
                    "profile.rate",
                    rate,
                    "idle connections send nothing: 0 is allowed",
                ))
            }
            None if timeline.churn.is_some() => {
                let key = "profile.churn_percent_per_minute";
                Err(Wrong::new(
                    key,
                    "above 0",
                    "idle connections stay: 0 is allowed",
                ))
            }
            None => Ok(()),
        }
    }

    /// The phase of the message to every room.
    pub fn probe(&self, from_s: f64) -> Phase {
        let rate = f64::from(self.rooms) / PROBE_S;
        Phase {
            name: "probe".to_owned(),
            from_s,
            until_s: from_s + PROBE_S,
            from_rate: rate,
            until_rate: rate,
        }
    }

    /// What one process has of it.
    pub fn shape(&self, share: Share) -> Shape {
        let members = self.connections / self.rooms;
        Shape {
            rooms: share.of(self.rooms),
            members,
            senders: 1,
            listeners: members,
        }
    }
}

const NOTHING: Phase = Phase {
    name: String::new(),
    from_s: 0.0,
    until_s: 0.0,
    from_rate: 0.0,
    until_rate: 0.0,
};

/// Opens the connections, leaves them alone, then sees that each is still there.
pub fn play(spec: &IdleSpec, stage: Stage<'_>, log: Log) -> Result<(Found, Log), TrafficError> {
    let (share, timeline) = (stage.share, stage.timeline);
    let shape = spec.shape(share);
    let part = f64::from(shape.rooms) / f64::from(spec.rooms);
    let times = timeline.timetable().share(part, 0.0);
    let seconds = (timeline.warmup_s, timeline.seconds);
    let mut plan = Plan::at_times(share.process as u16 + 1, shape, times, seconds.0, seconds.1);
    // Rounding must not leave a room out, nor give one two.
    plan.total = shape.rooms;
    play_plan(plan, false, stage, log)
}
