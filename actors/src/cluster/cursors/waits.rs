//! Read cursors that wait to be written, and when those of a room are: at once, and again after a rest. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use tokio::time::Instant;

use super::{Cursor, CursorsFull};
use crate::ids::{RoomId, UserId};

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

/// Each room here is ready, or rests, or is being written.
#[derive(Default)]
pub(super) struct Waits {
    rooms: BTreeMap<RoomId, BTreeMap<UserId, Waiting>>,
    /// Rooms that may be written now, the first that anybody's cursor began to wait in first.
    ready: VecDeque<RoomId>,
    /// Rooms that were written, and until when they rest.
    resting: VecDeque<(Instant, RoomId)>,
    cursors: usize,
}

impl Waits {
    /// Nothing waits and no room rests.
    pub fn is_idle(&self) -> bool {
        self.rooms.is_empty()
    }

    /// Cursors that wait.
    pub fn len(&self) -> usize {
        self.cursors
    }

    pub fn get(&self, room: &RoomId, user: &UserId) -> Option<&Waiting> {
        self.rooms.get(room)?.get(user)
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
        most: usize,
    ) -> Result<(), CursorsFull> {
        let held = self.rooms.get_mut(room).and_then(|room| room.get_mut(user));
        if let Some(held) = held {
            held.told |= waiting.told && waiting.cursor > held.cursor;
            held.cursor = waiting.cursor.max(held.cursor);
            return Ok(());
        }
        if self.cursors >= most {
            return Err(CursorsFull);
        }
        self.cursors += 1;
        match self.rooms.get_mut(room) {
            Some(users) => drop(users.insert(user.clone(), waiting)),
            None => {
                let users = BTreeMap::from([(user.clone(), waiting)]);
                self.rooms.insert(room.clone(), users);
                self.ready.push_back(room.clone());
            }
        }
        Ok(())
    }

    /// Takes rooms that are ready, until they have so many cursors. They come back by [`rest`](Self::rest).
    pub fn take(&mut self, now: Instant, cursors: usize) -> Vec<RoomId> {
        while self.resting.front().is_some_and(|(until, _)| *until <= now)
            && let Some((_, room)) = self.resting.pop_front()
        {
            match self.rooms.get(&room).is_some_and(BTreeMap::is_empty) {
                true => drop(self.rooms.remove(&room)),
                false => self.ready.push_back(room),
            }
        }
        let mut taken = Vec::new();
        let mut count = 0;
        while count < cursors
            && let Some(room) = self.ready.pop_front()
        {
            count += self.rooms.get(&room).map_or(0, BTreeMap::len);
            taken.push(room);
        }
        taken
    }

    /// Rooms that were taken rest until then, with what still waits there.
    pub fn rest(&mut self, rooms: Vec<RoomId>, until: Instant) {
        self.resting
            .extend(rooms.into_iter().map(|room| (until, room)));
    }

    /// The next cursors of these rooms, at most so many; they stay here until they are [`written`](Self::written), so that
    /// nobody sees a cursor go back meanwhile.
    pub fn batch(&self, rooms: &[RoomId], place: &mut Place, most: usize) -> Vec<Taken> {
        let mut batch = Vec::new();
        while let Some(room) = rooms.get(place.room) {
            let from = place
                .after
                .as_ref()
                .map_or(Bound::Unbounded, Bound::Excluded);
            let users = self.rooms.get(room).into_iter();
            let rest = users.flat_map(|users| users.range::<UserId, _>((from, Bound::Unbounded)));
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
        let Some(users) = self.rooms.get_mut(room) else {
            return;
        };
        if users.get(user) == Some(written) {
            users.remove(user);
            self.cursors -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{at, room, user};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn advance(waits: &mut Waits, in_room: &str, by: u64, up_to: u64) {
        let waiting = Waiting {
            cursor: at(up_to),
            told: false,
        };
        let advanced = waits.advance(&room(in_room), &user(by), waiting, 1_000);
        advanced.expect("room for it");
    }

    fn write(waits: &mut Waits, rooms: &[RoomId]) -> usize {
        let batch = waits.batch(rooms, &mut Place::default(), usize::MAX);
        batch.iter().for_each(|taken| waits.written(taken));
        batch.len()
    }

    #[test]
    fn a_room_is_ready_at_once_and_again_when_it_has_rested() {
        let mut waits = Waits::default();
        let now = Instant::now();
        assert!(waits.is_idle() && waits.take(now, 10).is_empty());
        advance(&mut waits, "a", 1, 5);
        let taken = waits.take(now, 10);
        assert_eq!(taken, [room("a")]);
        assert_eq!(write(&mut waits, &taken), 1);
        waits.rest(taken, now + SECOND);
        advance(&mut waits, "a", 1, 6);
        advance(&mut waits, "b", 1, 1);
        assert_eq!(waits.take(now + SECOND / 2, 10), [room("b")]);
        assert_eq!(waits.take(now + SECOND, 10), [room("a")]);
    }

    #[test]
    fn a_room_in_which_nothing_waits_is_forgotten_after_its_rest() {
        let mut waits = Waits::default();
        let now = Instant::now();
        advance(&mut waits, "a", 1, 5);
        let taken = waits.take(now, 10);
        write(&mut waits, &taken);
        waits.rest(taken, now + SECOND);
        assert!(waits.take(now, 10).is_empty());
        assert!(!waits.is_idle(), "it rests");
        assert!(waits.take(now + SECOND, 10).is_empty());
        assert!(waits.is_idle());
    }

    #[test]
    fn what_could_not_be_written_or_moved_meanwhile_is_ready_after_the_rest() {
        let mut waits = Waits::default();
        let now = Instant::now();
        advance(&mut waits, "moved", 1, 5);
        advance(&mut waits, "failed", 1, 5);
        let taken = waits.take(now, 10);
        let mut place = Place::default();
        let batch = waits.batch(&taken[..1], &mut place, 10);
        advance(&mut waits, "moved", 1, 6);
        batch.iter().for_each(|taken| waits.written(taken));
        assert_eq!(waits.len(), 2);
        waits.rest(taken.clone(), now + SECOND);
        assert_eq!(waits.take(now + SECOND, 10), taken);
        assert_eq!(write(&mut waits, &taken), 2);
        assert_eq!(waits.len(), 0);
    }

    #[test]
    fn no_more_rooms_are_taken_than_it_takes_for_so_many_cursors() {
        let mut waits = Waits::default();
        for (in_room, by) in [("a", 1), ("a", 2), ("b", 1), ("c", 1)] {
            advance(&mut waits, in_room, by, 1);
        }
        let now = Instant::now();
        assert_eq!(waits.take(now, 3), [room("a"), room("b")]);
        assert_eq!(waits.take(now, 3), [room("c")]);
    }

    #[test]
    fn a_walk_goes_on_where_it_was_within_a_room_and_beyond_it() {
        let mut waits = Waits::default();
        for (in_room, by) in [("a", 1), ("a", 2), ("a", 3), ("b", 1)] {
            advance(&mut waits, in_room, by, by);
        }
        let rooms = waits.take(Instant::now(), 10);
        let mut place = Place::default();
        let mut walk = || {
            let batch = waits.batch(&rooms, &mut place, 2);
            let names = batch
                .iter()
                .map(|(room, user, _)| (room.clone(), user.clone()));
            names.collect::<Vec<_>>()
        };
        assert_eq!(walk(), [(room("a"), user(1)), (room("a"), user(2))]);
        assert_eq!(walk(), [(room("a"), user(3)), (room("b"), user(1))]);
        assert_eq!(walk(), []);
    }
}
