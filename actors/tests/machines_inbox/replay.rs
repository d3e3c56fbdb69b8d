//! Random lives of an inbox: a second opinion agrees on every answer, and every way to rebuild it gives the same inbox.

use std::collections::{BTreeMap, BTreeSet};

use actors::ids::{EntityId, RequestId, Sequence};
use actors::machines::Machine;
use actors::machines::inbox::{
    Inbox, InboxCommand, InboxEvent, InboxLimits, InboxRejection, InboxReply, QuietPatch,
    SettingsPatch, invariants, peek,
};
use actors::machines::notice::{NoticeKind, Priority};
use actors::machines::terms::{Caller, PlatformRole};
use actors::testing::words::user;
use proptest::prelude::*;

use crate::desk::{Desk, notice};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Ask(InboxCommand),
    Wait(u64),
    Sweep,
    Restart,
    FromSnapshot,
}

fn kinds() -> impl Strategy<Value = (NoticeKind, Priority)> {
    let kind = prop::sample::select(NoticeKind::ALL);
    (kind, prop::sample::select(Priority::ALL))
}

fn targets() -> impl Strategy<Value = Sequence> {
    prop_oneof![9 => 0..30_u64, 1 => any::<u64>()].prop_map(Sequence)
}

fn settings() -> impl Strategy<Value = SettingsPatch> {
    let zone = prop::sample::select(vec!["UTC", "Pacific/Kiritimati", "America/Adak", "Nowhere"]);
    let hours = prop::sample::select(vec!["22:00", "08:00", "12:30", "noon"]);
    let between = (hours.clone(), hours).prop_map(|(from, to)| QuietPatch::Between {
        from: from.into(),
        to: to.into(),
    });
    let quiet = prop_oneof![Just(QuietPatch::Off), between];
    let fields = (
        prop::option::of(zone),
        prop::option::of(quiet),
        prop::option::of(0..4_u32),
    );
    fields.prop_map(|(zone, quiet_hours, live_per_day)| SettingsPatch {
        time_zone: zone.map(Into::into),
        quiet_hours,
        live_per_day,
        ..SettingsPatch::default()
    })
}

fn commands() -> impl Strategy<Value = InboxCommand> {
    let add = (0..5_u8, 0..12_u64, kinds()).prop_map(|(from, number, (kind, priority))| {
        let from = RequestId::parse(&format!("q{from}")).expect("an id");
        InboxCommand::Add {
            from: EntityId::request(&from),
            number,
            notice: notice(kind, priority),
        }
    });
    let role = prop::sample::select(&PlatformRole::ALL[..]);
    let post = (
        role,
        prop::option::of((0..4_u64).prop_map(|key| key << 32)),
        kinds(),
    );
    let post = post.prop_map(|(role, key, (kind, priority))| InboxCommand::Post {
        by: Caller {
            user: user("root"),
            role,
        },
        notice: notice(kind, priority),
        key,
    });
    prop_oneof![
        8 => add,
        2 => post,
        5 => targets().prop_map(|target| InboxCommand::MarkRead { target }),
        1 => targets().prop_map(|up_to| InboxCommand::MarkAllRead { up_to }),
        4 => targets().prop_map(|target| InboxCommand::Dismiss { target }),
        1 => Just(InboxCommand::UnreadCount),
        1 => settings().prop_map(|settings| InboxCommand::SetSettings { settings }),
    ]
}

fn lives() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        16 => commands().prop_map(Step::Ask),
        2 => (0..40_000_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Sweep),
        1 => Just(Step::Restart),
        1 => Just(Step::FromSnapshot),
    ];
    prop::collection::vec(step, 0..120)
}

fn limits() -> InboxLimits {
    InboxLimits {
        unread: 6,
        sources: 4,
        recent: 3,
        live_per_day: 2,
        ..InboxLimits::default()
    }
}

/// A second opinion: what stands in the inbox, worked out from wishes and answers alone.
#[derive(Debug, Default)]
struct Opinion {
    head: u64,
    notifications: BTreeSet<u64>,
    unread: BTreeSet<u64>,
    dismissed: BTreeSet<u64>,
    /// What came last by source, the latest at the end.
    sources: Vec<(String, u64, u64)>,
}

impl Opinion {
    fn comes_in(&mut self, source: Option<(String, u64)>) -> u64 {
        if let Some((name, number)) = source {
            let known = self.sources.iter().position(|(known, _, _)| *known == name);
            if let Some(at) = known {
                let (_, last, sequence) = self.sources[at];
                if number <= last {
                    return if number == last { sequence } else { self.head };
                }
                self.sources.remove(at);
            }
            self.sources.push((name, number, self.head + 1));
            if self.sources.len() > limits().sources {
                self.sources.remove(0);
            }
        }
        self.head += 1;
        self.notifications.insert(self.head);
        self.unread.insert(self.head);
        if self.unread.len() > limits().unread {
            self.unread.pop_first();
        }
        self.head
    }

    fn event_if(&mut self, changes: bool) -> Option<u64> {
        self.head += u64::from(changes);
        Some(self.head)
    }

