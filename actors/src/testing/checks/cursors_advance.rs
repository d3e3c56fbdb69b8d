//! A read mark is where its user was told it is: never behind what was asked for, never back, never beyond the room, and
//! in the store in the end.

use std::collections::BTreeMap;

use crate::ids::Sequence;
use crate::testing::oracle::{History, Mark};

/// Judges marks by themselves, by those before them on the same connection, and by what is stored.
pub fn check(history: &History) -> Result<(), String> {
    let mut before: BTreeMap<_, Vec<&Mark>> = BTreeMap::new();
    for mark in &history.marks {
        if mark.told < mark.asked {
            return Err(format!("told less than was asked for: {mark:?}"));
        }
        let stored = history.rooms.get(&mark.room);
        let head = stored.and_then(|stored| stored.rows.last());
        if head.map_or(Sequence::ZERO, |row| row.last()) < mark.told {
            return Err(format!("beyond the room: {mark:?}"));
        }
        let read = stored.and_then(|stored| stored.read.get(&mark.user));
        let read = read.copied().unwrap_or_default();
        if history.ended.contains(&mark.life) && read < mark.told {
            return Err(format!("in the end {read} is stored: {mark:?}"));
        }
        let earlier = before.entry((mark.connection, &mark.room)).or_default();
        let known = earlier.iter().filter(|e| e.moments.1 < mark.moments.0);
        if let Some(further) = known.max_by_key(|e| e.told).filter(|e| e.told > mark.told) {
            return Err(format!("went back: {mark:?} after {further:?}"));
        }
        earlier.push(mark);
    }
    Ok(())
}
