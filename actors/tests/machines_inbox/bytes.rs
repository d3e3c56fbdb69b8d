//! Any bytes may stand where ours should: they are refused or read, and nothing panics. And what crosses between nodes
//! comes out as it went in.

use actors::ids::{EntityId, Sequence};
use actors::journal::Record;
use actors::machines::Machine;
use actors::machines::inbox::{
    Inbox, InboxCommand, InboxEvent, InboxRejection, InboxReply, InboxSettings, QuietPatch,
    SettingsPatch, decode_mark, peek,
};
use actors::machines::notice::{NoticeKind, Priority};
use actors::machines::terms::{Caller, FieldError, PlatformRole};
use actors::testing::words::user;
use bytes::Bytes;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::desk::{Desk, notice, words};

fn everything_settled() -> SettingsPatch {
    SettingsPatch {
        language: Some("en".into()),
        time_zone: Some("Europe/Madrid".into()),
        quiet_hours: Some(QuietPatch::Between {
            from: "22:00".into(),
            to: "08:00".into(),
        }),
        quiet_days: words(&["sunday", "monday"]),
        muted: words(&["marketing", "system"]),
        live_per_day: Some(9),
    }
}

/// An inbox with a record of each kind.
fn everything() -> Desk {
    let mut desk = Desk::new();
    desk.set(everything_settled()).expect("settled");
    for number in 1..=4 {
        desk.add("gig", number);
    }
    let posted = notice(NoticeKind::System, Priority::Critical);
    desk.post(PlatformRole::Admin, posted, Some(3))
        .expect("posted");
    desk.read(2).expect("read");
    desk.dismiss(3).expect("put away");
    desk.read_all(5).expect("all read");
    desk
}

fn mutated(bytes: &[u8], at: usize, value: u8, cut: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    if !bytes.is_empty() {
        let at = at % bytes.len();
        bytes[at] = value;
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
    }
    bytes.into()
}

/// Reads bytes in every way there is, and goes on with what comes of them.
fn read_all_ways(bytes: &Bytes) {
    let record = Record {
        header: bytes.clone(),
        body_digest: Default::default(),
        body: Some(bytes.clone()),
    };
    let entity = EntityId::inbox(&user("ann"));
    let _ = (peek(bytes), decode_mark(bytes));
    if let Ok(entry) = Inbox::decode(&record) {
        let mut inbox = Inbox::new(&entity);
        inbox.apply(Sequence(1), &entry);
        let _ = inbox.effects(Sequence(1), &entry);
    }
    if let Ok(mut inbox) = Inbox::restore(&entity, bytes) {
        let _ = inbox.snapshot();
        let _ = inbox.load(Sequence(1), Some(&record), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_all_ways(&bytes.clone().into());
        // With the right version in front they get further.
        let mut versioned = vec![1];
        versioned.extend(&bytes);
        read_all_ways(&versioned.into());
    }

    #[test]
    fn damaged_bytes_never_panic(
        which in any::<prop::sample::Index>(),
        at in any::<usize>(),
        value in any::<u8>(),
        cut in 0..8_usize,
    ) {
        let desk = everything();
        let mut all: Vec<Bytes> = vec![desk.inbox.snapshot()];
        for record in &desk.store.records {
            all.push(record.header.clone());
            all.extend(record.body.clone());
        }
        all.extend(desk.store.overlays.values().map(|overlay| overlay.state.clone()));
        read_all_ways(&mutated(which.get::<Bytes>(&all), at, value, cut));
        // A damaged body under its whole header, and the other way round.
        let record = which.get(&desk.store.records);
        let mut damaged = record.clone();
        damaged.body = damaged.body.map(|body| mutated(&body, at, value, cut));
        let _ = Inbox::decode(&damaged);
        let mut damaged = record.clone();
        damaged.header = mutated(&record.header, at, value, cut);
        let _ = Inbox::decode(&damaged);
    }
}

#[test]
fn an_erased_body_leaves_everything_but_the_words() {
    for record in &everything().store.records {
        let whole = Inbox::decode(record).expect("readable");
        let mut erased = record.clone();
        erased.body = None;
        let mut erased = Inbox::decode(&erased).expect("readable");
        if let (InboxEvent::Added(erased), InboxEvent::Added(whole)) =
            (&mut erased.event, &whole.event)
        {
            assert_eq!(erased.content, None);
            std::sync::Arc::make_mut(erased).content = whole.content.clone();
        }
        assert_eq!(erased, whole);
    }
}

#[test]
fn no_word_of_a_notification_stands_in_a_header_or_a_snapshot() {
    let desk = everything();
    let says = |bytes: &[u8]| bytes.windows(8).any(|window| window == b"guitarra");
    assert!(!says(&desk.inbox.snapshot()));
    let bodies = desk
        .store
        .records
        .iter()
        .filter_map(|record| record.body.as_deref());
    assert!(bodies.into_iter().any(says));
    for record in &desk.store.records {
        assert!(!says(&record.header));
    }
}

#[test]
fn damaged_snapshots_and_other_versions_are_refused() {
    let desk = everything();
    let snapshot = desk.inbox.snapshot();
    for end in 0..snapshot.len() {
        let cut = Inbox::restore(&desk.entity, &snapshot.slice(..end));
        assert!(cut.is_err(), "{end} of {}", snapshot.len());
    }
    let other = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[0] = 9;
        Bytes::from(bytes)
    };
    assert!(Inbox::restore(&desk.entity, &other(&snapshot)).is_err());
    for record in &desk.store.records {
        let mut record = record.clone();
        record.header = other(&record.header);
        assert!(Inbox::decode(&record).is_err());
    }
    for overlay in desk.store.overlays.values() {
        assert!(decode_mark(&other(&overlay.state)).is_err());
    }
}

