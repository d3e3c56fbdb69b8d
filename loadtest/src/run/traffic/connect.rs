//! Traffic of kind `connect`: a storm of connections, each of which checks its token, joins a room, and goes again.

use serde::Deserialize;

use super::{Found, MOST_CONNECTIONS, Share, Stage, TrafficError, check_operations};
use crate::run::log::Log;
use crate::run::timeline::Timeline;
use crate::run::wrong::{Wrong, within};
use crate::storm::{Order, Storm};

/// Most connections that are opened in one run.
const MOST_OPENED: u32 = 100_000_000;

/// The settings. An operation is a connection: opened, token checked, handshake done, room joined.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectSpec {
    /// Connections that stay open; the oldest one goes when there are more.
    pub keep: u32,
    /// Rooms that are joined in turn.
    pub rooms: u32,
    /// Most connections that are on their way at the same time; later ones wait, and their latency counts on.
    pub at_once: u32,
    /// A connection that has not joined after so many milliseconds is an error.
    pub timeout_ms: u32,
}

impl Default for ConnectSpec {
    fn default() -> Self {
        Self {
            keep: 0,
            rooms: 100,
            at_once: 1_024,
            timeout_ms: 10_000,
        }
    }
}

impl ConnectSpec {
    /// Finds settings that cannot be.
    pub fn check(&self, timeline: &Timeline, processes: u32) -> Result<(), Wrong> {
        within("traffic.keep", self.keep, 0, MOST_CONNECTIONS)?;
        within("traffic.rooms", self.rooms, 1, MOST_CONNECTIONS)?;
        within("traffic.at_once", self.at_once, processes, 20_000)?;
        within("traffic.timeout_ms", self.timeout_ms, 1, 600_000)?;
        if timeline.churn.is_some() {
            let key = "profile.churn_percent_per_minute";
            let allowed = "connections come and go anyway: 0 is allowed";
            return Err(Wrong::new(key, "above 0", allowed));
        }
        check_operations(timeline, MOST_OPENED)
    }

    /// Most sockets that one process has open.
    pub fn slots(&self, share: Share) -> u32 {
        share.of(self.keep) + share.of(self.at_once)
    }
}

/// Makes the traffic.
pub fn play(
    spec: &ConnectSpec,
    stage: Stage<'_>,
    mut log: Log,
) -> Result<(Found, Log), TrafficError> {
    let (share, timeline) = (stage.share, stage.timeline);
    let part = 1.0 / f64::from(share.processes);
    let offset = f64::from(share.process) * part;
    let order = Order {
        times: timeline.timetable().share(part, offset),
        seconds: (timeline.warmup_s, timeline.seconds),
        keep: share.of(spec.keep),
        at_once: share.of(spec.at_once),
        rooms: spec.rooms,
        group: share.process + 1,
        timeout_ns: u64::from(spec.timeout_ms) * 1_000_000,
    };
    let storm = Storm::new(order, stage.target, stage.clock)?;
    let start_ns = (stage.gate)()?;
    log.begin(start_ns);
    let (blown, log) = storm.blow(start_ns, log)?;
    let figures = [
        ("connect.joined", f64::from(blown.joined)),
        ("connect.held_back", f64::from(blown.held_back)),
    ];
    let mut found = Found {
        busy: blown.busy,
        connections: blown.most,
        figures: figures.map(|(name, value)| (name.to_owned(), value)).into(),
        ..Found::default()
    };
    found.faults.disconnected = blown.lost;
    Ok((found, log))
}
