//! Arguments of the chat hub's methods as clients write them.

use actors::ids::{MessageId, RoomId, Sequence, UserId};
use actors::machines::room::{
    Content, Location, Media, MessageKind, Metadata, Role, RoomCommand, RoomKind,
};
use serde::Deserialize;
use uuid::Uuid;

use super::arguments::parse_user;
use crate::gateway::app::InvokeError;
use crate::hubs::invalid;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateRoom {
    room_id: Option<String>,
    kind: WireRoomKind,
    name: Option<String>,
    members: Option<Vec<String>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WireRoomKind {
    Direct,
    Group,
    Public,
}

impl CreateRoom {
    /// The room to be created and the command that does it.
    pub fn command(self, by: &UserId) -> Result<(RoomId, RoomCommand), InvokeError> {
        let mut members = Vec::new();
        for (at, member) in self.members.iter().flatten().enumerate() {
            members.push(parse_user(&format!("members[{at}]"), member)?);
        }
        let (kind, room) = match self.kind {
            WireRoomKind::Direct => {
                if self.room_id.is_some() {
                    return Err(invalid("roomId: the id of a direct room is derived"));
                }
                let [other] = &members[..] else {
                    return Err(invalid(
                        "members: a direct room has exactly one other member",
                    ));
                };
                (RoomKind::Direct, RoomId::direct(by, other))
            }
            WireRoomKind::Group => (RoomKind::Group, chosen(self.room_id.as_deref())?),
            WireRoomKind::Public => (RoomKind::Public, chosen(self.room_id.as_deref())?),
        };
        let command = RoomCommand::Create {
            by: by.clone(),
            kind,
            name: self.name,
            members,
        };
        Ok((room, command))
    }
}

fn chosen(id: Option<&str>) -> Result<RoomId, InvokeError> {
    let made = id.is_none().then(|| Uuid::now_v7().to_string());
    let id = id.or(made.as_deref()).unwrap_or_default();
    RoomId::chosen(id).map_err(|error| invalid(format!("roomId: {error}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct JoinRoom {
    pub room_id: String,
    pub after_sequence: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SendMessage {
    id: Option<String>,
    kind: WireMessageKind,
    #[serde(default)]
    text: Option<String>,
    metadata: Option<WireMetadata>,
    reply_to: Option<u64>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WireMessageKind {
    Text,
    Image,
    Audio,
    File,
    Location,
}

impl From<WireMessageKind> for MessageKind {
    fn from(kind: WireMessageKind) -> Self {
        match kind {
            WireMessageKind::Text => MessageKind::Text,
            WireMessageKind::Image => MessageKind::Image,
            WireMessageKind::Audio => MessageKind::Audio,
            WireMessageKind::File => MessageKind::File,
            WireMessageKind::Location => MessageKind::Location,
        }
    }
}

/// All that any kind of metadata may have; which of it the kind asks for is checked when it is turned
/// into the typed form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireMetadata {
    file_url: Option<String>,
    file_name: Option<String>,
    file_size: Option<u64>,
    mime_type: Option<String>,
    duration: Option<f64>,
    lat: Option<f64>,
    lng: Option<f64>,
    address: Option<String>,
}

impl WireMetadata {
    fn typed(self, kind: WireMessageKind) -> Result<Metadata, InvokeError> {
        let missing = |field| invalid(format!("metadata.{field} is missing"));
        if matches!(kind, WireMessageKind::Location) {
            let media = self.file_url.is_some()
                || self.file_name.is_some()
                || self.file_size.is_some()
                || self.mime_type.is_some()
                || self.duration.is_some();
            if media {
                return Err(invalid("metadata: a location has lat, lng and address?"));
            }
            return Ok(Metadata::Location(Location {
                lat: self.lat.ok_or_else(|| missing("lat"))?,
                lng: self.lng.ok_or_else(|| missing("lng"))?,
                address: self.address,
            }));
        }
        if self.lat.is_some() || self.lng.is_some() || self.address.is_some() {
            return Err(invalid(
                "metadata: lat, lng and address belong to a location",
            ));
        }
        Ok(Metadata::Media(Media {
            file_url: self.file_url.ok_or_else(|| missing("fileUrl"))?,
            file_name: self.file_name,
            file_size: self.file_size,
            mime_type: self.mime_type,
            duration: self.duration,
        }))
    }
}

impl SendMessage {
    /// The command; a message without an id gets one, which the result tells.
    pub fn command(self, by: &UserId) -> Result<RoomCommand, InvokeError> {
        let id = match &self.id {
            Some(id) => MessageId::parse(id),
            None => MessageId::parse(&Uuid::now_v7().to_string()),
        };
        let id = id.map_err(|error| invalid(format!("id: {error}")))?;
        let metadata = match self.metadata {
            None => None,
            Some(metadata) => Some(metadata.typed(self.kind)?),
        };
        Ok(RoomCommand::Send {
            by: by.clone(),
            id,
            content: Content {
                kind: self.kind.into(),
                text: self.text.unwrap_or_default(),
                metadata,
            },
            reply_to: self.reply_to.map(Sequence),
        })
    }
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum WireRole {
    Member,
    Moderator,
    Owner,
}

impl From<WireRole> for Role {
    fn from(role: WireRole) -> Self {
        match role {
            WireRole::Member => Role::Member,
            WireRole::Moderator => Role::Moderator,
            WireRole::Owner => Role::Owner,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateRoom {
    pub name: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MembersRequest {
    pub after: Option<String>,
    pub limit: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MyRooms {
    pub after: Option<String>,
    pub limit: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HistoryRequest {
    pub before: Option<u64>,
    pub after: Option<u64>,
    pub limit: Option<u64>,
    pub min_sequence: Option<u64>,
}
