//! Creating, naming and seeing rooms.

use actors::ids::{RoomId, Sequence};
use actors::machines::room::{Role, RoomCommand, RoomEvent, RoomKind, RoomRejection, RoomReply};

use crate::hall::{Hall, user};

#[test]
fn creating_a_group_journals_the_room_its_owner_and_its_members_in_this_order() {
    let mut hall = Hall::new("band");
    let reply = hall.create("ada", RoomKind::Group, &["bob", "ada", "bob", "cy"]);
    let Ok(RoomReply::Room(view)) = reply else {
        panic!("{reply:?}")
    };
    assert_eq!((view.head, view.member_count), (Sequence(4), 3));
    assert_eq!(view.my_role, Some(Role::Owner));
    assert_eq!((view.message_count, view.peer), (0, None));
    let at = hall.now;
    let added = |name: &str, role| RoomEvent::MemberAdded {
        user: user(name),
        role,
        by: user("ada"),
        at,
    };
    let created = RoomEvent::Created {
        kind: RoomKind::Group,
        name: None,
        by: user("ada"),
        at,
    };
    let expected = [
        created,
        added("ada", Role::Owner),
        added("bob", Role::Member),
        added("cy", Role::Member),
    ];
    assert_eq!(hall.events(), expected);
}

#[test]
fn the_same_creator_gets_the_room_again_unchanged_and_others_do_not() {
    let mut hall = Hall::group();
    let head = hall.room.head();
    let again = hall.ask(RoomCommand::Create {
        by: user("ada"),
        kind: RoomKind::Group,
        name: Some("\0 not even valid".into()),
        members: vec![user("zoe")],
    });
    let Ok(RoomReply::Room(view)) = again else {
        panic!("{again:?}")
    };
    assert_eq!((view.name, view.member_count, view.head), (None, 4, head));
    assert_eq!(hall.room.role(&user("zoe")), None);
    for (by, kind) in [
        ("bob", RoomKind::Group),
        ("zoe", RoomKind::Group),
        ("ada", RoomKind::Public),
        ("ada", RoomKind::Direct),
    ] {
        let refused = hall.create(by, kind, &["bob"]);
        assert_eq!(refused, Err(RoomRejection::RoomExists), "{by} {kind:?}");
    }
    hall.quit("ada").expect("quit");
    let gone = hall.create("ada", RoomKind::Group, &[]);
    assert_eq!(gone, Err(RoomRejection::NotAMember));
}

#[test]
fn a_direct_room_has_two_plain_members_and_either_side_may_create_it() {
    for (first, second) in [("ada", "bob"), ("bob", "ada")] {
        let mut hall = Hall::new(RoomId::direct(&user("ada"), &user("bob")).as_str());
        hall.create(first, RoomKind::Direct, &[second])
            .expect("created");
        let head = hall.room.head();
        hall.create(second, RoomKind::Direct, &[first])
            .expect("the same room again");
        assert_eq!((head, hall.room.head()), (Sequence(3), Sequence(3)));
        let view = hall.view(second).expect("a member sees it");
        assert_eq!(view.peer, Some(user(first)));
        assert_eq!((view.my_role, view.member_count), (Some(Role::Member), 2));
        assert_eq!(
            hall.create("cy", RoomKind::Direct, &["ada"]),
            Err(RoomRejection::RoomExists)
        );
    }
}

