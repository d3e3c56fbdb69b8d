//! What operators write into an inbox: who may, what is refused, and that a repeat is one.

use actors::ids::Sequence;
use actors::machines::inbox::{InboxRejection, Source};
use actors::machines::notice::{Notice, NoticeKind, Priority};
use actors::machines::repeat_key::{KeyReused, RepeatKey};
use actors::machines::terms::PlatformRole;

use crate::desk::{Desk, notice};

fn said(title: &str, message: &str) -> Notice {
    let mut notice = notice(NoticeKind::System, Priority::High);
    notice.data.insert("title".into(), title.into());
    notice.data.insert("message".into(), message.into());
    notice
}

#[test]
fn an_admin_says_it_in_words_of_their_own() {
    let mut desk = Desk::new();
    let posted = desk.post(
        PlatformRole::Admin,
        said("Aviso", "Mañana no hay servicio."),
        None,
    );
    assert_eq!(posted, Ok((Sequence(1), 1)));
    let notification = desk.notification(Sequence(1));
    let content = notification.content.as_ref().expect("there");
    assert_eq!(
        (content.title.as_str(), content.message.as_str()),
        ("Aviso", "Mañana no hay servicio.")
    );
    assert!(
        matches!(&notification.source, Source::Posted { by, key: None } if by.as_str() == "root")
    );
    assert_eq!(notification.priority, Priority::High);
}

#[test]
fn nobody_else_writes_into_an_inbox() {
    let mut desk = Desk::new();
    for role in PlatformRole::ALL {
        let posted = desk.post(role, said("a", "b"), None);
        match role {
            PlatformRole::Admin => assert!(posted.is_ok()),
            _ => assert_eq!(posted, Err(InboxRejection::Forbidden), "{role:?}"),
        }
    }
    assert_eq!(InboxRejection::Forbidden.code(), "forbidden");
    assert_eq!(desk.store.head(), Sequence(1));
}

#[test]
fn with_a_key_a_repeat_is_one_and_without_it_is_not() {
    let mut desk = Desk::new();
    let post = |desk: &mut Desk, key: Option<u64>| {
        let key = key.map(|key| RepeatKey::new(key << 32, 3).number());
        let posted = desk.post(PlatformRole::Admin, said("a", "b"), key);
        posted.expect("taken in").0
    };
    assert_eq!(post(&mut desk, Some(1)), Sequence(1));
    assert_eq!(post(&mut desk, Some(2)), Sequence(2));
    desk.restart();
    assert_eq!(post(&mut desk, Some(1)), Sequence(1));
    desk.restart_from_snapshot();
    assert_eq!(post(&mut desk, Some(2)), Sequence(2));
    assert_eq!(post(&mut desk, None), Sequence(3));
    assert_eq!(post(&mut desk, None), Sequence(4));
}

#[test]
fn a_key_that_stands_for_another_post_is_refused() {
    let mut desk = Desk::new();
    let number = |wish| Some(RepeatKey::new(9 << 32, wish).number());
    let first = desk.post(PlatformRole::Admin, said("a", "b"), number(5));
    assert_eq!(first, Ok((Sequence(1), 1)));
    for wish in [4, 6] {
        let other = desk.post(PlatformRole::Admin, said("c", "d"), number(wish));
        assert_eq!(other, Err(InboxRejection::KeyReused(KeyReused)));
    }
    desk.restart_from_snapshot();
    let again = desk.post(PlatformRole::Admin, said("a", "b"), number(5));
    assert_eq!(again, Ok((Sequence(1), 1)));
    assert_eq!(desk.store.head(), Sequence(1));
}

#[test]
fn everything_wrong_is_said_at_once_and_nothing_is_taken_in() {
    let mut desk = Desk::new();
    let mut wrong = said(&"x".repeat(201), "");
    wrong.data.insert("n".repeat(65), "\u{1}".into());
    let posted = desk.post(PlatformRole::Admin, wrong, Some(1));
    let Err(InboxRejection::Invalid(errors)) = posted else {
        panic!("{posted:?}");
    };
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert_eq!(desk.store.head(), Sequence::ZERO);
    let right = desk.post(PlatformRole::Admin, said("a", "b"), Some(1));
    assert_eq!(
        right,
        Ok((Sequence(1), 1)),
        "a refusal does not use the key up"
    );
}

#[test]
fn what_entities_send_is_cut_where_a_post_would_be_refused() {
    let mut desk = Desk::new();
    let mut long = said("a", &"ñ".repeat(5_000));
    for n in 0..100 {
        long.data.insert(format!("fact{n:03}"), "x".into());
    }
    assert!(desk.post(PlatformRole::Admin, long.clone(), None).is_err());
    let (sequence, _) = desk.add_notice("gig", 1, long);
    let content = desk.notification(sequence).content.clone().expect("there");
    assert_eq!(content.data.len(), desk.limits.data_entries);
    assert!(
        content
            .data
            .values()
            .all(|fact| fact.chars().count() <= desk.limits.data_value_chars)
    );
}
