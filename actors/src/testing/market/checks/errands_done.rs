//! In the end nothing waits to be done for anybody, and the store knows.

use crate::ids::{EntityId, Timestamp};
use crate::machines::Machine;
use crate::machines::errand::Outbox;
use crate::testing::market::books::{Book, Books};

/// Looks at what is left.
pub fn check(books: &Books<'_>) -> Result<(), String> {
    for (id, book) in &books.requests {
        of_entity(books, &EntityId::request(id), book)?;
    }
    for (id, book) in &books.users {
        of_entity(books, &EntityId::user(id), book)?;
    }
    Ok(())
}

fn of_entity<M: Machine>(
    books: &Books<'_>,
    entity: &EntityId,
    book: &Book<M>,
) -> Result<(), String> {
    let waiting = book.last.outbox().into_iter().flat_map(Outbox::waiting);
    for (number, errand) in waiting {
        let event = &book.events[Outbox::event_of(number).0 as usize - 1];
        let at: Timestamp = M::happened_at(event);
        if books.is_due(at) {
            let left = book.last.outbox().map_or(0, Outbox::len);
            return Err(format!(
                "{entity} waits for {left} errands, the first is {number}, {errand:?}"
            ));
        }
    }
    Ok(())
}
