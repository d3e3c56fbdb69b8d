//! What was acknowledged took effect, once; what was refused did not; and who asks again under the same key after a
//! success is told of it again.

use std::collections::BTreeMap;

use crate::ids::{Sequence, UserId};
use crate::machines::inbox::InboxEvent;
use crate::machines::request::Trigger;
use crate::machines::room::RoomEvent;
use crate::testing::market::books::Books;
use crate::testing::market::history::{Attempt, Wish};
use crate::testing::oracle::Outcome;

type Found = BTreeMap<(UserId, u64), Vec<Sequence>>;

/// Compares what people were told and what the journals hold.
pub fn check(books: &Books<'_>) -> Result<(), String> {
    let found = by_key(books);
    for (who, sequences) in &found {
        if sequences.len() > 1 {
            return Err(format!("{who:?} stands at {sequences:?}"));
        }
    }
    let mut keyed: BTreeMap<(UserId, u64), Vec<&Attempt>> = BTreeMap::new();
    for attempt in &books.history.attempts {
        match &attempt.wish {
            Wish::Step { key, .. } | Wish::Profile { key } => {
                let key = (attempt.user.clone(), *key);
                keyed.entry(key).or_default().push(attempt);
            }
            other => unkeyed(books, attempt, other)?,
        }
    }
    if let Some(((user, key), _)) = found.iter().find(|(key, _)| !keyed.contains_key(key)) {
        return Err(format!("{user} never wished what stands under {key}"));
    }
    keyed.iter().try_for_each(|(key, attempts)| {
        let there = found.get(key).and_then(|sequences| sequences.first());
        judge(books, attempts, there.copied()).map_err(|error| {
            let (user, key) = key;
            format!("{user}, {key}, {:?}: {error}", attempts[0].wish)
        })
    })
}

fn judge(books: &Books<'_>, attempts: &[&Attempt], there: Option<Sequence>) -> Result<(), String> {
    if attempts.iter().all(|attempt| attempt.is_refused()) && there.is_some() {
        return Err(format!("refused, and stands at {there:?}"));
    }
    // What was granted before it stands there was so already, without an event, and nobody need remember it.
    let stands = |at: Sequence| there.is_some_and(|it| it <= at);
    let mut first = None;
    for attempt in attempts {
        match attempt.outcome() {
            Outcome::Ok(at) if stands(*at) => first = first.or(Some(attempt)),
            Outcome::Ok(_) if !was_so_already(books, attempt) => {
                return Err("acknowledged, and stands nowhere".into());
            }
            _ => {}
        }
    }
    let Some(done) = first else {
        return Ok(());
    };
    // What a rule says of a repeat: that the wish took effect, and nothing else.
    let answered = done.answer.as_ref().map_or(u64::MAX, |(moment, _)| *moment);
    let again = attempts.iter().filter(|attempt| attempt.begun > answered);
    for attempt in again {
        if let Outcome::Refused(why) = attempt.outcome()
            && why.starts_with(RULE)
        {
            return Err(format!("done, and then refused: {why}"));
        }
    }
    Ok(())
}

/// How refusals begin that a rule has made.
pub const RULE: &str = "rule: ";

/// Some wishes are granted without an event, for what they wish is so: a request that is there is created again, a musician
/// who waits, or was chosen, accepts.
fn was_so_already(books: &Books<'_>, attempt: &Attempt) -> bool {
    let (Wish::Step { request, step, .. }, Outcome::Ok(at)) = (&attempt.wish, attempt.outcome())
    else {
        return false;
    };
    let Some(book) = books.requests.get(request) else {
        return false;
    };
    let mut before = book.entries().take_while(|(sequence, _)| sequence <= at);
    let me = Some(&attempt.user);
    match step {
        Trigger::Create => before
            .any(|(_, entry)| entry.event.trigger() == Trigger::Create && entry.by.as_ref() == me),
        Trigger::Accept => before.any(|(_, entry)| match entry.event.trigger() {
            Trigger::Accept => entry.by.as_ref() == me,
            Trigger::Choose => entry.event.musician() == me,
            _ => false,
        }),
        _ => false,
    }
}

/// Where what was wished under each key stands.
fn by_key(books: &Books<'_>) -> Found {
    let mut found = Found::new();
    for request in books.requests.values() {
        for (sequence, entry) in request.entries() {
            if let (Some(by), Some(key)) = (&entry.by, entry.key) {
                found.entry((by.clone(), key)).or_default().push(sequence);
            }
        }
    }
    for user in books.users.values() {
        for (sequence, event) in user.entries() {
            if let Some((change, key)) = event.change().and_then(|c| Some((c, c.key?))) {
                let key = (change.by.clone(), key.key);
                found.entry(key).or_default().push(sequence);
            }
        }
    }
    found
}

/// Wishes without a key: what they wish is so in the end, or was, before somebody wished otherwise.
fn unkeyed(books: &Books<'_>, attempt: &Attempt, wish: &Wish) -> Result<(), String> {
    if !attempt.is_done() {
        return Ok(());
    }
    let inbox = books.inboxes.get(&attempt.user);
    let came = match wish {
        Wish::Mark {
            target,
            away: false,
        } => inbox.is_some_and(|inbox| !inbox.last.is_unread(*target)),
        Wish::Mark { target, away: true } => inbox.is_some_and(|inbox| {
            let mut events = inbox.events.iter();
            events.any(|entry| {
                matches!(&entry.event, InboxEvent::Dismissed { target: t, .. } if t == target)
            })
        }),
        Wish::MarkAll { up_to } => {
            let unread = |sequence| inbox.is_some_and(|inbox| inbox.last.is_unread(sequence));
            !(1..=up_to.0).map(Sequence).any(unread)
        }
        Wish::Invite { room, guest } => books.rooms.get(room).is_some_and(|room| {
            let mut events = room.events.iter();
            events.any(|entry| {
                matches!(&entry.event, RoomEvent::MemberAdded { user, .. } if user == guest)
            })
        }),
        Wish::Step { .. } | Wish::Profile { .. } | Wish::Look => true,
    };
    if came {
        return Ok(());
    }
    Err(format!(
        "{} was told that {wish:?} is done, and it is not so",
        attempt.user
    ))
}
