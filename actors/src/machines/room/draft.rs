//! A decision in the making: numbers its events as they will stand in the journal.

use super::{Room, RoomEntry, RoomEvent, RoomRejection, RoomReply};
use crate::ids::Sequence;
use crate::machines::Decision;

/// What a rule answers.
pub(super) type Outcome = Result<Decision<Room>, RoomRejection>;

/// Events that follow the room's head, with their tallies.
pub(super) struct Draft {
    head: Sequence,
    message_count: u64,
    last_message: Sequence,
    events: Vec<RoomEntry>,
}

impl Draft {
    pub fn new(room: &Room) -> Self {
        Self {
            head: room.head,
            message_count: room.message_count,
            last_message: room.last_message,
            events: Vec::new(),
        }
    }

    /// Adds an event and answers its sequence.
    pub fn push(&mut self, event: RoomEvent) -> Sequence {
        self.head = self.head.next();
        if let RoomEvent::MessageSent(_) = event {
            self.message_count += 1;
            self.last_message = self.head;
        }
        self.events.push(RoomEntry {
            event,
            message_count: self.message_count,
            last_message: self.last_message,
        });
        self.head
    }

    /// The events so far.
    pub fn events(&self) -> &[RoomEntry] {
        &self.events
    }

    pub fn reply(self, reply: RoomReply) -> Outcome {
        Ok(Decision {
            events: self.events,
            reply,
        })
    }

    /// Answers with the sequence of the last event; of the room's last one if there is none here.
    pub fn done(self) -> Outcome {
        let sequence = self.head;
        self.reply(RoomReply::Done { sequence })
    }
}
