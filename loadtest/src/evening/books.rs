//! Who received what: at each place in a room's journal one message for all, at each member every place once and in order, each
//! send once and where its acknowledgement says. What all have seen and what is answered is forgotten, which keeps the books small.

use std::collections::VecDeque;

use super::cast::Cast;
use super::wrong::Wrong;
use crate::faults::Faults;

/// An event that is no message.
pub const NO_MESSAGE: u32 = u32::MAX;
/// A place that somebody is behind and of which nobody has said what is there.
const UNSEEN: u32 = u32::MAX - 1;
/// Places of a room that are kept for members who are behind; older ones are not compared any more.
const MOST_PLACES: usize = 1 << 18;
/// Sends that are kept without an answer or an arrival; older ones are entered as they are.
const MOST_OPEN: usize = 1 << 20;
const REFUSED: u64 = u64::MAX;

/// A room's journal, as far as it is known and still needed.
#[derive(Clone, Debug, Default)]
struct Room {
    /// Sequence of the first place kept.
    first: u64,
    /// What is at each place: the operation, or one of the marks above.
    places: VecDeque<u32>,
    /// The last sequence that was heard of.
    head: u64,
    /// Before this one, a reset may have left out what then reaches nobody.
    reset: u64,
}

/// A person in a room.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The sequence that must come next; 0 before the first join.
    next: u64,
    /// The newest operation of this person that arrived anywhere, plus one.
    newest: u32,
}

/// A send of which not everything is known yet.
#[derive(Clone, Copy, Debug)]
struct Sent {
    slot: u32,
    /// Where it was first seen; 0 is nowhere.
    seen: u64,
    /// Where the hub said that it is; 0 is no answer.
    answered: u64,
    /// The hub asked for it once more, so that later ones may be before it.
    late: bool,
}

impl Sent {
    /// It has its answer, and arrived unless that was a refusal.
    fn is_done(self) -> bool {
        self.answered == REFUSED || (self.answered != 0 && self.seen != 0)
    }
}

/// The books of an evening.
pub struct Books<'a> {
    cast: &'a Cast,
    rooms: Vec<Room>,
    slots: Vec<Slot>,
    sent: VecDeque<Sent>,
    /// The operation of the first of them.
    base: u32,
    /// How many of them have no answer yet, or did not arrive.
    open: usize,
    /// What was wrong.
    pub faults: Faults,
    /// What else contradicted a promise.
    pub wrong: Wrong,
}

impl<'a> Books<'a> {
    /// Nobody has joined and nothing is sent.
    pub fn new(cast: &'a Cast) -> Self {
        Self {
            rooms: vec![Room::default(); cast.rooms() as usize],
            slots: vec![Slot::default(); cast.slots() as usize],
            cast,
            sent: VecDeque::new(),
            base: 0,
            open: 0,
            faults: Faults::default(),
            wrong: Wrong::default(),
        }
    }

    /// The sequence after which a person's next join is to go on; `None` before the first one.
    pub fn position(&self, slot: u32) -> Option<u64> {
        self.slots[slot as usize].next.checked_sub(1)
    }

    /// A person has joined a room whose newest event has this sequence.
    pub fn joined(&mut self, slot: u32, head: u64) {
        let room = &mut self.rooms[self.cast.room(slot) as usize];
        let next = &mut self.slots[slot as usize].next;
        if *next == 0 {
            *next = head + 1;
        }
        if room.first == 0 {
            room.first = head + 1;
        }
        room.head = room.head.max(head);
    }

    /// A person's place in a room was reset by the hub to go on from here.
    pub fn reset(&mut self, slot: u32, from: u64) {
        self.slots[slot as usize].next = from;
        let reset = &mut self.rooms[self.cast.room(slot) as usize].reset;
        *reset = from.max(*reset);
    }

    /// The next operation is intended now, by this person in this room.
    pub fn sent(&mut self, slot: u32) {
        self.sent.push_back(Sent {
            slot,
            seen: 0,
            answered: 0,
            late: false,
        });
        self.open += 1;
        if self.sent.len() > MOST_OPEN {
            self.forget_first();
        }
    }

    /// Operations that were begun.
    pub fn begun(&self) -> u32 {
        self.base + self.sent.len() as u32
    }

