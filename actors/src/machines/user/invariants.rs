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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntityId, RequestId, Timestamp, UserId};
    use crate::machines::hours::{DayHours, WeekHours};
    use crate::machines::terms::{Caller, Place, PlatformRole, Window};
    use crate::machines::user::{ProfileInput, UserCommand};
    use crate::machines::{Context, Machine};

    const HOUR: u64 = 3_600_000;

    fn request(name: &str) -> RequestId {
        RequestId::parse(name).expect("a request id")
    }

    fn window(from: u64) -> Window {
        Window {
            from: Timestamp(from * HOUR),
            to: Timestamp((from + 1) * HOUR),
        }
    }

    /// A musician with two times, in whom nothing is wrong.
    fn user() -> User {
        let id = UserId::parse("ann").expect("a user id");
        let mut user = User::new(&EntityId::user(&id));
        let role = PlatformRole::Musician;
        let profile = ProfileInput {
            name: "Ann".into(),
            musician: true,
            available: true,
            instruments: vec![("piano".into(), 3)],
            place: Some(Place {
                lat: 40.0,
                lng: -3.0,
                address: String::new(),
            }),
            ..ProfileInput::default()
        };
        let reserve = |name: &str, from: u64| UserCommand::Reserve {
            request: request(name),
            number: 7,
            window: window(from),
            hold_ms: 1,
            demand: None,
        };
        let by = Caller { user: id, role };
        let (key, expected) = (Some(1), None);
        let set = UserCommand::SetProfile {
            by,
            key,
            expected,
            profile,
        };
        for command in [set, reserve("a", 10), reserve("b", 20)] {
            let context = Context {
                now: Timestamp(1),
                limits: &UserLimits::default(),
            };
            for event in user.decide(&context, &command).expect("decided").events {
                user.apply(user.head().next(), &event);
            }
        }
        assert_eq!(user.slots_len(), 2);
        user
    }

    fn damaged(damage: impl FnOnce(&mut User)) -> Option<&'static str> {
        let mut user = user();
        damage(&mut user);
        violated(&user).map(|name| &name[..2])
    }

    fn slot(user: &mut User) -> &mut Slot {
        user.facts.slots.get_mut(&request("a")).expect("there")
    }

    #[test]
    fn a_sound_user_violates_nothing() {
        assert_eq!(damaged(|_| {}), None);
        assert!(u6_bounds_hold(&user(), &UserLimits::default()));
    }

    #[test]
    fn each_predicate_sees_the_damage_it_is_for() {
        assert_eq!(damaged(|user| slot(user).window = window(20)), Some("U1"));
        assert_eq!(
            damaged(|user| slot(user).window = window(18)),
            Some("U1"),
            "travel"
        );
        assert_eq!(damaged(|user| slot(user).last = 6), Some("U2"));
        assert_eq!(damaged(|user| user.facts.profile.place = None), Some("U3"));
        assert_eq!(
            damaged(|user| user.facts.profile.instruments.clear()),
            Some("U3")
        );
        assert_eq!(damaged(|user| user.facts.version = Sequence(9)), Some("U4"));
        assert_eq!(
            damaged(|user| user.facts.keys[0].1 = Sequence(9)),
            Some("U4")
        );
        let released = Hold::Released(Sequence(9));
        assert_eq!(damaged(|user| slot(user).hold = released), Some("U4"));
        let week = |weekday, from, to| WeekHours {
            weekday,
            hours: DayHours { from, to },
        };
        for weekly in [
            vec![week(2, 5, 6), week(1, 5, 6)],
            vec![week(1, 5, 6), week(1, 5, 6)],
            vec![week(1, 6, 6)],
            vec![week(1, 1_440, 1_441)],
            vec![week(1, 0, 1_441)],
        ] {
            let name = damaged(|user| user.facts.availability.weekly = Some(weekly));
            assert_eq!(name, Some("U5"));
        }
    }

    #[test]
    fn bounds_are_checked_against_the_limits_in_force() {
        let holds = |change: fn(&mut UserLimits)| {
            let mut limits = UserLimits::default();
            change(&mut limits);
            u6_bounds_hold(&user(), &limits)
        };
        assert!(!holds(|limits| limits.slots = 1));
        assert!(!holds(|limits| limits.keys = 0));
        assert!(!holds(|limits| limits.instruments = 0));
        assert!(holds(|limits| limits.released = 0));
    }
}
