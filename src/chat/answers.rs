//! Results of the chat hub's methods as clients read them.

use actors::cluster::cursors::Cursor;
use actors::hub::{History, HistoryEntry, Joined as JoinedRoom, RoomListing};
use actors::ids::{RoomId, Sequence, UserId};
use actors::machines::room::{MemberView, Sent};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::gateway::shapes::{RoomSummary, ShownMessage};
use crate::rfc3339::Rfc3339;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentAnswer<'a> {
    id: &'a str,
    sequence: Sequence,
    sent_at: Rfc3339,
}

impl<'a> SentAnswer<'a> {
    pub fn new(sent: &'a Sent) -> Self {
        Self {
            id: sent.id.as_str(),
            sequence: sent.sequence,
            sent_at: Rfc3339(sent.sent_at),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Joined<'a> {
    #[serde(flatten)]
    room: RoomSummary<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    present: Option<&'a [UserId]>,
    present_count: usize,
}

impl<'a> Joined<'a> {
    pub fn new(joined: &'a JoinedRoom) -> Self {
        Self {
            room: RoomSummary::new(&joined.view),
            present: joined.present.as_deref(),
            present_count: joined.present_count,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Read<'a> {
    room_id: &'a str,
    up_to: Sequence,
    number: u64,
}

impl<'a> Read<'a> {
    pub fn new(room: &'a RoomId, cursor: Cursor) -> Self {
        Self {
            room_id: room.as_str(),
            up_to: cursor.up_to,
            number: cursor.number,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Done {
    pub sequence: Sequence,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Member<'a> {
    user_id: &'a UserId,
    role: &'static str,
    joined_at: Rfc3339,
    online: bool,
}

impl<'a> Member<'a> {
    pub fn new((member, online): &'a (MemberView, bool)) -> Self {
        Self {
            user_id: &member.user,
            role: member.role.as_str(),
            joined_at: Rfc3339(member.joined_at),
            online: *online,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Page<'a> {
    messages: Messages<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Sequence>,
    head: Sequence,
}

impl<'a> Page<'a> {
    pub fn new(room: &'a RoomId, history: &'a History) -> Self {
        Self {
            messages: Messages(room, &history.messages),
            next: history.next,
            head: history.head,
        }
    }
}

struct Messages<'a>(&'a RoomId, &'a [HistoryEntry]);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.1.len()))?;
        for entry in self.1 {
            list.serialize_element(&message(self.0, entry))?;
        }
        list.end()
    }
}

fn message<'a>(room: &'a RoomId, entry: &'a HistoryEntry) -> ShownMessage<'a> {
    let view = &entry.view;
    ShownMessage::new(room.as_str(), entry.sequence, &view.message, &view.state)
}

pub(super) struct Rooms<'a>(pub &'a [RoomListing]);

impl Serialize for Rooms<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for listing in self.0 {
            list.serialize_element(&Listing::new(listing))?;
        }
        list.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing<'a> {
    room_id: &'a str,
    kind: &'static str,
    name: Option<&'a str>,
    head: Sequence,
    message_count: u64,
    member_count: usize,
    my_role: &'static str,
    created_by: &'a UserId,
    created_at: Rfc3339,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a UserId>,
    joined_at: Rfc3339,
    read_up_to: Sequence,
    unread: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_message: Option<ShownMessage<'a>>,
}

impl<'a> Listing<'a> {
    fn new(listing: &'a RoomListing) -> Self {
        let card = &listing.card;
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
            last_message: listing
                .last_message
                .as_ref()
                .map(|entry| message(&listing.room, entry)),
        }
    }
}
