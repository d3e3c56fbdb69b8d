//! One property per file, each judging the [`Books`] of a history. A check answers the first violation it finds.
//!
//! | invariant | check |
//! |---|---|
//! | M1 steps are those of the table, by whom it allows; one musician at most has a request | `follows_the_table`, `machines_are_sound` |
//! | M2 no musician is at two places (G6) | `never_at_two_places` |
//! | M3 whoever has a request has its time, and no time is left taken for nothing | `slots_agree` |
//! | M4 everybody is told everything exactly once | `told_once` |
//! | M5 a request's room is there once it was assigned, with the right people | `rooms_agree` |
//! | M6 what was acknowledged took effect once, what was refused did not | `wishes_came_true` |
//! | M7 lists are what requests and users have come to | `lists_agree` |
//! | M8 deadlines are kept, alarms are there when needed and else are not | `kept_in_time` |
//! | M9 nothing waits to be done in the end | `errands_done` |
//! | M10 nodes end in order and all commands are answered | `converges` |
//! | I1, I2, I8 journals are chains | `chain_verifies` |

pub mod agenda;
pub mod errands_done;
pub mod follows_the_table;
pub mod kept_in_time;
pub mod lists_agree;
pub mod never_at_two_places;
pub mod rooms_agree;
pub mod slots_agree;
#[cfg(test)]
mod tests;
pub mod told_once;
pub mod wishes_came_true;

use super::books::Books;
use super::history::History;

/// A property of histories.
pub type Check = fn(&Books<'_>) -> Result<(), String>;

/// All properties with their names.
pub const ALL: [(&str, Check); 10] = [
    ("converges", converges),
    ("errands_done", errands_done::check),
    ("follows_the_table", follows_the_table::check),
    ("kept_in_time", kept_in_time::check),
    ("lists_agree", lists_agree::check),
    ("never_at_two_places", never_at_two_places::check),
    ("rooms_agree", rooms_agree::check),
    ("slots_agree", slots_agree::check),
    ("told_once", told_once::check),
    ("wishes_came_true", wishes_came_true::check),
];

/// Every violated property. A journal that cannot be read violates nothing else.
pub fn violations(history: &History) -> Vec<String> {
    let books = match Books::of(history) {
        Ok(books) => books,
        Err(violation) => return vec![violation],
    };
    let found = ALL.iter().filter_map(|(name, check)| {
        let violation = check(&books).err()?;
        Some(format!("{name}: {violation}"))
    });
    found.collect()
}

/// Everything that had to come about came about.
fn converges(books: &Books<'_>) -> Result<(), String> {
    let mut awaited = books.history.awaited.iter();
    match awaited.find_map(|it| Some((&it.what, it.missed.as_ref()?))) {
        Some((what, missed)) => Err(format!("{what}: {missed}")),
        None => Ok(()),
    }
}
