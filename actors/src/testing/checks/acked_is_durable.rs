//! G1: what was acknowledged is in the journal, at the sequence that was told and with the text that was sent.

use std::collections::BTreeMap;

use super::{Events, events_of};
use crate::ids::Sequence;
use crate::machines::room::RoomEvent;
use crate::testing::oracle::{Attempt, History, Outcome, Wish};

/// Judges messages and edits.
pub fn check(history: &History) -> Result<(), String> {
    let mut rooms = BTreeMap::new();
    for attempt in &history.attempts {
        let Outcome::Ok(sequence) = attempt.outcome() else {
            continue;
        };
        if !rooms.contains_key(&attempt.room) {
            rooms.insert(attempt.room.clone(), events_of(history, &attempt.room)?);
        }
        if !holds(&rooms[&attempt.room], attempt, *sequence) {
            return Err(format!("not in the journal at {sequence}: {attempt:?}"));
        }
    }
    Ok(())
}

fn holds(events: &Events, attempt: &Attempt, sequence: Sequence) -> bool {
    match &attempt.wish {
        // A message deleted in the very row that holds it has no text any more either.
        Wish::Send { id, text } => matches!(events.get(&sequence),
            Some(RoomEvent::MessageSent(m)) if m.id == *id && m.sender == attempt.user
                && m.content.as_ref().is_none_or(|content| content.text == *text)),
        // An edit deleted in the very row that holds it has no text any more.
        Wish::Edit { target, text } => events.range(..=sequence).any(|(_, event)| {
            matches!(event, RoomEvent::MessageEdited { target: t, by, text: x, .. }
                if t == target && *by == attempt.user && x.as_ref().is_none_or(|x| x == text))
        }),
        Wish::Look | Wish::Other(_) => true,
    }
}
