//! Everybody and their rooms: who is in which, and who talks.

use rand::Rng;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;

use super::chance::{Purpose, stream};
use super::spec::EveningSpec;

/// What sort of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For everybody.
    Public,
    /// For some.
    Group,
    /// For two.
    Direct,
}

/// Rooms and the people in them. A *slot* is one person in one room; those of a person follow each other.
pub struct Cast {
    kinds: Vec<Kind>,
    /// Slots of each room: `room_slots[room_first[room]..room_first[room + 1]]`.
    room_first: Vec<u32>,
    room_slots: Vec<u32>,
    /// Slots of each user: `user_first[user]..user_first[user + 1]`.
    user_first: Vec<u32>,
    slot_user: Vec<u32>,
    slot_room: Vec<u32>,
    talks: Vec<bool>,
}

impl Cast {
    /// Puts everybody into their rooms.
    pub fn new(spec: &EveningSpec, seed: u64) -> Self {
        let mut chance = stream(seed, Purpose::Cast, 0);
        let mut everybody: Vec<u32> = (0..spec.users).collect();
        let mut rooms: Vec<(Kind, Vec<u32>)> = Vec::new();
        everybody.shuffle(&mut chance);
        for room in 0..spec.public_rooms as usize {
            let members = everybody
                .iter()
                .skip(room)
                .step_by(spec.public_rooms as usize);
            rooms.push((Kind::Public, members.copied().collect()));
        }
        for _ in 0..spec.groups_per_user {
            everybody.shuffle(&mut chance);
            let groups = groups(&everybody, spec.group_size as usize, &mut chance);
            rooms.extend(groups.into_iter().map(|members| (Kind::Group, members)));
        }
        // Two people have one room for two at most.
        let mut pairs = BTreeSet::new();
        for _ in 0..spec.directs_per_user {
            everybody.shuffle(&mut chance);
            for pair in everybody.chunks_exact(2) {
                let (low, high) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
                if pairs.insert((low, high)) {
                    rooms.push((Kind::Direct, vec![low, high]));
                }
            }
        }
        let talks = (0..spec.users).map(|_| chance.random_bool(spec.talkers));
        let talks = talks.collect();
        Self::of(spec.users, &rooms, talks)
    }

    fn of(users: u32, rooms: &[(Kind, Vec<u32>)], talks: Vec<bool>) -> Self {
        let mut of_user: Vec<Vec<u32>> = vec![Vec::new(); users as usize];
        for (room, (_, members)) in (0u32..).zip(rooms) {
            for &user in members {
                of_user[user as usize].push(room);
            }
        }
        let (mut user_first, mut slot_user, mut slot_room) = (vec![0], Vec::new(), Vec::new());
        let mut of_room: Vec<Vec<u32>> = vec![Vec::new(); rooms.len()];
        for (user, theirs) in (0u32..).zip(&of_user) {
            for &room in theirs {
                of_room[room as usize].push(slot_user.len() as u32);
                slot_user.push(user);
                slot_room.push(room);
            }
            user_first.push(slot_user.len() as u32);
        }
        let (mut room_first, mut room_slots) = (vec![0], Vec::new());
        for slots in of_room {
            room_slots.extend(slots);
            room_first.push(room_slots.len() as u32);
        }
        Self {
            kinds: rooms.iter().map(|(kind, _)| *kind).collect(),
            room_first,
            room_slots,
            user_first,
            slot_user,
            slot_room,
            talks,
        }
    }

    /// How many people.
    pub fn users(&self) -> u32 {
        self.talks.len() as u32
    }

    /// How many rooms.
    pub fn rooms(&self) -> u32 {
        self.kinds.len() as u32
    }

    /// How many slots.
    pub fn slots(&self) -> u32 {
        self.slot_user.len() as u32
    }

    /// What sort of room.
    pub fn kind(&self, room: u32) -> Kind {
        self.kinds[room as usize]
    }

    /// Whether somebody talks.
    pub fn talks(&self, user: u32) -> bool {
        self.talks[user as usize]
    }

