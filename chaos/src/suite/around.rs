//! What can go wrong around hubs: the network between them and what they stand on, those servers themselves, and the change
//! of the program.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::fault::Way;
use super::topology::Topology;

/// A server that hubs stand on, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Server {
    /// A NATS server.
    Nats {
        /// Which.
        server: usize,
    },
    /// A CQL node.
    Cql {
        /// Which.
        node: usize,
    },
}

impl Server {
    /// All servers of a topology.
    pub fn all(topology: Topology) -> Vec<Self> {
        let nats = (0..topology.nats_servers()).map(|server| Self::Nats { server });
        let cql = (0..topology.cql_nodes().into()).map(|node| Self::Cql { node });
        nats.chain(cql).collect()
    }
}

/// How servers are taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// SIGSTOP: their sockets stay open.
    Paused,
    /// SIGKILL: connections to them are refused.
    Killed,
}

/// Which of two builds of the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Build {
    /// The one that ran from the start.
    Old,
    /// The one that follows it.
    Next,
}

/// One fault around hubs. It is over when it has been carried out and taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    tag = "fault",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Around {
    /// A hub is cut off from all its servers, or from one.
    Partition {
        /// Which hub, from 0.
        hub: usize,
        /// In which direction.
        way: Way,
        /// From which server; none is from all.
        #[serde(skip_serializing_if = "Option::is_none")]
        server: Option<Server>,
        /// For how long.
        millis: u64,
    },
    /// Packets of a hub get lost.
    Lossy {
        /// Which hub, from 0.
        hub: usize,
        /// So many of a hundred.
        percent: u8,
        /// For how long.
        millis: u64,
    },
    /// A hub's network is slow: so many bytes per second in each direction.
    Throttle {
        /// Which hub, from 0.
        hub: usize,
        /// The rate.
        bytes_per_second: u32,
        /// For how long.
        millis: u64,
    },
    /// A NATS server is told to send its clients away and to end; it is started again.
    LameDuck {
        /// Which server, from 0.
        server: usize,
    },
    /// A NATS server and the others do not reach each other.
    SplitNats {
        /// Which server, from 0.
        server: usize,
        /// For how long.
        millis: u64,
    },
    /// A hub takes nothing from NATS, more than its server keeps, until it is dropped there; and then for a while.
    SlowConsumer {
        /// Which hub, from 0.
        hub: usize,
        /// For how long after that.
        millis: u64,
    },
    /// All CQL nodes but one are away.
    LoseQuorum {
        /// The node that stays, from 0.
        kept: usize,
        /// How the others go.
        loss: Loss,
        /// For how long.
        millis: u64,
    },
    /// A hub is cut off from all CQL nodes.
    CutCql {
        /// Which hub, from 0.
        hub: usize,
        /// In which direction.
        way: Way,
        /// For how long.
        millis: u64,
    },
    /// One CQL node answers all hubs late.
    SlowCql {
        /// Which node, from 0.
        node: usize,
        /// By how much, in each direction.
        delay_millis: u64,
        /// For how long.
        millis: u64,
    },
    /// A hub is drained and started again from another build on the same data.
    Upgrade {
        /// Which hub, from 0.
        hub: usize,
        /// Which build it is afterwards.
        build: Build,
    },
}

impl Around {
    /// How long it lasts, without the time that processes take.
    pub(super) fn lasting(self) -> Duration {
        Duration::from_millis(match self {
            Self::Partition { millis, .. }
            | Self::Lossy { millis, .. }
            | Self::Throttle { millis, .. }
            | Self::SplitNats { millis, .. }
            | Self::SlowConsumer { millis, .. }
            | Self::LoseQuorum { millis, .. }
            | Self::CutCql { millis, .. }
            | Self::SlowCql { millis, .. } => millis,
            Self::LameDuck { .. } | Self::Upgrade { .. } => 0,
        })
    }

    /// Milliseconds that processes take to end, to come back and to be found again, roughly.
    pub(super) fn returning(self) -> u64 {
        match self {
            Self::LameDuck { .. } => 6000,
            Self::LoseQuorum {
                loss: Loss::Killed, ..
            } => 6000,
            Self::SlowConsumer { .. } => 3000,
            Self::Upgrade { .. } => 1500,
            _ => 0,
        }
    }

    /// Whether it separates what has to find together again.
    pub(super) fn separates(self) -> bool {
        matches!(
            self,
            Self::Partition { .. } | Self::CutCql { .. } | Self::SplitNats { .. }
        )
    }
}
