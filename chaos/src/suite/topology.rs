//! What a run's hubs stand on.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Which processes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// One hub with the embedded store.
    Single,
    /// Three hubs, one NATS server and one CQL node.
    Cluster,
    /// Three hubs, one NATS server and three CQL nodes, each of which has a copy of everything.
    Three,
    /// Three hubs, a cluster of three NATS servers and three CQL nodes with a copy of everything each.
    Full,
    /// What somebody else started, and a file describes.
    #[value(skip)]
    Existing,
}

impl Topology {
    /// Number of hubs.
    pub fn hubs(self) -> usize {
        match self {
            Self::Single => 1,
            // Its file tells.
            Self::Existing => 0,
            Self::Cluster | Self::Three | Self::Full => 3,
        }
    }

    /// Number of NATS servers.
    pub fn nats_servers(self) -> usize {
        match self {
            Self::Single | Self::Existing => 0,
            Self::Cluster | Self::Three => 1,
            Self::Full => 3,
        }
    }

    /// Number of CQL nodes.
    pub fn cql_nodes(self) -> u8 {
        match self {
            Self::Single | Self::Existing => 0,
            Self::Cluster => 1,
            Self::Three | Self::Full => 3,
        }
    }

    /// Whether hubs share a store and talk with each other.
    pub fn is_cluster(self) -> bool {
        self.hubs() > 1
    }

    /// Whether it has as much of everything as another one.
    pub fn has(self, other: Self) -> bool {
        self.hubs() >= other.hubs()
            && self.nats_servers() >= other.nats_servers()
            && self.cql_nodes() >= other.cql_nodes()
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
