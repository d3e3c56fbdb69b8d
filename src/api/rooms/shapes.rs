//! What clients read about rooms: the shapes of the hub, and lists of them.

use actors::cluster::cursors::Cursor;
use actors::hub::{HistoryEntry, RoomListing};
use actors::ids::{RoomId, Sequence, UserId};
use actors::machines::room::Sent;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{cursor, words};
use crate::gateway::shapes::ShownMessage;
use crate::rfc3339::Rfc3339;

/// A message as clients see it.
pub fn message<'a>(room: &'a RoomId, entry: &'a HistoryEntry) -> ShownMessage<'a> {
    let view = &entry.view;
    ShownMessage::new(room.as_str(), entry.sequence, &view.message, &view.state)
}

cursor::page! {
    /// A page of rooms.
    Rooms of RoomEntry<'a>
}

/// A page of messages.
#[derive(Serialize, ToSchema)]
pub struct Messages<'a> {
    /// Oldest first.
    pub items: Vec<ShownMessage<'a>>,
    /// Give this as `cursor` for the next page in the same direction; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::Cursor, required = false)]
    pub next: Option<String>,
    /// The room's last sequence when the page was read.
    #[schema(value_type = words::Sequence)]
    pub head: Sequence,
}

/// A room in the caller's list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomEntry<'a> {
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
    /// The caller's role: `member`, `moderator` or `owner`.
    my_role: &'static str,
    #[schema(value_type = words::UserId)]
    created_by: &'a UserId,
    created_at: Rfc3339,
    /// Of a direct room: the other member.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::UserId, required = false)]
    peer: Option<&'a UserId>,
    joined_at: Rfc3339,
    /// The caller's read mark.
    #[schema(value_type = words::Sequence)]
    read_up_to: Sequence,
    /// Messages after it.
    unread: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ShownMessage<'a>, required = false)]
    last_message: Option<ShownMessage<'a>>,
}

impl<'a> RoomEntry<'a> {
    /// The wire form of a listing.
    pub fn new(listing: &'a RoomListing) -> Self {
        let card = &listing.card;
        let last = listing.last_message.as_ref();
        Self {
            room_id: listing.room.as_str(),
            kind: card.kind.as_str(),
            name: card.name.as_deref(),
            head: listing.head,
            message_count: listing.message_count,
            member_count: card.member_count,
            my_role: listing.membership.role.as_str(),
            created_by: &card.created_by,
            created_at: Rfc3339(card.created_at),
            peer: listing.peer.as_ref(),
            joined_at: Rfc3339(listing.membership.joined_at),
            read_up_to: listing.read_up_to,
            unread: listing.unread,
            last_message: last.map(|entry| message(&listing.room, entry)),
        }
    }
}

/// A message that was accepted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentMessage<'a> {
    #[schema(value_type = words::MessageId)]
    id: &'a str,
    #[schema(value_type = words::Sequence)]
    sequence: Sequence,
    sent_at: Rfc3339,
}

impl<'a> SentMessage<'a> {
    /// The wire form of an acknowledgement.
    pub fn new(sent: &'a Sent) -> Self {
        Self {
            id: sent.id.as_str(),
            sequence: sent.sequence,
            sent_at: Rfc3339(sent.sent_at),
        }
    }
}

/// Where a read mark stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadMark<'a> {
    #[schema(value_type = words::RoomId)]
    room_id: &'a str,
    #[schema(value_type = words::Sequence)]
    up_to: Sequence,
    /// The number of the last message up to there.
    number: u64,
}

impl<'a> ReadMark<'a> {
    /// The wire form of a cursor.
    pub fn new(room: &'a RoomId, cursor: Cursor) -> Self {
        Self {
            room_id: room.as_str(),
            up_to: cursor.up_to,
            number: cursor.number,
        }
    }
}
