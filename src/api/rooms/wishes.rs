//! What clients write about rooms, and the commands that it becomes.

use actors::hub::HistoryPage;
use actors::ids::{MessageId, RoomId, Sequence, UserId};
use actors::machines::room::{
    Content, Location, Media, MessageKind, Metadata, RoomCommand, RoomKind,
};
use actors::machines::terms::FieldError;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::cursor::{self, List};
use crate::api::idempotency::Key;
use crate::api::words;
use crate::error::{HubError, field_error};

/// Messages on a page if the client does not say.
pub const MESSAGES: usize = 50;

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RoomsQuery {
    /// `next` of the page before.
    #[param(value_type = words::Cursor, required = false)]
    pub cursor: Option<String>,
    /// Most rooms on the page.
    #[param(minimum = 1, maximum = 100, nullable = false)]
    pub limit: Option<usize>,
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MessagesQuery {
    /// Messages before this sequence. One of `before`, `after` and `cursor` at most.
    #[param(value_type = words::Sequence, required = false)]
    pub before: Option<u64>,
    /// Messages after this sequence.
    #[param(value_type = words::Sequence, required = false)]
    pub after: Option<u64>,
    /// `next` of the page before.
    #[param(value_type = words::Cursor, required = false)]
    pub cursor: Option<String>,
    /// Most messages on the page.
    #[param(minimum = 1, maximum = 100, default = 50, nullable = false)]
    pub limit: Option<usize>,
}

impl MessagesQuery {
    pub fn page(&self) -> Result<HistoryPage, HubError> {
        match (self.before, self.after, &self.cursor) {
            (before, None, None) => Ok(HistoryPage::Before(before.map(Sequence))),
            (None, Some(after), None) => Ok(HistoryPage::After(Sequence(after))),
            (None, None, Some(text)) => {
                let before = cursor::read(List::MessagesBefore, text);
                let after = cursor::read(List::MessagesAfter, text);
                match (before, after) {
                    (Some(before), _) => Ok(HistoryPage::Before(Some(before))),
                    (None, Some(after)) => Ok(HistoryPage::After(after)),
                    (None, None) => Err(cursor::foreign()),
                }
            }
            _ => Err(invalid("", "before, after and cursor exclude each other")),
        }
    }
}

/// A room to be created.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRoom {
    /// Its id; made up if left out. Not for direct rooms.
    #[schema(value_type = Option<words::ChosenRoomId>)]
    room_id: Option<String>,
    kind: NewRoomKind,
    /// Its name. Not for direct rooms.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Further members besides the caller; for a direct room exactly the other one.
    #[schema(max_items = 999, value_type = Option<Vec<words::UserId>>)]
    members: Option<Vec<String>>,
}

/// The sorts of room: of two fixed members, by invitation, or open to everybody.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum NewRoomKind {
    Direct,
    Group,
    Public,
}

impl NewRoom {
    /// The room to be created and the command that does it.
    pub fn command(self, by: &UserId, key: &Key) -> Result<(RoomId, RoomCommand), HubError> {
        let mut problems = Vec::new();
        let mut members = Vec::new();
        for (at, member) in self.members.iter().flatten().enumerate() {
            match UserId::parse(member) {
                Ok(member) => members.push(member),
                Err(error) => problems.push(field_error(
                    format!("members[{at}]"),
                    format!("is not valid: {error}"),
                )),
            }
        }
        let (kind, room) = match self.kind {
            NewRoomKind::Direct => (RoomKind::Direct, self.direct(by, &members)),
            NewRoomKind::Group => (RoomKind::Group, self.chosen(key)),
            NewRoomKind::Public => (RoomKind::Public, self.chosen(key)),
        };
        match room {
            Ok(room) if problems.is_empty() => {
                let command = RoomCommand::Create {
                    by: by.clone(),
                    kind,
                    name: self.name,
                    members,
                };
                Ok((room, command))
            }
            Ok(_) => Err(HubError::invalid(problems)),
            Err(problem) => {
                problems.push(problem);
                Err(HubError::invalid(problems))
            }
        }
    }

    fn direct(&self, by: &UserId, members: &[UserId]) -> Result<RoomId, FieldError> {
        if self.room_id.is_some() {
            let problem = "must be left out: the id of a direct room is derived";
            return Err(field_error("roomId", problem));
        }
        match members {
            [other] => Ok(RoomId::direct(by, other)),
            _ => Err(field_error(
                "members",
                "must have exactly the one other member of a direct room",
            )),
        }
    }

