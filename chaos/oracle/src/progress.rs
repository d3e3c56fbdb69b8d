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
    readers: BTreeMap<String, Reader>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reader {
    place: u64,
    /// Whether it joined, and lost no connection since.
    is_there: bool,
}

impl Progress {
    /// Takes in what happened to a client. Whoever leaves is no reader any more, and whoever lost its connection is none
    /// until it has joined again: a subscription alone is a wish.
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
            Event::Joined | Event::Lost => {
                let room = self.rooms.get_mut(&record.room);
                if let Some(reader) = room.and_then(|r| r.readers.get_mut(&record.client)) {
                    reader.is_there = record.event == Event::Joined;
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
        if !room.readers.contains_key(&record.client) {
            let reader = Reader::default();
            room.readers.insert(record.client.clone(), reader);
        }
        if let Some(reader) = room.readers.get_mut(&record.client) {
            reader.place = reached;
            reader.is_there &= !matches!(record.event, Event::Subscribed { .. });
        }
    }

    /// The highest sequence of a room that anyone was promised or got; 0 if there is none.
    pub fn head(&self, room: &str) -> u64 {
        self.rooms.get(room).map_or(0, |room| room.head)
    }

    /// Where a reader of a room is; none if it is not in the room now.
    pub fn place(&self, room: &str, reader: &str) -> Option<u64> {
        let reader = self.rooms.get(room)?.readers.get(reader)?;
        reader.is_there.then_some(reader.place)
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
        take(&mut progress, "a", Event::Joined);
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

    #[test]
    fn a_reader_is_somewhere_only_from_its_join_to_the_loss_of_its_connection() {
        let mut progress = Progress::default();
        // Nobody can join or be lost who never asked.
        take(&mut progress, "a", Event::Joined);
        assert_eq!(progress, Progress::default());
        take(&mut progress, "a", Event::Subscribed { after: 3 });
        assert_eq!((progress.head("r"), progress.place("r", "a")), (3, None));
        take(&mut progress, "a", Event::Joined);
        assert_eq!(progress.place("r", "a"), Some(3));
        take(&mut progress, "a", Event::Lost);
        assert_eq!(progress.place("r", "a"), None);
        take(&mut progress, "a", Event::Subscribed { after: 3 });
        assert_eq!(progress.place("r", "a"), None);
        take(&mut progress, "a", Event::Joined);
        assert_eq!(progress.place("r", "a"), Some(3));
    }
}
