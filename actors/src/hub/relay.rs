//! The way of durable events between nodes: a relay takes them out, [`Hub::hear`] takes them in.

use std::sync::Arc;

use super::Hub;
use crate::cluster::{Fanout, Relay};
use crate::ids::{EntityId, Sequence};
use crate::journal::{Head, Row};
use crate::machines::room::{Room, RoomEntry};
use crate::runtime::CommitSink;

struct Both {
    fanout: Arc<Fanout>,
    relay: Arc<dyn Relay>,
}

pub(super) fn sink(
    fanout: Arc<Fanout>,
    relay: Option<Arc<dyn Relay>>,
) -> Arc<dyn CommitSink<Room>> {
    match relay {
        None => fanout,
        Some(relay) => Arc::new(Both { fanout, relay }),
    }
}

impl CommitSink<Room> for Both {
    fn committed(&self, entity: &EntityId, row: &Row, events: &[RoomEntry]) {
        self.fanout.committed(entity, row, events);
        self.relay.tell(entity, row, events);
    }

    fn advanced(&self, entity: &EntityId, head: Head) {
        self.fanout.advanced(entity, head);
        self.relay.advanced(entity, head);
    }

    fn failed(&self, entity: &EntityId) {
        self.fanout.failed(entity);
    }
}

impl Hub {
    /// Takes in what another node's relay told; what was lost before it is read from the journal.
    pub fn hear(&self, entity: &EntityId, first: Sequence, events: &[RoomEntry]) {
        self.fanout.became_durable(entity, first, events);
    }
}
