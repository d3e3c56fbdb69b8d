//! The shapes on the wire of rooms, messages and changes: camelCase, absent rather than null.

use std::collections::{BTreeMap, BTreeSet};

use actors::ids::{EntityId, EntityKind, Sequence, UserId};
use actors::machines::room::{Message, MessageState, Metadata, ReplySnapshot, RoomView};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::api::words;
use crate::rfc3339::Rfc3339;

/// A message as clients see it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Message)]
pub struct ShownMessage<'a> {
    #[schema(value_type = words::RoomId)]
    room_id: &'a str,
    #[schema(value_type = words::Sequence)]
    sequence: Sequence,
    /// The how-manieth message of the room.
    number: u64,
    #[schema(value_type = words::MessageId)]
    id: &'a str,
    #[schema(value_type = words::UserId)]
    sender_id: &'a UserId,
    /// `text`, `image`, `audio`, `file` or `location`.
    kind: &'static str,
    /// In its latest state; absent when deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<ShownMetadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Reply<'a>>,
    sent_at: Rfc3339,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    edited: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_at: Option<Rfc3339>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    deleted: bool,
    /// Users by emoji.
    #[serde(skip_serializing_if = "Reactions::is_empty")]
    #[schema(value_type = BTreeMap<String, Vec<words::UserId>>, required = false)]
    reactions: Reactions<'a>,
}

impl<'a> ShownMessage<'a> {
    /// A journaled message in its latest state.
    pub fn new(
        room_id: &'a str,
        sequence: Sequence,
        message: &'a Message,
        state: &'a MessageState,
    ) -> Self {
        let content = match state.deleted {
            Some(_) => None,
            None => message.content.as_ref(),
        };
        let edited = content.and(state.text.as_deref());
        ShownMessage {
            room_id,
            sequence,
            number: message.number,
            id: message.id.as_str(),
            sender_id: &message.sender,
            kind: message.kind.as_str(),
            text: edited.or(content.map(|content| content.text.as_str())),
            metadata: content
                .and_then(|content| content.metadata.as_ref())
                .map(ShownMetadata::new),
            reply_to: message.reply_to.as_ref().map(Reply::new),
            sent_at: Rfc3339(message.sent_at),
            edited: edited.is_some(),
            edited_at: edited.and(state.edited_at).map(Rfc3339),
            deleted: content.is_none(),
            reactions: Reactions(&state.reactions),
        }
    }
}

/// What a message carries beside its text: a file, or a location.
#[derive(Serialize, ToSchema)]
#[serde(untagged, rename_all_fields = "camelCase")]
#[schema(as = Metadata)]
enum ShownMetadata<'a> {
    Media {
        file_url: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_size: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        duration: Option<f64>,
    },
    Location {
        lat: f64,
        lng: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<&'a str>,
    },
}

impl<'a> ShownMetadata<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        match metadata {
            Metadata::Media(media) => ShownMetadata::Media {
                file_url: &media.file_url,
                file_name: media.file_name.as_deref(),
                file_size: media.file_size,
                mime_type: media.mime_type.as_deref(),
                duration: media.duration,
            },
            Metadata::Location(place) => ShownMetadata::Location {
                lat: place.lat,
                lng: place.lng,
                address: place.address.as_deref(),
            },
        }
    }
}

/// The message that a reply answers, as it was then.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    #[schema(value_type = words::Sequence)]
    sequence: Sequence,
    #[schema(value_type = words::MessageId)]
    id: &'a str,
    #[schema(value_type = words::UserId)]
    sender_id: &'a UserId,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

impl<'a> Reply<'a> {
    fn new(reply: &'a ReplySnapshot) -> Self {
        Reply {
            sequence: reply.sequence,
            id: reply.id.as_str(),
            sender_id: &reply.sender,
            kind: reply.kind.as_str(),
            text: reply.text.as_deref(),
        }
    }
}

struct Reactions<'a>(&'a BTreeMap<String, BTreeSet<UserId>>);

impl Reactions<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Reactions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0)
    }
}

/// A room as one user sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Room)]
pub struct RoomSummary<'a> {
    #[schema(value_type = words::RoomId)]
    room_id: &'a str,
    /// `direct`, `group` or `public`.
    kind: &'static str,
    name: Option<&'a str>,
    /// Last sequence.
    #[schema(value_type = words::Sequence)]
    head: Sequence,
    message_count: u64,
    member_count: usize,
    /// `member`, `moderator` or `owner`; null for the audience of a public room.
    my_role: Option<&'static str>,
    #[schema(value_type = words::UserId)]
    created_by: &'a UserId,
    created_at: Rfc3339,
    /// Of a direct room: the other member.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::UserId, required = false)]
    peer: Option<&'a UserId>,
    /// Sequence of the newest message; 0 when there is none.
    #[schema(value_type = words::Sequence)]
    last_message: Sequence,
}

impl<'a> RoomSummary<'a> {
    /// The wire form of a view.
    pub fn new(room: &'a RoomView) -> Self {
        RoomSummary {
            room_id: room.room.as_str(),
            kind: room.kind.as_str(),
            name: room.name.as_deref(),
            head: room.head,
            message_count: room.message_count,
            member_count: room.member_count,
            my_role: room.my_role.map(|role| role.as_str()),
            created_by: &room.created_by,
            created_at: Rfc3339(room.created_at),
            peer: room.peer.as_ref(),
            last_message: room.last_message,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Added<'a> {
    pub room: RoomSummary<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageEdit<'a> {
    pub room_id: &'a str,
    pub sequence: Sequence,
    pub target: Sequence,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
    pub by: &'a UserId,
    pub edited_at: Rfc3339,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageDeletion<'a> {
    pub room_id: &'a str,
    pub sequence: Sequence,
    pub target: Sequence,
    pub by: &'a UserId,
    pub at: Rfc3339,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReactionChange<'a> {
    pub room_id: &'a str,
    pub sequence: Sequence,
    pub target: Sequence,
    pub emoji: &'a str,
    pub user_id: &'a UserId,
    pub added: bool,
    pub at: Rfc3339,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberChange<'a> {
    pub room_id: &'a str,
    pub sequence: Sequence,
    pub user_id: &'a UserId,
    pub change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    pub by: &'a UserId,
    pub at: Rfc3339,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomChange<'a> {
    pub room_id: &'a str,
    pub sequence: Sequence,
    pub change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    pub by: &'a UserId,
    pub at: Rfc3339,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reset<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
    pub from: Sequence,
    pub reason: &'static str,
}

impl<'a> Reset<'a> {
    /// An inbox needs no name: whoever listens to one has only that.
    pub fn new(entity: &'a EntityId, from: Sequence, reason: &'static str) -> Self {
        let of = |kind| (entity.kind == kind).then(|| entity.id());
        Self {
            room_id: of(EntityKind::Room),
            request_id: of(EntityKind::Request),
            from,
            reason,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Read<'a> {
    pub room_id: &'a str,
    pub user_id: &'a UserId,
    pub up_to: Sequence,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Typing<'a> {
    pub room_id: &'a str,
    pub user_id: &'a UserId,
    pub is_typing: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Presence<'a> {
    pub room_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    pub count: usize,
    pub at: Rfc3339,
}
