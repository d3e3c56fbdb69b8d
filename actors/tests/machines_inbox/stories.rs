//! Notifications come, are read and put away; marks of anything else are refused, and repeats are harmless.

use actors::ids::{EntityId, EntityKind, Sequence};
use actors::machines::inbox::{
    Inbox, InboxCommand, InboxEvent, InboxRejection, InboxReply, Mark, Source,
};
use actors::machines::notice::{NoticeKind, Priority};
use actors::machines::{Machine, Wish};

use crate::desk::{Desk, notice, words};
use actors::machines::inbox::SettingsPatch;

#[test]
fn a_notification_comes_in_unread_with_its_words_and_where_it_is_from() {
    let mut desk = Desk::new();
    assert_eq!(desk.add("gig", 7), (Sequence(1), 1));
    let notification = desk.notification(Sequence(1));
    assert_eq!(notification.kind, NoticeKind::NewRequest);
    assert_eq!(notification.at, desk.now);
    assert!(notification.live);
    let Source::Entity { from, number } = &notification.source else {
        panic!("it came from a request");
    };
    assert_eq!(
        (from.kind, from.id(), *number),
        (EntityKind::Request, "gig", 7)
    );
    let content = notification.content.as_ref().expect("not put away");
    assert_eq!(content.title, "Nueva solicitud: guitarra");
    assert_eq!(content.message, "Se busca: guitarra.");
    assert_eq!(content.data["instrument"], "guitarra");
    let shown = desk.shown(Sequence(1));
    assert_eq!(
        (shown.unread, shown.is_read(), shown.is_dismissed()),
        (1, false, false)
    );
}

#[test]
fn reading_counts_down_and_again_changes_nothing() {
    let mut desk = Desk::new();
    for number in 1..=3 {
        desk.add("gig", number);
    }
    assert_eq!(desk.read(2), Ok((Sequence(4), 2)));
    assert_eq!(desk.unread(), [1, 3].into());
    for _ in 0..2 {
        assert_eq!(desk.read(2), Ok((Sequence(4), 2)), "a repeat");
        desk.restart();
    }
    assert_eq!(desk.store.head(), Sequence(4));
    assert_eq!(desk.shown(Sequence(2)).mark, Some(Mark::Read(desk.now)));
    assert_eq!(desk.shown(Sequence(1)).mark, None);
}

#[test]
fn all_is_read_up_to_a_place_and_what_comes_later_is_not() {
    let mut desk = Desk::new();
    for number in 1..=4 {
        desk.add("gig", number);
    }
    assert_eq!(desk.read_all(0), Ok((Sequence(4), 4)), "nothing lies there");
    assert_eq!(desk.read_all(3), Ok((Sequence(5), 1)));
    assert_eq!(desk.unread(), [4].into());
    assert_eq!(desk.read_all(3), Ok((Sequence(5), 1)), "a repeat");
    assert_eq!(desk.read_all(2), Ok((Sequence(5), 1)), "an older wish");
    assert_eq!(desk.read(1), Ok((Sequence(5), 1)), "it is read already");
    let beyond = desk.read_all(6);
    let Err(InboxRejection::Invalid(errors)) = beyond else {
        panic!("beyond the head: {beyond:?}");
    };
    assert_eq!((errors.len(), errors[0].field.as_str()), (1, "upTo"));
    assert!(errors[0].problem.contains('5'), "{errors:?}");
    assert_eq!(
        desk.read_all(5),
        Ok((Sequence(6), 0)),
        "the head itself is no mistake"
    );
}

#[test]
fn what_is_put_away_loses_its_words_for_good() {
    let mut desk = Desk::new();
    desk.add("gig", 1);
    desk.add("gig", 2);
    desk.read(2).expect("read");
    assert_eq!(desk.dismiss(1), Ok((Sequence(4), 0)), "unread");
    assert_eq!(desk.dismiss(2), Ok((Sequence(5), 0)), "read before");
    for target in [1, 2] {
        let shown = desk.shown(Sequence(target));
        assert!(shown.is_dismissed() && shown.is_read());
        assert_eq!(shown.mark, Some(Mark::Dismissed(desk.now)));
        let record = &desk.store.records[target as usize - 1];
        assert!(record.is_erased());
    }
    desk.restart();
    assert_eq!(desk.dismiss(1), Ok((Sequence(5), 0)), "a repeat");
    assert_eq!(desk.read(1), Ok((Sequence(5), 0)), "it counts as read");
    assert_eq!(desk.store.head(), Sequence(5));
    // A reader that is told of the erasure before the mark shows the same.
    desk.store.overlays.clear();
    assert!(desk.shown(Sequence(1)).is_dismissed());
    desk.restart();
    assert_eq!(desk.dismiss(2), Ok((Sequence(5), 0)));
}

#[test]
fn marks_of_anything_but_notifications_are_refused() {
    let mut desk = Desk::new();
    desk.add("gig", 1);
    desk.read(1).expect("read");
    let patch = SettingsPatch {
        muted: words(&[]),
        ..SettingsPatch::default()
    };
    desk.set(patch).expect("settled");
    for target in [0, 2, 3, 4, u64::MAX] {
        let refused = Err(InboxRejection::NotificationNotFound(Sequence(target)));
        for _ in 0..2 {
            assert_eq!(desk.read(target), refused);
            assert_eq!(desk.dismiss(target), refused);
        }
    }
    let refusal = InboxRejection::NotificationNotFound(Sequence(4));
    assert_eq!(refusal.code(), "notification_not_found");
    assert_eq!(desk.store.head(), Sequence(3));
}

