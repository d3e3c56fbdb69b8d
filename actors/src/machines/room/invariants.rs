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
