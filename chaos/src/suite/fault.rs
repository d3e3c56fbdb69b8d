//! What can go wrong: kinds of trouble, and the faults that they are made of.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::alone::Hurt;
use super::around::Around;
use super::plan_around;
use super::topology::Topology;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Hubs are killed (SIGKILL) and started again.
    KillHub,
    /// Hubs stand still (SIGSTOP) for a while with all their sockets open.
    PauseHub,
    /// Hubs are drained (SIGTERM) and started again, one after the other.
    RollingRestart,
    /// All connections of a hub's clients are reset.
    CutLinks,
    /// All connections of a hub's clients go dead without a word.
    HalfOpen,
    /// Everything comes late: between clients and a hub, and in a cluster between a hub and its servers too.
    SlowLinks,
    /// The NATS server, or one of several, is killed and is away for a while (clusters only).
    RestartNats,
    /// The NATS server, or one of several, stands still for a while (clusters only).
    PauseNats,
    /// One hub after the other is cut off from NATS, both ways or one way (clusters only).
    CutNats,
    /// CQL nodes are killed and are away for a while (clusters only).
    KillCql,
    /// CQL nodes stand still for a while (clusters only).
    PauseCql,
    /// Hubs are cut off from all NATS servers and CQL nodes (clusters only).
    Partition,
    /// The same in one direction (clusters only).
    PartitionOneWay,
    /// One hub and one server do not reach each other (clusters only).
    PartitionPair,
    /// Packets from and to a hub get lost (clusters only).
    Loss,
    /// Only so many bytes per second pass from and to a hub (clusters only).
    Throttle,
    /// A NATS server sends its clients away, ends, and is started again (topology full).
    LameDuck,
    /// A NATS server is cut off from the others (topology full).
    SplitNats,
    /// A hub takes nothing from NATS until it is dropped there (clusters only).
    SlowConsumer,
    /// All CQL nodes but one are away: nothing can be acknowledged (topologies three and full).
    LoseQuorum,
    /// Hubs are cut off from all CQL nodes (clusters only).
    CutCql,
    /// A CQL node answers late (clusters only).
    SlowCql,
    /// Each hub in turn is drained and started from the next build, then each again from the old one (clusters only).
    RollingUpgrade,
    /// The kinds of trouble from kill-hub to pause-cql in turn.
    Mixed,
    /// The disk of the embedded store is full for a while (a hub alone; needs root).
    FullDisk,
    /// The disk of the embedded store fails to sync (a hub alone).
    SyncError,
    /// The wall clock jumps, by seconds and by an hour, in both directions.
    ClockJump,
    /// Busy loops run on the hub's cores.
    CpuPressure,
    /// A neighbour takes the memory that the hub caches with.
    MemoryPressure,
    /// Thousands of sockets that never become clients.
    ConnectionFlood,
    /// Clients that join and do not read for a while.
    SlowClients,
    /// A room whose stored rows do not verify, among others.
    PoisonRoom,
    /// The data goes back to an older copy. No store survives this: the run must be judged broken, which shows that the
    /// suite can tell.
    StaleData,
}

/// Kinds of trouble that one hub can have, without [`Scenario::Mixed`] and the one that no store survives.
const ALONE: [Scenario; 6] = [
    Scenario::KillHub,
    Scenario::PauseHub,
    Scenario::RollingRestart,
    Scenario::CutLinks,
    Scenario::HalfOpen,
    Scenario::SlowLinks,
];
/// Those that a cluster can have beside them.
const TOGETHER: [Scenario; 5] = [
    Scenario::RestartNats,
    Scenario::KillCql,
    Scenario::CutNats,
    Scenario::PauseCql,
    Scenario::PauseNats,
];

/// Those that hurt the embedded store, which only a hub alone has.
const EMBEDDED: [Scenario; 2] = [Scenario::FullDisk, Scenario::SyncError];

impl Scenario {
    /// What [`Scenario::Mixed`] takes in turn.
    pub fn mixed(topology: Topology) -> Vec<Self> {
        if !topology.is_cluster() {
            return ALONE.to_vec();
        }
        // Trouble with hubs and with what they stand on takes turns.
        let pairs = ALONE.iter().zip(TOGETHER.iter().map(Some).chain([None]));
        pairs
            .flat_map(|(alone, together)| [Some(alone), together])
            .flatten()
            .copied()
            .collect()
    }