    /// Whose send it is, and where, as long as anything is missing of it.
    pub fn slot_of(&self, n: u32) -> Option<u32> {
        let at = n.checked_sub(self.base)? as usize;
        self.sent.get(at).map(|sent| sent.slot)
    }

    /// Sends that have no answer yet, or did not arrive anywhere.
    pub fn open(&self) -> usize {
        self.open
    }

    fn open_send(&mut self, n: u32) -> Option<&mut Sent> {
        self.sent.get_mut(n.checked_sub(self.base)? as usize)
    }

    /// Something arrived at a person: operation `n`, or [`NO_MESSAGE`]. True if it is what had to come next.
    #[inline]
    pub fn arrived(&mut self, slot: u32, sequence: u64, n: u32) -> bool {
        let is_next = self.advance(slot, sequence);
        self.compare(slot, sequence, n);
        is_next
    }

    fn advance(&mut self, slot: u32, sequence: u64) -> bool {
        let next = &mut self.slots[slot as usize].next;
        if sequence == *next {
            *next += 1;
            return true;
        }
        let expected = *next;
        if sequence < expected {
            self.faults.repeated += 1;
        } else {
            self.faults.skipped = self.faults.skipped.saturating_add(sequence - expected);
            *next = sequence.saturating_add(1);
        }
        let cast = self.cast;
        self.wrong.example("out of order", || {
            format!(
                "user {} in room {} got {sequence}, not {expected}",
                cast.user(slot),
                cast.room(slot)
            )
        });
        false
    }

    /// All who see a place see the same there.
    fn compare(&mut self, slot: u32, sequence: u64, n: u32) {
        let at = self.cast.room(slot);
        let room = &mut self.rooms[at as usize];
        let Some(place) = sequence.checked_sub(room.first) else {
            return;
        };
        if place > (room.places.len() + MOST_PLACES) as u64 {
            self.faults.unexpected += 1;
            return;
        }
        room.head = room.head.max(sequence);
        let place = place as usize;
        while room.places.len() <= place {
            room.places.push_back(UNSEEN);
        }
        let there = std::mem::replace(&mut room.places[place], n);
        if there == UNSEEN {
            self.witness(at, sequence, n);
        } else if there != n {
            self.rooms[at as usize].places[place] = there;
            self.faults.diverged += 1;
            self.wrong.example("diverged", || {
                format!("room {at} has {there} at {sequence} for one member and {n} for another")
            });
        }
        let room = &mut self.rooms[at as usize];
        while room.places.len() > MOST_PLACES {
            room.places.pop_front();
            room.first += 1;
        }
    }

    /// The first who sees a place: is it a send of this room, there for the first time, in its sender's order?
    fn witness(&mut self, room: u32, sequence: u64, n: u32) {
        if n == NO_MESSAGE {
            return;
        }
        if n < self.base {
            // It had arrived and was answered before.
            self.faults.doubled += 1;
            return;
        }
        let cast = self.cast;
        let Some(sent) = self
            .open_send(n)
            .filter(|sent| cast.room(sent.slot) == room)
        else {
            self.faults.foreign += 1;
            self.wrong.example("foreign", || {
                format!("message {n} is in room {room} at {sequence}")
            });
            return;
        };
        if sent.seen != 0 {
            let before = sent.seen;
            self.faults.doubled += 1;
            self.wrong.example("doubled", || {
                format!("message {n} is in room {room} at {before} and at {sequence}")
            });
            return;
        }
        sent.seen = sequence;
        let Sent {
            slot,
            late,
            answered,
            ..
        } = *sent;
        self.open -= usize::from(answered != 0 && answered != REFUSED);
        let newest = &mut self.slots[slot as usize].newest;
        self.faults.overtaken += u64::from(n < *newest && !late);
        *newest = (*newest).max(n + 1);
        self.settle();
    }

    /// A page of history that somebody read names message `n` at this sequence.
    pub fn read_back(&mut self, room: u32, sequence: u64, n: u32) {
        let known = &self.rooms[room as usize];
        let place = sequence
            .checked_sub(known.first)
            .and_then(|at| known.places.get(at as usize));
        if let Some(&there) = place
            && there != n
            && there != UNSEEN
        {
            self.wrong.count("other history", || {
                format!("room {room} has {there} at {sequence} live and {n} in its history")
            });
        }
    }

