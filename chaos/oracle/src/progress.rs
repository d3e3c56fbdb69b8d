//! How far rooms reach and how far each reader has got: what "at the head" means while clients run.

use std::collections::BTreeMap;

use crate::history::{Event, Record};

/// Heads of rooms as anyone was told, and the places of those who read them now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    rooms: BTreeMap<String, Room>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Room {
    head: u64,
    readers: BTreeMap<String, u64>,
}

impl Progress {
    /// Takes in what happened to a client. Whoever leaves is no reader any more.
    pub fn take(&mut self, record: &Record) {
        let reached = match record.event {
            Event::Acknowledged { sequence, .. } | Event::Received { sequence, .. } => sequence,
            Event::Subscribed { after } => after,
            Event::Reset { from } => from.saturating_sub(1),
            Event::Left => {
                if let Some(room) = self.rooms.get_mut(&record.room) {
                    room.readers.remove(&record.client);
                }
                return;
            }
            Event::Sent { .. } | Event::Refused { .. } => return,
        };
        if !self.rooms.contains_key(&record.room) {
            self.rooms.insert(record.room.clone(), Room::default());
        }
        let Some(room) = self.rooms.get_mut(&record.room) else {
            return;
        };
        room.head = room.head.max(reached);
        if matches!(record.event, Event::Acknowledged { .. }) {
            return;
        }
        match room.readers.get_mut(&record.client) {
            Some(place) => *place = reached,
            None => drop(room.readers.insert(record.client.clone(), reached)),
        }
    }

    /// The highest sequence of a room that anyone was promised or got; 0 if there is none.
    pub fn head(&self, room: &str) -> u64 {
        self.rooms.get(room).map_or(0, |room| room.head)
    }

    /// Where a reader of a room is; none if it does not read the room now.
    pub fn place(&self, room: &str, reader: &str) -> Option<u64> {
        self.rooms.get(room)?.readers.get(reader).copied()
    }

    /// Rooms with their heads.
    pub fn heads(&self) -> BTreeMap<String, u64> {
        let heads = self.rooms.iter();
        heads
            .map(|(name, room)| (name.clone(), room.head))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(progress: &mut Progress, client: &str, event: Event) {
        progress.take(&Record {
            client: client.into(),
            room: "r".into(),
            event,
        });
    }

    fn got(sequence: u64) -> Event {
        Event::Received {
            sequence,
            entry: String::new(),
            id: None,
            text: None,
        }
    }

    #[test]
    fn heads_only_grow_and_readers_are_where_they_say() {
        let mut progress = Progress::default();
        assert_eq!((progress.head("r"), progress.place("r", "a")), (0, None));
        take(&mut progress, "a", Event::Subscribed { after: 3 });
        take(&mut progress, "a", got(4));
        let acknowledged = Event::Acknowledged {
            id: "m".into(),
            sequence: 9,
        };
        take(&mut progress, "s", acknowledged);
        assert_eq!((progress.head("r"), progress.place("r", "a")), (9, Some(4)));
        // Who only sends reads nothing.
        assert_eq!(progress.place("r", "s"), None);
        take(&mut progress, "a", Event::Reset { from: 2 });
        assert_eq!((progress.head("r"), progress.place("r", "a")), (9, Some(1)));
        take(&mut progress, "a", Event::Left);
        assert_eq!(progress.place("r", "a"), None);
        assert_eq!(progress.heads(), BTreeMap::from([("r".to_owned(), 9)]));
    }
}
