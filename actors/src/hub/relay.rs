//! Where durable events go: to the fan-out of this node, to the cursors of those who sent, and out to other nodes where
//! there are any.

use std::sync::Arc;

use crate::cluster::cursors::{Cursor, Cursors};
use crate::cluster::{Fanout, Listened, Relay};
use crate::ids::{EntityId, Sequence, UserId};
use crate::journal::{Head, Row};
use crate::machines::Machine;
use crate::machines::room::{Room, RoomEntry, RoomEvent};
use crate::machines::user::User;
use crate::runtime::CommitSink;

/// What becomes durable on this node of entities that anybody may listen to goes here.
#[derive(Clone)]
pub(super) struct Listeners {
    pub fanout: Arc<Fanout>,
    pub relay: Option<Arc<dyn Relay>>,
}

impl<M: Listened> CommitSink<M> for Listeners {
    fn committed(&self, entity: &EntityId, row: &Row, events: &[M::Event]) {
        CommitSink::<M>::committed(&*self.fanout, entity, row, events);
        if let Some(relay) = &self.relay {
            let added: Vec<&UserId> = events.iter().filter_map(M::added).collect();
            relay.tell(entity, row, &added);
        }
    }

    fn advanced(&self, entity: &EntityId, head: Head) {
        CommitSink::<M>::advanced(&*self.fanout, entity, head);
        if let Some(relay) = &self.relay {
            relay.advanced(entity, head);
        }
    }

    fn failed(&self, entity: &EntityId) {
        CommitSink::<M>::failed(&*self.fanout, entity);
    }
}

/// The same of rooms: whoever sends has read the room up to there.
pub(super) struct Rooms {
    pub listeners: Listeners,
    pub cursors: Arc<Cursors>,
}

impl CommitSink<Room> for Rooms {
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
        CommitSink::<Room>::committed(&self.listeners, entity, row, events);
    }

    fn advanced(&self, entity: &EntityId, head: Head) {
        CommitSink::<Room>::advanced(&self.listeners, entity, head);
    }

    fn failed(&self, entity: &EntityId) {
        CommitSink::<Room>::failed(&self.listeners, entity);
    }
}

/// Nobody listens to users.
pub(super) struct Nobody;

impl CommitSink<User> for Nobody {
    fn committed(&self, _entity: &EntityId, _row: &Row, _events: &[<User as Machine>::Event]) {}
}
