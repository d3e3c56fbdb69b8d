//! The durable form of a room's events and of the latest state of a message.
//!
//! A record's header begins with the fixed fields of [`peek`]; the fields of the event follow as compact
//! MessagePack. Texts, metadata and the quoted text of a reply stand in the body, which may be erased;
//! everything else stands in the header.

use std::sync::Arc;

use bytes::Bytes;

use super::codes::{
    failed, kind_code, kind_of, message_kind_code, message_kind_of, open, read, role_code, role_of,
    seal, write,
};
use super::peek::PEEKED;
pub use super::peek::{Peek, RECORD_VERSION, RecordKind, peek};
use super::{
    Content, Location, Media, Message, MessageState, Metadata, ReplySnapshot, RoomEntry, RoomEvent,
};
use crate::ids::{MessageId, Sequence, Timestamp, UserId};
use crate::journal::Record;
use crate::machines::DecodeError;

const STATE_VERSION: u8 = 1;
const HEADER: &str = "a room record's header";
const BODY: &str = "a room record's body";

/// The byte form of an entry.
pub(super) fn encode(entry: &RoomEntry) -> Record {
    let mut out = Vec::with_capacity(256);
    out.push(RECORD_VERSION);
    out.push(RecordKind::of(&entry.event) as u8);
    out.extend_from_slice(&entry.message_count.to_be_bytes());
    out.extend_from_slice(&entry.last_message.0.to_be_bytes());
    encode_header(&mut out, &entry.event);
    let header_len = out.len();
    let has_body = encode_body(&mut out, &entry.event);
    // Header and body share one allocation.
    let bytes = Bytes::from(out);
    let body = has_body.then(|| bytes.slice(header_len..));
    Record::new(bytes.slice(..header_len), body)
}

fn encode_header(out: &mut Vec<u8>, event: &RoomEvent) {
    match event {
        RoomEvent::Created { kind, name, by, at } => {
            write(out, &(kind_code(*kind), name, by, at));
        }
        RoomEvent::Renamed { name, by, at } => write(out, &(name, by, at)),
        RoomEvent::Arranged { number, by, at } => write(out, &(number, by, at)),
        RoomEvent::MemberAdded { user, role, by, at }
        | RoomEvent::RoleChanged { user, role, by, at } => {
            write(out, &(user, role_code(*role), by, at));
        }
        RoomEvent::MemberRemoved { user, by, at } => write(out, &(user, by, at)),
        RoomEvent::MessageSent(message) => {
            let reply = message.reply_to.as_ref().map(|reply| {
                let kind = message_kind_code(reply.kind);
                (reply.sequence, &reply.id, &reply.sender, kind)
            });
            let kind = message_kind_code(message.kind);
            let (id, sender) = (&message.id, &message.sender);
            let (at, fingerprint) = (message.sent_at, message.fingerprint);
            write(out, &(id, sender, kind, at, fingerprint, reply));
        }
        RoomEvent::MessageEdited { target, by, at, .. }
        | RoomEvent::MessageDeleted { target, by, at } => write(out, &(target, by, at)),
        RoomEvent::ReactionAdded {
            target,
            emoji,
            by,
            at,
        }
        | RoomEvent::ReactionRemoved {
            target,
            emoji,
            by,
            at,
        } => write(out, &(target, emoji, by, at)),
    }
}

/// False if there is none.
fn encode_body(out: &mut Vec<u8>, event: &RoomEvent) -> bool {
    match event {
        RoomEvent::MessageSent(message) => {
            let Some(content) = &message.content else {
                return false;
            };
            let (media, place) = match &content.metadata {
                Some(Metadata::Media(media)) => (Some(media), None),
                Some(Metadata::Location(place)) => (None, Some(place)),
                None => (None, None),
            };
            let quoted = message
                .reply_to
                .as_ref()
                .and_then(|reply| reply.text.as_ref());
            write(out, &(&content.text, media, place, quoted));
            true
        }
        RoomEvent::MessageEdited {
            text: Some(text), ..
        } => {
            write(out, text);
            true
        }
        _ => false,
    }
}

