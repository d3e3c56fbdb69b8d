//! Rooms whose members the hub arranges: those of matching requests.

use actors::ids::Sequence;
use actors::machines::room::{Role, RoomCommand, RoomEvent, RoomKind, RoomRejection, RoomReply};

use crate::hall::{Hall, user};

fn arrange(hall: &mut Hall, number: u64, members: &[&str], gone: &[&str]) -> Sequence {
    let names = |names: &[&str]| names.iter().map(|name| user(name)).collect();
    let reply = hall.ask(RoomCommand::Arrange {
        number,
        owner: user("org"),
        members: names(members),
        gone: names(gone),
    });
    match reply {
        Ok(RoomReply::Done { sequence }) => sequence,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_arrangement_makes_the_room_and_later_ones_change_who_is_in_it() {
    let mut hall = Hall::new("request-1");
    assert_eq!(arrange(&mut hall, 7, &["org", "ada"], &[]), Sequence(4));
    assert_eq!(hall.room.role(&user("org")), Some(Role::Owner));
    assert_eq!(hall.room.role(&user("ada")), Some(Role::Member));
    arrange(&mut hall, 9, &["bob"], &["ada", "nobody"]);
    assert_eq!(hall.room.role(&user("ada")), None);
    assert_eq!(hall.room.role(&user("bob")), Some(Role::Member));
    let arranged = hall
        .events()
        .into_iter()
        .filter(|event| matches!(event, RoomEvent::Arranged { .. }));
    assert_eq!(arranged.count(), 2);
}

#[test]
fn a_repeat_or_a_late_copy_of_an_earlier_arrangement_changes_nothing() {
    let mut hall = Hall::new("request-1");
    arrange(&mut hall, 7, &["ada"], &[]);
    let head = arrange(&mut hall, 9, &["bob"], &["ada"]);
    for (number, members, gone) in [(9, ["bob"], ["ada"]), (7, ["ada"], ["bob"])] {
        assert_eq!(arrange(&mut hall, number, &members, &gone), head);
    }
    assert_eq!(hall.room.role(&user("ada")), None);
}

#[test]
fn an_owner_who_had_left_or_handed_over_owns_the_room_again_and_is_never_sent_away() {
    let mut hall = Hall::new("request-1");
    arrange(&mut hall, 1, &["ada"], &[]);
    hall.quit("org").expect("quit");
    assert_eq!(hall.room.role(&user("ada")), Some(Role::Owner));
    arrange(&mut hall, 2, &[], &["org"]);
    assert_eq!(hall.room.role(&user("org")), Some(Role::Owner));
    assert_eq!(hall.room.role(&user("ada")), Some(Role::Moderator));
}

#[test]
fn no_other_room_is_arranged() {
    let mut hall = Hall::new("band");
    let refused = hall.ask(RoomCommand::Arrange {
        number: 1,
        owner: user("org"),
        members: Vec::new(),
        gone: Vec::new(),
    });
    assert!(
        matches!(refused, Err(RoomRejection::Forbidden(_))),
        "{refused:?}"
    );
    let created = hall.create("ada", RoomKind::Group, &[]);
    assert!(created.is_ok(), "{created:?}");
}
