//! G4: every subscription shows a contiguous, ordered run without duplicates, or a reset that had to be.

use std::collections::BTreeSet;

use super::{Events, events_of};
use crate::ids::Sequence;
use crate::machines::room::RoomEvent;
use crate::testing::oracle::{History, Seen, View};

/// Judges every view.
pub fn check(history: &History) -> Result<(), String> {
    let beginning = BTreeSet::from([Sequence(1)]);
    history.views.iter().try_for_each(|view| {
        let stored = history.rooms.get(&view.room);
        let retained = stored.map_or(&beginning, |stored| &stored.retained);
        contiguous(view, retained, &events_of(history, &view.room)?)
    })
}

fn contiguous(view: &View, retained: &BTreeSet<Sequence>, events: &Events) -> Result<(), String> {
    let mut next = view.after.unwrap_or(view.head).next();
    let beyond = view.after.is_some_and(|after| after > view.head);
    let mut resets = 0;
    for (place, seen) in view.seen.iter().enumerate() {
        match seen {
            Seen::Reset { from } => {
                resets += 1;
                // The reader asked for what is not there yet, or what it wants next was trimmed.
                let due = beyond && place == 0 || *from > next;
                let trimmed = || retained.range(next.next()..=*from).next().is_some();
                let begins = retained.contains(from) || is_added(view, events, *from) && trimmed();
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

/// Whoever lost sight of the own removal and was added again goes on from there, not from the first that is kept.
fn is_added(view: &View, events: &Events, at: Sequence) -> bool {
    matches!(events.get(&at), Some(RoomEvent::MemberAdded { user, .. }) if *user == view.user)
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
