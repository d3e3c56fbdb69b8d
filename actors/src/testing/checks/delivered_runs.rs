//! G4: every subscription shows a contiguous, ordered run without duplicates, or a reset that had to be.

use std::collections::BTreeSet;

use super::events_of;
use crate::ids::Sequence;
use crate::machines::room::RoomEvent;
use crate::testing::oracle::{History, Seen, View};

/// Judges every view.
pub fn check(history: &History) -> Result<(), String> {
    let beginning = BTreeSet::from([Sequence(1)]);
    history.views.iter().try_for_each(|view| {
        let stored = history.rooms.get(&view.room);
        let retained = stored.map_or(&beginning, |stored| &stored.retained);
        contiguous(view, retained, history)
    })
}

fn contiguous(view: &View, retained: &BTreeSet<Sequence>, history: &History) -> Result<(), String> {
    let mut next = view.after.unwrap_or(view.head).next();
    let beyond = view.after.is_some_and(|after| after > view.head);
    let mut resets = 0;
    for (place, seen) in view.seen.iter().enumerate() {
        match seen {
            Seen::Reset { from } => {
                resets += 1;
                // The reader asked for what is not there yet, or what it wants next was trimmed.
                let due = beyond && place == 0 || *from > next;
                // What of it was trimmed at the latest when it was told.
                let missed = if *from > next {
                    next.next()
                } else {
                    Sequence(1)
                };
                let kept = retained.range(missed..=*from).next_back();
                let begins = match kept {
                    Some(kept) => kept == from || is_added(view, history, (*kept, *from))?,
                    None => false,
                };
                if !due || !begins {
                    return Err(refused(view, next, &format!("told to go on from {from}")));
                }
                next = *from;
            }
            Seen::Event { sequence, fact, .. } if *sequence != next => {
                let shown = format!("after {resets} resets shown {sequence}: {fact}");
                return Err(refused(view, next, &shown));
            }
            Seen::Event { sequence, .. } => next = sequence.next(),
        }
    }
    if beyond && resets == 0 && !view.seen.is_empty() {
        return Err(format!("no reset for a position beyond the head: {view:?}"));
    }
    Ok(())
}

/// Whoever was removed in what is gone goes on where they were added again, not from the first that is kept.
fn is_added(
    view: &View,
    history: &History,
    (kept, at): (Sequence, Sequence),
) -> Result<bool, String> {
    let events = events_of(history, &view.room)?;
    let mut own = events.range(kept..=at).filter(|(_, event)| match event {
        RoomEvent::MemberAdded { user, .. }
        | RoomEvent::MemberRemoved { user, .. }
        | RoomEvent::RoleChanged { user, .. } => *user == view.user,
        _ => false,
    });
    let first = own.next();
    Ok(matches!(first, Some((sequence, RoomEvent::MemberAdded { .. })) if *sequence == at))
}

fn refused(view: &View, next: Sequence, what: &str) -> String {
    let View {
        user,
        room,
        after,
        head,
        ..
    } = view;
    format!("{user} joined {room} after {after:?} at head {head}, {next} was next, it was {what}")
}
