//! Only what was asked for and not refused happened: a message whose every attempt was refused is not in the journal, and
//! neither is one that nobody sent.

use std::collections::BTreeMap;

use super::events;
use crate::ids::{MessageId, RoomId, UserId};
use crate::machines::room::RoomEvent;
use crate::testing::oracle::{History, Outcome, Wish};

/// Whether any attempt may have had its effect.
#[derive(Default)]
struct Possible<'a> {
    messages: BTreeMap<(&'a RoomId, &'a UserId, &'a MessageId), bool>,
    /// By text, for texts of edits differ.
    edits: BTreeMap<(&'a RoomId, &'a str), bool>,
}

/// Judges messages by all their attempts, edits by their only one.
pub fn check(history: &History) -> Result<(), String> {
    let mut possible = Possible::default();
    for attempt in &history.attempts {
        let refused = matches!(attempt.outcome(), Outcome::Refused(_));
        let room = &attempt.room;
        match &attempt.wish {
            Wish::Send { id, .. } => {
                let message = possible.messages.entry((room, &attempt.user, id));
                *message.or_default() |= !refused;
            }
            Wish::Edit { text, .. } => {
                *possible.edits.entry((room, text)).or_default() |= !refused;
            }
            Wish::Look | Wish::Other(_) => {}
        }
    }
    for (room, stored) in &history.rooms {
        for (sequence, event) in events(&stored.rows)? {
            let may_be = match &event {
                RoomEvent::MessageSent(m) => possible.messages.get(&(room, &m.sender, &m.id)),
                RoomEvent::MessageEdited {
                    text: Some(text), ..
                } => possible.edits.get(&(room, text.as_str())),
                _ => continue,
            };
            let why = match may_be {
                Some(true) => continue,
                Some(false) => "refused",
                None => "never asked for",
            };
            return Err(format!("{room}: {why}, yet at {sequence}: {event:?}"));
        }
    }
    Ok(())
}
