//! Nothing that was due is left undone: no request past its deadline, no wave, no question about a time that is held. An
//! entity that wants to be woken has an alarm for it, and no alarm is left that nobody needs.

use std::collections::BTreeMap;

use crate::ids::{EntityId, Timestamp};
use crate::machines::Machine;
use crate::testing::market::books::{Book, Books, SLACK_MS};

/// An alarm is armed a little later than what it is for, and one that is still needed is put off.
const LATE_MS: u64 = 7_000;
/// Alarms that are under way to be of no use any more, of one entity.
const NEEDLESS: usize = 6;

/// Compares alarms and last states.
pub fn check(books: &Books<'_>) -> Result<(), String> {
    let mut alarms: BTreeMap<&EntityId, Vec<Timestamp>> = BTreeMap::new();
    for (entity, at) in &books.history.alarms {
        alarms.entry(entity).or_default().push(*at);
    }
    for (id, book) in &books.requests {
        of_entity(books, &EntityId::request(id), book, &alarms)?;
    }
    for (id, book) in &books.users {
        of_entity(books, &EntityId::user(id), book, &alarms)?;
    }
    alarms.iter().try_for_each(|(entity, alarms)| {
        let now = books.history.ended;
        let overdue = alarms
            .iter()
            .find(|at| now.since(**at) > SLACK_MS + books.history.skew_ms);
        match overdue {
            Some(at) => Err(format!("an alarm of {entity} is left from {}", at.0)),
            None if alarms.len() > NEEDLESS => Err(format!("{entity} has {} alarms", alarms.len())),
            None => Ok(()),
        }
    })
}

fn of_entity<M: Machine>(
    books: &Books<'_>,
    entity: &EntityId,
    book: &Book<M>,
    alarms: &BTreeMap<&EntityId, Vec<Timestamp>>,
) -> Result<(), String> {
    let Some(deadline) = book.last.deadline() else {
        return Ok(());
    };
    if books.is_due(deadline) {
        let late = books.history.ended.since(deadline);
        return Err(format!("{entity} is overdue by {late} ms"));
    }
    let latest = deadline.max(books.history.ended);
    let latest = latest.plus_millis(LATE_MS + books.history.skew_ms);
    let mut alarms = alarms.get(entity).into_iter().flatten();
    if alarms.any(|at| (deadline..=latest).contains(at)) {
        return Ok(());
    }
    Err(format!("nothing will wake {entity} at {}", deadline.0))
}
