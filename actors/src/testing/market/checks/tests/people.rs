//! People who are told too much, too little or the wrong thing; wishes that did not come true.

use std::sync::Arc;

use super::story::{attempt, beginning, key, musician, request, step, story, user};
use super::{noticed, noticed_after, notices};
use crate::ids::{EntityId, RoomId, Sequence};
use crate::machines::errand::Errand;
use crate::machines::inbox::{InboxEntry, InboxEvent, Notification, Source};
use crate::machines::notice::{NoticeKind, Priority};
use crate::machines::request::{Change, Trigger};
use crate::testing::market::history::Wish;
use crate::testing::oracle::Outcome;

fn added(number: u64, unread: u64, at: crate::ids::Timestamp) -> InboxEntry {
    let notification = Notification {
        source: Source::Entity {
            from: EntityId::request(&request("gig")),
            number,
        },
        kind: NoticeKind::StatusChange,
        priority: Priority::Normal,
        live: true,
        content: None,
        at,
    };
    InboxEntry {
        event: InboxEvent::Added(Arc::new(notification)),
        unread,
        sources: 9,
        day: 0,
        shown: 0,
    }
}

/// How many of Max's notifications are unread in the story.
fn unread() -> u64 {
    let history = story().end();
    let books = crate::testing::market::Books::of(&history).expect("readable");
    books.inboxes[&user("max")].last.unread()
}

#[test]
fn whoever_is_told_twice_is_noticed() {
    noticed(&["told_once"], |town| {
        let again = added(town.head(&request("gig")).0 << 10, unread() + 1, town.now);
        town.forge_inbox(
            &user("max"),
            vec![
                again.clone(),
                InboxEntry {
                    unread: unread() + 2,
                    ..again
                },
            ],
        );
    });
}

#[test]
fn whoever_is_told_nothing_is_noticed() {
    let mut town = beginning();
    town.neglects = |errand| matches!(errand, Errand::Notify { .. });
    step(&mut town, "gig", &musician("max"), 2, Change::Accept);
    notices(&["told_once"], &town.end());
}

#[test]
fn whoever_is_told_what_never_was_is_noticed() {
    noticed(&["told_once"], |town| {
        town.forge_inbox(&user("max"), vec![added(99 << 10, unread() + 1, town.now)]);
    });
}

#[test]
fn an_inbox_that_miscounts_is_noticed() {
    noticed(&["told_once"], |town| {
        town.forge_inbox(&user("max"), vec![added(99 << 10, 1, town.now)]);
    });
}

fn accepted(number: u64) -> Wish {
    Wish::Step {
        request: request("gig"),
        step: Trigger::Decline,
        key: key(&user("max"), number),
    }
}

#[test]
fn a_wish_that_was_acknowledged_and_stands_nowhere_is_noticed() {
    noticed(&["wishes_came_true"], |town| {
        attempt(town, &user("max"), accepted(77), Outcome::Ok(Sequence(4)));
    });
    // Nobody knows, and nobody said so.
    noticed(&[], |town| {
        attempt(town, &user("max"), accepted(77), Outcome::Unknown);
    });
}

#[test]
fn a_wish_that_was_refused_and_stands_is_noticed() {
    noticed_after(&["wishes_came_true"], |history| {
        let mut attempts = history.attempts.iter_mut();
        let accept = attempts.find(|attempt| {
            matches!(
                &attempt.wish,
                Wish::Step {
                    step: Trigger::Accept,
                    ..
                }
            )
        });
        let accept = accept.expect("Max accepts");
        accept.answer = Some((1, Outcome::Refused("unavailable".into())));
    });
}

#[test]
fn a_repeat_that_is_refused_after_a_success_is_noticed() {
    let again = |number| Wish::Step {
        request: request("gig"),
        step: Trigger::Accept,
        key: key(&user("mia"), number),
    };
    noticed(&["wishes_came_true"], |town| {
        let refused = Outcome::Refused("rule: already_assigned".into());
        attempt(town, &user("mia"), again(2), refused);
    });
    // That nobody could answer says nothing.
    noticed(&[], |town| {
        let refused = Outcome::Refused("unavailable".into());
        attempt(town, &user("mia"), again(2), refused);
    });
}

#[test]
fn what_nobody_wished_is_noticed() {
    noticed_after(&["wishes_came_true"], |history| {
        history.attempts.retain(|attempt| {
            !matches!(
                &attempt.wish,
                Wish::Step {
                    step: Trigger::DropOut,
                    ..
                }
            )
        });
    });
}

#[test]
fn a_mark_and_an_invitation_that_did_not_take_are_noticed() {
    let done = || Outcome::Ok(Sequence(1));
    let target = Sequence(1);
    for wish in [
        Wish::Mark {
            target,
            away: false,
        },
        Wish::Mark { target, away: true },
        Wish::MarkAll { up_to: target },
        Wish::Invite {
            room: RoomId::of_request(&request("gig")),
            guest: user("guest"),
        },
    ] {
        noticed(&["wishes_came_true"], |town| {
            attempt(town, &user("max"), wish, done());
        });
    }
}
