//! Read cursors that wait to be written, and when those of a room are. Pure.
//!
//! A mark is written soon, for others are told of it then, and further ones of its room a second after that. Whoever only sends
//! tells nobody by it, so that those cursors wait longer, unless a mark takes them along.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use tokio::time::Instant;

use super::{Cursor, CursorsFull};
use crate::ids::{RoomId, UserId};

/// Between two writes of a room's cursors, and before what could not be written is tried again.
pub(super) const REST: Duration = Duration::from_secs(1);
/// How long the cursors of those who only send wait, as long as not half of what may wait does.
pub(super) const SENDERS_WAIT: Duration = Duration::from_secs(5);
/// Rooms are taken until they have so many cursors together: whoever sends meanwhile waits for them, too.
pub(super) const SHARE_LEAST: usize = 128;
/// If many wait, that is a twentieth of them, until nothing is due any more.
const SHARES: usize = 20;

/// A cursor that waits to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub cursor: Cursor,
    /// Others are to be told when it is written; a message tells of its sender by itself.
    pub told: bool,
}

/// A cursor taken to be written.
pub(super) type Taken = (RoomId, UserId, Waiting);

/// How far a walk through the cursors of some rooms has come.
#[derive(Default)]
pub(super) struct Place {
    room: usize,
    after: Option<UserId>,
}

struct Room {
    users: BTreeMap<UserId, Waiting>,
    /// Others are to be told of one of them.
    told: bool,
    /// Nobody of those who only send waits for longer.
    patient_until: Instant,
    /// No write before that.
    rests_until: Instant,
    /// When it is to be taken, as it stands among all; nothing while it is being written.
    due: Option<Instant>,
}

impl Room {
    fn new(now: Instant) -> Self {
        Self {
            users: BTreeMap::new(),
            told: false,
            patient_until: now,
            rests_until: now,
            due: Some(now),
        }
    }

    /// When it is to be written, or forgotten if nothing waits.
    fn wanted(&self) -> Instant {
        match self.told || self.users.is_empty() {
            true => self.rests_until,
            false => self.patient_until,
        }
    }
}

/// Rooms in which cursors wait or were written less than a rest ago.
#[derive(Default)]
pub(super) struct Waits {
    rooms: BTreeMap<RoomId, Room>,
    /// All of them that are not being written.
    due: BTreeSet<(Instant, RoomId)>,
    cursors: usize,
    share: usize,
}

impl Waits {
    /// When the next room is to be taken.
    pub fn first_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    pub fn get(&self, room: &RoomId, user: &UserId) -> Option<&Waiting> {
        self.rooms.get(room)?.users.get(user)
    }

    /// Every room that is here.
    pub fn rooms(&self) -> Vec<RoomId> {
        self.rooms.keys().cloned().collect()
    }

    /// Moves a cursor forward; going back has no effect. A new one is refused when there are `most` already.
    pub fn advance(
        &mut self,
        room: &RoomId,
        user: &UserId,
        waiting: Waiting,
        (most, now): (usize, Instant),
    ) -> Result<(), CursorsFull> {
        let full = self.cursors >= most;
        let patience = match self.cursors >= most / 2 {
            true => REST,
            false => SENDERS_WAIT,
        };
        let held = match self.rooms.get_mut(room) {
            Some(held) => held,
            None if full => return Err(CursorsFull),
            None => {
                self.due.insert((now, room.clone()));
                self.rooms.entry(room.clone()).or_insert(Room::new(now))
            }
        };
        match held.users.get_mut(user) {
            Some(before) => {
                before.told |= waiting.told && waiting.cursor > before.cursor;
                before.cursor = waiting.cursor.max(before.cursor);
                held.told |= before.told;
            }
            None if full => return Err(CursorsFull),
            None => {
                if held.users.is_empty() {
                    held.patient_until = now + patience;
                }
                held.told |= waiting.told;
                held.users.insert(user.clone(), waiting);
                self.cursors += 1;
            }
        }
        if held.due.is_some_and(|due| due != held.wanted()) {
            self.schedule(room);
        }
        Ok(())
    }

    /// Puts a room where it belongs among all.
    fn schedule(&mut self, room: &RoomId) {
        let Some(held) = self.rooms.get_mut(room) else {
            return;
        };
        let due = held.wanted();
        if let Some(before) = held.due.replace(due) {
            self.due.remove(&(before, room.clone()));
        }
        self.due.insert((due, room.clone()));
    }

