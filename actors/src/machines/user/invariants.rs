//! What is always true of a user, by name: used in debug builds, property tests and the simulation.

use super::state::{Hold, Slot};
use super::{User, UserLimits};
use crate::ids::Sequence;

/// U1: no two requests' times overlap, nor leave too little to get from one place to the other.
pub fn u1_no_double_booking(user: &User) -> bool {
    let slots = user.facts.slots.values().filter(|slot| slot.is_taken());
    let taken: Vec<&Slot> = slots.collect();
    let apart = |a: &Slot, b: &Slot| !a.collides(&b.window, b.travel_ms);
    let mut pairs = taken.iter().enumerate();
    pairs.all(|(at, slot)| taken[at + 1..].iter().all(|other| apart(slot, other)))
}

/// U2: the last number that was heeded is not below the one that took the time.
pub fn u2_numbers_grow(user: &User) -> bool {
    user.facts
        .slots
        .values()
        .all(|slot| slot.last >= slot.number)
}

/// U3: whoever is found in the index is a musician who takes requests, has a place and an instrument.
pub fn u3_listed_are_musicians(user: &User) -> bool {
    let profile = &user.facts.profile;
    profile.is_listed() != user.index_keys().is_empty()
}

/// U4: nothing is newer than the head.
pub fn u4_nothing_beyond_the_head(user: &User) -> bool {
    let facts = &user.facts;
    let released = facts.slots.values().filter_map(|slot| match slot.hold {
        Hold::Released(since) => Some(since),
        Hold::Held { .. } | Hold::Booked => None,
    });
    let busy = facts.busy.keys().copied();
    let keys = facts.keys.iter().map(|(_, sequence)| *sequence);
    let newest = released
        .chain(busy)
        .chain(keys)
        .chain([facts.version])
        .max();
    newest.unwrap_or(Sequence::ZERO) <= facts.head
}

/// U5: hours are in order: ascending, none twice, each with a beginning within its day and an end behind it.
pub fn u5_hours_are_in_order(user: &User) -> bool {
    let availability = &user.facts.availability;
    let weekly = availability.weekly.as_deref().unwrap_or_default();
    let dates = &availability.dates;
    let of_dates = dates.iter().flat_map(|date| &date.hours);
    let mut hours = weekly.iter().map(|week| &week.hours).chain(of_dates);
    weekly.windows(2).all(|pair| pair[0] < pair[1])
        && dates.windows(2).all(|pair| pair[0].day < pair[1].day)
        && hours.all(|hours| {
            hours.from < 1_440 && hours.from < hours.to && hours.to <= hours.from + 1_440
        })
}

/// U6: what is kept is within its bounds; of released times as many again as may be held, until the next one is.
pub fn u6_bounds_hold(user: &User, limits: &UserLimits) -> bool {
    let facts = &user.facts;
    let taken = facts.slots.values().filter(|slot| slot.is_taken()).count();
    let profile = &facts.profile;
    let availability = &facts.availability;
    taken <= limits.slots
        && facts.slots.len() <= limits.released + limits.slots + 1
        && facts.busy.len() <= limits.busy
        && facts.keys.len() <= limits.keys
        && facts.outbox.len() <= limits.errands
        && profile.instruments.len() <= limits.instruments
        && profile.genres.len() <= limits.genres
        && availability.weekly.as_ref().map_or(0, Vec::len) <= limits.weekly
        && availability.dates.len() <= limits.dates
}

type Predicate = (&'static str, fn(&User) -> bool);

const ALWAYS: [Predicate; 5] = [
    ("U1 no double booking", u1_no_double_booking),
    ("U2 numbers grow", u2_numbers_grow),
    ("U3 listed are musicians", u3_listed_are_musicians),
    ("U4 nothing beyond the head", u4_nothing_beyond_the_head),
    ("U5 hours are in order", u5_hours_are_in_order),
];

/// The first of U1 to U5 that does not hold; `None` is the good answer.
pub fn violated(user: &User) -> Option<&'static str> {
    let broken = ALWAYS.iter().find(|(_, holds)| !holds(user));
    broken.map(|(name, _)| *name)
}
