//! G2: one room, one value per sequence; the journal and all readers agree.

use super::events_of;
use crate::testing::oracle::{Glimpse, History, Seen, fact_of};

/// Compares what every reader was shown with the journal.
pub fn check(history: &History) -> Result<(), String> {
    let mut rooms = std::collections::BTreeMap::new();
    for view in &history.views {
        if !rooms.contains_key(&view.room) {
            rooms.insert(view.room.clone(), events_of(history, &view.room)?);
        }
        let journal = &rooms[&view.room];
        for seen in &view.seen {
            let Seen::Event { sequence, fact, .. } = seen else {
                continue;
            };
            let stands = journal.get(sequence).map(fact_of);
            if stands.as_ref() != Some(fact) {
                let (user, room) = (&view.user, &view.room);
                return Err(format!(
                    "{user} saw at {sequence} of {room}: {fact}; there stands: {stands:?}"
                ));
            }
        }
    }
    for glimpse in &history.glimpses {
        let Glimpse {
            room,
            sequence,
            fact,
            ..
        } = glimpse;
        let journal = match rooms.get(room) {
            Some(journal) => journal,
            None => rooms
                .entry(room.clone())
                .or_insert(events_of(history, room)?),
        };
        let stands = journal.get(sequence).map(fact_of);
        if stands.as_ref() != Some(fact) {
            return Err(format!(
                "a page of {room} has at {sequence}: {fact}; there stands: {stands:?}"
            ));
        }
    }
    Ok(())
}
