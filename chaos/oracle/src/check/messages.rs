//! What became of messages: each is there once at most, where it was promised, as it was sent, and after what its sender
//! knew of.

use std::collections::{BTreeMap, BTreeSet};

use super::{Journal, Violation};
use crate::history::{Event, Record};

/// A message as its sender began to send it.
struct Sent<'a> {
    text: &'a str,
    /// The highest sequence that had been acknowledged to this sender by then.
    known: u64,
}

/// What senders did and heard.
#[derive(Default)]
struct Books<'a> {
    sent: BTreeMap<&'a str, Sent<'a>>,
    refused: BTreeSet<&'a str>,
    promised: BTreeSet<(&'a str, u64)>,
}

impl<'a> Books<'a> {
    fn of(records: &'a [Record]) -> Self {
        let mut books = Self::default();
        let mut known: BTreeMap<&str, u64> = BTreeMap::new();
        for Record { client, event, .. } in records {
            match event {
                Event::Sent { id, text } => {
                    let known = known.get(client.as_str()).copied().unwrap_or_default();
                    // A retry is the same message, and no younger.
                    books.sent.entry(id).or_insert(Sent { text, known });
                }
                Event::Refused { id } => drop(books.refused.insert(id)),
                Event::Acknowledged { id, sequence } => {
                    books.promised.insert((id, *sequence));
                    let known = known.entry(client).or_default();
                    *known = (*known).max(*sequence);
                }
                _ => {}
            }
        }
        books
    }
}

pub(super) fn check(
    room: &str,
    records: &[Record],
    journal: &Journal,
    violations: &mut Vec<Violation>,
) {
    let books = Books::of(records);
    for (id, sequence) in &books.promised {
        let places = journal.places.get(*id);
        if !places.is_some_and(|places| places.contains(sequence)) {
            violations.push(Violation::Lost {
                room: room.to_owned(),
                id: (*id).to_owned(),
                sequence: *sequence,
            });
        }
    }
    for (id, places) in &journal.places {
        check_places(room, id, places, &books, violations);
    }
    check_order(room, journal, &books, violations);
    check_texts(room, records, &books, violations);
}

/// One place, and someone who sent it there.
fn check_places(
    room: &str,
    id: &str,
    places: &BTreeSet<u64>,
    books: &Books<'_>,
    violations: &mut Vec<Violation>,
) {
    let mut places = places.iter().copied();
    let Some(first) = places.next() else { return };
    for second in places {
        violations.push(Violation::Twice {
            room: room.to_owned(),
            id: id.to_owned(),
            first,
            second,
        });
    }
    let why = match (books.sent.contains_key(id), books.refused.contains(id)) {
        (false, _) => "never sent",
        (true, true) => "refused",
        (true, false) => return,
    };
    violations.push(Violation::Phantom {
        room: room.to_owned(),
        id: id.to_owned(),
        sequence: first,
        why,
    });
}

/// What a sender began to send after an acknowledgement comes after what was acknowledged.
fn check_order(room: &str, journal: &Journal, books: &Books<'_>, violations: &mut Vec<Violation>) {
    let there = journal.places.iter().flat_map(|(id, places)| {
        let id = id.as_str();
        places.iter().map(move |sequence| (id, *sequence))
    });
    let all: BTreeSet<(&str, u64)> = there.chain(books.promised.iter().copied()).collect();
    for (id, sequence) in all {
        let known = books.sent.get(id).map_or(0, |sent| sent.known);
        if sequence <= known {
            violations.push(Violation::Overtaken {
                room: room.to_owned(),
                id: id.to_owned(),
                sequence,
                known,
            });
        }
    }
}

/// Every reader gets the text that was sent.
fn check_texts(room: &str, records: &[Record], books: &Books<'_>, violations: &mut Vec<Violation>) {
    for Record { client, event, .. } in records {
        let Event::Received {
            id: Some(id),
            text: Some(text),
            ..
        } = event
        else {
            continue;
        };
        let sent = books.sent.get(id.as_str());
        if let Some(sent) = sent.filter(|sent| sent.text != text) {
            violations.push(Violation::Altered {
                client: client.clone(),
                room: room.to_owned(),
                id: id.clone(),
                sent: sent.text.to_owned(),
                got: text.clone(),
            });
        }
    }
}
