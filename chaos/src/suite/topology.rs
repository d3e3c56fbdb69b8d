//! What a run's hubs stand on.

use clap::ValueEnum;
use serde::Serialize;

/// Which processes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// One hub with the embedded store.
    Single,
    /// Three hubs, one NATS server and one CQL node.
    Cluster,
    /// Three hubs, one NATS server and three CQL nodes, each of which has a copy of everything.
    Three,
}

impl Topology {
    /// Number of hubs.
    pub fn hubs(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Cluster | Self::Three => 3,
        }
    }

    /// Number of CQL nodes.
    pub fn cql_nodes(self) -> u8 {
        match self {
            Self::Single => 0,
            Self::Cluster => 1,
            Self::Three => 3,
        }
    }

    /// Whether hubs share a store and talk with each other.
    pub fn is_cluster(self) -> bool {
        self.hubs() > 1
    }
}
