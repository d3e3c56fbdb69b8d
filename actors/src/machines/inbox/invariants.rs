//! What is always true of an inbox, by name: used in debug builds, property tests and the simulation.

use super::known::Stands;
use super::{Inbox, InboxLimits};
use crate::ids::Sequence;

/// I1: what is unread lies in the journal.
pub fn i1_unread_lies_in_the_journal(inbox: &Inbox) -> bool {
    let first = inbox.unread.first();
    let last = inbox.unread.last();
    first.is_none_or(|first| *first > Sequence::ZERO) && last.is_none_or(|last| *last <= inbox.head)
}

/// I2: nothing is unread that was put away or is no notification.
pub fn i2_unread_is_nothing_else(inbox: &Inbox) -> bool {
    let marked = inbox.known.iter();
    marked
        .filter(|(_, stands)| *stands != Stands::Read)
        .all(|(at, _)| !inbox.is_unread(at))
}

/// I3: nothing is known of what lies beyond the head.
pub fn i3_nothing_beyond_the_head(inbox: &Inbox) -> bool {
    inbox.known.iter().all(|(at, _)| at <= inbox.head)
        && inbox
            .sources
            .iter()
            .all(|(_, seen)| seen.sequence <= inbox.head)
}

/// I4: the parts of the memory of sources agree.
pub fn i4_sources_are_whole(inbox: &Inbox) -> bool {
    inbox.sources.is_consistent()
}

/// I5: an inbox without a journal is empty.
pub fn i5_nothing_comes_of_nothing(inbox: &Inbox) -> bool {
    inbox.head > Sequence::ZERO
        || (inbox.unread.is_empty() && inbox.sources.len() == 0 && inbox.settings.is_none())
}

/// I6: what is kept is within the bounds in force, once a notification came in under them and a sweep is over.
pub fn i6_bounds_hold(inbox: &Inbox, limits: &InboxLimits) -> bool {
    inbox.unread.len() <= limits.unread
        && inbox.sources.len() <= limits.sources
        && inbox.known.len() <= limits.recent
}

type Predicate = (&'static str, fn(&Inbox) -> bool);

const ALWAYS: [Predicate; 5] = [
    (
        "I1 unread lies in the journal",
        i1_unread_lies_in_the_journal,
    ),
    ("I2 unread is nothing else", i2_unread_is_nothing_else),
    ("I3 nothing beyond the head", i3_nothing_beyond_the_head),
    ("I4 sources are whole", i4_sources_are_whole),
    ("I5 nothing comes of nothing", i5_nothing_comes_of_nothing),
];

/// The first of I1 to I5 that does not hold; `None` is the good answer.
pub fn violated(inbox: &Inbox) -> Option<&'static str> {
    let broken = ALWAYS.iter().find(|(_, holds)| !holds(inbox));
    broken.map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntityId, RequestId, Timestamp, UserId};
    use crate::machines::inbox::InboxCommand;
    use crate::machines::notice::{Notice, NoticeKind, Priority};
    use crate::machines::{Context, Machine};

    /// Two notifications, one of them unread, in which nothing is wrong.
    fn inbox() -> Inbox {
        let ann = UserId::parse("ann").expect("a user id");
        let from = RequestId::parse("gig").expect("a request id");
        let mut inbox = Inbox::new(&EntityId::inbox(&ann));
        let add = |number| InboxCommand::Add {
            from: EntityId::request(&from),
            number,
            notice: Notice {
                kind: NoticeKind::NewRequest,
                priority: Priority::Normal,
                data: Default::default(),
            },
        };
        let read = InboxCommand::MarkRead {
            target: Sequence(1),
        };
        for command in [add(1), add(2), read] {
            let context = Context {
                now: Timestamp(1),
                limits: &InboxLimits::default(),
            };
            for entry in inbox.decide(&context, &command).expect("decided").events {
                inbox.apply(inbox.head.next(), &entry);
            }
        }
        inbox
    }

    fn damaged(damage: impl FnOnce(&mut Inbox)) -> Option<&'static str> {
        let mut inbox = inbox();
        damage(&mut inbox);
        violated(&inbox).map(|name| &name[..2])
    }

    #[test]
    fn a_sound_inbox_violates_nothing() {
        assert_eq!(damaged(|_| {}), None);
        assert!(i6_bounds_hold(&inbox(), &InboxLimits::default()));
    }

    #[test]
    fn each_predicate_sees_the_damage_it_is_for() {
        let beyond = Sequence(99);
        assert_eq!(damaged(|i| i.unread.extend([beyond])), Some("I1"));
        assert_eq!(damaged(|i| i.unread.extend([Sequence::ZERO])), Some("I1"));
        let away = |i: &mut Inbox| i.known.set(Sequence(2), Stands::Dismissed);
        assert_eq!(damaged(away), Some("I2"));
        assert_eq!(
            damaged(|i| i.known.set(beyond, Stands::Nothing)),
            Some("I3")
        );
        assert_eq!(damaged(|i| i.sources.insert([1, 1], 1, beyond)), Some("I3"));
        assert_eq!(damaged(|i| i.sources.damage()), Some("I4"));
        let before_time = |i: &mut Inbox| {
            i.head = Sequence::ZERO;
            i.unread.clear();
            i.sources = Default::default();
            i.known = Default::default();
            let settings = super::super::InboxSettings::unsettled(&InboxLimits::default());
            i.settings = Some(settings.into());
        };
        assert_eq!(damaged(before_time), Some("I5"));
    }

    #[test]
    fn bounds_are_checked_against_the_limits_in_force() {
        for narrow in [
            |l: &mut InboxLimits| l.unread = 0,
            |l: &mut InboxLimits| l.sources = 0,
            |l: &mut InboxLimits| l.recent = 0,
        ] {
            let mut limits = InboxLimits::default();
            narrow(&mut limits);
            assert!(!i6_bounds_hold(&inbox(), &limits));
        }
    }
}