#[test]
fn a_direct_room_needs_its_derived_id_one_other_member_and_no_name() {
    let pair = RoomId::direct(&user("ada"), &user("bob"));
    let field = |room: &str, kind, name: Option<&str>, members: &[&str]| {
        let mut hall = Hall::new(room);
        let refused = hall.ask(RoomCommand::Create {
            by: user("ada"),
            kind,
            name: name.map(str::to_owned),
            members: members.iter().map(|name| user(name)).collect(),
        });
        assert_eq!(hall.room.head(), Sequence::ZERO);
        match refused {
            Err(RoomRejection::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    };
    let pair = pair.as_str();
    assert_eq!(field(pair, RoomKind::Direct, None, &[]), "members");
    assert_eq!(field(pair, RoomKind::Direct, None, &["ada"]), "members");
    assert_eq!(
        field(pair, RoomKind::Direct, None, &["bob", "cy"]),
        "members"
    );
    assert_eq!(field(pair, RoomKind::Direct, Some("us"), &["bob"]), "name");
    assert_eq!(field(pair, RoomKind::Direct, None, &["cy"]), "roomId");
    assert_eq!(field("band", RoomKind::Direct, None, &["bob"]), "roomId");
    assert_eq!(field(pair, RoomKind::Group, None, &["bob"]), "roomId");
}

#[test]
fn names_are_trimmed_and_bounded_in_characters() {
    let mut hall = Hall::group();
    let mut rename = |by: &str, name: &str| {
        hall.ask(RoomCommand::Rename {
            by: user(by),
            name: name.to_owned(),
        })
    };
    let Ok(RoomReply::Room(view)) = rename("mo", "  Los Ángeles  ") else {
        panic!("a moderator renames")
    };
    assert_eq!(view.name.as_deref(), Some("Los Ángeles"));
    assert_eq!(view.head, Sequence(7));
    assert!(rename("ada", &"ñ".repeat(100)).is_ok());
    let invalid = |answer| matches!(answer, Err(RoomRejection::Invalid { field: "name", .. }));
    assert!(invalid(rename("ada", &"ñ".repeat(101))));
    assert!(invalid(rename("ada", " \t ")));
    assert!(invalid(rename("ada", "a\nb")));
    let forbidden = rename("bob", "mine");
    assert!(matches!(forbidden, Err(RoomRejection::Forbidden(_))));
    assert_eq!(rename("zoe", "mine"), Err(RoomRejection::NotAMember));
}

#[test]
fn the_same_name_again_is_no_event() {
    let mut hall = Hall::group();
    let rename = RoomCommand::Rename {
        by: user("ada"),
        name: "Band".into(),
    };
    let events = hall.ask_for_events(rename.clone()).expect("renamed");
    assert_eq!(events.len(), 1);
    assert_eq!(hall.ask_for_events(rename), Ok(vec![]));
    assert_eq!(
        hall.view("bob").expect("view").name.as_deref(),
        Some("Band")
    );
}

#[test]
fn more_initial_members_than_allowed_are_refused_as_a_whole() {
    let mut hall = Hall::new("band");
    hall.limits.members = 3;
    let refused = hall.create("ada", RoomKind::Group, &["b", "c", "d"]);
    assert_eq!(refused, Err(RoomRejection::RoomFull(3)));
    assert_eq!(hall.room.head(), Sequence::ZERO);
    let exactly = hall.create("ada", RoomKind::Group, &["b", "c", "b", "ada"]);
    assert!(exactly.is_ok());
}

#[test]
fn a_room_that_nobody_created_is_not_found_whatever_is_asked() {
    let mut hall = Hall::new("nowhere");
    let by = user("ada");
    let target = Sequence(1);
    let view = hall.view("ada");
    assert_eq!(view, Err(RoomRejection::RoomNotFound));
    let sent = hall.send("ada", "m1", "hello");
    assert_eq!(sent, Err(RoomRejection::RoomNotFound));
    let commands = [
        RoomCommand::Members {
            by: by.clone(),
            after: None,
            limit: 1,
        },
        RoomCommand::Edit {
            by: by.clone(),
            target,
            text: "x".into(),
        },
        RoomCommand::Delete {
            by: by.clone(),
            target,
        },
        RoomCommand::React {
            by: by.clone(),
            target,
            emoji: "👍".into(),
            add: true,
        },
        RoomCommand::Invite {
            by: by.clone(),
            user: by.clone(),
        },
        RoomCommand::Remove {
            by: by.clone(),
            user: by.clone(),
        },
        RoomCommand::SetRole {
            by: by.clone(),
            user: by.clone(),
            role: Role::Owner,
        },
        RoomCommand::Rename {
            by: by.clone(),
            name: "x".into(),
        },
        RoomCommand::Quit { by },
    ];
    for command in commands {
        let refused = hall.ask(command.clone());
        assert_eq!(refused, Err(RoomRejection::RoomNotFound), "{command:?}");
    }
    assert!(hall.store.records.is_empty());
}

#[test]
fn only_members_see_a_group_but_everybody_sees_a_public_room() {
    let mut hall = Hall::group();
    assert_eq!(hall.view("zoe"), Err(RoomRejection::NotAMember));
    assert_eq!(hall.view("cy").expect("view").my_role, Some(Role::Member));
    let mut hall = Hall::public();
    let view = hall.view("zoe").expect("anyone sees it");
    assert_eq!((view.my_role, view.member_count), (None, 1));
    assert_eq!(view.created_by, user("ada"));
}
