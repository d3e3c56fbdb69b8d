//! What was refused did not happen: a message whose every attempt was refused is not in the journal.

use std::collections::{BTreeMap, BTreeSet};

use super::events;
use crate::ids::{MessageId, RoomId, UserId};
use crate::machines::room::RoomEvent;
use crate::testing::oracle::{History, Outcome, Wish};

type Named<'a> = (&'a RoomId, &'a UserId, &'a MessageId);

/// Judges messages by all their attempts, edits by their only one.
pub fn check(history: &History) -> Result<(), String> {
    let mut possible: BTreeMap<Named<'_>, bool> = BTreeMap::new();
    let mut edits = BTreeSet::new();
    for attempt in &history.attempts {
        let refused = matches!(attempt.outcome(), Outcome::Refused(_));
        match &attempt.wish {
            Wish::Send { id, .. } => {
                let named = (&attempt.room, &attempt.user, id);
                *possible.entry(named).or_default() |= !refused;
            }
            Wish::Edit { text, .. } if refused => {
                edits.insert((&attempt.room, text.as_str()));
            }
            _ => {}
        }
    }
    for (room, stored) in &history.rooms {
        for (sequence, event) in events(&stored.rows)? {
            let wrong = match &event {
                RoomEvent::MessageSent(m) => {
                    possible.get(&(room, &m.sender, &m.id)) == Some(&false)
                }
                RoomEvent::MessageEdited {
                    text: Some(text), ..
                } => edits.contains(&(room, text.as_str())),
                _ => false,
            };
            if wrong {
                return Err(format!("{room}: refused, yet at {sequence}: {event:?}"));
            }
        }
    }
    Ok(())
}