    /// A message that somebody got of a room in which that person is not.
    pub fn stray(&mut self, user: u32, words: &str) {
        self.faults.foreign += 1;
        self.wrong
            .example("foreign", || format!("user {user} got {words}"));
    }

    /// The hub answered a send: with its sequence, or with an error that is its last word.
    pub fn answered(&mut self, n: u32, sequence: Option<u64>) {
        self.faults.refused += u64::from(sequence.is_none());
        let cast = self.cast;
        let Some(sent) = self.open_send(n).filter(|sent| sent.answered == 0) else {
            return self.answer_to_nothing(n);
        };
        sent.answered = sequence.unwrap_or(REFUSED);
        let (is_done, room) = (sent.is_done(), cast.room(sent.slot));
        self.open -= usize::from(is_done);
        let room = &mut self.rooms[room as usize];
        room.head = room.head.max(sequence.unwrap_or_default());
        self.settle();
    }

    /// An answer came to a send that had one, or on a line on which it was not made.
    pub fn answer_to_nothing(&mut self, n: u32) {
        self.faults.misacknowledged += 1;
        self.wrong.example("misacknowledged", || {
            format!("message {n} was answered twice, or to somebody else")
        });
    }

    /// The hub asked for a send once more, later.
    pub fn comes_later(&mut self, n: u32) {
        if let Some(sent) = self.open_send(n) {
            sent.late = true;
        }
    }

    /// Enters the first sends as far as everything is known of them.
    fn settle(&mut self) {
        while let Some(first) = self.sent.front() {
            if !first.is_done() {
                break;
            }
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Some(sent) = self.sent.pop_front() else {
            return;
        };
        let (n, room) = (self.base, self.cast.room(sent.slot));
        self.base += 1;
        self.open -= usize::from(!sent.is_done());
        match sent.answered {
            0 => self.faults.unacknowledged += 1,
            answered if sent.seen != 0 && answered != sent.seen => {
                self.faults.misacknowledged += 1;
                self.wrong.example("misacknowledged", || {
                    format!(
                        "message {n} of room {room} is at {}, and was answered with {answered}",
                        sent.seen
                    )
                });
            }
            REFUSED => {}
            answered if sent.seen == 0 && self.is_passed(room, answered) => {
                self.faults.missing += 1;
            }
            _ => {}
        }
    }

    /// All members have gone on behind a place by themselves. Of whoever has not, it is missing anyhow.
    fn is_passed(&self, room: u32, sequence: u64) -> bool {
        let waits = |&slot: &u32| (1..=sequence).contains(&self.slots[slot as usize].next);
        self.rooms[room as usize].reset <= sequence && !self.cast.members(room).iter().any(waits)
    }

    /// Forgets places that all members have seen.
    pub fn trim(&mut self) {
        for (at, room) in (0u32..).zip(&mut self.rooms) {
            let joined = self
                .cast
                .members(at)
                .iter()
                .map(|&slot| self.slots[slot as usize].next);
            let Some(seen) = joined.filter(|next| *next != 0).min() else {
                continue;
            };
            while room.first < seen && room.places.pop_front().is_some() {
                room.first += 1;
            }
        }
    }

    /// Places that are kept, of all rooms.
    pub fn places(&self) -> usize {
        self.rooms.iter().map(|room| room.places.len()).sum()
    }

    /// Everything was answered, arrived, and reached everybody.
    pub fn is_complete(&self) -> bool {
        self.sent.is_empty() && self.behind().all(|behind| behind == 0)
    }

    /// How many events everybody still lacks, in each room.
    fn behind(&self) -> impl Iterator<Item = u64> {
        let slots = (0u32..).zip(&self.slots).filter(|(_, slot)| slot.next != 0);
        slots.map(|(at, slot)| {
            let head = self.rooms[self.cast.room(at) as usize].head;
            (head + 1).saturating_sub(slot.next)
        })
    }

    /// Closes the books when nothing more is to come.
    pub fn close(mut self) -> (Faults, Wrong) {
        let missing = self.behind().sum::<u64>();
        self.faults.missing += missing;
        while !self.sent.is_empty() {
            self.forget_first();
        }
        (self.faults, self.wrong)
    }
}

#[cfg(test)]
#[path = "books_tests.rs"]
mod tests;
