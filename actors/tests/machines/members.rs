//! Inviting, removing, quitting, roles, and lists of members.

use actors::ids::RoomId;
use actors::journal::Table;
use actors::machines::room::cards::{self, Membership, RoomCard};
use actors::machines::room::invariants;
use actors::machines::room::{Role, RoomCommand, RoomEvent, RoomRejection, RoomReply};

use crate::hall::{Hall, user};

fn set_role(
    hall: &mut Hall,
    by: &str,
    whom: &str,
    role: Role,
) -> Result<Vec<RoomEvent>, RoomRejection> {
    hall.ask_for_events(RoomCommand::SetRole {
        by: user(by),
        user: user(whom),
        role,
    })
}

fn forbidden<T>(answer: Result<T, RoomRejection>) -> bool {
    matches!(answer, Err(RoomRejection::Forbidden(_)))
}

#[test]
fn any_member_of_a_group_invites_and_a_repeat_changes_nothing() {
    let mut hall = Hall::group();
    let head = hall.room.head();
    assert_eq!(hall.invite("bob", "zoe"), Ok(head.next()));
    assert_eq!(hall.room.role(&user("zoe")), Some(Role::Member));
    assert_eq!(hall.invite("cy", "zoe"), Ok(head.next()));
    assert_eq!(hall.invite("ada", "ada"), Ok(head.next()));
    assert_eq!(hall.invite("ivy", "ivy"), Err(RoomRejection::NotAMember));
    assert_eq!(hall.room.head(), head.next());
}

#[test]
fn anyone_joins_a_public_room_but_only_members_bring_others() {
    let mut hall = Hall::public();
    assert_eq!(hall.invite("zoe", "ivy"), Err(RoomRejection::NotAMember));
    assert!(hall.invite("zoe", "zoe").is_ok());
    assert!(hall.invite("zoe", "ivy").is_ok());
    assert_eq!(hall.room.role(&user("ivy")), Some(Role::Member));
}

#[test]
fn a_full_room_takes_nobody_in_until_someone_leaves() {
    let mut hall = Hall::group();
    hall.limits.members = 4;
    assert_eq!(hall.invite("ada", "zoe"), Err(RoomRejection::RoomFull(4)));
    assert!(hall.invite("ada", "bob").is_ok(), "bob is in it already");
    hall.quit("cy").expect("quit");
    assert!(hall.invite("ada", "zoe").is_ok());
}

#[test]
fn a_role_removes_only_lower_roles() {
    let mut hall = Hall::group();
    assert!(forbidden(hall.remove("bob", "cy")));
    assert!(forbidden(hall.remove("mo", "ada")));
    assert!(forbidden(hall.remove("mo", "mo")));
    assert_eq!(hall.remove("mo", "zoe"), Err(RoomRejection::MemberNotFound));
    assert_eq!(hall.remove("zoe", "bob"), Err(RoomRejection::NotAMember));
    assert!(hall.remove("mo", "bob").is_ok());
    assert!(hall.remove("ada", "mo").is_ok());
    assert_eq!(hall.room.role(&user("bob")), None);
    assert_eq!(hall.send("bob", "m", "hi"), Err(RoomRejection::NotAMember));
    assert_eq!(
        hall.remove("ada", "bob"),
        Err(RoomRejection::MemberNotFound)
    );
}

#[test]
fn a_direct_room_keeps_its_members_and_has_no_roles_or_name() {
    let mut hall = Hall::direct();
    let head = hall.room.head();
    assert!(forbidden(hall.invite("ada", "cy")));
    assert!(forbidden(hall.remove("ada", "bob")));
    assert!(forbidden(hall.quit("ada")));
    assert!(forbidden(set_role(&mut hall, "ada", "bob", Role::Owner)));
    assert!(forbidden(hall.ask(RoomCommand::Rename {
        by: user("ada"),
        name: "us".into(),
    })));
    assert_eq!(hall.invite("cy", "cy"), Err(RoomRejection::NotAMember));
    assert_eq!(hall.room.head(), head);
}

