//! The judgement on a history: nothing acknowledged is lost, nothing is there twice, no reader has a hole, and the order
//! is the same for all. An unanswered message may be there or not.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::history::{Event, History, Record};

/// A broken promise, with what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// The history is not whole, so nothing can be said.
    #[error("records were dropped: the history's capacity is too small")]
    Overflowed,
    /// A reader got an entry and not the one owed before it.
    #[error("{client} in {room}: owed {owed}, got {got}")]
    Hole {
        /// The reader.
        client: String,
        /// The room.
        room: String,
        /// The sequence that should have come.
        owed: u64,
        /// The sequence that came.
        got: u64,
    },
    /// A reader got an entry that it had been given, or had said to know.
    #[error("{client} in {room}: {got} came again, {owed} was owed")]
    Again {
        /// The reader.
        client: String,
        /// The room.
        room: String,
        /// The sequence that should have come.
        owed: u64,
        /// The sequence that came.
        got: u64,
    },
    /// A reader got an entry without a subscription.
    #[error("{client} in {room}: {got} came without a subscription")]
    Unasked {
        /// The reader.
        client: String,
        /// The room.
        room: String,
        /// The sequence that came.
        got: u64,
    },
    /// A reader that stayed did not get everything.
    #[error("{client} in {room}: stopped before {owed}, and the room goes on to {head}")]
    Behind {
        /// The reader.
        client: String,
        /// The room.
        room: String,
        /// The sequence that should have come.
        owed: u64,
        /// The highest sequence that anyone got or was promised.
        head: u64,
    },
    /// Two readers, or one at two times, got different entries at one place.
    #[error("{room} at {sequence}: one reader got {one:?}, another {other:?}")]
    Fork {
        /// The room.
        room: String,
        /// The place.
        sequence: u64,
        /// What the first reader got there.
        one: String,
        /// What another one got there.
        other: String,
    },
    /// A message is there more than once.
    #[error("{room}: message {id} is at {first} and at {second}")]
    Twice {
        /// The room.
        room: String,
        /// The message id.
        id: String,
        /// Its first place.
        first: u64,
        /// Another one.
        second: u64,
    },
    /// An acknowledged message is not where it was promised to be, as far as anyone saw.
    #[error("{room}: message {id} was acknowledged at {sequence} and is not there")]
    Lost {
        /// The room.
        room: String,
        /// The message id.
        id: String,
        /// The promised place.
        sequence: u64,
    },
    /// A message is there that nobody sent, or that was refused for good.
    #[error("{room}: message {id} at {sequence} was {why}")]
    Phantom {
        /// The room.
        room: String,
        /// The message id.
        id: String,
        /// Where it is.
        sequence: u64,
        /// `never sent` or `refused`.
        why: &'static str,
    },
}

/// All violations in `history`; none means that every promise was kept.
pub fn check(history: &History) -> Vec<Violation> {
    if history.overflowed() {
        return vec![Violation::Overflowed];
    }
    let mut rooms: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in history.records() {
        rooms.entry(record.room.clone()).or_default().push(record);
    }
    let mut violations = Vec::new();
    for (room, records) in rooms {
        let journal = Journal::observed(&room, &records, &mut violations);
        check_readers(&room, &records, &journal, &mut violations);
        check_messages(&room, &records, &journal, &mut violations);
    }
    violations
}

/// A room as all its readers together saw it.
#[derive(Default)]
struct Journal {
    entries: BTreeMap<u64, String>,
    /// Messages and all their places.
    places: BTreeMap<String, BTreeSet<u64>>,
    head: u64,
}

impl Journal {
    fn observed(room: &str, records: &[Record], violations: &mut Vec<Violation>) -> Self {
        let mut journal = Self::default();
        for record in records {
            match &record.event {
                Event::Acknowledged { sequence, .. } => journal.head = journal.head.max(*sequence),
                Event::Received {
                    sequence,
                    entry,
                    id,
                } => {
                    journal.head = journal.head.max(*sequence);
                    let one = journal
                        .entries
                        .entry(*sequence)
                        .or_insert_with(|| entry.clone());
                    if one != entry {
                        violations.push(Violation::Fork {
                            room: room.to_owned(),
                            sequence: *sequence,
                            one: one.clone(),
                            other: entry.clone(),
                        });
                    }
                    if let Some(id) = id {
                        journal
                            .places
                            .entry(id.clone())
                            .or_default()
                            .insert(*sequence);
                    }
                }
                _ => {}
            }
        }
        journal
    }
}

/// Each reader's run has no hole, no repetition and, if the reader stayed, no end before the head.
fn check_readers(
    room: &str,
    records: &[Record],
    journal: &Journal,
    violations: &mut Vec<Violation>,
) {
    let mut readers: BTreeMap<&str, u64> = BTreeMap::new();
    for Record { client, event, .. } in records {
        let named = || (client.clone(), room.to_owned());
        match event {
            Event::Subscribed { after } => {
                readers.insert(client, after + 1);
            }
            Event::Reset { from } => {
                readers.insert(client, *from);
            }
            Event::Left => {
                readers.remove(client.as_str());
            }
            Event::Received { sequence: got, .. } => {
                let got = *got;
                let (client, room) = named();
                let Some(owed) = readers.get_mut(client.as_str()) else {
                    violations.push(Violation::Unasked { client, room, got });
                    continue;
                };
                let expected = *owed;
                *owed = (*owed).max(got + 1);
                if got > expected {
                    violations.push(Violation::Hole {
                        client,
                        room,
                        owed: expected,
                        got,
                    });
                } else if got < expected {
                    violations.push(Violation::Again {
                        client,
                        room,
                        owed: expected,
                        got,
                    });
                }
            }
            _ => {}
        }
    }
    for (client, owed) in readers {
        if owed <= journal.head {
            violations.push(Violation::Behind {
                client: client.to_owned(),
                room: room.to_owned(),
                owed,
                head: journal.head,
            });
        }
    }
}

/// Each message is there once at most, where it was promised, and only if someone sent it.
fn check_messages(
    room: &str,
    records: &[Record],
    journal: &Journal,
    violations: &mut Vec<Violation>,
) {
    let mut sent = BTreeSet::new();
    let mut refused = BTreeSet::new();
    let mut promised = BTreeSet::new();
    for record in records {
        match &record.event {
            Event::Sent { id } => drop(sent.insert(id)),
            Event::Refused { id } => drop(refused.insert(id)),
            Event::Acknowledged { id, sequence } => drop(promised.insert((id, *sequence))),
            _ => {}
        }
    }
    for (id, sequence) in promised {
        if !journal
            .places
            .get(id)
            .is_some_and(|places| places.contains(&sequence))
        {
            violations.push(Violation::Lost {
                room: room.to_owned(),
                id: id.clone(),
                sequence,
            });
        }
    }
    for (id, places) in &journal.places {
        let mut places = places.iter().copied();
        let Some(first) = places.next() else { continue };
        for second in places {
            violations.push(Violation::Twice {
                room: room.to_owned(),
                id: id.clone(),
                first,
                second,
            });
        }
        let why = match (sent.contains(id), refused.contains(id)) {
            (false, _) => "never sent",
            (true, true) => "refused",
            (true, false) => continue,
        };
        violations.push(Violation::Phantom {
            room: room.to_owned(),
            id: id.clone(),
            sequence: first,
            why,
        });
    }
}
