//! Small rows for readers that do not want to wake a request: what a user has a part in, and what is open where.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::view::sees_all;
use super::{Mode, RequestState, Standing};
use crate::ids::{RequestId, Sequence, Timestamp, UserId};
use crate::machines::DecodeError;
use crate::machines::bricks::{open, seal};
use crate::machines::matching::cells::cell_of;
use crate::machines::terms::{Caller, Gig, Term};

/// Format of the rows.
const VERSION: u8 = 1;
/// Stands between an instrument and a cell; terms contain no control characters.
const UNIT: u8 = 0x1f;
/// In place of instrument and cell, of those that wait for a moderator.
const PENDING: &[u8] = b"\x1fpending";

/// What lists show of a request: the value of a row of the tables `RequestsOfUser` and `OpenRequests`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestCard {
    /// The request.
    pub id: RequestId,
    /// The state.
    pub state: RequestState,
    /// What the event is called.
    pub title: Option<String>,
    /// What is to be played, where, when and for how much.
    pub gig: Gig,
    /// Who looks for musicians.
    pub organizer: UserId,
    /// How it comes to its musician.
    pub mode: Mode,
    /// Who has it, for the two sides only.
    pub assigned: Option<UserId>,
    /// Until when musicians are looked for.
    pub deadline: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it came to what the card shows.
    pub updated_at: Timestamp,
    /// Sequence of the event that did it.
    pub updated: Sequence,
    /// How the user stands whose row it is; `None` of the organizer's and of open requests.
    pub standing: Option<Standing>,
}

impl RequestCard {
    /// The card in a list for everybody: the place within about a kilometre, but for those who see all of the request.
    pub fn for_everybody(self, caller: &Caller) -> Self {
        if sees_all(&self.organizer, caller) {
            return self;
        }
        let place = self.gig.place.coarse();
        Self {
            gig: Gig { place, ..self.gig },
            ..self
        }
    }

    /// Byte form.
    pub fn encode(&self) -> Bytes {
        seal(VERSION, self)
    }

    /// Reads [`RequestCard::encode`]'s result.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        open("a request card", VERSION, bytes)
    }
}

/// Key of a user's row.
pub fn requests_of_user_key(user: &UserId, request: &RequestId) -> Vec<u8> {
    let mut key = requests_of_user_prefix(user);
    key.extend_from_slice(request.as_str().as_bytes());
    key
}

/// What the keys of all rows of a user begin with, and no others: ids contain no NUL.
pub fn requests_of_user_prefix(user: &UserId) -> Vec<u8> {
    let mut key = user.as_str().as_bytes().to_vec();
    key.push(0);
    key
}

/// Key of an open request.
pub fn open_request_key(gig: &Gig, request: &RequestId) -> Vec<u8> {
    // Every place was looked at when the request came in; what lies nowhere would be found nowhere.
    let cell = cell_of(&gig.place).unwrap_or_default();
    let mut key = open_requests_prefix(&gig.instrument, &cell);
    key.extend_from_slice(request.as_str().as_bytes());
    key
}

/// What the keys of all open requests for an instrument in a cell begin with, and no others.
pub fn open_requests_prefix(instrument: &Term, cell: &str) -> Vec<u8> {
    let mut key = instrument.as_str().as_bytes().to_vec();
    key.push(UNIT);
    key.extend_from_slice(cell.as_bytes());
    key.push(0);
    key
}

/// Key of a request that waits for a moderator.
pub fn pending_request_key(request: &RequestId) -> Vec<u8> {
    let mut key = pending_requests_prefix();
    key.extend_from_slice(request.as_str().as_bytes());
    key
}

/// What the keys of all requests that wait for a moderator begin with, and no others: no instrument is empty.
pub fn pending_requests_prefix() -> Vec<u8> {
    let mut key = PENDING.to_vec();
    key.push(0);
    key
}
