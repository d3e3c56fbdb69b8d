//! The judgement on a history: nothing acknowledged is lost, nothing is there twice or with another text, no reader has a
//! hole, no sender's messages overtake each other, and the order is the same for all. An unanswered message may be there or
//! not.

mod messages;
mod readers;
mod violation;

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Event, History, Record};

pub use violation::Violation;

/// Whether a hub may tell a reader to go on from another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resets {
    /// Never: nothing was trimmed, and data did not go back.
    Forbidden,
    /// Whenever it does.
    Allowed,
}

/// All violations in `history`; none means that every promise was kept.
pub fn check(history: &History, resets: Resets) -> Vec<Violation> {
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
        readers::check(&room, &records, &journal, resets, &mut violations);
        messages::check(&room, &records, &journal, &mut violations);
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
                    ..
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
