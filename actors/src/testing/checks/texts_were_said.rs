//! Every text in the journal and before readers is one that somebody gave to that very message.

use std::collections::{BTreeMap, BTreeSet};

use super::{Events, events};
use crate::ids::{MessageId, RoomId, Sequence, UserId};
use crate::machines::room::RoomEvent;
use crate::testing::oracle::{History, Seen, Wish, text_of};

/// What was asked for, whatever came of it.
#[derive(Default)]
struct Asked<'a> {
    messages: BTreeMap<(&'a RoomId, &'a UserId, &'a MessageId), &'a str>,
    edits: BTreeMap<(&'a RoomId, Sequence), BTreeSet<&'a str>>,
}

impl<'a> Asked<'a> {
    fn of(history: &'a History) -> Self {
        let mut asked = Self::default();
        for attempt in &history.attempts {
            let room = &attempt.room;
            match &attempt.wish {
                Wish::Send { id, text } => {
                    asked.messages.insert((room, &attempt.user, id), text);
                }
                Wish::Edit { target, text } => {
                    let edits = asked.edits.entry((room, *target));
                    edits.or_default().insert(text);
                }
                Wish::Look | Wish::Other(_) => {}
            }
        }
        asked
    }

    /// Whether a text belongs to an event of a room: a message may be shown with the text of an edit.
    fn allows(&self, room: &RoomId, sequence: Sequence, event: &RoomEvent, text: &str) -> bool {
        let edited = |target| {
            let edits = self.edits.get(&(room, target));
            edits.is_some_and(|edits| edits.contains(text))
        };
        match event {
            RoomEvent::MessageSent(m) => {
                // One that nobody sent is for another check.
                let sent = self.messages.get(&(room, &m.sender, &m.id));
                sent.is_none_or(|sent| *sent == text) || edited(sequence)
            }
            RoomEvent::MessageEdited { target, .. } => edited(*target),
            _ => false,
        }
    }
}

/// Judges journals, views and pages.
pub fn check(history: &History) -> Result<(), String> {
    let asked = Asked::of(history);
    let mut rooms: BTreeMap<&RoomId, Events> = BTreeMap::new();
    for (room, stored) in &history.rooms {
        let events = events(&stored.rows)?;
        for (sequence, event) in &events {
            if let Some(text) = text_of(event)
                && !asked.allows(room, *sequence, event, &text)
            {
                return Err(format!(
                    "{room} holds at {sequence} a text of others: {event:?}"
                ));
            }
        }
        rooms.insert(room, events);
    }
    let judge = |who: &str, room: &RoomId, sequence: &Sequence, text: &Option<String>| {
        let event = rooms.get(room).and_then(|events| events.get(sequence));
        match (event, text) {
            (Some(event), Some(text)) if !asked.allows(room, *sequence, event, text) => Err(
                format!("{who} shows at {sequence} of {room}: {text:?}, there stands {event:?}"),
            ),
            _ => Ok(()),
        }
    };
    for view in &history.views {
        for seen in &view.seen {
            if let Seen::Event { sequence, text, .. } = seen {
                judge("a subscription", &view.room, sequence, text)?;
            }
        }
    }
    let mut pages = history.glimpses.iter();
    pages.try_for_each(|seen| judge("a page", &seen.room, &seen.sequence, &seen.text))
}