    fn chosen(&self, key: &Key) -> Result<RoomId, FieldError> {
        let id = self.room_id.clone().or_else(|| key.id_of_request("room"));
        let id = id.unwrap_or_else(|| Uuid::now_v7().to_string());
        let refused = |error| field_error("roomId", format!("is not valid: {error}"));
        RoomId::chosen(&id).map_err(refused)
    }
}

/// A message to be sent.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMessage {
    /// Chosen by the sender; the same again is the same message.
    #[schema(value_type = Option<words::MessageId>)]
    id: Option<String>,
    kind: NewMessageKind,
    /// The text; what a text message consists of, and a caption for others.
    #[schema(max_length = 1000)]
    text: Option<String>,
    metadata: Option<NewMetadata>,
    /// Sequence of the message that this one answers.
    #[schema(value_type = Option<words::Sequence>)]
    reply_to: Option<u64>,
}

/// The kinds of message.
#[derive(Deserialize, ToSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum NewMessageKind {
    Text,
    Image,
    Audio,
    File,
    Location,
}

impl From<NewMessageKind> for MessageKind {
    fn from(kind: NewMessageKind) -> Self {
        match kind {
            NewMessageKind::Text => MessageKind::Text,
            NewMessageKind::Image => MessageKind::Image,
            NewMessageKind::Audio => MessageKind::Audio,
            NewMessageKind::File => MessageKind::File,
            NewMessageKind::Location => MessageKind::Location,
        }
    }
}

/// What a message that is no plain text carries: `fileUrl` and what is known of the file, or `lat`, `lng` and `address` of a
/// location.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewMetadata {
    #[schema(min_length = 1, max_length = 2048)]
    file_url: Option<String>,
    #[schema(max_length = 2048)]
    file_name: Option<String>,
    /// In bytes.
    #[schema(minimum = 0, maximum = 10485760)]
    file_size: Option<u64>,
    #[schema(max_length = 2048)]
    mime_type: Option<String>,
    /// In seconds.
    #[schema(minimum = 0)]
    duration: Option<f64>,
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    lat: Option<f64>,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    lng: Option<f64>,
    #[schema(max_length = 2048)]
    address: Option<String>,
}

impl NewMetadata {
    fn typed(self, kind: NewMessageKind) -> Result<Metadata, Vec<FieldError>> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, text: &str| {
            problems.push(field_error(format!("metadata.{field}"), text));
        };
        let is_location = kind == NewMessageKind::Location;
        for (field, given, of_location) in [
            ("fileUrl", self.file_url.is_some(), false),
            ("fileName", self.file_name.is_some(), false),
            ("fileSize", self.file_size.is_some(), false),
            ("mimeType", self.mime_type.is_some(), false),
            ("duration", self.duration.is_some(), false),
            ("lat", self.lat.is_some(), true),
            ("lng", self.lng.is_some(), true),
            ("address", self.address.is_some(), true),
        ] {
            match (given, of_location == is_location) {
                (true, false) if is_location => problem(field, "does not belong to a location"),
                (true, false) => problem(field, "belongs to a location"),
                (false, true) if matches!(field, "fileUrl" | "lat" | "lng") => {
                    problem(field, "is missing");
                }
                _ => {}
            }
        }
        match (self.file_url, self.lat, self.lng) {
            _ if !problems.is_empty() => Err(problems),
            (Some(file_url), ..) => Ok(Metadata::Media(Media {
                file_url,
                file_name: self.file_name,
                file_size: self.file_size,
                mime_type: self.mime_type,
                duration: self.duration,
            })),
            (None, lat, lng) => Ok(Metadata::Location(Location {
                lat: lat.unwrap_or_default(),
                lng: lng.unwrap_or_default(),
                address: self.address,
            })),
        }
    }
}

impl NewMessage {
    /// The command that sends it.
    pub fn command(self, by: &UserId, key: &Key) -> Result<RoomCommand, HubError> {
        let id = self.id.or_else(|| key.id("message"));
        let id = id.unwrap_or_else(|| Uuid::now_v7().to_string());
        let id = MessageId::parse(&id).map_err(|error| invalid("id", &error.to_string()));
        let metadata = self.metadata.map(|metadata| metadata.typed(self.kind));
        Ok(RoomCommand::Send {
            by: by.clone(),
            id: id?,
            content: Content {
                kind: self.kind.into(),
                text: self.text.unwrap_or_default(),
                metadata: metadata.transpose().map_err(HubError::invalid)?,
            },
            reply_to: self.reply_to.map(Sequence),
        })
    }
}

/// How far a room was read.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Read {
    /// The last sequence that was read.
    #[schema(value_type = words::Sequence)]
    pub up_to: u64,
}

fn invalid(field: &str, problem: &str) -> HubError {
    HubError::invalid(vec![field_error(field, problem)])
}
