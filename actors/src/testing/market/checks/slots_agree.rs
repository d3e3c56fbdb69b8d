//! Whoever has a request has its time taken, at every moment; and in the end no time is taken but for a request that is
//! had, and that for good.

use super::agenda::{self, Agenda};
use crate::ids::UserId;
use crate::testing::market::books::Books;

/// Looks at every moment, and at the last one.
pub fn check(books: &Books<'_>) -> Result<(), String> {
    let look = |agenda: &Agenda, concerned: &[UserId]| {
        concerned.iter().try_for_each(|musician| {
            let mut had = agenda.had_by(musician);
            let bare = had.find(|(request, had)| {
                let taken = agenda.taken.get(&(musician.clone(), (*request).clone()));
                taken.is_none_or(|taken| taken.window != had.window)
            });
            match bare {
                Some((request, _)) => Err(format!("{musician} has {request} without its time")),
                None => Ok(()),
            }
        })
    };
    let last = agenda::go(books, look)?;
    for ((musician, request), taken) in &last.taken {
        let had = last.had.get(request);
        let mine = had.is_some_and(|had| had.musician == *musician);
        if (!mine || !taken.booked) && books.is_due(taken.at) {
            let how = if taken.booked { "booked" } else { "held" };
            let who = had.map(|had| &had.musician);
            return Err(format!(
                "the time of {musician} is left {how} for {request}, which {who:?} has"
            ));
        }
    }
    for (request, had) in &last.had {
        let taken = last.taken.get(&(had.musician.clone(), request.clone()));
        if books.is_due(had.at) && !taken.is_some_and(|taken| taken.booked) {
            return Err(format!(
                "{} has {request} and its time is not booked",
                had.musician
            ));
        }
    }
    Ok(())
}
