//! What is always true of a room, by name: used in debug builds, property tests and the simulation.

use super::{Role, Room, RoomKind, RoomLimits};
use crate::ids::Sequence;

/// R1: message numbers are dense: the newest message in memory has the number that the tally says, and
/// numbers rise with sequences.
pub fn r1_numbers_are_dense(room: &Room) -> bool {
    let messages = room.messages.iter().filter_map(|(sequence, known)| {
        let message = known.message.as_ref()?;
        Some((sequence, message.number))
    });
    let messages: Vec<(Sequence, u64)> = messages.collect();
    let rising = messages.windows(2).all(|pair| pair[0].1 < pair[1].1);
    let newest = messages.last().is_none_or(|(sequence, number)| {
        *number <= room.message_count
            && (*sequence != room.last_message || *number == room.message_count)
    });
    rising && newest
}

/// R2: a group or public room with members has exactly one owner.
pub fn r2_one_owner(room: &Room) -> bool {
    let owners = room.members.values().filter(|m| m.role == Role::Owner);
    match room.kind() {
        Some(RoomKind::Group | RoomKind::Public) if !room.members.is_empty() => owners.count() == 1,
        _ => owners.count() == 0,
    }
}

/// R3: a direct room has no more than its two plain members and no name.
pub fn r3_direct_is_a_pair(room: &Room) -> bool {
    !room.is_direct()
        || (room.members.len() <= 2
            && room.members.values().all(|m| m.role == Role::Member)
            && room.settings.as_ref().is_some_and(|s| s.name.is_none()))
}

/// R4: tallies stay within the journal: no more messages than entries, the newest one not beyond the end.
pub fn r4_tallies_fit_the_head(room: &Room) -> bool {
    room.message_count <= room.head.0
        && room.last_message <= room.head
        && (room.message_count == 0) == (room.last_message == Sequence::ZERO)
        && room.settings.is_some() == (room.head > Sequence::ZERO)
}

/// R5: the parts of the dedupe index agree, and its newest entry is the newest message.
pub fn r5_dedupe_is_whole(room: &Room) -> bool {
    let newest = room.dedupe.iter().last();
    room.dedupe.is_consistent() && newest.is_none_or(|(_, used)| used.sequence == room.last_message)
}

/// R6: nothing in memory lies beyond the head.
pub fn r6_nothing_beyond_the_head(room: &Room) -> bool {
    room.messages
        .iter()
        .all(|(sequence, _)| sequence <= room.head)
}

/// R7: a deleted message holds neither text nor reactions beside the journal.
pub fn r7_deleted_holds_nothing(room: &Room) -> bool {
    room.messages.iter().all(|(_, known)| {
        let state = &known.state;
        state.deleted.is_none() || (state.text.is_none() && state.reactions.is_empty())
    })
}

/// R8: no reaction without a user.
pub fn r8_reactions_have_users(room: &Room) -> bool {
    let mut states = room.messages.iter().map(|(_, known)| &known.state);
    states.all(|state| state.reactions.values().all(|users| !users.is_empty()))
}

/// R9: after a sweep with everything durable, what is kept in memory is within its bounds.
pub fn r9_bounds_hold(room: &Room, limits: &RoomLimits) -> bool {
    let states = room.messages.iter().map(|(_, known)| &known.state);
    room.members.len() <= limits.members.max(2)
        && room.dedupe.len() <= limits.dedupe_max
        && room.messages.len() <= limits.recent_messages
        && room.rates.len() <= limits.rate_senders.max(1)
        && states.into_iter().all(|state| {
            let reactions: usize = state.reactions.values().map(|users| users.len()).sum();
            state.edits.len() <= limits.edits_per_message
                && state.reactions.len() <= limits.emoji_per_message
                && reactions <= limits.reactions_per_message
        })
}

