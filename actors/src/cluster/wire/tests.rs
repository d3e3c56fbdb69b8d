//! Wishes and answers of every kind of entity survive the way, and those of rooms in the bytes that they always had.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::*;
use crate::ids::{EntityId, MessageId, RequestId, Sequence, Timestamp, UserId};
use crate::machines::inbox::{
    Inbox, InboxCommand, InboxLimits, InboxRejection, InboxReply, InboxSettings, QuietPatch,
    SettingsPatch,
};
use crate::machines::matching::{Found, NoMatch};
use crate::machines::notice::{Notice, NoticeKind, Priority};
use crate::machines::request::{
    Change, Done, Request, RequestCommand, RequestRejection, RequestReply, RequestState, Trigger,
};
use crate::machines::room::{
    Content, MessageKind, Room, RoomCommand, RoomRejection, RoomReply, Sent,
};
use crate::machines::terms::{
    Breakdown, Caller, Candidate, Cents, Demand, FieldError, Place, PlatformRole, SlotFate,
    SlotRefusal, Term, Window,
};
use crate::machines::user::{BusyInput, User, UserCommand, UserRejection, UserReply};

const SOON: Duration = Duration::from_millis(7);

fn user(name: &str) -> UserId {
    UserId::parse(name).expect("valid")
}

fn request() -> RequestId {
    RequestId::parse("gala").expect("valid")
}

fn by() -> Caller {
    Caller {
        user: user("añn"),
        role: PlatformRole::Organizer,
    }
}

fn window() -> Window {
    Window {
        from: Timestamp(1_900_000_000_000),
        to: Timestamp(1_900_000_000_000 + 3_600_000),
    }
}

fn wrong(field: &str) -> Vec<FieldError> {
    vec![FieldError {
        field: field.into(),
        problem: "is wrong".into(),
    }]
}

/// What a kind may be asked and may say, and what any may say when it cannot.
fn survives<M: Hosted>(
    commands: Vec<M::Command>,
    replies: Vec<M::Reply>,
    rejections: Vec<M::Rejection>,
) where
    M::Command: PartialEq,
    M::Reply: PartialEq,
    M::Rejection: PartialEq + Debug,
{
    for command in commands {
        let bytes = encode_command(&command);
        assert_eq!(decode_command(&bytes), Some(command));
    }
    assert_eq!(decode_command::<M::Command>(b"\xc1"), None);
    let unavailable = AskError::Unavailable {
        retry_after: SOON,
        reason: "why".into(),
    };
    let overloaded = AskError::Overloaded { retry_after: SOON };
    let failures = [unavailable, overloaded, AskError::OutcomeUnknown];
    let refused = rejections.into_iter().map(AskError::Rejected);
    let failed = refused.chain(failures).map(Err);
    for answer in replies.into_iter().map(Ok).chain(failed) {
        let bytes = encode_answer::<M>(answer.clone());
        assert_eq!(decode_answer::<M>(&bytes), answer);
    }
    let unreadable = decode_answer::<M>(b"\xc1");
    assert_eq!(unreadable, Err(AskError::OutcomeUnknown));
}

fn send() -> RoomCommand {
    RoomCommand::Send {
        by: user("ann"),
        id: MessageId::parse("m1").expect("valid"),
        content: Content {
            kind: MessageKind::Text,
            text: "hej".into(),
            metadata: None,
        },
        reply_to: Some(Sequence(4)),
    }
}

fn sent() -> RoomReply {
    RoomReply::Sent(Sent {
        id: MessageId::parse("m1").expect("valid"),
        sequence: Sequence(9),
        sent_at: Timestamp(5),
    })
}

#[test]
fn those_of_rooms() {
    let invalid = RoomRejection::Invalid {
        field: "text",
        problem: "is empty".into(),
    };
    let forbidden = RoomRejection::Forbidden("no");
    survives::<Room>(vec![send()], vec![sent()], vec![forbidden, invalid]);
}

#[test]
fn those_of_rooms_in_the_same_bytes_as_ever() {
    let view = RoomCommand::View { by: user("ann") };
    assert_eq!(&encode_command(&view)[..], b"\x81\xa4View\x81\xa2by\xa3ann");
    let of_send =
        b"\x81\xa4Send\x84\xa2by\xa3ann\xa2id\xa2m1\xa7content\x83\xa4kind\xa4Text\xa4text\xa3hej\
        \xa8metadata\xc0\xa8reply_to\x04";
    assert_eq!(&encode_command(&send())[..], of_send);
    let bytes = |answer| encode_answer::<Room>(answer).to_vec();
    let of_sent = b"\x81\xa5Reply\x81\xa4Sent\x83\xa2id\xa2m1\xa8sequence\x09\xa7sent_at\x05";
    assert_eq!(bytes(Ok(sent())), of_sent);
    let refused = AskError::Rejected(RoomRejection::Forbidden("no"));
    assert_eq!(
        bytes(Err(refused)),
        b"\x81\xa8Rejected\x81\xa9Forbidden\xa2no"
    );
    let retry_after = SOON;
    let overloaded = AskError::Overloaded { retry_after };
    assert_eq!(bytes(Err(overloaded)), b"\x81\xaaOverloaded\x07");
    assert_eq!(bytes(Err(AskError::OutcomeUnknown)), b"\xa7Unknown");
}

