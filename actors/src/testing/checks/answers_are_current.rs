//! Rejections and queries are fenced: an answer knows of everything acknowledged before it was asked for.

use std::collections::BTreeMap;

use crate::ids::{RoomId, Sequence};
use crate::testing::oracle::{History, Outcome, Wish};

/// A look at a room tells a head not below any sequence acknowledged before the look was begun, and no
/// message that is sent for the first time gets a sequence acknowledged before.
pub fn check(history: &History) -> Result<(), String> {
    let mut told: BTreeMap<&RoomId, Vec<(u64, Sequence)>> = BTreeMap::new();
    for attempt in &history.attempts {
        if let (Some((moment, Outcome::Ok(sequence))), Wish::Send { .. } | Wish::Look) =
            (&attempt.answer, &attempt.wish)
        {
            told.entry(&attempt.room)
                .or_default()
                .push((*moment, *sequence));
        }
    }
    for acked in told.values_mut() {
        acked.sort_unstable();
        let mut highest = Sequence::ZERO;
        for (_, sequence) in acked {
            highest = highest.max(*sequence);
            *sequence = highest;
        }
    }
    for attempt in &history.attempts {
        let (Wish::Look, Outcome::Ok(head)) = (&attempt.wish, attempt.outcome()) else {
            continue;
        };
        let acked = told.get(&attempt.room).map_or(&[][..], Vec::as_slice);
        let before = acked.partition_point(|(moment, _)| *moment < attempt.begun);
        if let Some((_, known)) = before.checked_sub(1).map(|index| acked[index])
            && *head < known
        {
            return Err(format!(
                "{known} was known before this was asked: {attempt:?}"
            ));
        }
    }
    Ok(())
}