type Predicate = (&'static str, fn(&Room) -> bool);

const ALWAYS: [Predicate; 8] = [
    ("R1 numbers are dense", r1_numbers_are_dense),
    ("R2 one owner", r2_one_owner),
    ("R3 direct is a pair", r3_direct_is_a_pair),
    ("R4 tallies fit the head", r4_tallies_fit_the_head),
    ("R5 dedupe is whole", r5_dedupe_is_whole),
    ("R6 nothing beyond the head", r6_nothing_beyond_the_head),
    ("R7 deleted holds nothing", r7_deleted_holds_nothing),
    ("R8 reactions have users", r8_reactions_have_users),
];

/// The first of R1 to R8 that does not hold; `None` is the good answer.
pub fn violated(room: &Room) -> Option<&'static str> {
    let broken = ALWAYS.iter().find(|(_, holds)| !holds(room));
    broken.map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ids::{EntityId, MessageId, RoomId, Timestamp, UserId};
    use crate::machines::room::{Content, MessageKind, MessageState, RoomCommand, state::Member};
    use crate::machines::{Context, Machine};

    /// A group of two with one message, in which nothing is wrong.
    fn room() -> Room {
        let mut room = Room::new(&EntityId::room(&RoomId::parse("band").unwrap()));
        let by = UserId::parse("ada").unwrap();
        let create = RoomCommand::Create {
            by: by.clone(),
            kind: RoomKind::Group,
            name: None,
            members: vec![UserId::parse("bob").unwrap()],
        };
        let send = RoomCommand::Send {
            by,
            id: MessageId::parse("m").unwrap(),
            content: Content {
                kind: MessageKind::Text,
                text: "hi".into(),
                metadata: None,
            },
            reply_to: None,
        };
        for command in [create, send] {
            let context = Context {
                now: Timestamp(1),
                limits: &RoomLimits::default(),
            };
            for entry in room.decide(&context, &command).unwrap().events {
                room.apply(room.head.next(), &entry);
            }
        }
        room
    }

    fn damaged(damage: impl FnOnce(&mut Room)) -> Option<&'static str> {
        let mut room = room();
        damage(&mut room);
        violated(&room).map(|name| &name[..2])
    }

    #[test]
    fn a_sound_room_violates_nothing() {
        assert_eq!(damaged(|_| {}), None);
        assert!(r9_bounds_hold(&room(), &RoomLimits::default()));
    }

    #[test]
    fn each_predicate_sees_the_damage_it_is_for() {
        let newest = |room: &Room| {
            let known = room.messages.get(room.last_message).unwrap();
            known.message.clone().unwrap()
        };
        assert_eq!(
            damaged(|room| {
                let mut message = newest(room);
                Arc::make_mut(&mut message).number = 7;
                room.messages.sent(room.last_message, message);
            }),
            Some("R1")
        );
        assert_eq!(
            damaged(|room| room.members.values_mut().for_each(|m| m.role = Role::Owner)),
            Some("R2")
        );
        assert_eq!(
            damaged(|room| {
                room.settings.as_mut().unwrap().kind = RoomKind::Direct;
                room.settings.as_mut().unwrap().name = Some("us".into());
                room.members
                    .values_mut()
                    .for_each(|m| m.role = Role::Member);
            }),
            Some("R3")
        );
        assert_eq!(damaged(|room| room.settings = None), Some("R2"));
        assert_eq!(
            damaged(|room| room.last_message = room.head.next()),
            Some("R4")
        );
        assert_eq!(damaged(|room| room.dedupe.damage()), Some("R5"));
        assert_eq!(
            damaged(|room| {
                let (beyond, message) = (room.head.next(), None);
                room.messages
                    .load(beyond, message, MessageState::default(), beyond);
            }),
            Some("R6")
        );
        assert_eq!(
            damaged(|room| {
                let (target, at) = (room.last_message, room.head.next());
                room.messages.change(target, at, |state| {
                    state.deleted = Some((UserId::parse("ada").unwrap(), Timestamp(1)));
                    state.text = Some("still here".into());
                });
            }),
            Some("R7")
        );
        assert_eq!(
            damaged(|room| {
                let (target, at) = (room.last_message, room.head.next());
                room.messages.change(target, at, |state| {
                    state.reactions.insert("x".into(), Default::default());
                });
            }),
            Some("R8")
        );
    }

    #[test]
    fn bounds_are_checked_against_the_limits_in_force() {
        let limits = |change: fn(&mut RoomLimits)| {
            let mut limits = RoomLimits::default();
            change(&mut limits);
            limits
        };
        let mut room = room();
        assert!(!r9_bounds_hold(&room, &limits(|l| l.recent_messages = 0)));
        assert!(!r9_bounds_hold(&room, &limits(|l| l.dedupe_max = 0)));
        let joined = Sequence(9);
        let member = Member {
            role: Role::Member,
            joined_at: Timestamp(1),
            joined,
        };
        room.members.insert(UserId::parse("cy").unwrap(), member);
        assert!(!r9_bounds_hold(&room, &limits(|l| l.members = 2)));
    }
}