    /// Whether there is what it hurts.
    pub fn fits(self, topology: Topology) -> bool {
        match EMBEDDED.contains(&self) {
            true => topology == Topology::Single,
            false => topology.has(self.smallest()),
        }
    }

    /// The smallest topology that has what it hurts.
    pub fn smallest(self) -> Topology {
        match self {
            _ if plan_around::is_around(self) => plan_around::smallest(self),
            _ if TOGETHER.contains(&self) => Topology::Cluster,
            _ => Topology::Single,
        }
    }

    /// Whether it hurts the network, for which there are several means.
    pub fn is_of_network(self) -> bool {
        plan_around::is_of_network(self)
    }

    /// Variables of the hubs that it is run on, beside those of all runs.
    pub fn variables(self) -> Vec<(String, String)> {
        let variables = plan_around::variables(self).iter();
        variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Which of a hub's links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// Those with its clients.
    Clients,
    /// That with NATS.
    Nats,
    /// Those with all CQL nodes.
    Cql,
}

/// What gets lost between a hub and NATS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Everything.
    Both,
    /// What the hub says.
    FromHub,
    /// What the hub is to hear.
    ToHub,
}

/// One fault. It is over when it has been carried out: what was killed runs again, what was paused goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    tag = "fault",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Fault {
    /// SIGKILL, wait, start.
    KillHub {
        /// Which hub, from 0.
        hub: usize,
        /// For how long it is away.
        millis: u64,
    },
    /// SIGSTOP, wait, SIGCONT.
    PauseHub {
        /// Which hub, from 0.
        hub: usize,
        /// For how long.
        millis: u64,
    },
    /// SIGTERM, which must end in exit status 0, and start.
    DrainHub {
        /// Which hub, from 0.
        hub: usize,
    },
    /// Reset all connections.
    CutLinks {
        /// Whose clients.
        hub: usize,
    },
    /// Let all connections go dead.
    HalfOpen {
        /// Whose clients.
        hub: usize,
    },
    /// Delay everything in both directions.
    SlowLinks {
        /// Whose links.
        hub: usize,
        /// Which of them.
        link: Link,
        /// By how much.
        delay_millis: u64,
        /// For how long.
        millis: u64,
    },
    /// SIGKILL, wait, start.
    RestartNats {
        /// Which server, from 0.
        server: usize,
        /// For how long it is away.
        millis: u64,
    },
    /// SIGSTOP, wait, SIGCONT.
    PauseNats {
        /// Which server, from 0.
        server: usize,
        /// For how long.
        millis: u64,
    },
    /// Lose all that passes between a hub and NATS.
    CutNats {
        /// Which hub, from 0.
        hub: usize,
        /// In which direction.
        way: Way,
        /// For how long.
        millis: u64,
    },
    /// SIGKILL, wait, start.
    KillCql {
        /// Which node, from 0.
        node: usize,
        /// For how long it is away.
        millis: u64,
    },
    /// SIGSTOP, wait, SIGCONT.
    PauseCql {
        /// Which node, from 0.
        node: usize,
        /// For how long.
        millis: u64,
    },
    /// SIGKILL to all hubs, and to the CQL nodes if they have the data; the first time the data is copied, afterwards
    /// replaced by that copy; start.
    StaleData,
    /// Something around the hubs.
    #[serde(untagged)]
    Around(Around),
    /// One of those that hurt a single hub or its machine.
    #[serde(untagged)]
    Alone(Hurt),
}

impl Fault {
    /// How long it lasts, without the time that processes take to start and to end.
    pub fn lasting(self) -> Duration {
        Duration::from_millis(match self {
            Self::Around(around) => return around.lasting(),
            Self::KillHub { millis, .. }
            | Self::PauseHub { millis, .. }
            | Self::SlowLinks { millis, .. }
            | Self::RestartNats { millis, .. }
            | Self::PauseNats { millis, .. }
            | Self::CutNats { millis, .. }
            | Self::KillCql { millis, .. }
            | Self::PauseCql { millis, .. } => millis,
            Self::DrainHub { .. }
            | Self::CutLinks { .. }
            | Self::HalfOpen { .. }
            | Self::StaleData => 0,
            Self::Alone(hurt) => hurt.millis(),
        })
    }

    /// The hub that it drains.
    pub(super) fn drains(self) -> Option<usize> {
        match self {
            Self::DrainHub { hub } | Self::Around(Around::Upgrade { hub, .. }) => Some(hub),
            _ => None,
        }
    }
}
