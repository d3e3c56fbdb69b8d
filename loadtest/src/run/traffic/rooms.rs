//! Traffic of kind `rooms`: one big room, many small ones, or hardly more than senders who wait for their acknowledgements.

use serde::Deserialize;

use super::{Found, MOST_CONNECTIONS, Share, Stage, TrafficError, check_operations};
use crate::fleet::Fleet;
use crate::plan::{Plan, Shape, Sibling};
use crate::run::log::Log;
use crate::run::timeline::Timeline;
use crate::run::wrong::{Wrong, within};
use crate::target::{ConnectError, Target};
use crate::timetable::Timetable;
use crate::trial::Trial;
use crate::trial::churn::Churning;
use crate::trial::play::Played;

/// Most sends of a process: each is remembered until the end.
const MOST_SENDS: u32 = 20_000_000;

/// The settings. An operation is a send; it is delivered to every listener of its room.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomsSpec {
    /// Rooms.
    pub rooms: u32,
    /// Connections in each room.
    pub members: u32,
    /// Of these, how many send in turn (default: all).
    pub senders: Option<u32>,
    /// Of these, how many join the room and receive; the others only send (default: all).
    pub listeners: Option<u32>,
}

/// What one process has of it.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its rooms, or its part of their members.
    pub shape: Shape,
    /// Its part of all sends.
    share: f64,
    /// By how much of an operation it comes later than the first process.
    offset: f64,
}

impl RoomsSpec {
    fn shape(&self) -> Shape {
        Shape {
            rooms: self.rooms,
            members: self.members,
            senders: self.senders.unwrap_or(self.members),
            listeners: self.listeners.unwrap_or(self.members),
        }
    }

    /// With more processes than rooms, each process has some members of every room; else it has rooms of its own.
    fn is_split(&self, processes: u32) -> bool {
        processes > self.rooms
    }

    /// What one process has of it.
    pub fn part(&self, share: Share) -> Part {
        let whole = self.shape();
        let offset = f64::from(share.process) / f64::from(share.processes);
        if self.is_split(share.processes) {
            let senders = share.of(whole.senders);
            let shape = Shape {
                rooms: whole.rooms,
                members: share.of(whole.members),
                senders,
                listeners: share.of(whole.listeners),
            };
            return Part {
                shape,
                share: f64::from(senders) / f64::from(whole.senders),
                offset,
            };
        }
        let rooms = share.of(whole.rooms);
        Part {
            shape: Shape { rooms, ..whole },
            share: f64::from(rooms) / f64::from(whole.rooms),
            offset,
        }
    }

    /// Finds settings that cannot be.
    pub fn check(&self, timeline: &Timeline, processes: u32) -> Result<(), Wrong> {
        let shape = self.shape();
        within("traffic.rooms", shape.rooms, 1, MOST_CONNECTIONS)?;
        within("traffic.members", shape.members, 1, MOST_CONNECTIONS)?;
        let connections = u64::from(shape.rooms) * u64::from(shape.members);
        if connections > u64::from(MOST_CONNECTIONS) {
            let value = format!("{connections} connections");
            let allowed = format!("{MOST_CONNECTIONS} are allowed");
            return Err(Wrong::new("rooms × members of [traffic]", value, allowed));
        }
        // Each process looks at what it sent at a member of its own.
        let least = if self.is_split(processes) {
            processes
        } else {
            1
        };
        within("traffic.senders", shape.senders, least, shape.members)?;
        within("traffic.listeners", shape.listeners, least, shape.members)?;
        if timeline.churn.is_some() && shape.senders >= shape.listeners {
            let allowed = "fewer than listeners are needed where members leave and come back, for senders stay";
            return Err(Wrong::new("traffic.senders", shape.senders, allowed));
        }
        check_operations(timeline, MOST_SENDS)
    }

    /// Makes the rooms that several processes share.
    pub fn prepare(&self, target: &Target, processes: u32) -> Result<(), ConnectError> {
        match self.is_split(processes) {
            true => target.create_rooms(group(Share::WHOLE), self.rooms),
            false => Ok(()),
        }
    }

    fn times(&self, timeline: &Timeline, share: Share) -> Timetable {
        let part = self.part(share);
        timeline.timetable().share(part.share, part.offset)
    }

    fn plan(&self, timeline: &Timeline, share: Share) -> Plan {
        let (warmup_s, seconds) = (timeline.warmup_s, timeline.seconds);
        let times = self.times(timeline, share);
        let shape = self.part(share).shape;
        let mut plan = Plan::at_times(trial(share), shape, times, warmup_s, seconds);
        if self.is_split(share.processes) {
            let others = (0..share.processes).filter(|process| *process != share.process);
            let sibling = |process| {
                let other = Share { process, ..share };
                let times = self.times(timeline, other);
                Sibling {
                    trial: trial(other),
                    total: times.count_before(timeline.end_ns()),
                    times,
                }
            };
            plan.siblings = others.map(sibling).collect();
        }
        plan
    }
}

fn trial(share: Share) -> u16 {
    share.process as u16 + 1
}

fn group(share: Share) -> u32 {
    share.process + 1
}

/// Makes the traffic.
pub fn play(spec: &RoomsSpec, stage: Stage<'_>, log: Log) -> Result<(Found, Log), TrafficError> {
    let share = stage.share;
    let plan = spec.plan(stage.timeline, share);
    let split = spec.is_split(share.processes);
    play_plan(plan, split, stage, log)
}

/// Gathers the members, makes a plan happen, and lets them go.
pub fn play_plan(
    plan: Plan,
    split: bool,
    stage: Stage<'_>,
    mut log: Log,
) -> Result<(Found, Log), TrafficError> {
    let Stage {
        target,
        acknowledges,
        timeline,
        seed,
        share,
        clock,
        gate,
    } = stage;
    let shape = plan.shape;
    let (mut fleet, opening) = match split {
        true => Fleet::join(target, shape, group(Share::WHOLE), clock)?,
        false => Fleet::gather(target, shape, group(share), clock)?,
    };
    let churn = timeline
        .churn
        .and_then(|churn| Churning::new(shape, churn.share_per_second, churn.away_ns, seed));
    let start_ns = fleet.rest_while(clock, gate)?;
    log.begin(start_ns);
    let seconds = (timeline.warmup_s, timeline.seconds);
    let trial = Trial::with_books(&mut fleet, plan, acknowledges, log, churn, clock)?;
    let (played, log) = trial.play(start_ns, seconds)?;
    let mut found = found(played, shape.connections());
    let opened = (
        "connect.opened_per_second".to_owned(),
        opening.connects_per_second,
    );
    found.figures.extend([opened]);
    Ok((found, log))
}

fn found(played: Played, connections: u32) -> Found {
    let figures = [
        ("bytes", played.bytes as f64),
        ("deliveries", played.deliveries as f64),
        ("slow_records", played.slow_records as f64),
    ];
    let figures = figures.map(|(name, value)| (name.to_owned(), value));
    Found {
        faults: played.faults,
        busy: played.generator_busy,
        connections,
        figures: figures.into(),
        parts: played.parts,
        ..Found::default()
    }
}
