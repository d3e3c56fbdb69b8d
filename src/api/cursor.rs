//! Places in lists as clients hold them: opaque texts, each good for the one kind of list that gave it.

use actors::hub::OpenAt;
use actors::ids::{RequestId, RoomId, Sequence};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{HubError, field_error};

/// Longest cursor that is looked at.
const MOST_CHARS: usize = 512;

/// A page of a list. Each list has a type of its own: the document shows no generic ones.
macro_rules! page {
    ($(#[$doc:meta])* $name:ident of $item:ty) => {
        $(#[$doc])*
        #[derive(serde::Serialize, utoipa::ToSchema)]
        pub struct $name<'a> {
            /// What is on the page.
            pub items: Vec<$item>,
            /// Give this as `cursor` for the next page; absent at the end.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(value_type = $crate::api::words::Cursor, required = false)]
            pub next: Option<String>,
        }
    };
}

pub(super) use page;

/// The kinds of lists. The number is part of cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum List {
    /// The rooms of a user, by id.
    Rooms = 1,
    /// Messages before a sequence.
    MessagesBefore = 2,
    /// Messages after a sequence.
    MessagesAfter = 3,
    /// Requests of a user, by id.
    Requests = 4,
    /// Requests that wait for a moderator, by id.
    PendingRequests = 5,
    /// The audit of a request.
    Audit = 6,
    /// Notifications before a sequence.
    Inbox = 7,
    /// Open requests, by distance.
    OpenRequests = 8,
}

/// Makes the cursor of a place.
pub fn write(list: List, place: impl Place) -> String {
    let mut bytes = vec![list as u8];
    place.write(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor of one kind of list; `None` for anything else.
pub fn read<P: Place>(list: List, text: &str) -> Option<P> {
    let bytes = decoded(text)?;
    let (kind, place) = bytes.split_first()?;
    (*kind == list as u8).then(|| P::read(place)).flatten()
}

/// A cursor that another list gave.
pub fn foreign() -> HubError {
    HubError::invalid(vec![field_error("cursor", "is not from this list")])
}

/// Whether a text has the form of a cursor.
pub(super) fn is_one(text: &str) -> bool {
    decoded(text).is_some_and(|bytes| !bytes.is_empty())
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let bytes = (text.len() <= MOST_CHARS).then(|| URL_SAFE_NO_PAD.decode(text));
    bytes?.ok()
}

/// What a list is ordered by.
pub trait Place: Sized {
    /// Appends it.
    fn write(&self, bytes: &mut Vec<u8>);
    /// Reads it.
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Place for Sequence {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.0.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Sequence(u64::from_be_bytes(bytes.try_into().ok()?)))
    }
}

impl Place for OpenAt {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.km.to_bits().to_be_bytes());
        self.request.write(bytes);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (km, request) = bytes.split_first_chunk()?;
        let km = f64::from_bits(u64::from_be_bytes(*km));
        // Of anything else the bits are in another order than the numbers.
        let distance = km.is_sign_positive() && km.is_finite();
        let request = RequestId::read(request)?;
        distance.then_some(Self { km, request })
    }
}

macro_rules! places_of_ids {
    ($($id:ident),*) => {$(
        impl Place for $id {
            fn write(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(self.as_str().as_bytes());
            }

            fn read(bytes: &[u8]) -> Option<Self> {
                $id::parse(std::str::from_utf8(bytes).ok()?).ok()
            }
        }
    )*};
}

places_of_ids!(RoomId, RequestId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_kind_of_list_only() {
        let room = RoomId::parse("lobby").expect("an id");
        let cursor = write(List::Rooms, room.clone());
        assert!(is_one(&cursor));
        assert_eq!(read(List::Rooms, &cursor), Some(room));
        assert_eq!(read::<Sequence>(List::MessagesBefore, &cursor), None);
        let before = write(List::MessagesBefore, Sequence(u64::MAX));
        assert_eq!(
            read(List::MessagesBefore, &before),
            Some(Sequence(u64::MAX))
        );
        assert_eq!(read::<Sequence>(List::MessagesAfter, &before), None);
    }

    #[test]
    fn other_texts_are_no_cursors() {
        let long = "A".repeat(MOST_CHARS + 4);
        for text in ["", "A", "lobby!", "AQ==", &long] {
            assert!(!is_one(text), "{text}");
            assert_eq!(read::<RoomId>(List::Rooms, text), None, "{text}");
        }
        for (km, is_one) in [(0.0, true), (7.25, true), (-0.0, false), (f64::NAN, false)] {
            let request = RequestId::parse("r").expect("an id");
            let cursor = write(List::OpenRequests, OpenAt { km, request });
            let read = read::<OpenAt>(List::OpenRequests, &cursor);
            assert_eq!(read.is_some_and(|at| at.km == km), is_one, "{km}");
        }
        // The right list, but no id and no number.
        assert_eq!(read::<RoomId>(List::Rooms, "AQ"), None);
        assert_eq!(read::<Sequence>(List::MessagesBefore, "Ag"), None);
    }
}