/// Reads an entry; a body that was erased leaves `None` in its place.
pub(super) fn decode(record: &Record) -> Result<RoomEntry, DecodeError> {
    let peeked = peek(&record.header)
        .ok_or_else(|| failed(HEADER, "its version or kind is unknown, or it is too short"))?;
    let fields = &record.header[PEEKED..];
    let body = record.body.as_deref();
    Ok(RoomEntry {
        event: decode_event(&peeked, fields, body)?,
        message_count: peeked.message_count,
        last_message: peeked.last_message,
    })
}

fn decode_event(
    peeked: &Peek,
    fields: &[u8],
    body: Option<&[u8]>,
) -> Result<RoomEvent, DecodeError> {
    Ok(match peeked.kind {
        RecordKind::Created => {
            let (kind, name, by, at): (u8, _, _, _) = read(HEADER, fields)?;
            let kind = kind_of(kind)?;
            RoomEvent::Created { kind, name, by, at }
        }
        RecordKind::Renamed => {
            let (name, by, at) = read(HEADER, fields)?;
            RoomEvent::Renamed { name, by, at }
        }
        RecordKind::Arranged => {
            let (number, by, at) = read(HEADER, fields)?;
            RoomEvent::Arranged { number, by, at }
        }
        RecordKind::MemberAdded => {
            let (user, role, by, at): (_, u8, _, _) = read(HEADER, fields)?;
            let role = role_of(role)?;
            RoomEvent::MemberAdded { user, role, by, at }
        }
        RecordKind::RoleChanged => {
            let (user, role, by, at): (_, u8, _, _) = read(HEADER, fields)?;
            let role = role_of(role)?;
            RoomEvent::RoleChanged { user, role, by, at }
        }
        RecordKind::MemberRemoved => {
            let (user, by, at) = read(HEADER, fields)?;
            RoomEvent::MemberRemoved { user, by, at }
        }
        RecordKind::MessageSent => {
            let message = decode_message(peeked.message_count, fields, body)?;
            RoomEvent::MessageSent(Arc::new(message))
        }
        RecordKind::MessageEdited => {
            let (target, by, at) = read(HEADER, fields)?;
            let text = body.map(|body| read(BODY, body)).transpose()?;
            RoomEvent::MessageEdited {
                target,
                text,
                by,
                at,
            }
        }
        RecordKind::MessageDeleted => {
            let (target, by, at) = read(HEADER, fields)?;
            RoomEvent::MessageDeleted { target, by, at }
        }
        RecordKind::ReactionAdded => {
            let (target, emoji, by, at) = read(HEADER, fields)?;
            RoomEvent::ReactionAdded {
                target,
                emoji,
                by,
                at,
            }
        }
        RecordKind::ReactionRemoved => {
            let (target, emoji, by, at) = read(HEADER, fields)?;
            RoomEvent::ReactionRemoved {
                target,
                emoji,
                by,
                at,
            }
        }
    })
}

fn decode_message(number: u64, fields: &[u8], body: Option<&[u8]>) -> Result<Message, DecodeError> {
    type Reply = (Sequence, MessageId, UserId, u8);
    type Header = (MessageId, UserId, u8, Timestamp, u64, Option<Reply>);
    type Body = (String, Option<Media>, Option<Location>, Option<String>);
    let (id, sender, kind, sent_at, fingerprint, reply): Header = read(HEADER, fields)?;
    let kind = message_kind_of(kind)?;
    let body: Option<Body> = body.map(|body| read(BODY, body)).transpose()?;
    let (content, quoted) = match body {
        None => (None, None),
        Some((text, media, place, quoted)) => {
            let media = media.map(Metadata::Media);
            let metadata = media.or(place.map(Metadata::Location));
            let content = Content {
                kind,
                text,
                metadata,
            };
            (Some(content), quoted)
        }
    };
    let reply_to = match reply {
        None => None,
        Some((sequence, id, sender, kind)) => Some(ReplySnapshot {
            sequence,
            id,
            sender,
            kind: message_kind_of(kind)?,
            text: quoted,
        }),
    };
    Ok(Message {
        number,
        id,
        sender,
        kind,
        content,
        reply_to,
        sent_at,
        fingerprint,
    })
}

/// The byte form of an overlay.
pub fn encode_state(state: &MessageState) -> Bytes {
    seal(STATE_VERSION, state)
}

/// Reads [`encode_state`]'s result.
pub fn decode_state(bytes: &[u8]) -> Result<MessageState, DecodeError> {
    open("the state of a message", STATE_VERSION, bytes)
}
