//! What people of an evening make of what the hub says: short cuts for what is hot, the protocol crate for the rest.

use protocol::{Call, Encoding, HubMessage, Outcome};

use super::books::NO_MESSAGE;
use super::crowd::{Crowd, TRIAL};
use super::lines::Listener;
use super::says::{HISTORY, Happening, JOIN, Joined, Page, is_for_later, is_idle};
use crate::hub::{self, HubError};
use crate::run::record::class;
use crate::stamp::Stamp;
use crate::wire::Record;

impl Crowd<'_> {
    fn delivered(&mut self, user: usize, room: &[u8], sequence: u64, stamp: Stamp, now_ns: u64) {
        let Some(slot) = self.slot(user, room) else {
            return self.books.stray(
                user as u32,
                &format!("a message of room {}", String::from_utf8_lossy(room)),
            );
        };
        self.people.heard += 1;
        let is_next = self.books.arrived(slot, sequence, stamp.index);
        if is_next && stamp.trial == TRIAL && stamp.index < self.books.begun() {
            let intended_ns = self.curve.intended_ns(stamp.index);
            // What came while nobody was there, or read, is no delivery that somebody waited for.
            let excused = self.excused.contains(&stamp.index);
            if intended_ns >= self.people.clients[user].since_ns && !excused {
                let us = self.people.at(now_ns).saturating_sub(intended_ns) / 1_000;
                self.people.log.took(class::DELIVERY, intended_ns, us);
            }
        }
    }

    fn acknowledged(&mut self, user: usize, n: u32, sequence: u64, now_ns: u64) {
        if !self.outboxes[user].answered(n) {
            return self.books.answer_to_nothing(n);
        }
        self.people.heard += 1;
        self.books.answered(n, Some(sequence));
        let intended_ns = self.curve.intended_ns(n);
        let since_ns = intended_ns.max(self.people.clients[user].since_ns);
        let us = self.people.at(now_ns).saturating_sub(since_ns) / 1_000;
        self.people
            .log
            .took(class::ACKNOWLEDGEMENT, intended_ns, us);
    }

    fn refused(&mut self, user: usize, n: u32, error: &str) {
        if !self.outboxes[user].answered(n) {
            return self.books.answer_to_nothing(n);
        }
        self.people
            .log
            .failed(class::ACKNOWLEDGEMENT, self.curve.intended_ns(n));
        if is_for_later(error) {
            self.books.comes_later(n);
            return self.again.push((user as u32, n));
        }
        self.books.answered(n, None);
        self.books
            .wrong
            .example("refused", || format!("message {n}: {error}"));
    }

    /// A record without a short cut.
    fn other(&mut self, line: usize, record: &[u8], now_ns: u64) -> Result<(), HubError> {
        if is_idle(record) {
            return Ok(());
        }
        for message in hub::read_messages(self.speaks[line], record)? {
            match message {
                HubMessage::Invocation { call, .. } => match self.inbox_of(line) {
                    None => self.happened(line, &call, now_ns)?,
                    Some(inbox) => self.noticed(inbox, &call)?,
                },
                HubMessage::Completion {
                    invocation_id,
                    outcome,
                    ..
                } => {
                    self.completed(line, invocation_id.as_ref(), &outcome, now_ns)?;
                }
                HubMessage::Close { error, .. } => {
                    return Err(HubError::Closed(error.unwrap_or_default()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn happened(&mut self, user: usize, call: &Call, now_ns: u64) -> Result<(), HubError> {
        let Some(argument) = call.arguments.first() else {
            return Ok(());
        };
        if call.target == hub::RECEIVE_MESSAGE {
            let delivery: hub::Delivery = argument.decode()?;
            let stamp = delivery.text.as_bytes().get(1..).and_then(Stamp::read);
            // A message without a stamp is nobody's.
            let stamp = stamp.unwrap_or(Stamp {
                trial: 0,
                index: NO_MESSAGE - 2,
            });
            self.delivered(
                user,
                delivery.room_id.as_bytes(),
                delivery.sequence,
                stamp,
                now_ns,
            );
            return Ok(());
        }
        let told: Happening = argument.decode()?;
        let Some(room) = &told.room_id else {
            return Ok(());
        };
        let Some(slot) = self.slot(user, room.as_bytes()) else {
            self.books
                .stray(user as u32, &format!("{} of room {room}", call.target));
            return Ok(());
        };
        match (&*call.target, told.sequence) {
            ("UserTyping", sequence) => self.typed(slot, &told, sequence, now_ns),
            ("StreamReset", _) => self.was_reset(slot, &told),
            (_, Some(sequence)) => {
                self.people.heard += 1;
                self.books.arrived(slot, sequence, NO_MESSAGE);
            }
            (_, None) => {}
        }
        Ok(())
    }

    fn was_reset(&mut self, slot: u32, told: &Happening) {
        match told.from {
            Some(from) if self.spec.resets_allowed => self.books.reset(slot, from),
            from => {
                self.books.faults.unexpected += 1;
                self.books
                    .wrong
                    .example("reset", || format!("a stream was reset to {from:?}"));
            }
        }
    }

    /// Somebody else types: it is shown, and counts nowhere.
    fn typed(&mut self, slot: u32, told: &Happening, sequence: Option<u64>, now_ns: u64) {
        if sequence.is_some() {
            self.books
                .wrong
                .count("typing with a sequence", || format!("{told:?}"));
        }
        let named = told.user_id.as_ref().and_then(|name| self.users.get(name));
        let typist = named.and_then(|user| self.cast.slot(*user, self.cast.room(slot)));
        let since_ns = typist.map_or(0, |typist| self.typing[typist as usize].since_ns);
        if typist == Some(slot) {
            self.books.wrong.count("own typing", || format!("{told:?}"));
        } else if since_ns == 0 {
            self.books
                .wrong
                .count("typing of nobody", || format!("{told:?}"));
        } else if told.is_typing == Some(true)
            && since_ns > self.people.clients[self.cast.user(slot) as usize].since_ns
        {
            let since_ns = since_ns - 1;
            let us = self.people.at(now_ns).saturating_sub(since_ns) / 1_000;
            self.people.log.took(class::TYPING, since_ns, us);
        }
    }

    /// Something is in an inbox: sequences count up by one there, too.
    fn noticed(&mut self, inbox: usize, call: &Call) -> Result<(), HubError> {
        let told: Option<Happening> = call
            .arguments
            .first()
            .map(|first| first.decode())
            .transpose()?;
        if let Some(sequence) = told.and_then(|told| told.sequence) {
            let next = &mut self.inboxes[inbox];
            if sequence != *next {
                let expected = *next;
                self.books.wrong.count("inbox out of order", || {
                    format!("{sequence}, not {expected}")
                });
            }
            *next = sequence + 1;
        }
        Ok(())
    }

    fn completed(
        &mut self,
        line: usize,
        id: &str,
        outcome: &Outcome,
        now_ns: u64,
    ) -> Result<(), HubError> {
        if let Some(stamp) = Stamp::read(id.as_bytes()) {
            match hub::result(outcome) {
                Ok(result) => {
                    let sent: hub::Sent = result.decode()?;
                    self.acknowledged(line, stamp.index, sent.sequence, now_ns);
                }
                Err(error) => self.refused(line, stamp.index, &error.to_string()),
            }
        } else if id == JOIN {
            self.people.heard += 1;
            self.joined(line, outcome)?;
            self.people.joined.push(line);
        } else if id == HISTORY
            && let Some((since_ns, slot)) = self.histories[line].take()
        {
            match hub::result(outcome) {
                Ok(result) => {
                    let us = self.people.at(now_ns).saturating_sub(since_ns) / 1_000;
                    self.people.log.took(class::HISTORY, since_ns, us);
                    self.read_back(slot, &result.decode()?);
                }
                Err(error) => {
                    self.people.log.failed(class::HISTORY, since_ns);
                    self.books.wrong.example("history", || error.to_string());
                }
            }
        }
        Ok(())
    }

    fn joined(&mut self, line: usize, outcome: &Outcome) -> Result<(), HubError> {
        let result = hub::result(outcome)?;
        if let Some(inbox) = self.inbox_of(line) {
            let head = result.decode::<hub::RoomSummary>()?.head;
            let next = &mut self.inboxes[inbox];
            if *next == 0 {
                *next = head + 1;
            }
            return Ok(());
        }
        let answer = result.decode::<Vec<Joined>>()?;
        for slot in self.cast.slots_of(line as u32) {
            let name = &self.names[self.cast.room(slot) as usize];
            if !answer.iter().any(|one| one.room_id == *name) {
                self.books.wrong.count("room not joined", || {
                    format!("the answer to user {line} leaves out room {name}")
                });
            }
        }
        for Joined { room_id, head } in answer {
            let room = self.rooms.get(room_id.as_bytes());
            match room.and_then(|room| self.cast.slot(line as u32, *room)) {
                Some(slot) => self.books.joined(slot, head),
                None => self
                    .books
                    .stray(line as u32, &format!("the summary of room {room_id}")),
            }
        }
        Ok(())
    }

    fn read_back(&mut self, slot: u32, page: &Page) {
        let room = self.cast.room(slot);
        let mut before = 0;
        for message in &page.messages {
            if message.sequence <= before {
                self.books.wrong.count("history out of order", || {
                    format!("{} behind {before}", message.sequence)
                });
            }
            before = message.sequence;
            let stamp = message
                .text
                .as_ref()
                .and_then(|text| Stamp::read(text.as_bytes().get(1..)?));
            if let Some(stamp) = stamp.filter(|stamp| stamp.trial == TRIAL) {
                self.books.read_back(room, message.sequence, stamp.index);
            }
        }
    }
}

impl Crowd<'_> {
    /// A page of history that somebody waits for never comes.
    pub fn history_failed(&mut self, user: usize) {
        if let Some((since_ns, _)) = self.histories[user].take() {
            self.people.log.failed(class::HISTORY, since_ns);
        }
    }
}

impl Listener for Crowd<'_> {
    fn heard(&mut self, line: usize, payload: &[u8], now_ns: u64) -> Result<(), HubError> {
        let scanner = match self.speaks[line] {
            Encoding::Json => self.scanners[0].clone(),
            Encoding::MessagePack => self.scanners[1].clone(),
        };
        let is_chat = self.inbox_of(line).is_none();
        let mut understood = Ok(());
        let whole = scanner.whole_records(payload, |record, bytes| {
            if understood.is_err() {
                return;
            }
            match record {
                Record::Delivery { sequence, stamp } if is_chat => match scanner.room(bytes) {
                    Some(room) => self.delivered(line, room, sequence, stamp, now_ns),
                    None => understood = self.other(line, bytes, now_ns),
                },
                Record::Acknowledged { sequence, stamp } if is_chat => {
                    self.acknowledged(line, stamp.index, sequence, now_ns);
                }
                _ => understood = self.other(line, bytes, now_ns),
            }
        });
        match whole {
            true => understood,
            false => Err(HubError::PartialRecord),
        }
    }
}

#[cfg(test)]
#[path = "hear_tests.rs"]
mod tests;
