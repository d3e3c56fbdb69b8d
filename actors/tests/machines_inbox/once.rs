//! A notification of an entity comes in once, whatever is repeated, doubled or late.

use actors::ids::{EntityId, Sequence};
use actors::machines::inbox::InboxCommand;
use actors::machines::notice::{NoticeKind, Priority};
use actors::testing::words::user;

use crate::desk::{Desk, notice};

#[test]
fn a_repeat_is_answered_like_the_first_and_leaves_no_trace() {
    let mut desk = Desk::new();
    desk.add("other", 1);
    assert_eq!(desk.add("gig", 5), (Sequence(2), 2));
    desk.add("other", 2);
    desk.read(1).expect("read");
    for _ in 0..2 {
        assert_eq!(desk.add("gig", 5), (Sequence(2), 2));
        desk.restart();
        assert_eq!(desk.add("gig", 5), (Sequence(2), 2), "after a crash");
        desk.restart_from_snapshot();
    }
    assert_eq!(desk.store.head(), Sequence(4));
}

#[test]
fn a_late_copy_is_taken_for_what_it_is() {
    let mut desk = Desk::new();
    desk.add("gig", 1);
    desk.add("gig", 2);
    desk.add("gig", 4);
    let head = desk.store.head();
    for late in [0, 1, 2, 3] {
        assert_eq!(desk.add("gig", late), (head, 3), "{late}");
    }
    assert_eq!(desk.add("gig", 5), (head.next(), 4));
}

#[test]
fn sources_of_one_name_are_different_entities() {
    let mut desk = Desk::new();
    desk.add("bob", 9);
    for from in [EntityId::user(&user("bob")), EntityId::inbox(&user("bob"))] {
        let add = InboxCommand::Add {
            from,
            number: 9,
            notice: notice(NoticeKind::System, Priority::Low),
        };
        let before = desk.store.head();
        assert_eq!(desk.done(add).expect("taken in").0, before.next());
    }
}

#[test]
fn a_notification_that_was_put_away_does_not_come_back() {
    let mut desk = Desk::new();
    desk.add("gig", 1);
    desk.dismiss(1).expect("put away");
    desk.restart();
    assert_eq!(desk.add("gig", 1), (Sequence(1), 0));
    assert_eq!(desk.store.head(), Sequence(2));
}

#[test]
fn a_source_is_remembered_until_enough_others_have_sent_something() {
    let mut desk = Desk::new();
    desk.limits.sources = 3;
    for from in ["a", "b", "c"] {
        desk.add(from, 1);
    }
    desk.add("a", 2);
    desk.add("d", 1);
    assert_eq!(desk.inbox.sources_len(), 3);
    let head = desk.store.head();
    for (from, number) in [("a", 2), ("a", 1), ("c", 1), ("d", 1)] {
        desk.add(from, number);
        assert_eq!(desk.store.head(), head, "{from} is still known");
    }
    // The bound, as documented: of b nothing is known any more.
    assert_eq!(desk.add("b", 1).0, head.next());
}

#[test]
fn owners_with_another_memory_come_to_the_same_by_the_journal() {
    let mut desk = Desk::new();
    desk.limits.sources = 2;
    for from in ["a", "b", "c", "d"] {
        desk.add(from, 1);
    }
    desk.limits.sources = 10;
    let before = desk.inbox.clone();
    desk.restart();
    assert_eq!(desk.inbox.sources_len(), 2);
    use actors::machines::Machine;
    assert_eq!(desk.inbox.snapshot(), before.snapshot());
}