    /// The sequence that the answer should name; `None` for a refusal.
    fn answers(&mut self, command: &InboxCommand) -> Option<u64> {
        match command {
            InboxCommand::Add { from, number, .. } => {
                Some(self.comes_in(Some((from.to_string(), *number))))
            }
            InboxCommand::Post { by, key, .. } => {
                let admin = by.role == PlatformRole::Admin;
                admin.then(|| self.comes_in(key.map(|key| (format!("post {key}"), 0))))
            }
            InboxCommand::MarkRead { target } => {
                self.notifications.get(&target.0)?;
                let changes = self.unread.remove(&target.0);
                self.event_if(changes)
            }
            InboxCommand::Dismiss { target } => {
                self.notifications.get(&target.0)?;
                self.unread.remove(&target.0);
                let changes = self.dismissed.insert(target.0);
                self.event_if(changes)
            }
            InboxCommand::MarkAllRead { up_to } => {
                (up_to.0 <= self.head).then_some(())?;
                let before = self.unread.len();
                self.unread.retain(|unread| *unread > up_to.0);
                self.event_if(self.unread.len() < before)
            }
            _ => None,
        }
    }
}

fn live(steps: &[Step]) -> (Desk, Vec<bytes::Bytes>) {
    let mut desk = Desk::new();
    desk.limits = limits();
    let mut opinion = Opinion::default();
    let mut snapshots = vec![desk.inbox.snapshot()];
    for step in steps {
        match step {
            Step::Ask(command) => check(&mut desk, &mut opinion, command),
            Step::Wait(millis) => desk.wait(*millis),
            Step::Sweep => {
                desk.sweep();
                assert!(invariants::i6_bounds_hold(&desk.inbox, &desk.limits));
            }
            Step::Restart => desk.restart(),
            Step::FromSnapshot => desk.restart_from_snapshot(),
        }
        snapshots.push(desk.inbox.snapshot());
        assert_eq!(desk.unread(), opinion.unread);
    }
    for (sequence, shown) in desk.store.shown() {
        let notification = matches!(shown.event, InboxEvent::Added(_));
        assert_eq!(opinion.notifications.contains(&sequence.0), notification);
        assert_eq!(
            opinion.dismissed.contains(&sequence.0),
            shown.is_dismissed()
        );
    }
    (desk, snapshots)
}

fn check(desk: &mut Desk, opinion: &mut Opinion, command: &InboxCommand) {
    let answer = desk.ask(command.clone());
    match (command, &answer) {
        (InboxCommand::SetSettings { .. }, Ok(InboxReply::Settings { sequence, .. })) => {
            opinion.head = sequence.0;
        }
        (InboxCommand::SetSettings { .. }, Err(InboxRejection::Invalid(_))) => {}
        (InboxCommand::UnreadCount, Ok(InboxReply::Unread { unread, head, .. })) => {
            assert_eq!(
                (*unread, head.0),
                (opinion.unread.len() as u64, opinion.head)
            );
        }
        _ => match opinion.answers(command) {
            Some(sequence) => {
                let unread = opinion.unread.len() as u64;
                let sequence = Sequence(sequence);
                assert_eq!(
                    answer,
                    Ok(InboxReply::Done { sequence, unread }),
                    "{command:?}"
                );
            }
            None => assert!(answer.is_err(), "{command:?}: {answer:?}"),
        },
    }
    assert_eq!(desk.store.head().0, opinion.head);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_what_a_second_opinion_says_and_every_way_to_rebuild_gives_the_same_inbox(
        steps in lives(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (desk, snapshots) = live(&steps);
        let truth = desk.store.replay(Inbox::new(&desk.entity));
        prop_assert_eq!(invariants::violated(&truth), None);
        prop_assert_eq!(truth.snapshot(), desk.inbox.snapshot());
        let snapshot = cut.get(&snapshots);
        let restored = Inbox::restore(&desk.entity, snapshot).expect("readable");
        prop_assert_eq!(&restored.snapshot(), snapshot);
        prop_assert_eq!(desk.store.replay(restored).snapshot(), truth.snapshot());
    }

    #[test]
    fn headers_tell_the_true_tallies_and_no_day_has_more_than_its_share(steps in lives()) {
        let (desk, _) = live(&steps);
        let mut shown: BTreeMap<i32, u32> = BTreeMap::new();
        for record in &desk.store.records {
            let entry = Inbox::decode(record).expect("readable");
            let peeked = peek(&record.header).expect("a header");
            prop_assert_eq!((peeked.unread, peeked.day, peeked.shown), (entry.unread, entry.day, entry.shown));
            let InboxEvent::Added(notification) = &entry.event else { continue };
            let passes = notification.kind == NoticeKind::Security
                || notification.priority == Priority::Critical;
            prop_assert!(notification.live || !passes);
            if notification.live && !passes {
                let today = shown.entry(entry.day).or_default();
                *today += 1;
                prop_assert_eq!(*today, entry.shown);
                prop_assert!(entry.shown <= 3, "the settings allow three at most");
            }
        }
    }

    #[test]
    fn effects_written_again_change_nothing(steps in lives()) {
        let (mut desk, _) = live(&steps);
        let stored = desk.store.clone();
        let mut inbox = Inbox::new(&desk.entity);
        for (index, record) in stored.records.iter().enumerate() {
            let sequence = Sequence(index as u64 + 1);
            let entry = Inbox::decode(record).expect("readable");
            inbox.apply(sequence, &entry);
            let side = inbox.effects(sequence, &entry);
            desk.store.write(&side);
        }
        prop_assert_eq!(desk.store, stored);
    }
}

#[test]
fn a_snapshot_does_not_grow_with_the_inbox() {
    let mut desk = Desk::new();
    desk.limits = limits();
    let size = |desk: &mut Desk, from: u64, to: u64| {
        for number in from..to {
            desk.add(&format!("q{}", number % 9), number);
        }
        desk.inbox.snapshot().len()
    };
    let early = size(&mut desk, 1, 100);
    let late = size(&mut desk, 100, 3_000);
    assert!(late <= early + 32, "{early} bytes became {late}");
}
