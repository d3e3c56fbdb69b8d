//! The state of a request as bytes. Its size is bounded by the limits of parts and errands, not by the length of its journal.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Request;
use super::state::{Facts, Keys};
use crate::ids::{EntityId, Sequence};
use crate::machines::DecodeError;
use crate::machines::bricks::{open, seal};
use crate::machines::errand::Outbox;

const VERSION: u8 = 1;

#[derive(Deserialize)]
struct Fields {
    head: Sequence,
    facts: Option<Box<Facts>>,
    keys: Keys,
    outbox: Outbox,
}

/// The same, of what is there.
#[derive(Serialize)]
struct View<'a> {
    head: Sequence,
    facts: &'a Option<Box<Facts>>,
    keys: &'a Keys,
    outbox: &'a Outbox,
}

pub(super) fn encode(request: &Request) -> Bytes {
    let view = View {
        head: request.head,
        facts: &request.facts,
        keys: &request.keys,
        outbox: &request.outbox,
    };
    seal(VERSION, &view)
}

pub(super) fn decode(entity: &EntityId, bytes: &[u8]) -> Result<Request, DecodeError> {
    let fields: Fields = open("a request's snapshot", VERSION, bytes)?;
    let mut request = Request::empty(entity);
    request.head = fields.head;
    request.facts = fields.facts;
    request.keys = fields.keys;
    request.outbox = fields.outbox;
    Ok(request)
}
