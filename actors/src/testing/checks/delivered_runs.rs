//! G4: every subscription shows a contiguous, ordered run without duplicates, or a reset that had to be.

use std::collections::BTreeSet;

use crate::ids::Sequence;
use crate::testing::oracle::{History, Seen, View};

/// Judges every view.
pub fn check(history: &History) -> Result<(), String> {
    let beginning = BTreeSet::from([Sequence(1)]);
    history.views.iter().try_for_each(|view| {
        let stored = history.rooms.get(&view.room);
        contiguous(view, stored.map_or(&beginning, |stored| &stored.retained))
    })
}

fn contiguous(view: &View, retained: &BTreeSet<Sequence>) -> Result<(), String> {
    let mut next = view.after.unwrap_or(view.head).next();
    let beyond = view.after.is_some_and(|after| after > view.head);
    let mut resets = 0;
    for (place, seen) in view.seen.iter().enumerate() {
        match seen {
            Seen::Reset { from } => {
                resets += 1;
                // The reader asked for what is not there yet, or what it wants next was trimmed.
                let due = beyond && place == 0 || *from > next;
                if !due || !retained.contains(from) {
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