fn crosses<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let bytes = rmp_serde::to_vec_named(value).expect("can be written");
    assert_eq!(
        &rmp_serde::from_slice::<T>(&bytes).expect("can be read"),
        value
    );
}

#[test]
fn wishes_answers_and_refusals_cross_between_nodes() {
    let target = Sequence(7);
    let by = Caller {
        user: user("root"),
        role: PlatformRole::Admin,
    };
    let told = notice(NoticeKind::TopMatch, Priority::High);
    for command in [
        InboxCommand::Add {
            from: EntityId::user(&user("bob")),
            number: u64::MAX,
            notice: told.clone(),
        },
        InboxCommand::Post {
            by: by.clone(),
            notice: told.clone(),
            key: None,
        },
        InboxCommand::Post {
            by,
            notice: told,
            key: Some(1),
        },
        InboxCommand::MarkRead { target },
        InboxCommand::MarkAllRead { up_to: target },
        InboxCommand::Dismiss { target },
        InboxCommand::UnreadCount,
        InboxCommand::Unread {
            before: Some(target),
            limit: 3,
        },
        InboxCommand::Settings,
        InboxCommand::SetSettings {
            settings: everything_settled(),
        },
        InboxCommand::SetSettings {
            settings: SettingsPatch {
                quiet_hours: Some(QuietPatch::Off),
                ..SettingsPatch::default()
            },
        },
    ] {
        crosses(&command);
    }
    let limits = actors::machines::inbox::InboxLimits::default();
    let settings = everything_settled().onto(&InboxSettings::unsettled(&limits), &limits);
    crosses(&InboxReply::Done {
        sequence: target,
        unread: 3,
    });
    crosses(&InboxReply::Unread {
        unread: 1,
        newest: vec![target],
        head: target,
    });
    crosses(&InboxReply::Settings {
        settings: settings.expect("right"),
        sequence: target,
    });
    crosses(&InboxRejection::NotificationNotFound(target));
    crosses(&InboxRejection::Forbidden);
    crosses(&InboxRejection::Invalid(vec![FieldError {
        field: "upTo".into(),
        problem: "is beyond".into(),
    }]));
}
