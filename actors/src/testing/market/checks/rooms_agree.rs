//! The room of a request is there if and only if the request was assigned, from then on; in the end its organizer owns it, the
//! musician who has it is in it, whoever gave it back is not, and besides them those are whom somebody invited.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{RoomId, Timestamp, UserId};
use crate::machines::request::{Request, RequestEntry, RequestEvent, RequestState};
use crate::machines::room::{Role, Room, RoomEvent};
use crate::testing::market::books::{Book, Books, Moment};
use crate::testing::market::history::Wish;

/// Compares rooms and requests.
pub fn check(books: &Books<'_>) -> Result<(), String> {
    no_orphans(books)?;
    for (id, request) in &books.requests {
        let Some((who, at)) = people(request) else {
            continue;
        };
        let room = RoomId::of_request(id);
        let found = books.rooms.get(&room).map(members);
        if found.is_none() && books.is_due(at) {
            return Err(format!("{id} was assigned and has no room"));
        }
        let Some(found) = found.filter(|_| books.is_due(at)) else {
            continue;
        };
        let guests = guests(books, &room);
        let without: BTreeMap<UserId, Role> = found
            .into_iter()
            .filter(|(user, _)| !guests.contains(user))
            .collect();
        if without != who {
            return Err(format!("in {room} are {without:?}, and should be {who:?}"));
        }
    }
    Ok(())
}

/// No room is there before its request was assigned.
fn no_orphans(books: &Books<'_>) -> Result<(), String> {
    let mut assigned = BTreeSet::new();
    for moment in &books.moments {
        match moment {
            Moment::Request(id, entries) => {
                let had =
                    |entry: &RequestEntry| matches!(entry.event, RequestEvent::Assigned { .. });
                if entries.iter().any(had) {
                    assigned.insert(RoomId::of_request(id));
                }
            }
            Moment::Room(room, _) if !assigned.contains(room) => {
                return Err(format!(
                    "{room} is there and no request was assigned that has it"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Who must be in the room, and when that came about last; nobody if it was never assigned.
fn people(request: &Book<Request>) -> Option<(BTreeMap<UserId, Role>, Timestamp)> {
    let mut people: Option<(BTreeMap<UserId, Role>, Timestamp)> = None;
    let organizer = request.events.first()?.by.clone()?;
    for entry in &request.events {
        let musician = match &entry.event {
            RequestEvent::Assigned { musician, .. } => Some((musician.clone(), Role::Member)),
            RequestEvent::DroppedOut { .. } => None,
            // It stays as it is.
            _ if entry.to == RequestState::Cancelled && people.is_some() => {
                if let Some((_, at)) = &mut people {
                    *at = entry.at;
                }
                continue;
            }
            _ => continue,
        };
        let organizer = (organizer.clone(), Role::Owner);
        people = Some(([organizer].into_iter().chain(musician).collect(), entry.at));
    }
    people
}

fn members(room: &Book<Room>) -> BTreeMap<UserId, Role> {
    let mut members = BTreeMap::new();
    for entry in &room.events {
        match &entry.event {
            RoomEvent::MemberAdded { user, role, .. }
            | RoomEvent::RoleChanged { user, role, .. } => {
                members.insert(user.clone(), *role);
            }
            RoomEvent::MemberRemoved { user, .. } => drop(members.remove(user)),
            _ => {}
        }
    }
    members
}

/// Whom somebody wished to be there.
fn guests(books: &Books<'_>, room: &RoomId) -> BTreeSet<UserId> {
    let attempts = books.history.attempts.iter();
    let invited = attempts.filter_map(|attempt| match &attempt.wish {
        Wish::Invite { room: to, guest } if to == room && !attempt.is_refused() => Some(guest),
        _ => None,
    });
    invited.cloned().collect()
}