#[test]
fn those_of_inboxes() {
    let notice = Notice {
        kind: NoticeKind::TopMatch,
        priority: Priority::High,
        data: BTreeMap::from([("requestId".into(), "gala".into())]),
    };
    let settings = SettingsPatch {
        language: Some("es-DO".into()),
        quiet_hours: Some(QuietPatch::Off),
        ..SettingsPatch::default()
    };
    let commands = vec![
        InboxCommand::Add {
            from: EntityId::request(&request()),
            number: u64::MAX,
            notice: notice.clone(),
        },
        InboxCommand::Post {
            by: by(),
            notice,
            key: Some(7),
        },
        InboxCommand::UnreadCount,
        InboxCommand::SetSettings { settings },
    ];
    let replies = vec![
        InboxReply::Done {
            sequence: Sequence(3),
            unread: 2,
        },
        InboxReply::Settings {
            settings: InboxSettings::unsettled(&InboxLimits::default()),
            sequence: Sequence(3),
        },
    ];
    let rejections = vec![
        InboxRejection::NotificationNotFound(Sequence(3)),
        InboxRejection::Invalid(wrong("language")),
    ];
    survives::<Inbox>(commands, replies, rejections);
}

#[test]
fn those_of_requests() {
    let candidate = Candidate {
        user: user("cid"),
        score: 0.1 + 0.2,
        distance_km: 1.0 / 3.0,
        cost: Some(Cents(30_000)),
        breakdown: Breakdown {
            location: 2.0 / 3.0,
            ..Breakdown::default()
        },
    };
    let found = Found {
        candidates: Vec::new(),
        reasons: vec![NoMatch::Place, NoMatch::Budget],
        alternatives: vec![candidate],
    };
    let booked = SlotRefusal::Booked {
        request: request(),
        window: window(),
    };
    let commands = vec![
        RequestCommand::Change {
            by: by(),
            key: None,
            change: Change::Apply {
                rate: Cents(1),
                words: "Me!".into(),
            },
        },
        RequestCommand::CandidatesFound {
            number: 1_024,
            found: Box::new(found),
        },
        RequestCommand::SlotAnswered {
            musician: user("cid"),
            number: 2_048,
            answer: Err(booked),
        },
        RequestCommand::SlotAnswered {
            musician: user("cid"),
            number: 2_048,
            answer: Ok(()),
        },
        RequestCommand::Wake,
    ];
    let done = Done {
        sequence: Sequence(4),
        state: RequestState::InReview,
        standing: None,
    };
    let replies = vec![
        RequestReply::Done(done),
        RequestReply::Wants(SlotFate::Held),
    ];
    let rejections = vec![
        RequestRejection::NotFound,
        RequestRejection::Forbidden(Trigger::Approve),
        RequestRejection::Invalid(wrong("budget.max")),
    ];
    survives::<Request>(commands, replies, rejections);
}

#[test]
fn those_of_users() {
    let commands = vec![
        UserCommand::View { by: by() },
        UserCommand::Block {
            by: by(),
            key: Some(9),
            busy: BusyInput {
                window: window(),
                note: "dentist".into(),
            },
        },
        UserCommand::Reserve {
            request: request(),
            number: 1,
            window: window(),
            hold_ms: 30_000,
            demand: Some(Box::new(Demand {
                instrument: Term::parse("piano").expect("a term"),
                place: Place {
                    lat: 40.4,
                    lng: -3.7,
                    address: String::new(),
                },
                reach_km: 200,
            })),
        },
    ];
    let replies = vec![
        UserReply::Done {
            sequence: Sequence(1),
        },
        UserReply::Slot(Ok(())),
        UserReply::Slot(Err(SlotRefusal::Busy { window: window() })),
    ];
    let rejections = vec![
        UserRejection::Invalid(wrong("instruments[2].years")),
        UserRejection::VersionConflict {
            expected: Sequence(1),
            version: Sequence(2),
        },
    ];
    survives::<User>(commands, replies, rejections);
}
