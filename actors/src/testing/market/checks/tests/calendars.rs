//! Times that are taken for nothing, or not taken; musicians at two places; rooms of nobody.

use super::story::{beginning, later, musician, request, step, story, user, window};
use super::{noticed, notices};
use crate::ids::{EntityId, RoomId};
use crate::machines::errand::Errand;
use crate::machines::request::{Change, RequestCommand};
use crate::machines::room::{RoomCommand, RoomEntry, RoomEvent};
use crate::machines::user::UserEvent;

#[test]
fn a_time_that_is_held_for_nobody_is_noticed() {
    // Nor does anything wake the musician's entity to ask.
    noticed(&["kept_in_time", "slots_agree"], |town| {
        let at = town.now;
        let held = UserEvent::SlotHeld {
            request: request("other"),
            number: 9 << 10,
            window: window(),
            travel_ms: 0,
            ask_at: later(at),
            at,
        };
        town.neglects = |_| true;
        town.forge_user(&user("max"), vec![held]);
    });
}

#[test]
fn a_time_that_is_not_booked_in_the_end_is_noticed() {
    let mut town = beginning();
    town.neglects = |errand| matches!(errand, Errand::Confirm { .. });
    step(&mut town, "gig", &musician("max"), 2, Change::Accept);
    // Nor will the musician's entity be woken to ask.
    notices(&["kept_in_time", "slots_agree"], &town.end());
}

#[test]
fn a_time_that_is_free_while_its_request_is_had_is_noticed() {
    noticed(&["slots_agree"], |town| {
        let released = UserEvent::SlotReleased {
            request: request("gig"),
            number: u64::MAX,
            at: town.now,
        };
        town.forge_user(&user("mia"), vec![released]);
    });
}

#[test]
fn a_time_that_is_left_booked_for_another_ones_request_is_noticed() {
    let mut town = beginning();
    step(&mut town, "gig", &musician("max"), 2, Change::Accept);
    town.neglects = |errand| matches!(errand, Errand::GiveBack { .. });
    let reason = "ill".to_owned();
    let drop_out = Change::DropOut { reason };
    step(&mut town, "gig", &musician("max"), 3, drop_out);
    notices(&["slots_agree"], &town.end());
}

#[test]
fn a_musician_at_two_places_is_noticed() {
    let mut town = story();
    town.neglects = |errand| matches!(errand, Errand::Reserve { .. });
    step(&mut town, "other", &musician("mia"), 3, Change::Accept);
    let granted = RequestCommand::SlotAnswered {
        musician: user("mia"),
        number: town.head(&request("other")).0 << 10,
        answer: Ok(()),
    };
    town.request(&request("other"), &granted).expect("taken");
    notices(&["never_at_two_places", "slots_agree"], &town.end());
}

#[test]
fn a_room_that_is_missing_or_of_nobody_is_noticed() {
    let mut town = beginning();
    town.neglects = |errand| matches!(errand, Errand::Arrange { .. });
    step(&mut town, "gig", &musician("max"), 2, Change::Accept);
    notices(&["rooms_agree"], &town.end());
    noticed(&["rooms_agree"], |town| {
        let room = EntityId::room(&RoomId::of_request(&request("other")));
        let arrange = RoomCommand::Arrange {
            number: 1,
            owner: user("olga"),
            members: Vec::new(),
            gone: Vec::new(),
        };
        town.room(&room, &arrange);
    });
}

#[test]
fn a_room_with_the_wrong_people_is_noticed() {
    let of_gig = || EntityId::room(&RoomId::of_request(&request("gig")));
    let entry = |event| RoomEntry {
        event,
        message_count: 0,
        last_message: Default::default(),
    };
    noticed(&["rooms_agree"], |town| {
        let removed = RoomEvent::MemberRemoved {
            user: user("mia"),
            by: user("olga"),
            at: town.now,
        };
        town.forge_room(&of_gig(), vec![entry(removed)]);
    });
    noticed(&["rooms_agree"], |town| {
        let added = RoomEvent::MemberAdded {
            user: user("max"),
            role: crate::machines::room::Role::Member,
            by: user("olga"),
            at: town.now,
        };
        town.forge_room(&of_gig(), vec![entry(added)]);
    });
}
