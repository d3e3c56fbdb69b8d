//! When the heads of subscribed rooms are looked at: once per room at a time, spread over the time there is. Pure.

use crate::ids::{RoomId, Timestamp};
use crate::mutation::{self, Mutation};
use crate::schedule::Schedule;

/// The looks that are planned.
#[derive(Debug, Default)]
pub struct Looks {
    /// The sooner of two is enough.
    soon: Schedule<RoomId>,
    /// Looks that one before their time does not replace.
    settled: Schedule<RoomId>,
}

/// A look whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// At this room.
    pub room: RoomId,
    /// The bus delivers what is said there from now on, if not before: what was asked earlier may have missed its answers.
    pub settled: bool,
}

impl Looks {
    /// Plans a look at a room no later than `at`.
    pub fn plan(&mut self, room: RoomId, at: Timestamp) {
        if self.soon.time(&room).is_none_or(|planned| at < planned) {
            self.soon.set(room, at);
        }
    }

    /// Plans a look at a room at `at`, when interest in it has spread, whatever else is planned.
    pub fn plan_settled(&mut self, room: RoomId, at: Timestamp) {
        if mutation::is_on(Mutation::HurryLooks) {
            return self.plan(room, at);
        }
        self.settled.set(room, at);
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
        self.soon.remove(room);
        self.settled.remove(room);
    }

    /// What is to be looked at now, at most so many rooms. A room that was settled is planned again after `every`
    /// milliseconds: the round that runs left it out, and the next may come to it at its end only.
    pub fn tick(&mut self, now: Timestamp, every: u64, most: usize) -> Vec<Look> {
        let mut due = Vec::new();
        while due.len() < most {
            if let Some(room) = self.settled.pop(now) {
                self.plan(room.clone(), now.plus_millis(every));
                let settled = true;
                due.push(Look { room, settled });
            } else if let Some(room) = self.soon.pop(now) {
                let settled = false;
                due.push(Look { room, settled });
            } else {
                break;
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(count: usize) -> Vec<RoomId> {
        let room = |n| RoomId::parse(&format!("r{n:04}")).expect("valid");
        (0..count).map(room).collect()
    }

    const EVERY: u64 = 30_000;

    fn seen(looks: Vec<Look>) -> Vec<RoomId> {
        looks.into_iter().map(|look| look.room).collect()
    }

    #[test]
    fn many_rooms_are_spread_and_all_are_looked_at_once_within_the_time() {
        let mut looks = Looks::default();
        looks.spread(rooms(1_000), Timestamp(0), 4_000);
        // A second reason changes nothing but makes it sooner.
        looks.spread(rooms(1_000), Timestamp(0), 4_000);
        let mut all = Vec::new();
        for ms in (0..=4_000).step_by(50) {
            let now = looks.tick(Timestamp(ms), EVERY, usize::MAX);
            assert!(now.len() <= 14, "{} at {ms}", now.len());
            all.extend(seen(now));
        }
        assert_eq!(all, rooms(1_000));
        assert!(looks.soon.is_empty());
    }

    #[test]
    fn the_sooner_plan_holds_and_what_nobody_needs_is_forgotten() {
        let mut looks = Looks::default();
        let room = rooms(1).remove(0);
        looks.plan(room.clone(), Timestamp(500));
        looks.plan(room.clone(), Timestamp(900));
        looks.plan(room.clone(), Timestamp(100));
        assert_eq!(
            seen(looks.tick(Timestamp(100), EVERY, 1)),
            std::slice::from_ref(&room)
        );
        assert_eq!(looks.tick(Timestamp(9_000), EVERY, 1), []);
        looks.plan(room.clone(), Timestamp(100));
        looks.forget(&room);
        assert_eq!(looks.tick(Timestamp(9_000), EVERY, 1), []);
        looks.spread(rooms(3), Timestamp(0), 0);
        assert_eq!(looks.tick(Timestamp(0), EVERY, 2).len(), 2);
    }
    #[test]
    fn a_look_for_spread_interest_is_not_replaced_by_one_before_it() {
        let mut looks = Looks::default();
        let room = rooms(1).remove(0);
        let look = |settled| {
            let room = room.clone();
            vec![Look { room, settled }]
        };
        looks.plan_settled(room.clone(), Timestamp(500));
        looks.plan(room.clone(), Timestamp(100));
        assert_eq!(looks.tick(Timestamp(499), EVERY, 9), look(false));
        assert_eq!(looks.tick(Timestamp(500), EVERY, 9), look(true));
        assert_eq!(
            looks.tick(Timestamp(500 + EVERY), EVERY, 9),
            look(false),
            "and again within a round"
        );
        looks.plan_settled(room.clone(), Timestamp(40_000));
        looks.forget(&room);
        assert_eq!(looks.tick(Timestamp(90_000), EVERY, 9), []);
    }
}
