//! Deliveries on the wire: every callback's shape, the same in both encodings, encoded once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actors::delivery::{Block, Delivery, Payload, ResetReason, Shown};
use actors::ids::{EntityId, MessageId, RequestId, RoomId, Sequence, Timestamp, UserId};
use actors::machines::room::view::MessageView;
use actors::machines::room::{
    Content, Location, Media, Message, MessageKind, MessageState, Metadata, ReplySnapshot, Role,
    RoomEvent, RoomKind, RoomView,
};
use mussikon_hub::gateway::callbacks::CALLBACKS;
use mussikon_hub::gateway::deliver::frame;
use protocol::{Decoder, Encoding, HubMessage, Limits};
use serde_json::{Value, json};

const AT: Timestamp = Timestamp(1_709_251_199_007);
const AT_TEXT: &str = "2024-02-29T23:59:59.007Z";

fn room() -> RoomId {
    RoomId::parse("jazz").unwrap()
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn message(kind: MessageKind, text: &str, metadata: Option<Metadata>) -> Message {
    Message {
        number: 3,
        id: MessageId::parse("m-1").unwrap(),
        sender: user("anna"),
        kind,
        content: Some(Content {
            kind,
            text: text.into(),
            metadata,
        }),
        reply_to: None,
        sent_at: AT,
        fingerprint: 0,
    }
}

fn shown(message: Message, state: MessageState) -> Shown {
    let message = Arc::new(message);
    Shown::Message(Arc::new(MessageView { message, state }))
}

fn other(event: RoomEvent) -> Shown {
    Shown::Other(Arc::new(event))
}

fn events(events: Vec<Shown>) -> Payload {
    Payload::Events(Block {
        entity: EntityId::room(&room()),
        first: Sequence(7),
        events,
    })
}

/// The callbacks of a payload, the same in both encodings.
pub fn callbacks(payload: Payload) -> Vec<(String, Value)> {
    let delivery = Delivery::new(payload);
    let [json, packed] = Encoding::ALL.map(|encoding| decode(&delivery, encoding));
    assert_eq!(json, packed);
    json
}

fn decode(delivery: &Delivery, encoding: Encoding) -> Vec<(String, Value)> {
    let (bytes, messages) = frame(delivery, encoding);
    assert_eq!(bytes[0], if encoding.is_binary() { 0x82 } else { 0x81 });
    let (length, header) = match bytes[1] {
        126 => (u16::from_be_bytes([bytes[2], bytes[3]]).into(), 4),
        short => (usize::from(short), 2),
    };
    assert_eq!(bytes.len(), header + length, "one whole frame");
    let mut decoder = Decoder::new(encoding, Limits::default());
    decoder.push(bytes.slice(header..));
    let mut seen = Vec::new();
    while let Some(message) = decoder.next().unwrap() {
        let HubMessage::Invocation {
            invocation_id: None,
            call,
        } = message
        else {
            panic!("{message:?}");
        };
        assert_eq!(call.arguments.len(), 1);
        let argument = call.arguments[0].decode().unwrap();
        seen.push((call.target.to_string(), argument));
    }
    assert_eq!(seen.len(), messages as usize);
    let again = frame(delivery, encoding).0;
    assert_eq!(again.as_ptr(), bytes.as_ptr(), "encoded once");
    seen
}

fn one(payload: Payload) -> (String, Value) {
    let mut all = callbacks(payload);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn a_message_is_shown_in_its_latest_state() {
    let plain = one(events(vec![shown(
        message(MessageKind::Text, "hé", None),
        MessageState::default(),
    )]));
    let expected = json!({
        "roomId": "jazz", "sequence": 7, "number": 3, "id": "m-1", "senderId": "anna",
        "kind": "text", "text": "hé", "sentAt": AT_TEXT,
    });
    assert_eq!(plain, ("ReceiveMessage".into(), expected));

    let media = Media {
        file_url: "/f/1".into(),
        file_name: None,
        file_size: Some(12),
        mime_type: Some("image/png".into()),
        duration: None,
    };
    let mut rich = message(MessageKind::Image, "before", Some(Metadata::Media(media)));
    rich.reply_to = Some(ReplySnapshot {
        sequence: Sequence(2),
        id: MessageId::parse("m-0").unwrap(),
        sender: user("ben"),
        kind: MessageKind::Text,
        text: None,
    });
    let users = BTreeSet::from([user("ben"), user("cleo")]);
    let state = MessageState {
        text: Some("after".into()),
        edited_at: Some(AT),
        reactions: BTreeMap::from([("🎷".to_owned(), users)]),
        ..MessageState::default()
    };
    let (_, value) = one(events(vec![shown(rich.clone(), state.clone())]));
    assert_eq!(value["text"], "after");
    assert_eq!(
        (&value["edited"], &value["editedAt"]),
        (&json!(true), &json!(AT_TEXT))
    );
    let metadata = json!({"fileUrl": "/f/1", "fileSize": 12, "mimeType": "image/png"});
    assert_eq!(value["metadata"], metadata);
    let reply = json!({"sequence": 2, "id": "m-0", "senderId": "ben", "kind": "text"});
    assert_eq!(value["replyTo"], reply);
    assert_eq!(value["reactions"], json!({"🎷": ["ben", "cleo"]}));

    let deleted = MessageState {
        deleted: Some((user("anna"), AT)),
        ..state
    };
    let (_, value) = one(events(vec![shown(rich, deleted)]));
    assert_eq!(value["deleted"], true);
    for gone in ["text", "metadata", "edited", "editedAt"] {
        assert_eq!(value.get(gone), None, "{gone}");
    }

    let place = Metadata::Location(Location {
        lat: 52.5,
        lng: 13.25,
        address: Some("Stage door".into()),
    });
    let there = message(MessageKind::Location, "", Some(place));
    let (_, value) = one(events(vec![other(RoomEvent::MessageSent(Arc::new(there)))]));
    let metadata = json!({"lat": 52.5, "lng": 13.25, "address": "Stage door"});
    assert_eq!(value["metadata"], metadata);
}

/// One payload for each callback, with every optional member present.
fn all_payloads() -> Vec<Payload> {
    let by = user("anna");
    let media = Media {
        file_url: "/f".into(),
        ..Media::default()
    };
    let mut sent = message(MessageKind::File, "x", Some(Metadata::Media(media)));
    sent.reply_to = Some(ReplySnapshot {
        sequence: Sequence(2),
        id: MessageId::parse("m-0").unwrap(),
        sender: user("ben"),
        kind: MessageKind::Text,
        text: Some("y".into()),
    });
    let state = MessageState {
        text: Some("z".into()),
        edited_at: Some(AT),
        reactions: BTreeMap::from([("👍".to_owned(), BTreeSet::from([user("ben")]))]),
        ..MessageState::default()
    };
    let target = Sequence(3);
    let block = vec![
        shown(sent.clone(), state),
        shown(
            sent,
            MessageState {
                deleted: Some((by.clone(), AT)),
                ..MessageState::default()
            },
        ),
        other(RoomEvent::MessageEdited {
            target,
            text: Some("t".into()),
            by: by.clone(),
            at: AT,
        }),
        other(RoomEvent::MessageDeleted {
            target,
            by: by.clone(),
            at: AT,
        }),
        other(RoomEvent::ReactionAdded {
            target,
            emoji: "👍".into(),
            by: by.clone(),
            at: AT,
        }),
        other(RoomEvent::MemberAdded {
            user: user("ben"),
            role: Role::Moderator,
            by: by.clone(),
            at: AT,
        }),
        other(RoomEvent::Created {
            kind: RoomKind::Group,
            name: Some("n".into()),
            by: by.clone(),
            at: AT,
        }),
    ];
    let view = RoomView {
        room: room(),
        kind: RoomKind::Direct,
        name: None,
        head: Sequence(9),
        message_count: 4,
        member_count: 2,
        my_role: Some(Role::Member),
        created_by: by.clone(),
        created_at: AT,
        peer: Some(user("ben")),
        last_message: Sequence(8),
    };
    vec![
        events(block),
        Payload::Read {
            room: room(),
            user: by.clone(),
            up_to: Sequence(5),
        },
        Payload::Typing {
            room: room(),
            user: by.clone(),
            typing: true,
        },
        Payload::Presence {
            room: room(),
            user: Some((by, true)),
            count: 2,
            at: AT,
        },
        Payload::RoomAdded(Box::new(view)),
        Payload::Reset {
            entity: EntityId::room(&room()),
            from: Sequence(4),
            reason: ResetReason::Trimmed,
        },
    ]
}

#[test]
fn every_callback_has_the_members_that_the_reference_says() {
    let seen: Vec<_> = all_payloads().into_iter().flat_map(callbacks).collect();
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
}

/// Names of the outermost members of a shape.
pub fn documented(shape: &str) -> BTreeSet<String> {
    let mut depth = 0;
    let mut top = String::new();
    for character in shape.chars() {
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ if depth == 1 => top.push(character),
            _ => {}
        }
    }
    let names = top.split(',').filter_map(|part| part.split(':').next());
    let names = names.map(|name| name.trim().trim_end_matches('?').to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn changes_and_signs_of_life_have_their_words() {
    let by = user("anna");
    let changes = events(vec![
        other(RoomEvent::Created {
            kind: RoomKind::Public,
            name: None,
            by: by.clone(),
            at: AT,
        }),
        other(RoomEvent::Renamed {
            name: "Late".into(),
            by: by.clone(),
            at: AT,
        }),
        other(RoomEvent::MemberRemoved {
            user: user("ben"),
            by: by.clone(),
            at: AT,
        }),
        other(RoomEvent::RoleChanged {
            user: user("ben"),
            role: Role::Owner,
            by: by.clone(),
            at: AT,
        }),
        other(RoomEvent::ReactionRemoved {
            target: Sequence(2),
            emoji: "👍".into(),
            by,
            at: AT,
        }),
    ]);
    let seen = callbacks(changes);
    let expected = [
        (
            "RoomChanged",
            json!({"roomId": "jazz", "sequence": 7, "change": "created", "kind": "public", "by": "anna", "at": AT_TEXT}),
        ),
        (
            "RoomChanged",
            json!({"roomId": "jazz", "sequence": 8, "change": "renamed", "name": "Late", "by": "anna", "at": AT_TEXT}),
        ),
        (
            "MemberChanged",
            json!({"roomId": "jazz", "sequence": 9, "userId": "ben", "change": "removed", "by": "anna", "at": AT_TEXT}),
        ),
        (
            "MemberChanged",
            json!({"roomId": "jazz", "sequence": 10, "userId": "ben", "change": "role", "role": "owner", "by": "anna", "at": AT_TEXT}),
        ),
        (
            "ReactionChanged",
            json!({"roomId": "jazz", "sequence": 11, "target": 2, "emoji": "👍", "userId": "anna", "added": false, "at": AT_TEXT}),
        ),
    ];
    assert_eq!(seen, expected.map(|(name, value)| (name.to_owned(), value)));

    let count = Payload::Presence {
        room: room(),
        user: None,
        count: 900,
        at: AT,
    };
    let expected = json!({"roomId": "jazz", "count": 900, "at": AT_TEXT});
    assert_eq!(one(count), ("PresenceChanged".into(), expected));
    let reset = |entity| Payload::Reset {
        entity,
        from: Sequence(4),
        reason: ResetReason::BeyondHead,
    };
    let request = RequestId::parse("gig").unwrap();
    for (entity, named) in [
        (EntityId::room(&room()), Some(("roomId", "jazz"))),
        (EntityId::request(&request), Some(("requestId", "gig"))),
        // Whoever listens to an inbox has only that.
        (EntityId::inbox(&user("ada")), None),
    ] {
        let mut expected = json!({"from": 4, "reason": "beyond_head"});
        if let Some((name, id)) = named {
            expected[name] = id.into();
        }
        assert_eq!(one(reset(entity)), ("StreamReset".into(), expected));
    }
}