#[test]
fn only_the_owner_gives_roles() {
    let mut hall = Hall::group();
    assert!(forbidden(set_role(&mut hall, "mo", "bob", Role::Moderator)));
    assert!(forbidden(set_role(&mut hall, "bob", "bob", Role::Owner)));
    assert_eq!(
        set_role(&mut hall, "ada", "zoe", Role::Moderator),
        Err(RoomRejection::MemberNotFound)
    );
    assert_eq!(
        set_role(&mut hall, "ada", "mo", Role::Moderator),
        Ok(vec![])
    );
    let demoted = set_role(&mut hall, "ada", "mo", Role::Member).expect("demoted");
    assert_eq!(demoted.len(), 1);
    assert_eq!(hall.room.role(&user("mo")), Some(Role::Member));
    assert!(forbidden(set_role(&mut hall, "ada", "ada", Role::Member)));
    assert_eq!(set_role(&mut hall, "ada", "ada", Role::Owner), Ok(vec![]));
}

#[test]
fn giving_the_owner_role_hands_the_room_over() {
    let mut hall = Hall::group();
    let events = set_role(&mut hall, "ada", "bob", Role::Owner).expect("handed over");
    let changes: Vec<_> = events
        .iter()
        .map(|event| match event {
            RoomEvent::RoleChanged { user, role, .. } => (user.as_str(), *role),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(changes, [("bob", Role::Owner), ("ada", Role::Moderator)]);
    assert!(forbidden(set_role(&mut hall, "ada", "ada", Role::Owner)));
    assert!(set_role(&mut hall, "bob", "ada", Role::Member).is_ok());
}

#[test]
fn a_hand_over_that_was_cut_in_two_leaves_one_owner() {
    let mut hall = Hall::group();
    set_role(&mut hall, "ada", "bob", Role::Owner).expect("handed over");
    hall.store.records.pop();
    hall.restart();
    assert_eq!(hall.room.role(&user("bob")), Some(Role::Owner));
    assert_eq!(hall.room.role(&user("ada")), Some(Role::Moderator));
    assert_eq!(invariants::violated(&hall.room), None);
}

#[test]
fn a_quitting_owner_is_followed_by_the_moderator_of_longest_standing_then_by_a_member() {
    let mut hall = Hall::group();
    set_role(&mut hall, "ada", "cy", Role::Moderator).expect("promoted");
    hall.quit("ada").expect("quit");
    assert_eq!(hall.room.role(&user("mo")), Some(Role::Owner));
    assert_eq!(hall.room.role(&user("ada")), None);
    // cy became moderator, bob has been there just as long but is none.
    hall.quit("mo").expect("quit");
    assert_eq!(hall.room.role(&user("cy")), Some(Role::Owner));
    hall.quit("cy").expect("quit");
    assert_eq!(hall.room.role(&user("bob")), Some(Role::Owner));
    hall.quit("bob").expect("the last one may go too");
    assert_eq!(hall.quit("bob"), Err(RoomRejection::NotAMember));
    assert_eq!(hall.view("bob"), Err(RoomRejection::NotAMember));
}

#[test]
fn coming_back_makes_a_member_of_the_shortest_standing() {
    let mut hall = Hall::public();
    for name in ["bob", "cy", "dee"] {
        hall.invite(name, name).expect("joined");
    }
    hall.quit("bob").expect("quit");
    hall.invite("bob", "bob").expect("joined again");
    hall.quit("ada").expect("quit");
    assert_eq!(hall.room.role(&user("cy")), Some(Role::Owner));
    assert_eq!(hall.room.role(&user("bob")), Some(Role::Member));
}

#[test]
fn whoever_joins_a_public_room_without_members_becomes_its_owner() {
    let mut hall = Hall::public();
    hall.quit("ada").expect("quit");
    hall.invite("zoe", "zoe").expect("joined");
    hall.invite("ada", "ada").expect("joined again");
    assert_eq!(hall.room.role(&user("zoe")), Some(Role::Owner));
    assert_eq!(hall.room.role(&user("ada")), Some(Role::Member));
}

#[test]
fn members_are_listed_in_pages_by_id() {
    let mut hall = Hall::group();
    hall.limits.members_page = 2;
    let mut page = |by: &str, after: Option<&str>, limit| {
        let command = RoomCommand::Members {
            by: user(by),
            after: after.map(user),
            limit,
        };
        match hall.ask(command) {
            Ok(RoomReply::Members(page)) => Ok(page
                .into_iter()
                .map(|m| m.user.to_string())
                .collect::<Vec<_>>()),
            Ok(other) => panic!("{other:?}"),
            Err(rejection) => Err(rejection),
        }
    };
    assert_eq!(page("cy", None, 100), Ok(vec!["ada".into(), "bob".into()]));
    assert_eq!(page("cy", Some("bob"), 1), Ok(vec!["cy".into()]));
    assert_eq!(page("cy", Some("aaa"), 1), Ok(vec!["ada".into()]));
    assert_eq!(page("cy", Some("mo"), 9), Ok(vec![]));
    assert_eq!(page("zoe", None, 1), Err(RoomRejection::NotAMember));
}

#[test]
fn memberships_and_cards_follow_every_change_of_members_and_settings() {
    let mut hall = Hall::group();
    let band = RoomId::parse("band").expect("a room id");
    let membership = |hall: &Hall, name: &str| {
        let key = cards::rooms_of_user_key(&user(name), &band);
        let (rank, value) = hall.store.table[&(Table::RoomsOfUser, key)].clone();
        let value = value.map(|value| Membership::decode(&value).expect("readable"));
        (rank, value.map(|membership| membership.role))
    };
    let card = |hall: &Hall| {
        let key = (Table::RoomCards, cards::room_card_key(&band));
        let (rank, value) = hall.store.table[&key].clone();
        (
            rank,
            RoomCard::decode(&value.expect("there")).expect("readable"),
        )
    };
    assert_eq!(membership(&hall, "ada"), (2, Some(Role::Owner)));
    assert_eq!(membership(&hall, "mo"), (6, Some(Role::Moderator)));
    set_role(&mut hall, "ada", "bob", Role::Owner).expect("handed over");
    assert_eq!(membership(&hall, "bob"), (7, Some(Role::Owner)));
    assert_eq!(membership(&hall, "ada"), (8, Some(Role::Moderator)));
    hall.quit("cy").expect("quit");
    assert_eq!(membership(&hall, "cy"), (9, None));
    assert_eq!((card(&hall).0, card(&hall).1.member_count), (9, 3));
    let rename = RoomCommand::Rename {
        by: user("bob"),
        name: "Band".into(),
    };
    hall.ask(rename).expect("renamed");
    hall.send("bob", "m1", "a message writes no card")
        .expect("sent");
    let (rank, card) = card(&hall);
    assert_eq!((rank, card.name.as_deref()), (10, Some("Band")));
    assert_eq!((card.created_by, card.pair), (user("ada"), None));
}

#[test]
fn the_card_of_a_direct_room_tells_each_side_the_other() {
    let hall = Hall::direct();
    let (_, value) = hall
        .store
        .table
        .iter()
        .find_map(|((table, _), row)| (*table == Table::RoomCards).then_some(row))
        .expect("a card");
    let card = RoomCard::decode(value.as_ref().expect("there")).expect("readable");
    assert_eq!(card.peer(&user("ada")), Some(&user("bob")));
    assert_eq!(card.peer(&user("bob")), Some(&user("ada")));
    let key = cards::rooms_of_user_key(&user("ada"), &RoomId::parse("r.1").expect("id"));
    assert!(key.starts_with(&cards::rooms_of_user_prefix(&user("ada"))));
    assert!(!key.starts_with(&cards::rooms_of_user_prefix(&user("ad"))));
    assert_eq!(cards::room_of_key(&key).expect("a room").as_str(), "r.1");
}
