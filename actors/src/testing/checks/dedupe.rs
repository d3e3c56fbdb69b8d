//! G3: a repeat with the same sender and message id never makes a second entry, and is never taken for
//! another message. What has no id is never repeated by the hub itself.

use std::collections::{BTreeMap, BTreeSet};

use super::events;
use crate::machines::room::RoomEvent;
use crate::testing::oracle::{History, Outcome, Wish};

/// Judges journals and answers.
pub fn check(history: &History) -> Result<(), String> {
    for (room, stored) in &history.rooms {
        let mut seen = BTreeMap::new();
        let mut edits = BTreeSet::new();
        for (sequence, event) in events(&stored.rows)? {
            let message = match event {
                RoomEvent::MessageSent(message) => message,
                // Edits have no id and are asked for once; their texts differ.
                RoomEvent::MessageEdited {
                    text: Some(text), ..
                } if !edits.insert(text.clone()) => {
                    return Err(format!("{room}: {text:?} stands twice, also at {sequence}"));
                }
                _ => continue,
            };
            let key = (message.sender.clone(), message.id.clone());
            if let Some(first) = seen.insert(key, sequence) {
                let id = &message.id;
                return Err(format!("{room}: {id} stands at {first} and at {sequence}"));
            }
        }
    }
    let reused = Outcome::Refused("message_id_reused".into());
    let mistaken = history
        .attempts
        .iter()
        .find(|attempt| matches!(attempt.wish, Wish::Send { .. }) && *attempt.outcome() == reused);
    mistaken.map_or(Ok(()), |attempt| {
        Err(format!("a repeat was refused: {attempt:?}"))
    })
}