    /// Takes a share of the rooms that are due, the longest due first, each as a whole. They come back by [`rest`](Self::rest).
    pub fn take(&mut self, now: Instant) -> Vec<RoomId> {
        self.share = self.share.max(self.cursors / SHARES).max(SHARE_LEAST);
        let mut taken = Vec::new();
        let mut cursors = 0;
        while self.first_due().is_some_and(|due| due <= now) {
            if cursors >= self.share {
                return taken;
            }
            let Some((_, room)) = self.due.pop_first() else {
                break;
            };
            match self.rooms.get_mut(&room) {
                Some(held) if !held.users.is_empty() => {
                    held.due = None;
                    cursors += held.users.len();
                    taken.push(room);
                }
                _ => drop(self.rooms.remove(&room)),
            }
        }
        self.share = 0;
        taken
    }

    /// Rooms that were taken rest, with what still waits there.
    pub fn rest(&mut self, rooms: Vec<RoomId>, now: Instant) {
        for room in rooms {
            if let Some(held) = self.rooms.get_mut(&room) {
                held.told = held.users.values().any(|waiting| waiting.told);
                held.patient_until = now + SENDERS_WAIT;
                held.rests_until = now + REST;
                self.schedule(&room);
            }
        }
    }

    /// The next cursors of these rooms, at most so many; they stay here until they are [`written`](Self::written), so that
    /// nobody sees a cursor go back meanwhile.
    pub fn batch(&self, rooms: &[RoomId], place: &mut Place, most: usize) -> Vec<Taken> {
        let mut batch = Vec::with_capacity(most.min(self.cursors).min(SHARE_LEAST));
        while let Some(room) = rooms.get(place.room) {
            let from = place.after.as_ref();
            let from = from.map_or(Bound::Unbounded, Bound::Excluded);
            let held = self.rooms.get(room).into_iter();
            let rest =
                held.flat_map(|held| held.users.range::<UserId, _>((from, Bound::Unbounded)));
            for (user, waiting) in rest.take(most - batch.len()) {
                batch.push((room.clone(), user.clone(), *waiting));
            }
            if batch.len() == most {
                place.after = batch.last().map(|(_, user, _)| user.clone());
                return batch;
            }
            *place = Place {
                room: place.room + 1,
                after: None,
            };
        }
        batch
    }

