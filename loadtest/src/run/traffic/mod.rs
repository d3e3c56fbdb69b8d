//! The kinds of traffic that a scenario can ask for: each in a file of its own, plugged in here.

pub mod connect;
pub mod evening;
pub mod idle;
pub mod requests;
pub mod rooms;
mod town;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use thiserror::Error;

use super::log::Log;
use super::record::Phase;
use super::timeline::Timeline;
use super::wrong::Wrong;
use crate::clock::Clock;
use crate::evening::inbox::InboxSpec;
use crate::evening::{EveningError, EveningSpec};
use crate::faults::Faults;
use crate::fleet::CONNECTIONS_PER_ADDRESS;
use crate::ledger::RoomRun;
use crate::requests::RequestsError;
use crate::target::{ConnectError, Target};
use town::Town as _;

/// Most connections of a scenario.
pub const MOST_CONNECTIONS: u32 = 1_000_000;
/// Most processes of a scenario.
pub const MOST_PROCESSES: u32 = 256;

/// The `[traffic]` table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Traffic {
    /// Connections that are opened, and closed again.
    Connect(connect::ConnectSpec),
    /// Connections that stay and do nothing.
    Idle(idle::IdleSpec),
    /// Messages to rooms, durable, acknowledged and delivered.
    Rooms(rooms::RoomsSpec),
    /// Organizers and musicians over HTTP, from the request to the assignment.
    Requests(requests::RequestsSpec),
    /// People who talk in rooms, come and go, and read slowly, as on an evening.
    Evening(EveningSpec),
    /// Notices that come up for people who are there, or are not.
    Inbox(InboxSpec),
}

/// Which part of the traffic a process makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Which process, from 0.
    pub process: u32,
    /// How many there are.
    pub processes: u32,
}

/// Where and when traffic is made.
pub struct Stage<'a> {
    /// The server.
    pub target: &'a Target,
    /// Whether it answers sends.
    pub acknowledges: bool,
    /// The load over time.
    pub timeline: &'a Timeline,
    /// What everything random follows from.
    pub seed: u64,
    /// Which part of it is made here.
    pub share: Share,
    /// The clock of this process.
    pub clock: Clock,
    /// Called when everything is ready: waits for the others, and answers when the traffic begins.
    pub gate: Box<dyn FnOnce() -> io::Result<u64> + Send + 'a>,
}

/// What was found, beside what the log knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// What was wrong with deliveries and acknowledgements.
    pub faults: Faults,
    /// What else contradicted a promise.
    pub contradictions: BTreeMap<String, u64>,
    /// Share of the time in which the generator had something to do.
    pub busy: f64,
    /// Most connections at the same time.
    pub connections: u32,
    /// Other figures by name.
    pub figures: BTreeMap<String, f64>,
    /// What the members here received of rooms that are shared with other processes.
    pub parts: Vec<RoomRun>,
}

/// Why traffic could not be made.
#[derive(Debug, Error)]
pub enum TrafficError {
    /// No connections.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No people, or none who can be served.
    #[error(transparent)]
    Requests(#[from] RequestsError),
    /// No evening, or no inboxes.
    #[error(transparent)]
    Evening(#[from] EveningError),
    /// The other processes, or the runtime, are not there.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self {
        process: 0,
        processes: 1,
    };

    /// How many of `all` are this process's; the first ones have those that are left over.
    pub fn of(self, all: u32) -> u32 {
        all / self.processes + u32::from(self.process < all % self.processes)
    }

    /// How many of `all` are those of the processes before this one.
    pub fn before(self, all: u32) -> u32 {
        all / self.processes * self.process + self.process.min(all % self.processes)
    }

    /// Number of the first connection of this process when each has `most` at most: no two share a source address.
    pub fn first(self, most: u32) -> u32 {
        let addresses = most.div_ceil(CONNECTIONS_PER_ADDRESS).max(1);
        let first = u64::from(self.process) * u64::from(addresses * CONNECTIONS_PER_ADDRESS);
        u32::try_from(first).unwrap_or(u32::MAX)
    }
}

impl Traffic {
    /// Finds settings that cannot be, alone or with the rest of the scenario.
    pub fn check(&self, timeline: &Timeline, processes: u32) -> Result<(), Wrong> {
        match self {
            Self::Connect(spec) => spec.check(timeline, processes),
            Self::Idle(spec) => spec.check(timeline, processes),
            Self::Rooms(spec) => spec.check(timeline, processes),
            Self::Requests(spec) => spec.check(timeline, processes),
            Self::Evening(spec) => evening::check(spec, timeline, processes),
            Self::Inbox(spec) => evening::check(spec, timeline, processes),
        }
    }

    /// Phases that the traffic adds to those of the profile.
    pub fn more_phases(&self, until_s: f64) -> Option<Phase> {
        match self {
            Self::Idle(spec) => Some(spec.probe(until_s)),
            _ => None,
        }
    }

    /// Whether a server that keeps nothing can do this.
    pub fn suits_reference(&self) -> bool {
        !matches!(self, Self::Requests(_) | Self::Evening(_) | Self::Inbox(_))
    }

    /// Sockets that this process will have open.
    pub fn files(&self, share: Share) -> u32 {
        match self {
            Self::Connect(spec) => spec.slots(share),
            Self::Idle(spec) => spec.shape(share).connections(),
            Self::Rooms(spec) => spec.part(share).shape.connections(),
            Self::Requests(spec) => share.of(spec.connections),
            Self::Evening(spec) => spec.district(share).sockets(),
            Self::Inbox(spec) => spec.district(share).sockets(),
        }
    }

    /// What has to be there before any process begins.
    pub fn prepare(&self, target: &Target, processes: u32) -> Result<(), TrafficError> {
        match self {
            Self::Rooms(spec) => Ok(spec.prepare(target, processes)?),
            _ => Ok(()),
        }
    }

    /// Makes this process's part of the traffic.
    pub fn play(&self, stage: Stage<'_>, log: Log) -> Result<(Found, Log), TrafficError> {
        match self {
            Self::Connect(spec) => connect::play(spec, stage, log),
            Self::Idle(spec) => idle::play(spec, stage, log),
            Self::Rooms(spec) => rooms::play(spec, stage, log),
            Self::Requests(spec) => requests::play(spec, stage, log),
            Self::Evening(spec) => evening::play(spec, stage, log),
            Self::Inbox(spec) => evening::play(spec, stage, log),
        }
    }
}

/// Finds a load that asks for nothing, or for more operations than can be counted.
pub fn check_operations(timeline: &Timeline, most: u32) -> Result<(), Wrong> {
    match timeline.operations() {
        0 => Err(Wrong::new(
            "profile",
            "a load without any operation",
            "raise its rate",
        )),
        count if count > most => {
            let allowed = format!("at most {most} can be planned: lower its rate or its time");
            Err(Wrong::new(
                "profile",
                format!("a load of {count} operations"),
                allowed,
            ))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_source_addresses_are_apart() {
        for all in [0, 1, 5, 24, 25] {
            let mut before = 0;
            for process in 0..3 {
                let share = Share {
                    process,
                    processes: 3,
                };
                assert_eq!(share.before(all), before);
                before += share.of(all);
            }
            assert_eq!(before, all);
        }
        let first = |process, most| {
            Share {
                process,
                processes: 3,
            }
            .first(most)
        };
        assert_eq!(
            [first(0, 50), first(1, 50), first(2, 50)],
            [0, 20_000, 40_000]
        );
        assert_eq!(first(1, 20_001), 40_000);
    }
}
