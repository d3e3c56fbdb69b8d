//! G6: at no moment does a musician have two requests whose times overlap or leave too little to get from one place to the
//! other; nor are two such times taken.

use super::agenda::{self, Agenda};
use crate::ids::{RequestId, UserId};
use crate::machines::terms::Window;
use crate::testing::market::books::Books;

/// Looks at every moment.
pub fn check(books: &Books<'_>) -> Result<(), String> {
    let travel_ms = books.history.travel_ms;
    let look = |agenda: &Agenda, concerned: &[UserId]| {
        concerned.iter().try_for_each(|musician| {
            let taken = agenda.of(musician);
            let taken = taken.map(|(request, taken)| (request, taken.window, taken.travel_ms));
            apart(taken.collect())
                .map_err(|error| format!("times taken of {musician}: {error}"))?;
            let had = agenda.had_by(musician);
            let had = had.map(|(request, had)| (request, had.window, travel_ms));
            apart(had.collect()).map_err(|error| format!("requests of {musician}: {error}"))
        })
    };
    agenda::go(books, look).map(drop)
}

fn apart(times: Vec<(&RequestId, Window, u64)>) -> Result<(), String> {
    for (at, (one, window, travel_ms)) in times.iter().enumerate() {
        for (other, its, its_travel_ms) in &times[at + 1..] {
            if window.widened(*travel_ms.max(its_travel_ms)).overlaps(its) {
                return Err(format!("{one} at {window:?} and {other} at {its:?}"));
            }
        }
    }
    Ok(())
}
