//! When the heads of entities that are subscribed to are looked at: once each at a time, spread over the time there is. Pure.

use crate::ids::{EntityId, Timestamp};
use crate::mutation::{self, Mutation};
use crate::schedule::Schedule;

/// The looks that are planned.
#[derive(Debug, Default)]
pub struct Looks {
    /// The sooner of two is enough.
    soon: Schedule<EntityId>,
    /// Looks that one before their time does not replace.
    settled: Schedule<EntityId>,
}

/// A look whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// At this entity.
    pub entity: EntityId,
    /// The bus delivers what is said there from now on, if not before: what was asked earlier may have missed its answers.
    pub settled: bool,
}

impl Looks {
    /// Plans a look at an entity no later than `at`.
    pub fn plan(&mut self, entity: EntityId, at: Timestamp) {
        if self.soon.time(&entity).is_none_or(|planned| at < planned) {
            self.soon.set(entity, at);
        }
    }

    /// Plans a look at an entity at `at`, when interest in it has spread, whatever else is planned.
    pub fn plan_settled(&mut self, entity: EntityId, at: Timestamp) {
        if mutation::is_on(Mutation::HurryLooks) {
            return self.plan(entity, at);
        }
        self.settled.set(entity, at);
    }

    /// Plans one look at each of several entities, evenly spread over `within` milliseconds.
    pub fn spread(&mut self, entities: Vec<EntityId>, now: Timestamp, within: u64) {
        let count = entities.len().max(1) as u64;
        for (number, entity) in (0..).zip(entities) {
            self.plan(entity, now.plus_millis(within * number / count));
        }
    }

    /// Nobody needs the entity any more.
    pub fn forget(&mut self, entity: &EntityId) {
        self.soon.remove(entity);
        self.settled.remove(entity);
    }

    /// What is to be looked at now, at most so many. What was settled is planned again after `every`
    /// milliseconds: the round that runs left it out, and the next may come to it at its end only.
    pub fn tick(&mut self, now: Timestamp, every: u64, most: usize) -> Vec<Look> {
        let mut due = Vec::new();
        while due.len() < most {
            if let Some(entity) = self.settled.pop(now) {
                self.plan(entity.clone(), now.plus_millis(every));
                let settled = true;
                due.push(Look { entity, settled });
            } else if let Some(entity) = self.soon.pop(now) {
                let settled = false;
                due.push(Look { entity, settled });
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
    use crate::ids::EntityKind;

    fn rooms(count: usize) -> Vec<EntityId> {
        let room = |n| EntityId::new(EntityKind::Room, &format!("r{n:04}")).expect("valid");
        (0..count).map(room).collect()
    }

    const EVERY: u64 = 30_000;

    fn seen(looks: Vec<Look>) -> Vec<EntityId> {
        looks.into_iter().map(|look| look.entity).collect()
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
            let entity = room.clone();
            vec![Look { entity, settled }]
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
