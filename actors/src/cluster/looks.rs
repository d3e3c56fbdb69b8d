//! When the heads of subscribed rooms are looked at: once per room at a time, spread over the time there is. Pure.

use crate::ids::{RoomId, Timestamp};
use crate::schedule::Schedule;

/// The looks that are planned.
#[derive(Debug, Default)]
pub struct Looks(Schedule<RoomId>);

impl Looks {
    /// Plans a look at a room no later than `at`.
    pub fn plan(&mut self, room: RoomId, at: Timestamp) {
        if self.0.time(&room).is_none_or(|planned| at < planned) {
            self.0.set(room, at);
        }
    }

    /// Plans one look at each of several rooms, evenly spread over `within` milliseconds.
    pub fn spread(&mut self, rooms: Vec<RoomId>, now: Timestamp, within: u64) {
        let count = rooms.len().max(1) as u64;
        for (number, room) in (0..).zip(rooms) {
            self.plan(room, now.plus_millis(within * number / count));
        }
    }

    /// Nobody needs the room any more.
    pub fn forget(&mut self, room: &RoomId) {
        self.0.remove(room);
    }

    /// The rooms to be looked at now, at most so many.
    pub fn tick(&mut self, now: Timestamp, most: usize) -> Vec<RoomId> {
        std::iter::from_fn(|| self.0.pop(now)).take(most).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(count: usize) -> Vec<RoomId> {
        let room = |n| RoomId::parse(&format!("r{n:04}")).expect("valid");
        (0..count).map(room).collect()
    }

    #[test]
    fn many_rooms_are_spread_and_all_are_looked_at_once_within_the_time() {
        let mut looks = Looks::default();
        looks.spread(rooms(1_000), Timestamp(0), 4_000);
        // A second reason changes nothing but makes it sooner.
        looks.spread(rooms(1_000), Timestamp(0), 4_000);
        let mut seen = Vec::new();
        for ms in (0..=4_000).step_by(50) {
            let now = looks.tick(Timestamp(ms), usize::MAX);
            assert!(now.len() <= 14, "{} at {ms}", now.len());
            seen.extend(now);
        }
        assert_eq!(seen, rooms(1_000));
        assert!(looks.0.is_empty());
    }

    #[test]
    fn the_sooner_plan_holds_and_what_nobody_needs_is_forgotten() {
        let mut looks = Looks::default();
        let room = rooms(1).remove(0);
        looks.plan(room.clone(), Timestamp(500));
        looks.plan(room.clone(), Timestamp(900));
        looks.plan(room.clone(), Timestamp(100));
        assert_eq!(looks.tick(Timestamp(100), 1), std::slice::from_ref(&room));
        assert_eq!(looks.tick(Timestamp(9_000), 1), []);
        looks.plan(room.clone(), Timestamp(100));
        looks.forget(&room);
        assert_eq!(looks.tick(Timestamp(9_000), 1), []);
        looks.spread(rooms(3), Timestamp(0), 0);
        assert_eq!(looks.tick(Timestamp(0), 2).len(), 2);
    }
}
