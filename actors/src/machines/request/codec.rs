//! The durable form of a request's events.
//!
//! A record's header begins with fixed fields: version (1 byte), what brought it about (1), the state before (1) and after
//! (1), the capacity (1), the time (8, big endian). Who did it, the key and the event without its free texts follow as
//! compact MessagePack. The free texts stand in the body, which may be erased.

use std::mem;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::event::{RequestEntry, RequestEvent};
use super::input::Texts;
use super::{Actor, RequestState, Trigger};
use crate::ids::{Timestamp, UserId};
use crate::journal::Record;
use crate::machines::DecodeError;
use crate::machines::bricks::{failed, read, write};

/// Version of records that is written; there is no other one yet.
pub const RECORD_VERSION: u8 = 1;

/// Bytes of the fixed fields.
const PEEKED: usize = 5 + 8;
const HEADER: &str = "a request record's header";
const BODY: &str = "a request record's body";

/// What any record tells without being decoded: enough to say that a request has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peek {
    /// What brought it about.
    pub trigger: Trigger,
    /// The state before.
    pub from: RequestState,
    /// The state after.
    pub to: RequestState,
    /// In which capacity it was done.
    pub role: Actor,
    /// When.
    pub at: Timestamp,
}

/// The fixed fields of a header; `None` if this is no header that this version knows.
pub fn peek(header: &[u8]) -> Option<Peek> {
    let [version, trigger, from, to, role, at @ ..]: &[u8; PEEKED] = header.first_chunk()?;
    (*version == RECORD_VERSION).then_some(())?;
    Some(Peek {
        trigger: Trigger::of_code(*trigger)?,
        from: RequestState::of_code(*from)?,
        to: RequestState::of_code(*to)?,
        role: Actor::of_code(*role)?,
        at: Timestamp(u64::from_be_bytes(*at)),
    })
}

/// The free texts of an event.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Body {
    Brief(Texts),
    Text(String),
}

/// The byte form of an entry.
pub(super) fn encode(entry: &RequestEntry) -> Record {
    let mut event = entry.event.clone();
    let text = take_text(&mut event);
    let mut out = Vec::with_capacity(256);
    out.push(RECORD_VERSION);
    out.push(entry.event.trigger().code());
    out.push(entry.from.code());
    out.push(entry.to.code());
    out.push(entry.role.code());
    out.extend_from_slice(&entry.at.0.to_be_bytes());
    write(&mut out, &(&entry.by, entry.key, &event));
    let header_len = out.len();
    if let Some(text) = &text {
        write(&mut out, text);
    }
    // Header and body share one allocation.
    let bytes = Bytes::from(out);
    let body = text.map(|_| bytes.slice(header_len..));
    Record::new(bytes.slice(..header_len), body)
}

/// Reads an entry; a body that was erased leaves its texts empty.
pub fn decode(record: &Record) -> Result<RequestEntry, DecodeError> {
    let peeked = peek(&record.header).ok_or_else(|| {
        failed(
            HEADER,
            "its version or a word is unknown, or it is too short",
        )
    })?;
    let (by, key, mut event): (Option<UserId>, Option<u64>, RequestEvent) =
        read(HEADER, &record.header[PEEKED..])?;
    if event.trigger() != peeked.trigger {
        return Err(failed(HEADER, "it contradicts itself"));
    }
    let body = record.body.as_deref().map(|body| read(BODY, body));
    if let Some(text) = body.transpose()? {
        put_text(&mut event, text)?;
    }
    Ok(RequestEntry {
        event,
        from: peeked.from,
        to: peeked.to,
        at: peeked.at,
        by,
        role: peeked.role,
        key,
    })
}

/// Where an event's free text is.
enum Place<'a> {
    Brief(&'a mut Texts),
    Text(&'a mut String),
    Perhaps(&'a mut Option<String>),
}

fn place_of(event: &mut RequestEvent) -> Option<Place<'_>> {
    Some(match event {
        RequestEvent::Created { brief } | RequestEvent::Edited { brief } => {
            Place::Brief(&mut brief.texts)
        }
        RequestEvent::Applied { words: text, .. }
        | RequestEvent::Refused { reason: text }
        | RequestEvent::ApplicationRejected { reason: text, .. }
        | RequestEvent::DroppedOut { reason: text, .. }
        | RequestEvent::Cancelled { reason: text }
        | RequestEvent::Disputed { reason: text }
        | RequestEvent::Resolved { details: text } => Place::Text(text),
        RequestEvent::Declined { reason }
        | RequestEvent::Withdrawn { reason }
        | RequestEvent::LetGo { reason, .. } => Place::Perhaps(reason),
        _ => return None,
    })
}

fn take_text(event: &mut RequestEvent) -> Option<Body> {
    match place_of(event)? {
        Place::Brief(texts) => Some(Body::Brief(mem::take(texts))),
        Place::Text(text) => Some(Body::Text(mem::take(text))),
        Place::Perhaps(text) => text.take().map(Body::Text),
    }
}

fn put_text(event: &mut RequestEvent, body: Body) -> Result<(), DecodeError> {
    match (place_of(event), body) {
        (Some(Place::Brief(place)), Body::Brief(texts)) => *place = texts,
        (Some(Place::Text(place)), Body::Text(text)) => *place = text,
        (Some(Place::Perhaps(place)), Body::Text(text)) => *place = Some(text),
        _ => return Err(failed(BODY, "it is that of another event")),
    }
    Ok(())
}
