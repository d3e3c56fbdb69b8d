//! Every step of a request is one of the table's, by whom the table allows, out of the state that the step before left; one
//! musician at most has it at a time, and had asked for it, or was chosen, and waited for by then.

use crate::ids::{Sequence, Timestamp, UserId};
use crate::machines::request::transitions::find;
use crate::machines::request::{Actor, Request, RequestEntry, RequestEvent, RequestState, Trigger};
use crate::testing::market::books::{Book, Books};

/// Reads every request's journal.
pub fn check(books: &Books<'_>) -> Result<(), String> {
    books
        .requests
        .iter()
        .try_for_each(|(id, book)| read(book).map_err(|error| format!("{id} {error}")))
}

/// What the steps so far come to, told again without the machine.
#[derive(Default)]
struct Tale {
    state: Option<RequestState>,
    reserving: Option<UserId>,
    assigned: Option<UserId>,
    deadline: Option<Timestamp>,
    begins: Option<Timestamp>,
}

fn read(book: &Book<Request>) -> Result<(), String> {
    let mut tale = Tale::default();
    for (sequence, entry) in book.entries() {
        tale.take(sequence, entry)
            .map_err(|error| format!("at {sequence}: {error}"))?;
    }
    Ok(())
}

impl Tale {
    fn take(&mut self, sequence: Sequence, entry: &RequestEntry) -> Result<(), String> {
        let trigger = entry.event.trigger();
        let is_new = trigger == Trigger::Create;
        if is_new != (sequence == Sequence(1)) || (!is_new && self.state != Some(entry.from)) {
            let (from, state) = (entry.from, self.state);
            return Err(format!(
                "{trigger:?} goes from {from:?}, but it was {state:?}"
            ));
        }
        let from = (!is_new).then_some(entry.from);
        let Some(row) = find(from, entry.to, trigger) else {
            return Err(format!(
                "no step leads from {from:?} to {:?} by {trigger:?}",
                entry.to
            ));
        };
        let by_hub = entry.role == Actor::System;
        if !row.roles.contains(&entry.role) || by_hub != entry.by.is_none() {
            return Err(format!("{trigger:?} by {:?} as {:?}", entry.by, entry.role));
        }
        self.follow(entry)?;
        self.state = Some(entry.to);
        Ok(())
    }

    fn follow(&mut self, entry: &RequestEntry) -> Result<(), String> {
        match &entry.event {
            RequestEvent::Created { brief } | RequestEvent::Edited { brief } => {
                self.begins = Some(brief.gig.window.from);
            }
            RequestEvent::Submitted { deadline, .. } => self.deadline = Some(*deadline),
            RequestEvent::Accepted { .. } => self.reserve(entry.by.clone())?,
            RequestEvent::Chosen { musician, .. } => self.reserve(Some(musician.clone()))?,
            RequestEvent::LetGo { next, .. } => {
                self.waited_for(entry.by.as_ref())?;
                self.reserving = next.as_ref().map(|next| next.musician.clone());
            }
            RequestEvent::SlotRefused { musician, next, .. } => {
                self.waited_for(Some(musician))?;
                self.reserving = next.as_ref().map(|next| next.musician.clone());
            }
            RequestEvent::Assigned { musician, .. } => {
                self.waited_for(Some(musician))?;
                if let Some(before) = self.assigned.replace(musician.clone()) {
                    return Err(format!("assigned to {musician} while {before} has it"));
                }
                self.reserving = None;
            }
            RequestEvent::DroppedOut { deadline, .. } => {
                if entry.by != self.assigned {
                    return Err(format!(
                        "{:?} gives back what {:?} has",
                        entry.by, self.assigned
                    ));
                }
                self.assigned = None;
                self.deadline = Some(*deadline);
            }
            RequestEvent::Expired => self.expires(entry)?,
            _ if entry.to == RequestState::Cancelled => {
                (self.reserving, self.assigned) = (None, None);
            }
            _ => {}
        }
        Ok(())
    }

    fn reserve(&mut self, musician: Option<UserId>) -> Result<(), String> {
        match (&self.reserving, &self.assigned) {
            (None, None) => {
                self.reserving = musician;
                Ok(())
            }
            (reserving, assigned) => Err(format!(
                "{musician:?} is to have it while {reserving:?} is waited for and {assigned:?} has it"
            )),
        }
    }

    fn waited_for(&self, musician: Option<&UserId>) -> Result<(), String> {
        if musician.is_some() && musician == self.reserving.as_ref() {
            return Ok(());
        }
        let reserving = &self.reserving;
        Err(format!(
            "{musician:?} answers, but {reserving:?} is waited for"
        ))
    }

    fn expires(&self, entry: &RequestEntry) -> Result<(), String> {
        let due = match entry.from {
            RequestState::InReview => self.begins,
            _ => self.deadline,
        };
        if due.is_none_or(|due| entry.at < due) {
            return Err(format!("it expires at {:?}, before {due:?}", entry.at));
        }
        Ok(())
    }
}
