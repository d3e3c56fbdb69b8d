//! The judgement that the chaos suite passes on real clients, passed on this history: one set of rules for both. The journal
//! takes part as a reader who was there from the beginning and to the end.

use std::collections::{BTreeMap, BTreeSet};

use oracle::check::{Resets, check as judge};
use oracle::history::{Event, History as Told};

use super::events_of;
use crate::machines::room::RoomEvent;
use crate::testing::oracle::{Attempt, History, Outcome, Seen, View, Wish, fact_of};

/// Judges what senders were told, what readers were shown and what the journal holds.
pub fn check(history: &History) -> Result<(), String> {
    let told = Told::new(usize::MAX);
    tell_sends(history, &told);
    let views = history.views.iter().enumerate();
    views.for_each(|(number, view)| tell_view(number, view, &told));
    tell_journals(history, &told)?;
    // Journals are trimmed under readers; whether a reset was due is for another check.
    let violations = judge(&told, Resets::Allowed);
    let first = violations.first();
    first.map_or(Ok(()), |violation| Err(violation.to_string()))
}

/// As the sender's own client knows a message.
fn name(attempt: &Attempt) -> Option<(String, &str)> {
    match &attempt.wish {
        Wish::Send { id, text } => Some((format!("{}/{id}", attempt.user), text)),
        Wish::Edit { .. } | Wish::Look | Wish::Other(_) => None,
    }
}

/// What was sent and what was answered, in the order in which it happened.
fn tell_sends(history: &History, told: &Told) {
    let mut moments: BTreeMap<u64, (&Attempt, Event)> = BTreeMap::new();
    // Refused for good is what was refused every time.
    let (mut refused, mut possible) = (BTreeSet::new(), BTreeSet::new());
    for attempt in &history.attempts {
        let Some((id, text)) = name(attempt) else {
            continue;
        };
        let text = text.to_owned();
        let message = (attempt.room.as_str(), id.clone());
        match attempt.outcome() {
            Outcome::Refused(_) => refused.insert(message),
            Outcome::Ok(_) | Outcome::Unknown => possible.insert(message),
        };
        if let Some((moment, Outcome::Ok(sequence))) = &attempt.answer {
            let sequence = sequence.0;
            let id = id.clone();
            moments.insert(*moment, (attempt, Event::Acknowledged { id, sequence }));
        }
        moments.insert(attempt.begun, (attempt, Event::Sent { id, text }));
    }
    for (attempt, event) in moments.into_values() {
        told.record(attempt.user.as_str(), attempt.room.as_str(), event);
    }
    for (room, id) in refused.difference(&possible) {
        told.record("senders", room, Event::Refused { id: id.clone() });
    }
}

/// A subscription. Its texts may be those of edits, which are judged elsewhere.
fn tell_view(number: usize, view: &View, told: &Told) {
    let client = format!("view {number} of {}", view.user);
    let tell = |event| told.record(&client, view.room.as_str(), event);
    let after = view.after.unwrap_or(view.head).0;
    tell(Event::Subscribed { after });
    for seen in &view.seen {
        tell(match seen {
            Seen::Reset { from } => Event::Reset { from: from.0 },
            Seen::Event { sequence, fact, .. } => Event::Received {
                sequence: sequence.0,
                entry: fact.clone(),
                id: None,
                text: None,
            },
        });
    }
    // How far it had to come is for another check.
    tell(Event::Left);
}

fn tell_journals(history: &History, told: &Told) -> Result<(), String> {
    for room in history.rooms.keys() {
        let tell = |event| told.record("journal", room.as_str(), event);
        tell(Event::Subscribed { after: 0 });
        for (sequence, event) in events_of(history, room)? {
            let (id, text) = match &event {
                RoomEvent::MessageSent(message) => {
                    let text = message.content.as_ref().map(|content| content.text.clone());
                    (Some(format!("{}/{}", message.sender, message.id)), text)
                }
                _ => (None, None),
            };
            tell(Event::Received {
                sequence: sequence.0,
                entry: fact_of(&event),
                id,
                text,
            });
        }
    }
    Ok(())
}
