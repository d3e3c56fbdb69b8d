//! Where an entity is and how far it has come, for operators.

use super::{Hub, HubError};
use crate::cluster::Report;
use crate::ids::{EntityId, NodeId, RoomId, Sequence};

/// One entity as this node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// The node that owns it; `None` if this node lives alone, or all others drain.
    pub owner: Option<NodeId>,
    /// The last sequence in the store.
    pub head: Sequence,
    /// The last one that this node's subscribers were handed; `None` if there are none.
    pub position: Option<Sequence>,
    /// Users subscribed on this node.
    pub subscribed: usize,
}

impl Hub {
    /// What this node has to say of itself and of a room.
    pub fn report(&self, room: Option<&RoomId>) -> Report {
        Report::here(&self.fanout, &self.directories, room)
    }

    /// Looks at a room without waking it. A room that nobody created has the head 0.
    pub async fn whereabouts(&self, room: &RoomId) -> Result<Whereabouts, HubError> {
        self.whereabouts_of(&EntityId::room(room)).await
    }

    /// The same of any entity.
    pub async fn whereabouts_of(&self, entity: &EntityId) -> Result<Whereabouts, HubError> {
        let head = self.parts.journal.head(entity).await?;
        let feed = self.fanout.feeds.get(entity).map(|feed| feed.clone());
        let seen = feed.map(|feed| {
            let feed = feed.lock();
            (feed.position, feed.locals().count())
        });
        let (position, subscribed) = seen.unwrap_or_default();
        Ok(Whereabouts {
            owner: self.peers().and_then(|peers| peers.owner_of(entity)),
            head: head.sequence,
            position,
            subscribed,
        })
    }
}
