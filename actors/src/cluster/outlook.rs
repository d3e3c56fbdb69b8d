//! What a node knows of the others, for operators.

use super::nodes::Part;
use super::peers::Peers;
use crate::bus::frame::Beat;
use crate::ids::{EntityId, NodeId};

/// Another node as this one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerOutlook {
    /// Its last sign of life.
    pub beat: Beat,
    /// How long ago that came, in milliseconds.
    pub heard_ms_ago: u64,
    /// Nobody answered in its name since then.
    pub suspected: bool,
}

/// This node and the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// This node.
    pub node: NodeId,
    /// Which life of it.
    pub incarnation: u64,
    /// What part it takes.
    pub part: Part,
    /// Whether it hears the others.
    pub connected: bool,
    /// The others by name.
    pub others: Vec<PeerOutlook>,
}

impl Peers {
    /// The other nodes that this one knows of.
    pub(super) fn known(&self) -> Vec<NodeId> {
        self.nodes.lock().peers().keys().cloned().collect()
    }

    /// Who is there, as far as this node knows.
    pub fn outlook(&self) -> Outlook {
        let now = self.now();
        let nodes = self.nodes.lock();
        let others = nodes.peers().values().map(|peer| PeerOutlook {
            beat: peer.beat.clone(),
            heard_ms_ago: now.since(peer.heard),
            suspected: peer.suspected,
        });
        Outlook {
            node: self.me.clone(),
            incarnation: self.incarnation,
            part: nodes.part(),
            connected: self.bus.is_connected(),
            others: others.collect(),
        }
    }

    /// Which node owns an entity, as far as this one knows; `None` if every one of them drains.
    pub fn owner_of(&self, entity: &EntityId) -> Option<NodeId> {
        self.owner(entity)
    }
}
