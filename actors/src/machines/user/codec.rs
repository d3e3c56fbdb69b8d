//! The durable form of a user's events.
//!
//! A record's header is a version byte, a kind byte and the event's fields as compact MessagePack. What people wrote about
//! themselves (a profile, the note on a busy time) stands in the body, which may be erased.

use bytes::Bytes;

use super::event::Change;
use super::{Profile, UserEvent};
use crate::journal::Record;
use crate::machines::DecodeError;
use crate::machines::bricks::{failed, read, write};

/// Version of records that is written; there is no other one yet.
pub const RECORD_VERSION: u8 = 1;

const HEADER: &str = "a user record's header";
const BODY: &str = "a user record's body";

const PROFILE_SET: u8 = 1;
const AVAILABILITY_SET: u8 = 2;
const BUSY_ADDED: u8 = 3;
const BUSY_REMOVED: u8 = 4;
const FIGURES_SET: u8 = 5;
const SLOT_HELD: u8 = 6;
const SLOT_BOOKED: u8 = 7;
const SLOT_RELEASED: u8 = 8;
const SLOT_ASKED: u8 = 9;
const FORGOTTEN: u8 = 10;
const SLOT_GIVEN_BACK: u8 = 11;

/// The byte form of an event.
pub(super) fn encode(event: &UserEvent) -> Record {
    let mut out = vec![RECORD_VERSION, kind(event)];
    encode_header(&mut out, event);
    let header_len = out.len();
    match event {
        UserEvent::ProfileSet { profile, .. } => write(&mut out, profile),
        UserEvent::BusyAdded { note, .. } => write(&mut out, note),
        _ => return Record::new(out.into(), None),
    }
    // Header and body share one allocation.
    let bytes = Bytes::from(out);
    Record::new(bytes.slice(..header_len), Some(bytes.slice(header_len..)))
}

fn kind(event: &UserEvent) -> u8 {
    match event {
        UserEvent::ProfileSet { .. } => PROFILE_SET,
        UserEvent::AvailabilitySet { .. } => AVAILABILITY_SET,
        UserEvent::BusyAdded { .. } => BUSY_ADDED,
        UserEvent::BusyRemoved { .. } => BUSY_REMOVED,
        UserEvent::FiguresSet { .. } => FIGURES_SET,
        UserEvent::SlotHeld { .. } => SLOT_HELD,
        UserEvent::SlotBooked { .. } => SLOT_BOOKED,
        UserEvent::SlotReleased { .. } => SLOT_RELEASED,
        UserEvent::SlotGivenBack { .. } => SLOT_GIVEN_BACK,
        UserEvent::SlotAsked { .. } => SLOT_ASKED,
        UserEvent::Forgotten { .. } => FORGOTTEN,
    }
}

fn encode_header(out: &mut Vec<u8>, event: &UserEvent) {
    match event {
        UserEvent::ProfileSet { change, .. } => write(out, change),
        UserEvent::AvailabilitySet {
            availability,
            change,
        } => write(out, &(availability, change)),
        UserEvent::BusyAdded { window, change, .. } => write(out, &(window, change)),
        UserEvent::BusyRemoved { id, change } => write(out, &(id, change)),
        UserEvent::FiguresSet { figures, change } => write(out, &(figures, change)),
        UserEvent::SlotHeld {
            request,
            number,
            window,
            travel_ms,
            ask_at,
            at,
        } => write(out, &(request, number, window, travel_ms, ask_at, at)),
        UserEvent::SlotBooked {
            request,
            number,
            at,
        }
        | UserEvent::SlotReleased {
            request,
            number,
            at,
        }
        | UserEvent::SlotGivenBack {
            request,
            number,
            at,
        } => write(out, &(request, number, at)),
        UserEvent::SlotAsked {
            request,
            ask,
            ask_at,
            at,
        } => write(out, &(request, ask, ask_at, at)),
        UserEvent::Forgotten { requests, busy, at } => write(out, &(requests, busy, at)),
    }
}

/// Reads an event; of a body that was erased nothing is left.
pub(super) fn decode(record: &Record) -> Result<UserEvent, DecodeError> {
    let (version, rest) = split(&record.header)?;
    if version != RECORD_VERSION {
        return Err(failed(HEADER, format!("format {version} is unknown")));
    }
    let (kind, fields) = split(rest)?;
    let body = record.body.as_deref();
    Ok(match kind {
        PROFILE_SET => {
            let profile = body.map(|body| read::<Profile>(BODY, body)).transpose()?;
            UserEvent::ProfileSet {
                profile: Box::new(profile.unwrap_or_default()),
                change: read(HEADER, fields)?,
            }
        }
        AVAILABILITY_SET => {
            let (availability, change) = read(HEADER, fields)?;
            UserEvent::AvailabilitySet {
                availability,
                change,
            }
        }
        BUSY_ADDED => {
            let (window, change): (_, Change) = read(HEADER, fields)?;
            let note = body.map(|body| read::<String>(BODY, body)).transpose()?;
            let note = note.unwrap_or_default();
            UserEvent::BusyAdded {
                window,
                note,
                change,
            }
        }
        BUSY_REMOVED => {
            let (id, change) = read(HEADER, fields)?;
            UserEvent::BusyRemoved { id, change }
        }
        FIGURES_SET => {
            let (figures, change) = read(HEADER, fields)?;
            UserEvent::FiguresSet { figures, change }
        }
        _ => decode_slot(kind, fields)?,
    })
}

fn decode_slot(kind: u8, fields: &[u8]) -> Result<UserEvent, DecodeError> {
    Ok(match kind {
        SLOT_HELD => {
            let (request, number, window, travel_ms, ask_at, at) = read(HEADER, fields)?;
            UserEvent::SlotHeld {
                request,
                number,
                window,
                travel_ms,
                ask_at,
                at,
            }
        }
        SLOT_BOOKED => {
            let (request, number, at) = read(HEADER, fields)?;
            UserEvent::SlotBooked {
                request,
                number,
                at,
            }
        }
        SLOT_RELEASED => {
            let (request, number, at) = read(HEADER, fields)?;
            UserEvent::SlotReleased {
                request,
                number,
                at,
            }
        }
        SLOT_GIVEN_BACK => {
            let (request, number, at) = read(HEADER, fields)?;
            UserEvent::SlotGivenBack {
                request,
                number,
                at,
            }
        }
        SLOT_ASKED => {
            let (request, ask, ask_at, at) = read(HEADER, fields)?;
            UserEvent::SlotAsked {
                request,
                ask,
                ask_at,
                at,
            }
        }
        FORGOTTEN => {
            let (requests, busy, at) = read(HEADER, fields)?;
            UserEvent::Forgotten { requests, busy, at }
        }
        other => return Err(failed(HEADER, format!("kind {other} is unknown"))),
    })
}

fn split(bytes: &[u8]) -> Result<(u8, &[u8]), DecodeError> {
    let (first, rest) = bytes
        .split_first()
        .ok_or_else(|| failed(HEADER, "it is too short"))?;
    Ok((*first, rest))
}
