//! Where durable events go: to the fan-out of this node, to the cursors of those who sent, and out to other nodes where
//! there are any.

use std::sync::Arc;

use crate::cluster::cursors::{Cursor, Cursors};
use crate::cluster::{Fanout, Relay};
use crate::ids::{EntityId, Sequence};
use crate::journal::{Head, Row};
use crate::machines::room::{Room, RoomEntry, RoomEvent};
use crate::runtime::CommitSink;

/// What became durable on this node goes here.
struct Sink {
    fanout: Arc<Fanout>,
    cursors: Arc<Cursors>,
    relay: Option<Arc<dyn Relay>>,
}

pub(super) fn sink(
    fanout: Arc<Fanout>,
    cursors: Arc<Cursors>,
    relay: Option<Arc<dyn Relay>>,
) -> Arc<dyn CommitSink<Room>> {
    Arc::new(Sink {
        fanout,
        cursors,
        relay,
    })
}

impl CommitSink<Room> for Sink {
    fn committed(&self, entity: &EntityId, row: &Row, events: &[RoomEntry]) {
        if let Some(room) = entity.as_room() {
            let numbered = (row.first.0..).map(Sequence).zip(events);
            let messages = numbered.filter_map(|(up_to, entry)| match &entry.event {
                RoomEvent::MessageSent(message) => {
                    let number = message.number;
                    Some((&message.sender, Cursor { up_to, number }))
                }
                _ => None,
            });
            self.cursors.sent(&room, messages);
        }
        self.fanout.committed(entity, row, events);
        if let Some(relay) = &self.relay {
            relay.tell(entity, row, events);
        }
    }

    fn advanced(&self, entity: &EntityId, head: Head) {
        self.fanout.advanced(entity, head);
        if let Some(relay) = &self.relay {
            relay.advanced(entity, head);
        }
    }

    fn failed(&self, entity: &EntityId) {
        self.fanout.failed(entity);
    }
}
