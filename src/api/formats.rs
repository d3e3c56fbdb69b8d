//! The formats that texts of the document may have: what each is called, how it is read, and its pattern.

use actors::ids::{EntityId, EntityKind, IdError, MessageId, RequestId, RoomId, UserId};
use actors::machines::terms::Term;
use actors::machines::zone::Day;

use super::cursor;
use crate::rfc3339::Rfc3339;

/// A moment.
pub const DATE_TIME: &str = "date-time";
/// An id of a user.
pub const USER_ID: &str = "user-id";
/// An id of a room.
pub const ROOM_ID: &str = "room-id";
/// An id of a room that a client chose.
pub const CHOSEN_ROOM_ID: &str = "chosen-room-id";
/// An id of a message.
pub const MESSAGE_ID: &str = "message-id";
/// An id of a matching request.
pub const REQUEST_ID: &str = "request-id";
/// A time on the wall clock.
pub const CLOCK_TIME: &str = "clock-time";
/// A day.
pub const DATE: &str = "date";
/// An id of any kind of entity.
pub const ENTITY_ID: &str = "entity-id";
/// A word of a vocabulary.
pub const TERM: &str = "term";
/// A place in a list.
pub const CURSOR: &str = "cursor";

/// A format that is checked, and the pattern that the document gives for it.
pub struct Format {
    /// Name.
    pub name: &'static str,
    /// A regular expression; empty where the name is known by itself.
    pub pattern: &'static str,
    read: fn(&str) -> Result<(), String>,
}

/// All formats that are checked.
pub const FORMATS: &[Format] = &[
    Format {
        name: DATE_TIME,
        pattern: "",
        read: |text| match Rfc3339::parse(text) {
            Some(_) => Ok(()),
            None => Err("must be a time as in 2026-01-31T20:00:00Z".into()),
        },
    },
    Format {
        name: USER_ID,
        pattern: r"^[^\x00-\x1f\x7f-\x9f]{1,128}$",
        read: |text| id(UserId::parse(text)),
    },
    Format {
        name: ROOM_ID,
        pattern: "^[A-Za-z0-9._:@~-]{1,128}$",
        read: |text| id(RoomId::parse(text)),
    },
    Format {
        name: CHOSEN_ROOM_ID,
        pattern: "^(?!direct-|request-)[A-Za-z0-9._:@~-]{1,128}$",
        read: |text| id(RoomId::chosen(text)),
    },
    Format {
        name: MESSAGE_ID,
        pattern: "^[!-~]{1,64}$",
        read: |text| id(MessageId::parse(text)),
    },
    Format {
        name: REQUEST_ID,
        pattern: "^[A-Za-z0-9._-]{1,100}$",
        read: |text| id(RequestId::parse(text)),
    },
    Format {
        name: CLOCK_TIME,
        pattern: "^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        read: |text| match is_clock_time(text) {
            true => Ok(()),
            false => Err("must be a time from 00:00 to 24:00".into()),
        },
    },
    Format {
        name: DATE,
        pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        read: |text| match Day::parse(text) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        },
    },
    Format {
        name: ENTITY_ID,
        pattern: r"^[^\x00]{1,255}$",
        read: |text| id(EntityId::new(EntityKind::Room, text)),
    },
    Format {
        name: TERM,
        pattern: r"^[^\x00-\x1f\x7f-\x9f]*\S[^\x00-\x1f\x7f-\x9f]*$",
        read: |text| match Term::parse(text) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        },
    },
    Format {
        name: CURSOR,
        pattern: "^[A-Za-z0-9_-]{2,512}$",
        read: |text| match cursor::is_one(text) {
            true => Ok(()),
            false => Err("must be what an earlier page gave as `next`".into()),
        },
    },
];

/// Checks a text against a format. One that is not known says nothing about texts.
pub(super) fn check(format: &str, text: &str) -> Result<(), String> {
    match FORMATS.iter().find(|known| known.name == format) {
        Some(known) => (known.read)(text),
        None => Ok(()),
    }
}

/// The pattern of a format.
pub(super) fn pattern(format: &str) -> &'static str {
    let known = FORMATS.iter().find(|known| known.name == format);
    known.map_or("", |known| known.pattern)
}

/// Says of an id what its error says, without the name of the kind, which the field has.
fn id<T>(parsed: Result<T, IdError>) -> Result<(), String> {
    match parsed {
        Ok(_) => Ok(()),
        Err(IdError::Length { max, actual, .. }) => {
            Err(format!("must have 1 to {max} bytes, not {actual}"))
        }
        Err(IdError::Character { character, .. }) => Err(format!("must not contain {character:?}")),
        Err(IdError::Reserved { prefix, .. }) => Err(format!(
            "must not begin with {prefix:?}: such ids are derived"
        )),
    }
}

fn is_clock_time(text: &str) -> bool {
    let Some((hours, minutes)) = text.split_once(':') else {
        return false;
    };
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u8>().ok()).flatten()
    };
    match (number(hours), number(minutes)) {
        (Some(24), Some(0)) => true,
        (Some(hours), Some(minutes)) => hours < 24 && minutes < 60,
        _ => false,
    }
}
