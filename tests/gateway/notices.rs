//! The callbacks of the hub for notifications on the wire: their shapes, the same in both encodings, and how many they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actors::delivery::{Block, Payload, ResetReason, Shown};
use actors::ids::{EntityId, RequestId, Sequence, Timestamp, UserId};
use actors::machines::inbox::{
    Content, InboxEntry, InboxEvent, InboxLimits, InboxSettings, InboxShown, Mark, Notification,
    QuietPatch, SettingsPatch, Source,
};
use actors::machines::notice::{NoticeKind, Priority};
use actors::machines::request::codec::Peek;
use actors::machines::request::{Actor, RequestState, Trigger};
use mussikon_hub::gateway::notices::CALLBACKS;
use serde_json::{Value, json};

use crate::deliver::{callbacks, documented};

const AT: Timestamp = Timestamp(1_709_251_199_007);
const AT_TEXT: &str = "2024-02-29T23:59:59.007Z";

fn user() -> UserId {
    UserId::parse("anna").unwrap()
}

fn added(live: bool) -> InboxEvent {
    let content = Content {
        title: "Aviso".into(),
        message: "Mañana".into(),
        data: BTreeMap::from([("message".into(), "Mañana".into())]),
    };
    InboxEvent::Added(Arc::new(Notification {
        source: Source::Posted {
            by: user(),
            key: None,
        },
        kind: NoticeKind::System,
        priority: Priority::High,
        live,
        content: Some(content),
        at: AT,
    }))
}

fn settings() -> InboxSettings {
    let limits = InboxLimits::default();
    let patch = SettingsPatch {
        quiet_hours: Some(QuietPatch::Between {
            from: "22:00".into(),
            to: "08:00".into(),
        }),
        quiet_days: Some(vec!["sunday".into()]),
        ..SettingsPatch::default()
    };
    patch
        .onto(&InboxSettings::unsettled(&limits), &limits)
        .unwrap()
}

fn shown(event: InboxEvent, unread: u64) -> InboxShown {
    InboxShown::new(&InboxEntry {
        event,
        unread,
        sources: 0,
        day: 0,
        shown: 0,
    })
}

fn dismissed(event: InboxEvent, unread: u64) -> InboxShown {
    let mut shown = shown(event, unread);
    if let InboxEvent::Added(notification) = &mut shown.event {
        Arc::make_mut(notification).content = None;
    }
    shown.mark = Some(Mark::Dismissed(AT));
    shown
}

fn entries(entries: Vec<InboxShown>) -> Payload {
    let events = entries.into_iter();
    Payload::Events(Block {
        entity: EntityId::inbox(&user()),
        first: Sequence(7),
        events: events.map(|one| Shown::Notice(Arc::new(one))).collect(),
    })
}

fn said(one: InboxShown) -> Vec<(String, Value)> {
    callbacks(entries(vec![one]))
}

fn unread(unread: u64) -> (String, Value) {
    ("UnreadChanged".into(), json!({ "unread": unread }))
}

fn steps() -> Payload {
    let gala = RequestId::parse("gala").unwrap();
    let step = Peek {
        trigger: Trigger::Submit,
        from: RequestState::Draft,
        to: RequestState::InReview,
        role: Actor::Owner,
        at: AT,
    };
    Payload::Events(Block {
        entity: EntityId::request(&gala),
        first: Sequence(3),
        events: vec![Shown::Step(step), Shown::Step(step)],
    })
}

#[test]
fn a_notification_is_shown_with_its_words_and_then_how_many_are_unread() {
    let expected = json!({
        "sequence": 7, "type": "system", "priority": "high", "title": "Aviso", "message": "Mañana",
        "data": { "message": "Mañana" }, "createdAt": AT_TEXT, "read": false,
    });
    let all = said(shown(added(true), 3));
    assert_eq!(all, [("ReceiveNotification".into(), expected), unread(3)]);
    let mut read = shown(added(true), 3);
    read.mark = Some(Mark::Read(AT));
    assert_eq!(said(read)[0].1["read"], true);
}

#[test]
fn what_must_wait_or_is_gone_only_changes_the_number() {
    let expected = [(
        "UnreadChanged".to_owned(),
        json!({ "unread": 3, "sequence": 7 }),
    )];
    assert_eq!(said(shown(added(false), 3)), expected);
    assert_eq!(said(dismissed(added(true), 3)), expected);
}

#[test]
fn marks_name_what_they_mark() {
    let (at, target, up_to) = (AT, Sequence(5), Sequence(6));
    for (event, expected) in [
        (
            InboxEvent::Read { target, at },
            json!({ "sequence": 7, "target": 5 }),
        ),
        (
            InboxEvent::AllRead { up_to, at },
            json!({ "sequence": 7, "upTo": 6 }),
        ),
        (
            InboxEvent::Dismissed { target, at },
            json!({ "sequence": 7, "target": 5, "dismissed": true }),
        ),
    ] {
        let all = said(shown(event, 2));
        assert_eq!(all, [("NotificationRead".into(), expected), unread(2)]);
    }
}