    /// The slots of a person.
    pub fn slots_of(&self, user: u32) -> std::ops::Range<u32> {
        self.user_first[user as usize]..self.user_first[user as usize + 1]
    }

    /// The slots of a room.
    pub fn members(&self, room: u32) -> &[u32] {
        let (from, until) = (
            self.room_first[room as usize],
            self.room_first[room as usize + 1],
        );
        &self.room_slots[from as usize..until as usize]
    }

    /// Whose slot it is.
    pub fn user(&self, slot: u32) -> u32 {
        self.slot_user[slot as usize]
    }

    /// In which room it is.
    pub fn room(&self, slot: u32) -> u32 {
        self.slot_room[slot as usize]
    }

    /// The slot of a person in a room, if there is one.
    #[inline]
    pub fn slot(&self, user: u32, room: u32) -> Option<u32> {
        self.slots_of(user)
            .find(|&slot| self.slot_room[slot as usize] == room)
    }

    /// All rooms of a kind: rooms of a kind follow each other.
    pub fn of_kind(&self, kind: Kind) -> std::ops::Range<u32> {
        let is = |one: &&Kind| **one == kind;
        let from = self.kinds.iter().take_while(|one| !is(one)).count();
        let count = self.kinds.iter().filter(is).count();
        from as u32..(from + count) as u32
    }
}

/// Cuts people into groups of about `size`, of which none is too small for two to talk.
fn groups(people: &[u32], size: usize, chance: &mut impl Rng) -> Vec<Vec<u32>> {
    let mut groups: Vec<Vec<u32>> = Vec::new();
    let mut left = people;
    while !left.is_empty() {
        let wanted = chance.random_range(size.div_ceil(2).max(2)..=(size + size / 2));
        let (members, rest) = left.split_at(wanted.min(left.len()));
        left = rest;
        match groups.last_mut() {
            Some(last) if members.len() < 2 => last.extend(members),
            _ => groups.push(members.to_vec()),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> EveningSpec {
        EveningSpec {
            users: 101,
            public_rooms: 3,
            groups_per_user: 2,
            directs_per_user: 3,
            ..EveningSpec::default()
        }
    }

    #[test]
    fn everybody_is_in_as_many_rooms_as_is_asked_for_and_a_slot_leads_both_ways() {
        let cast = Cast::new(&spec(), 5);
        assert_eq!(cast.users(), 101);
        let mut counts = [0; 3];
        for user in 0..101 {
            let slots = cast.slots_of(user);
            let kinds: Vec<Kind> = slots
                .clone()
                .map(|slot| cast.kind(cast.room(slot)))
                .collect();
            let count = |kind| kinds.iter().filter(|one| **one == kind).count();
            assert_eq!((count(Kind::Public), count(Kind::Group)), (1, 2), "{user}");
            assert!(count(Kind::Direct) <= 3);
            for slot in slots {
                assert_eq!(cast.user(slot), user);
                assert_eq!(cast.slot(user, cast.room(slot)), Some(slot));
                assert!(cast.members(cast.room(slot)).contains(&slot));
            }
        }
        for room in 0..cast.rooms() {
            let size = cast.members(room).len();
            counts[cast.kind(room) as usize] += 1;
            let allowed = match cast.kind(room) {
                Kind::Public => 33..=34,
                Kind::Group => 2..=13,
                Kind::Direct => 2..=2,
            };
            assert!(allowed.contains(&size), "{:?} of {size}", cast.kind(room));
            assert!(cast.of_kind(cast.kind(room)).contains(&room));
        }
        assert_eq!(counts[0], 3);
        assert!(counts[2] > 100 && counts[2] <= 150, "{counts:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_rooms() {
        let all = |seed| {
            let cast = Cast::new(&spec(), seed);
            let users = (0..cast.slots()).map(|slot| (cast.user(slot), cast.room(slot)));
            users.collect::<Vec<_>>()
        };
        assert_eq!(all(5), all(5));
        assert_ne!(all(5), all(6));
    }
}
