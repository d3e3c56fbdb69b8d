//! Faults of one hub and of the machine that it runs on: disk, clock, pressure, floods, slow clients, damaged data. Each
//! watches while it is in force, and answers with checks of its own.

mod clock;
mod cpu;
mod disk;
mod flood;
mod kit;
mod log;
mod memory;
mod planned;
mod poison;
mod poisoned;
mod probe;
mod rows;
mod slow;
mod sync;

use std::time::Instant;

use serde::{Deserialize, Serialize};

pub use disk::let_go;
pub(super) use kit::Kit;
pub use log::DamageError;
pub(super) use planned::planned;
pub(super) use probe::others_go_on;

use super::error::SiteError;
use super::format::Check;
use super::site::Site;
use crate::history::History;

/// One such fault. It is over when it has been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    tag = "fault",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Hurt {
    /// Fill the disk of the embedded store, wait, make room; start the hub again if its store broke.
    FillDisk {
        /// Which hub, from 0.
        hub: usize,
        /// Mebibytes that stay free: below the hub's reserve, or none.
        left_mebibytes: u64,
        /// For how long.
        millis: u64,
    },
    /// Let every sync of the hub fail until one has, wait, start it again.
    FailSync {
        /// Which hub, from 0.
        hub: usize,
        /// For how long it is watched before it is started again.
        millis: u64,
    },
    /// Move the hub's wall clock, wait, move it back.
    JumpClock {
        /// Which hub, from 0.
        hub: usize,
        /// By how much; negative is back.
        seconds: i64,
        /// For how long.
        millis: u64,
    },
    /// Busy loops on the hub's cores.
    PressCpu {
        /// Which hub, from 0.
        hub: usize,
        /// How many.
        loops: usize,
        /// For how long.
        millis: u64,
    },
    /// A process that takes and touches memory, in one memory group with the hub where groups can be made.
    PressMemory {
        /// Which hub, from 0.
        hub: usize,
        /// How much it takes, in mebibytes.
        mebibytes: u64,
        /// For how long.
        millis: u64,
    },
    /// Sockets that never become clients: silent ones, requests whose head never ends, WebSockets without a handshake.
    FloodConnections {
        /// Which hub, from 0.
        hub: usize,
        /// How many at once.
        sockets: usize,
        /// For how long.
        millis: u64,
    },
    /// Clients that join and do not read, until they do.
    SlowClients {
        /// Which hub they begin at, from 0.
        hub: usize,
        /// How many.
        clients: usize,
        /// For how long.
        millis: u64,
    },
    /// Damage the newest stored row of a room while its hub is down, start it, and ask for the room all the time; in a
    /// cluster put the row back at the end.
    PoisonRoom {
        /// Which hub the room is asked for at, from 0.
        hub: usize,
        /// The number of the room; no two of a run have the same.
        room: usize,
        /// For how long.
        millis: u64,
    },
}

impl Hurt {
    /// How long it lasts, in milliseconds, without the time that processes take to start.
    pub(super) fn millis(self) -> u64 {
        match self {
            Self::FillDisk { millis, .. }
            | Self::FailSync { millis, .. }
            | Self::JumpClock { millis, .. }
            | Self::PressCpu { millis, .. }
            | Self::PressMemory { millis, .. }
            | Self::FloodConnections { millis, .. }
            | Self::SlowClients { millis, .. }
            | Self::PoisonRoom { millis, .. } => millis,
        }
    }
}

/// What is there beside the hubs.
pub(super) struct Scene<'r> {
    pub history: &'r History,
    pub rooms: &'r [String],
    pub kit: &'r Kit,
}

/// A fault that was carried out.
#[derive(Debug)]
pub(super) struct Carried {
    pub in_force: Instant,
    pub checks: Vec<Check>,
    /// Between these moments the messages of everybody were to go well, which can be told once all of them were answered.
    pub unhurt: Option<(Instant, Instant)>,
}

impl Carried {
    /// With what was seen of it.
    pub(super) fn seen(in_force: Instant, checks: Vec<Check>) -> Self {
        Self {
            in_force,
            checks,
            unhurt: None,
        }
    }

    /// The same, through which the messages of everybody were to go well.
    fn while_others_go_on(mut self, from: Instant, to: Instant) -> Self {
        self.unhurt = Some((from, to));
        self
    }
}

/// Carries a fault out to its end.
pub(super) async fn carry_out(
    site: &mut Site<'_>,
    hurt: Hurt,
    scene: &Scene<'_>,
) -> Result<Carried, SiteError> {
    match hurt {
        Hurt::FillDisk {
            hub,
            left_mebibytes,
            millis,
        } => disk::fill(site, scene, hub, left_mebibytes, millis).await,
        Hurt::FailSync { hub, millis } => sync::fail(site, scene, hub, millis).await,
        Hurt::JumpClock {
            hub,
            seconds,
            millis,
        } => clock::jump(site, scene, hub, seconds, millis).await,
        Hurt::PressCpu { hub, loops, millis } => cpu::press(site, scene, hub, loops, millis).await,
        Hurt::PressMemory {
            hub,
            mebibytes,
            millis,
        } => memory::press(site, scene, hub, mebibytes, millis).await,
        Hurt::FloodConnections {
            hub,
            sockets,
            millis,
        } => flood::flood(site, hub, sockets, millis).await,
        Hurt::SlowClients {
            hub,
            clients,
            millis,
        } => slow::stand_by(site, scene, hub, clients, millis).await,
        Hurt::PoisonRoom { hub, room, millis } => {
            poison::poison(site, scene, hub, room, millis).await
        }
    }
}
