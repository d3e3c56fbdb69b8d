//! What a request has its users told is in their inboxes exactly once, and nothing else is; how many are unread is what the
//! entries come to.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{EntityId, UserId};
use crate::machines::errand::{Errand, Outbox};
use crate::machines::inbox::{Inbox, InboxEvent, Source};
use crate::machines::notice::Notice;
use crate::testing::market::books::{Book, Books};

type Told = BTreeMap<(UserId, EntityId, u64), u32>;

/// Compares errands and inboxes.
pub fn check(books: &Books<'_>) -> Result<(), String> {
    let mut told = Told::new();
    for (user, inbox) in &books.inboxes {
        tally(user, inbox, &mut told)?;
    }
    for (id, request) in &books.requests {
        for (number, errand) in &request.errands {
            let Errand::Notify { user, notice } = errand else {
                continue;
            };
            let at = Outbox::event_of(*number).0 as usize - 1;
            let due = books.is_due(request.events[at].at);
            let key = (user.clone(), EntityId::request(id), *number);
            match told.remove(&key) {
                Some(1) => is_same(books, user, &key.1, *number, notice)?,
                None if !due => {}
                times => {
                    let times = times.unwrap_or_default();
                    return Err(format!(
                        "{user} is told {times} times of {:?} of {id}, number {number}",
                        notice.kind
                    ));
                }
            }
        }
    }
    match told.pop_first() {
        Some(((user, from, number), _)) => Err(format!(
            "{user} is told of number {number} of {from}, which never was"
        )),
        None => Ok(()),
    }
}

fn is_same(
    books: &Books<'_>,
    user: &UserId,
    from: &EntityId,
    number: u64,
    notice: &Notice,
) -> Result<(), String> {
    let entries = books
        .inboxes
        .get(user)
        .into_iter()
        .flat_map(|inbox| &inbox.events);
    let source = Source::Entity {
        from: from.clone(),
        number,
    };
    let found = entries.into_iter().find_map(|entry| match &entry.event {
        InboxEvent::Added(it) if it.source == source => Some((it.kind, it.priority)),
        _ => None,
    });
    if found == Some((notice.kind, notice.priority)) {
        return Ok(());
    }
    let meant = (notice.kind, notice.priority);
    Err(format!(
        "{user} is told {found:?} by number {number} of {from}, not {meant:?}"
    ))
}

/// Counts what came in, and what of it is unread.
fn tally(user: &UserId, inbox: &Book<Inbox>, told: &mut Told) -> Result<(), String> {
    let mut unread = BTreeSet::new();
    for (sequence, entry) in inbox.entries() {
        match &entry.event {
            InboxEvent::Added(notification) => {
                unread.insert(sequence);
                if let Source::Entity { from, number } = &notification.source {
                    let key = (user.clone(), from.clone(), *number);
                    *told.entry(key).or_default() += 1;
                }
            }
            InboxEvent::Read { target, .. } | InboxEvent::Dismissed { target, .. } => {
                unread.remove(target);
            }
            InboxEvent::AllRead { up_to, .. } => unread = unread.split_off(&up_to.next()),
            InboxEvent::SettingsChanged { .. } => {}
        }
        if entry.unread != unread.len() as u64 {
            let (says, are) = (entry.unread, unread.len());
            return Err(format!(
                "the inbox of {user} says at {sequence} that {says} are unread: {are} are"
            ));
        }
    }
    if inbox.last.unread() != unread.len() as u64 {
        let (says, are) = (inbox.last.unread(), unread.len());
        return Err(format!(
            "the inbox of {user} says that {says} are unread: {are} are"
        ));
    }
    Ok(())
}
