//! Repeats and versions: a key gives the first answer again, an outdated version is refused.

use actors::ids::Sequence;
use actors::machines::Wish;
use actors::machines::repeat_key::{KeyReused, RepeatKey};
use actors::machines::user::{BusyInput, ProfileInput, UserCommand, UserRejection};

use crate::desk::{Desk, ann, pianist};

/// The number of a key with the wish that it always stands for here.
fn number(key: u64) -> u64 {
    RepeatKey::new(key << 32, 1).number()
}

fn set(key: Option<u64>, expected: Option<Sequence>, name: &str) -> UserCommand {
    let profile = ProfileInput {
        name: name.into(),
        ..pianist()
    };
    UserCommand::SetProfile {
        by: ann(),
        key: key.map(number),
        expected,
        profile,
    }
}

#[test]
fn an_outdated_version_is_refused_and_says_which_one_there_is() {
    let mut desk = Desk::new();
    let first = desk
        .done(set(None, Some(Sequence::ZERO), "a"))
        .expect("new");
    let second = desk.done(set(None, Some(first), "b")).expect("up to date");
    let refused = desk
        .done(set(None, Some(first), "c"))
        .expect_err("outdated");
    let (expected, version) = (first, second);
    assert_eq!(
        refused,
        UserRejection::VersionConflict { expected, version }
    );
    assert_eq!(refused.code(), "version_conflict");
    assert_eq!(desk.view(&ann()).expect("seen").profile.name, "b");
    desk.done(set(None, None, "d"))
        .expect("whatever the version");
}

#[test]
fn times_of_requests_do_not_change_the_version() {
    let mut desk = Desk::musician();
    let version = desk.user.version();
    desk.reserve("q", 1, desk.hours(5, 6)).expect("free");
    desk.confirm("q", 2);
    assert!(desk.user.head() > version);
    desk.done(set(None, Some(version), "a"))
        .expect("the version is the same");
}

#[test]
fn a_repeat_is_answered_as_the_first_was_whatever_happened_since() {
    let mut desk = Desk::new();
    let first = desk
        .done(set(Some(7), Some(Sequence::ZERO), "a"))
        .expect("new");
    desk.done(set(Some(8), None, "b")).expect("new");
    assert_eq!(
        desk.done(set(Some(7), Some(Sequence::ZERO), "a")),
        Ok(first)
    );
    assert_eq!(desk.view(&ann()).expect("seen").profile.name, "b");
    let block = |key: Option<u64>| UserCommand::Block {
        by: ann(),
        key: key.map(number),
        busy: BusyInput {
            window: Desk::new().hours(5, 6),
            note: String::new(),
        },
    };
    let id = desk.done(block(Some(9))).expect("new");
    assert_eq!(desk.done(block(Some(9))), Ok(id));
    let again = desk.done(block(None)).expect("another one");
    assert_ne!(again, id);
    let unblock = UserCommand::Unblock {
        by: ann(),
        key: Some(number(10)),
        id,
    };
    let gone = desk.done(unblock.clone()).expect("there");
    assert_eq!(
        desk.done(unblock),
        Ok(gone),
        "no longer there, but asked before"
    );
}

#[test]
fn a_key_that_stands_for_another_wish_is_refused_and_nothing_is_done() {
    let mut desk = Desk::new();
    let first = desk.done(set(Some(7), None, "a")).expect("new");
    let other = |name: &str| match set(Some(7), None, name) {
        UserCommand::SetProfile {
            by,
            expected,
            profile,
            ..
        } => UserCommand::SetProfile {
            by,
            key: Some(RepeatKey::new(7 << 32, 2).number()),
            expected,
            profile,
        },
        command => command,
    };
    let reused = desk.done(other("b")).expect_err("the key is used");
    assert_eq!(reused, UserRejection::KeyReused(KeyReused));
    assert_eq!(reused.code(), "idempotency_key_reused");
    assert_eq!(desk.view(&ann()).expect("seen").profile.name, "a");
    assert_eq!(desk.user.head(), first);
    // Once it is forgotten, it may be used anew.
    desk.limits.keys = 1;
    desk.done(set(Some(8), None, "c")).expect("new");
    desk.done(other("b")).expect("forgotten");
}

#[test]
fn as_many_keys_are_remembered_as_were_to_be_when_they_were_used() {
    let mut desk = Desk::new();
    desk.limits.keys = 2;
    for (key, name) in [(1, "a"), (2, "b"), (3, "c")] {
        desk.done(set(Some(key), None, name)).expect("new");
    }
    let head = desk.user.head();
    assert_eq!(desk.done(set(Some(2), None, "b")), Ok(Sequence(2)));
    let anew = desk.done(set(Some(1), None, "d")).expect("forgotten");
    assert!(anew > head);
    // Another limit since changes nothing of what the journal says.
    let replayed = desk.replayed(None);
    assert_eq!(format!("{replayed:?}"), format!("{:?}", desk.user));
}

#[test]
fn what_may_be_asked_again_says_so() {
    assert!(set(Some(1), None, "a").has_id() && !set(None, None, "a").has_id());
    let view = UserCommand::View { by: ann() };
    assert!(view.is_query() && !UserCommand::Wake.is_query() && UserCommand::Wake.has_id());
    assert!(set(None, None, &"x".repeat(500)).weight() > set(None, None, "x").weight() + 490);
}
