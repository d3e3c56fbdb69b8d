//! What was deleted before a reader joined is not shown to that reader: neither the message's text nor that of an edit.

use std::collections::BTreeMap;

use super::events_of;
use crate::ids::Sequence;
use crate::machines::room::RoomEvent;
use crate::testing::oracle::{History, Seen, View};

/// Judges every view of a run in which deleting is one step for all readers; in others a text may be shown until the news
/// of its end, or its erasure, has arrived everywhere.
pub fn check(history: &History) -> Result<(), String> {
    if !history.deletes_at_once {
        return Ok(());
    }
    let mut rooms = BTreeMap::new();
    for view in &history.views {
        if !rooms.contains_key(&view.room) {
            rooms.insert(view.room.clone(), targets(history, view)?);
        }
        gone(view, &rooms[&view.room])?;
    }
    Ok(())
}

/// Which message a sequence is about, and where that message was deleted first.
#[derive(Default)]
struct Targets {
    of: BTreeMap<Sequence, Sequence>,
    deleted: BTreeMap<Sequence, Sequence>,
}

fn targets(history: &History, view: &View) -> Result<Targets, String> {
    let mut targets = Targets::default();
    for (sequence, event) in events_of(history, &view.room)? {
        match event {
            RoomEvent::MessageSent(_) => {
                targets.of.insert(sequence, sequence);
            }
            RoomEvent::MessageEdited { target, .. } => {
                targets.of.insert(sequence, target);
            }
            RoomEvent::MessageDeleted { target, .. } => {
                targets.deleted.entry(target).or_insert(sequence);
            }
            _ => {}
        }
    }
    Ok(targets)
}

fn gone(view: &View, targets: &Targets) -> Result<(), String> {
    for seen in &view.seen {
        let Seen::Event {
            sequence,
            text: Some(text),
            ..
        } = seen
        else {
            continue;
        };
        let target = targets.of.get(sequence);
        let deleted = target.and_then(|target| targets.deleted.get(target));
        if let Some(deleted) = deleted.filter(|deleted| **deleted <= view.head) {
            let View {
                user, room, head, ..
            } = view;
            return Err(format!(
                "{user} joined {room} at head {head} and saw at {sequence} {text:?}, deleted at {deleted}"
            ));
        }
    }
    Ok(())
}