#[test]
fn a_trimmed_notification_is_as_good_as_none_once_it_is_read() {
    let mut desk = Desk::new();
    desk.add("gig", 1);
    desk.add("gig", 2);
    desk.read(1).expect("read");
    desk.restart_from_snapshot();
    desk.inbox
        .load(Sequence(1), None, None)
        .expect("nothing there");
    let refused = Err(InboxRejection::NotificationNotFound(Sequence(1)));
    assert_eq!(desk.dismiss(1), refused);
    assert_eq!(
        desk.dismiss(2),
        Ok((Sequence(4), 0)),
        "unread ones need no look"
    );
}

#[test]
fn only_so_many_are_unread_and_the_oldest_count_as_read() {
    let mut desk = Desk::new();
    desk.limits.unread = 3;
    for number in 1..=5 {
        let (_, unread) = desk.add("gig", number);
        assert_eq!(unread, number.min(3));
    }
    assert_eq!(desk.unread(), [3, 4, 5].into());
    assert_eq!(desk.read(1), Ok((Sequence(5), 3)), "it counts as read");
    desk.restart();
    assert_eq!(desk.unread(), [3, 4, 5].into());
    desk.limits.unread = 2;
    assert_eq!(
        desk.add("gig", 6),
        (Sequence(6), 2),
        "a lower limit holds from then on"
    );
    assert_eq!(desk.unread(), [5, 6].into());
    assert_eq!(
        desk.dismiss(1),
        Ok((Sequence(7), 2)),
        "it can be put away all the same"
    );
}

#[test]
fn what_is_unread_is_told_page_by_page() {
    let mut desk = Desk::new();
    desk.limits.page = 2;
    for number in 1..=5 {
        desk.add("gig", number);
    }
    let mut page = |before: Option<u64>, limit| {
        let before = before.map(Sequence);
        match desk
            .ask(InboxCommand::Unread { before, limit })
            .expect("a query")
        {
            InboxReply::Unread {
                newest,
                unread: 5,
                head: Sequence(5),
            } => newest.into_iter().map(|at| at.0).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(page(None, 10), [5, 4]);
    assert_eq!(page(Some(4), 10), [3, 2]);
    assert_eq!(page(Some(2), 1), [1]);
    assert!(page(Some(0), 1).is_empty() && page(None, 0).is_empty());
    assert_eq!(page(Some(u64::MAX), 1), [5]);
    let count = desk.ask(InboxCommand::UnreadCount).expect("a query");
    let expected = InboxReply::Unread {
        unread: 5,
        newest: Vec::new(),
        head: Sequence(5),
    };
    assert_eq!(count, expected);
    assert_eq!(desk.store.head(), Sequence(5), "queries leave no trace");
}

#[test]
fn memory_of_older_entries_is_bounded_and_comes_back() {
    let mut desk = Desk::new();
    desk.limits.recent = 4;
    for number in 1..=20 {
        desk.add("gig", number);
    }
    desk.read_all(20).expect("read");
    for target in 1..=20 {
        desk.read(target).expect("a repeat");
    }
    assert_eq!(desk.inbox.known_len(), 20);
    desk.sweep();
    assert_eq!(desk.inbox.known_len(), 4);
    assert_eq!(desk.dismiss(1), Ok((Sequence(22), 0)));
    desk.sweep();
    assert_eq!(desk.dismiss(1), Ok((Sequence(22), 0)), "a repeat");
}

#[test]
fn wishes_tell_what_they_weigh_and_whether_they_may_be_sent_again() {
    let from = EntityId::inbox(&actors::testing::words::user("bob"));
    let add = |fact: &str| {
        let mut notice = notice(NoticeKind::System, Priority::Low);
        notice.data.insert("message".into(), fact.into());
        InboxCommand::Add {
            from: from.clone(),
            number: 1,
            notice,
        }
    };
    assert_eq!(add("123456789").weight(), add("").weight() + 9);
    assert!(InboxCommand::Settings.weight() >= 64);
    let target = Sequence(1);
    let set = InboxCommand::SetSettings {
        settings: SettingsPatch::default(),
    };
    let rows = [
        (add(""), false, true),
        (InboxCommand::MarkRead { target }, false, true),
        (InboxCommand::MarkAllRead { up_to: target }, false, true),
        (InboxCommand::Dismiss { target }, false, true),
        (InboxCommand::UnreadCount, true, false),
        (InboxCommand::Settings, true, false),
        (set, false, false),
    ];
    for (command, is_query, has_id) in rows {
        assert_eq!(
            (command.is_query(), command.has_id()),
            (is_query, has_id),
            "{command:?}"
        );
    }
}

#[test]
fn only_what_is_put_away_takes_something_back() {
    let mut desk = Desk::new();
    desk.add("gig", 1);
    desk.read(1).expect("read");
    desk.dismiss(1).expect("put away");
    let events = desk
        .store
        .records
        .iter()
        .map(|r| Inbox::decode(r).expect("readable").event);
    let back: Vec<_> = events.map(|event: InboxEvent| event.takes_back()).collect();
    assert_eq!(back, [None, None, Some(Sequence(1))]);
}
