//! Answers are fenced: one knows of everything that was acknowledged before it was asked for.

use std::collections::BTreeMap;

use crate::ids::{RoomId, Sequence};
use crate::testing::oracle::{History, Outcome, Wish};

/// What clients were told of a room, by moment: the highest sequence so far.
type Told<'a> = BTreeMap<&'a RoomId, Vec<(u64, Sequence)>>;

/// A look at a room tells a head not below any sequence told before the look was begun, and a message gets a sequence above
/// any told before it was begun to be sent.
pub fn check(history: &History) -> Result<(), String> {
    let told = told(history);
    let known = |room: &RoomId, moment: u64| {
        let told = told.get(room).map_or(&[][..], Vec::as_slice);
        let before = told.partition_point(|(told, _)| *told < moment);
        before.checked_sub(1).map(|index| told[index].1)
    };
    // A message is as old as its first attempt.
    let mut begun = BTreeMap::new();
    for attempt in &history.attempts {
        let told = match attempt.outcome() {
            Outcome::Ok(sequence) => Some(*sequence),
            _ => None,
        };
        match (&attempt.wish, told) {
            (Wish::Look, Some(head)) => {
                if let Some(known) = known(&attempt.room, attempt.begun)
                    && head < known
                {
                    let missed = "was known before this was asked";
                    return Err(format!("a look: {known} {missed}: {attempt:?}"));
                }
            }
            (Wish::Send { id, .. }, told) => {
                let key = (&attempt.room, &attempt.user, id);
                let begun = *begun.entry(key).or_insert(attempt.begun);
                if let Some(known) = known(&attempt.room, begun)
                    && told.is_some_and(|told| told <= known)
                {
                    let missed = "was known before this was sent";
                    return Err(format!("a message: {known} {missed}: {attempt:?}"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn told(history: &History) -> Told<'_> {
    let mut told = Told::new();
    for attempt in &history.attempts {
        if let (Some((moment, Outcome::Ok(sequence))), Wish::Send { .. } | Wish::Look) =
            (&attempt.answer, &attempt.wish)
        {
            told.entry(&attempt.room)
                .or_default()
                .push((*moment, *sequence));
        }
    }
    for told in told.values_mut() {
        told.sort_unstable();
        let mut highest = Sequence::ZERO;
        for (_, sequence) in told {
            highest = highest.max(*sequence);
            *sequence = highest;
        }
    }
    told
}
