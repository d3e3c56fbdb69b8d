//! What the hub says to people and they to the hub, as far as an evening needs it.

use protocol::{Encoding, Raw};
use serde::{Deserialize, Serialize};

use crate::hub::{self, HubError};

/// Invocation id of a join; no stamp looks so.
pub const JOIN: &str = "join";
/// Invocation id of a page of history.
pub const HISTORY: &str = "history";

/// One room to join.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Join<'a> {
    /// Which.
    pub room_id: &'a str,
    /// What was seen last there; none before the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_sequence: Option<u64>,
}

/// A joined room.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// Which.
    pub room_id: String,
    /// Its newest event.
    pub head: u64,
}

/// The argument of any callback, as far as it is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Happening {
    /// Where.
    pub room_id: Option<String>,
    /// Who.
    pub user_id: Option<String>,
    /// Whether that user types.
    pub is_typing: Option<bool>,
    /// Its place in a journal.
    pub sequence: Option<u64>,
    /// Where a stream goes on that was reset.
    pub from: Option<u64>,
}

/// A page of history.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// Oldest first.
    pub messages: Vec<Told>,
}

/// A message on it.
#[derive(Debug, Deserialize)]
pub struct Told {
    /// Its place.
    pub sequence: u64,
    /// The text with its stamp.
    pub text: Option<String>,
}

#[derive(Serialize)]
struct PageWanted {
    limit: u32,
}

/// Joins many rooms, all or none. Whoever has no room looks for some.
pub fn join(encoding: Encoding, rooms: &[Join<'_>]) -> Result<Vec<u8>, HubError> {
    if rooms.is_empty() {
        return hub::ask(encoding, JOIN, "MyRooms", Vec::new());
    }
    hub::ask(
        encoding,
        JOIN,
        "JoinRooms",
        vec![Raw::encode(encoding, rooms)?],
    )
}

/// Listens to the own inbox.
pub fn subscribe(encoding: Encoding, after: Option<u64>) -> Result<Vec<u8>, HubError> {
    let after = after.map(|after| Raw::encode(encoding, &after));
    hub::ask(
        encoding,
        JOIN,
        "Subscribe",
        after.into_iter().collect::<Result<_, _>>()?,
    )
}

/// Marks everything in the own inbox as read, up to a sequence.
pub fn mark_all_read(
    encoding: Encoding,
    invocation_id: &str,
    up_to: u64,
) -> Result<Vec<u8>, HubError> {
    let up_to = vec![Raw::encode(encoding, &up_to)?];
    hub::ask(encoding, invocation_id, "MarkAllRead", up_to)
}

/// Begins or ends "is typing".
pub fn typing(encoding: Encoding, room: &str, is_typing: bool) -> Result<Vec<u8>, HubError> {
    let arguments = vec![
        Raw::encode(encoding, room)?,
        Raw::encode(encoding, &is_typing)?,
    ];
    hub::tell(encoding, "Typing", arguments)
}

/// Asks for the newest page of history.
pub fn history(encoding: Encoding, room: &str, limit: u32) -> Result<Vec<u8>, HubError> {
    let arguments = vec![
        Raw::encode(encoding, room)?,
        Raw::encode(encoding, &PageWanted { limit })?,
    ];
    hub::ask(encoding, HISTORY, "History", arguments)
}

/// Whether a record is a callback that says nothing which is checked: in big rooms most are.
pub fn is_idle(record: &[u8]) -> bool {
    const HEAD: usize = 64;
    let head = &record[..record.len().min(HEAD)];
    memchr::memmem::find(head, b"PresenceChanged").is_some()
}

/// Whether the hub wants a call once more, later, by the code before the colon.
pub fn is_for_later(error: &str) -> bool {
    let code = error.rsplit_once(": ").map_or(error, |(head, _)| head);
    const LATER: [&str; 4] = [
        "rate_limited",
        "overloaded",
        "unavailable",
        "outcome_unknown",
    ];
    LATER.iter().any(|later| code.contains(later))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_pass_are_told_from_those_that_stay() {
        let text =
            |code: &str| format!("An error occurred. HubException: {code}: the text says: when");
        for code in [
            "rate_limited",
            "overloaded",
            "unavailable",
            "outcome_unknown",
        ] {
            assert!(
                is_for_later(&text(code)) && is_for_later(&format!("{code}: soon")),
                "{code}"
            );
        }
        for code in [
            "invalid_argument",
            "not_a_member",
            "room_not_found",
            "internal",
        ] {
            assert!(!is_for_later(&text(code)), "{code}");
        }
    }

    #[test]
    fn presence_is_known_by_its_first_bytes_and_nothing_else_is() {
        for encoding in Encoding::ALL {
            let record = |target: &str| {
                let mut record = Vec::new();
                let argument = "PresenceChanged".repeat(9);
                protocol::encode_invocation(encoding, target, &argument[..80], &mut record)
                    .unwrap();
                record
            };
            assert!(is_idle(&record("PresenceChanged")));
            let other = typing(encoding, "room", true).unwrap();
            assert!(!is_idle(&other) && !is_idle(&[]));
        }
    }
}