#[test]
fn settings_are_shown_whole_and_say_nothing_of_what_is_unread() {
    let event = |settings| InboxEvent::SettingsChanged {
        settings: Arc::new(settings),
        at: AT,
    };
    let expected = json!({ "sequence": 7, "settings": {
        "language": "es", "timeZone": "UTC", "quietHours": { "from": "22:00", "to": "08:00" },
        "quietDays": ["sunday"], "muted": ["marketing"], "livePerDay": 50,
    }});
    let all = said(shown(event(settings()), 2));
    assert_eq!(all, [("SettingsChanged".into(), expected)]);
    let plain = InboxSettings::unsettled(&InboxLimits::default());
    let all = said(shown(event(plain), 2));
    assert_eq!(all[0].1["settings"]["quietHours"], Value::Null);
}

#[test]
fn a_block_says_the_number_once_in_the_end_unless_its_last_entry_does() {
    let target = Sequence(7);
    let read = InboxEvent::Read { target, at: AT };
    let settled = InboxEvent::SettingsChanged {
        settings: Arc::new(settings()),
        at: AT,
    };
    let targets = |block: Vec<InboxShown>| -> Vec<String> {
        let all = callbacks(entries(block));
        all.into_iter().map(|(target, _)| target).collect()
    };
    let two = vec![shown(added(true), 1), shown(read.clone(), 0)];
    assert_eq!(
        targets(two),
        ["ReceiveNotification", "NotificationRead", "UnreadChanged"]
    );
    let silent = vec![shown(added(true), 1), shown(added(false), 2)];
    assert_eq!(targets(silent), ["ReceiveNotification", "UnreadChanged"]);
    let settled_later = vec![shown(added(true), 1), shown(settled.clone(), 1)];
    let expected = ["ReceiveNotification", "SettingsChanged", "UnreadChanged"];
    assert_eq!(targets(settled_later), expected);
    let nothing_new = vec![shown(added(false), 1), shown(settled, 1)];
    assert_eq!(targets(nothing_new), ["UnreadChanged", "SettingsChanged"]);
}

#[test]
fn each_step_of_a_request_is_a_callback_of_its_own() {
    let step = |sequence| {
        let step = json!({
            "requestId": "gala", "sequence": sequence, "from": "draft", "to": "inReview", "at": AT_TEXT,
        });
        ("RequestUpdated".to_owned(), step)
    };
    assert_eq!(callbacks(steps()), [step(3), step(4)]);
}

#[test]
fn a_reset_names_the_request_and_of_an_inbox_nothing() {
    let reset = |entity| Payload::Reset {
        entity,
        from: Sequence(1),
        reason: ResetReason::BeyondHead,
    };
    let of_inbox = callbacks(reset(EntityId::inbox(&user())));
    let expected = json!({ "from": 1, "reason": "beyond_head" });
    assert_eq!(of_inbox, [("StreamReset".into(), expected)]);
    let gala = EntityId::request(&RequestId::parse("gala").unwrap());
    let expected = json!({ "requestId": "gala", "from": 1, "reason": "beyond_head" });
    assert_eq!(callbacks(reset(gala)), [("StreamReset".into(), expected)]);
}

#[test]
fn every_callback_has_the_members_that_the_reference_says() {
    let (at, target, up_to) = (AT, Sequence(5), Sequence(6));
    let gala = EntityId::request(&RequestId::parse("gala").unwrap());
    let settings = Arc::new(settings());
    let events = [
        added(true),
        added(false),
        InboxEvent::Read { target, at },
        InboxEvent::AllRead { up_to, at },
        InboxEvent::Dismissed { target, at },
        InboxEvent::SettingsChanged { settings, at },
    ];
    let block = events.into_iter().map(|event| shown(event, 1)).collect();
    let reset = Payload::Reset {
        entity: gala,
        from: Sequence(1),
        reason: ResetReason::Trimmed,
    };
    let payloads = [entries(block), steps(), reset];
    let seen: Vec<_> = payloads.into_iter().flat_map(callbacks).collect();
    for callback in CALLBACKS {
        let mut members = BTreeSet::new();
        for (_, value) in seen.iter().filter(|(target, _)| target == callback.name) {
            members.extend(value.as_object().unwrap().keys().cloned());
        }
        assert!(!members.is_empty(), "{} was not tried", callback.name);
        assert_eq!(documented(callback.shape), members, "{}", callback.name);
        assert_eq!(
            members.contains("sequence"),
            callback.journaled,
            "{}",
            callback.name
        );
    }
    let known = |target: &String| CALLBACKS.iter().any(|callback| callback.name == target);
    assert!(seen.iter().all(|(target, _)| known(target)));
}
