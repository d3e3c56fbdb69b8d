//! G4: every subscription shows a contiguous, ordered run without duplicates, or an explicit reset.

use crate::ids::Sequence;
use crate::testing::oracle::{History, Seen, View};

/// Judges every view.
pub fn check(history: &History) -> Result<(), String> {
    history.views.iter().try_for_each(contiguous)
}

fn contiguous(view: &View) -> Result<(), String> {
    let mut next = view.after.unwrap_or(view.head).next();
    let mut resets = 0;
    for seen in &view.seen {
        match seen {
            Seen::Reset { from } => {
                resets += 1;
                next = *from;
            }
            Seen::Event { sequence, fact } if *sequence != next => {
                let View {
                    user,
                    room,
                    after,
                    head,
                    ..
                } = view;
                return Err(format!(
                    "{user} joined {room} after {after:?} at head {head}, expected {next} \
                     (after {resets} resets) and was shown {sequence}: {fact}"
                ));
            }
            Seen::Event { sequence, .. } => next = sequence.next(),
        }
    }
    let beyond = view.after.is_some_and(|after| after > view.head);
    if beyond && resets == 0 && !view.seen.is_empty() {
        return Err(format!("no reset for a position beyond the head: {view:?}"));
    }
    let first = view.seen.first();
    if matches!(first, Some(Seen::Reset { from }) if *from == Sequence::ZERO) {
        return Err(format!("a reset to nowhere: {view:?}"));
    }
    Ok(())
}