    /// This cursor is written. It waits on if it has moved meanwhile.
    pub fn written(&mut self, (room, user, written): &Taken) {
        let Some(held) = self.rooms.get_mut(room) else {
            return;
        };
        if held.users.get(user) == Some(written) {
            held.users.remove(user);
            self.cursors -= 1;
        }
        if held.users.is_empty() {
            // An empty tree keeps its last leaf, which has space for eleven.
            held.users = BTreeMap::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, room, user};
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn waiting(up_to: u64, told: bool) -> Waiting {
        let cursor = at(up_to);
        Waiting { cursor, told }
    }

    /// Somebody marks, or only sends.
    fn advance(
        waits: &mut Waits,
        now: Instant,
        in_room: &str,
        (by, up_to, told): (u64, u64, bool),
    ) {
        let waiting = waiting(up_to, told);
        let advanced = waits.advance(&room(in_room), &user(by), waiting, (10_000, now));
        advanced.expect("room for it");
    }

    fn write(waits: &mut Waits, rooms: &[RoomId]) -> usize {
        let batch = waits.batch(rooms, &mut Place::default(), usize::MAX);
        batch.iter().for_each(|taken| waits.written(taken));
        batch.len()
    }

    /// Takes and writes what is due; how many cursors that was.
    fn turn(waits: &mut Waits, now: Instant) -> usize {
        let taken = waits.take(now);
        let written = write(waits, &taken);
        waits.rest(taken, now);
        written
    }

    #[test]
    fn a_mark_is_due_at_once_and_the_next_one_of_its_room_after_the_rest() {
        let mut waits = Waits::default();
        let now = Instant::now();
        assert_eq!(turn(&mut waits, now), 0);
        advance(&mut waits, now, "a", (1, 5, true));
        assert_eq!(turn(&mut waits, now), 1);
        advance(&mut waits, now, "a", (1, 6, true));
        advance(&mut waits, now, "b", (1, 1, true));
        assert_eq!(waits.take(now + REST / 2), [room("b")]);
        assert_eq!(waits.take(now + REST), [room("a")]);
    }

    #[test]
    fn who_only_sends_waits_longer_and_goes_with_a_mark() {
        let mut waits = Waits::default();
        let now = Instant::now();
        advance(&mut waits, now, "a", (1, 5, false));
        advance(&mut waits, now + REST, "a", (2, 6, false));
        assert_eq!(waits.first_due(), Some(now + SENDERS_WAIT));
        assert_eq!(turn(&mut waits, now + SENDERS_WAIT - MILLISECOND), 0);
        assert_eq!(turn(&mut waits, now + SENDERS_WAIT), 2);
        let later = now + SENDERS_WAIT * 2;
        advance(&mut waits, later, "a", (1, 7, false));
        advance(&mut waits, later, "a", (2, 7, true));
        assert_eq!(turn(&mut waits, later), 2);
    }

    #[test]
    fn where_half_of_what_may_wait_does_nobody_waits_long() {
        let mut waits = Waits::default();
        let now = Instant::now();
        for (name, due) in [("a", SENDERS_WAIT), ("b", SENDERS_WAIT), ("c", REST)] {
            let advanced = waits.advance(&room(name), &user(1), waiting(1, false), (4, now));
            advanced.expect("room for it");
            assert_eq!(waits.rooms[&room(name)].due, Some(now + due), "{name}");
        }
    }

    #[test]
    fn a_room_in_which_nothing_waits_is_forgotten_after_its_rest() {
        let mut waits = Waits::default();
        let now = Instant::now();
        advance(&mut waits, now, "a", (1, 5, true));
        turn(&mut waits, now);
        assert_eq!(waits.first_due(), Some(now + REST));
        assert_eq!(turn(&mut waits, now + REST), 0);
        assert!(waits.first_due().is_none() && waits.rooms().is_empty());
    }

    #[test]
    fn what_could_not_be_written_or_moved_meanwhile_is_due_after_the_rest() {
        let mut waits = Waits::default();
        let now = Instant::now();
        advance(&mut waits, now, "failed", (1, 5, true));
        advance(&mut waits, now, "moved", (1, 5, true));
        let taken = waits.take(now);
        let batch = waits.batch(&taken[1..], &mut Place::default(), 10);
        advance(&mut waits, now, "moved", (1, 6, true));
        batch.iter().for_each(|taken| waits.written(taken));
        waits.rest(taken, now);
        assert_eq!(turn(&mut waits, now + REST - MILLISECOND), 0);
        assert_eq!(turn(&mut waits, now + REST), 2);
        assert_eq!(waits.cursors, 0);
    }

    #[test]
    fn a_cursor_that_does_not_move_changes_nothing() {
        let mut waits = Waits::default();
        let now = Instant::now();
        advance(&mut waits, now, "a", (1, 5, false));
        advance(&mut waits, now, "a", (1, 5, true));
        advance(&mut waits, now, "a", (1, 4, true));
        assert_eq!(
            waits.first_due(),
            Some(now + SENDERS_WAIT),
            "nobody is told of it"
        );
        let held = waits.get(&room("a"), &user(1)).expect("it waits");
        assert_eq!(held.cursor, at(5));
    }

    #[test]
    fn what_is_due_at_once_is_taken_in_shares_that_do_not_shrink() {
        for (count, turns) in [(SHARE_LEAST * 2, 2), (SHARE_LEAST * 100, 20)] {
            let mut waits = Waits::default();
            let now = Instant::now();
            for number in 0..count {
                let name = format!("room-{number}");
                let marked = waiting(1, true);
                let advanced = waits.advance(&room(&name), &user(1), marked, (count, now));
                advanced.expect("room for it");
            }
            let marked = waiting(1, true);
            let refused = waits.advance(&room("more"), &user(1), marked, (count, now));
            assert_eq!(refused, Err(CursorsFull));
            let shares: Vec<_> = (0..turns).map(|_| turn(&mut waits, now)).collect();
            assert_eq!(shares, vec![count / turns; turns]);
            assert_eq!((waits.cursors, waits.share), (0, 0));
        }
    }

    #[test]
    fn a_walk_goes_on_where_it_was_within_a_room_and_beyond_it() {
        let mut waits = Waits::default();
        let now = Instant::now();
        for (in_room, by) in [("a", 1), ("a", 2), ("a", 3), ("b", 1)] {
            advance(&mut waits, now, in_room, (by, by, true));
        }
        let rooms = waits.take(now);
        let mut place = Place::default();
        let mut walk = || {
            let batch = waits.batch(&rooms, &mut place, 2);
            let names = batch.into_iter().map(|(room, user, _)| (room, user));
            names.collect::<Vec<_>>()
        };
        assert_eq!(walk(), [(room("a"), user(1)), (room("a"), user(2))]);
        assert_eq!(walk(), [(room("a"), user(3)), (room("b"), user(1))]);
        assert_eq!(walk(), []);
    }
}
