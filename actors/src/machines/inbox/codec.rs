//! The durable form of an inbox's events and of the mark of a notification.
//!
//! A record's header begins with the fixed fields of [`peek`]; the fields of the event follow as compact MessagePack.
//! Title, message and facts stand in the body, which may be erased; everything else stands in the header.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::peek::{PEEKED, RecordKind, peek, write_peeked};
use super::settings::{InboxSettings, Language, QuietHours, TimeOfDay, Weekday};
use super::{Content, InboxEntry, InboxEvent, Mark, Notification, Source};
use crate::ids::{EntityId, EntityKind, Timestamp, UserId};
use crate::journal::Record;
use crate::machines::DecodeError;
use crate::machines::bricks::{failed, open, read, seal, write};
use crate::machines::notice::{NoticeKind, Priority};
use crate::machines::zone::Zone;

const MARK_VERSION: u8 = 1;
const HEADER: &str = "an inbox record's header";
const BODY: &str = "an inbox record's body";

/// The code of an operator, where the code of a kind of entities stands else.
const OPERATOR: u8 = 0;

/// The byte form of an entry.
pub(super) fn encode(entry: &InboxEntry) -> Record {
    let mut out = Vec::with_capacity(256);
    write_peeked(&mut out, entry);
    match &entry.event {
        InboxEvent::Added(notification) => encode_notification(&mut out, notification),
        InboxEvent::Read { target, at } | InboxEvent::Dismissed { target, at } => {
            write(&mut out, &(target, at));
        }
        InboxEvent::AllRead { up_to, at } => write(&mut out, &(up_to, at)),
        InboxEvent::SettingsChanged { settings, at } => {
            write(&mut out, &(settings_fields(settings), at));
        }
    }
    let header_len = out.len();
    let has_body = encode_body(&mut out, &entry.event);
    // Header and body share one allocation.
    let bytes = Bytes::from(out);
    let body = has_body.then(|| bytes.slice(header_len..));
    Record::new(bytes.slice(..header_len), body)
}

fn encode_notification(out: &mut Vec<u8>, notification: &Notification) {
    let (sort, id, number) = match &notification.source {
        Source::Entity { from, number } => (from.kind as u8, from.id(), Some(*number)),
        Source::Posted { by, key } => (OPERATOR, by.as_str(), *key),
    };
    let (kind, priority) = (notification.kind.as_str(), notification.priority.as_str());
    let (live, at) = (notification.live, notification.at);
    write(out, &(sort, id, number, kind, priority, live, at));
}

/// False if there is none.
fn encode_body(out: &mut Vec<u8>, event: &InboxEvent) -> bool {
    let InboxEvent::Added(notification) = event else {
        return false;
    };
    let Some(content) = &notification.content else {
        return false;
    };
    write(out, &(&content.title, &content.message, &content.data));
    true
}

/// Reads an entry; a body that was erased leaves `None` in its place.
pub(super) fn decode(record: &Record) -> Result<InboxEntry, DecodeError> {
    let peeked = peek(&record.header)
        .ok_or_else(|| failed(HEADER, "its version or kind is unknown, or it is too short"))?;
    let fields = &record.header[PEEKED..];
    let event = match peeked.kind {
        RecordKind::Added => {
            let notification = decode_notification(fields, record.body.as_deref())?;
            InboxEvent::Added(Arc::new(notification))
        }
        RecordKind::Read => {
            let (target, at) = read(HEADER, fields)?;
            InboxEvent::Read { target, at }
        }
        RecordKind::AllRead => {
            let (up_to, at) = read(HEADER, fields)?;
            InboxEvent::AllRead { up_to, at }
        }
        RecordKind::Dismissed => {
            let (target, at) = read(HEADER, fields)?;
            InboxEvent::Dismissed { target, at }
        }
        RecordKind::SettingsChanged => {
            let (fields, at): (SettingsFields<String>, _) = read(HEADER, fields)?;
            let settings = Arc::new(settings_of(fields)?);
            InboxEvent::SettingsChanged { settings, at }
        }
    };
    Ok(InboxEntry {
        event,
        unread: peeked.unread,
        sources: peeked.sources,
        day: peeked.day,
        shown: peeked.shown,
    })
}

fn decode_notification(fields: &[u8], body: Option<&[u8]>) -> Result<Notification, DecodeError> {
    type Header = (u8, String, Option<u64>, String, String, bool, Timestamp);
    type Body = (String, String, BTreeMap<String, String>);
    let (sort, id, number, kind, priority, live, at): Header = read(HEADER, fields)?;
    let body: Option<Body> = body.map(|body| read(BODY, body)).transpose()?;
    let content = body.map(|(title, message, data)| Content {
        title,
        message,
        data,
    });
    Ok(Notification {
        source: source_of(sort, &id, number)?,
        kind: kind_of(&kind)?,
        priority: Priority::parse(&priority)
            .ok_or_else(|| failed(HEADER, format!("priority {priority:?} is unknown")))?,
        live,
        content,
        at,
    })
}

fn source_of(sort: u8, id: &str, number: Option<u64>) -> Result<Source, DecodeError> {
    let wrong = |error: &dyn std::fmt::Display| failed(HEADER, error.to_string());
    if sort == OPERATOR {
        let by = UserId::parse(id).map_err(|e| wrong(&e))?;
        return Ok(Source::Posted { by, key: number });
    }
    let kind = EntityKind::ALL.into_iter().find(|kind| *kind as u8 == sort);
    let kind = kind.ok_or_else(|| failed(HEADER, format!("kind of entity {sort} is unknown")))?;
    let from = EntityId::new(kind, id).map_err(|e| wrong(&e))?;
    let number = number.ok_or_else(|| failed(HEADER, "an errand has no number"))?;
    Ok(Source::Entity { from, number })
}

fn kind_of(word: &str) -> Result<NoticeKind, DecodeError> {
    NoticeKind::parse(word).ok_or_else(|| failed(HEADER, format!("type {word:?} is unknown")))
}

/// Language, time zone, quiet hours, quiet days, muted kinds, notifications shown per day.
pub(super) type SettingsFields<S> = (
    S,
    Zone,
    Option<(TimeOfDay, TimeOfDay)>,
    Vec<u8>,
    Vec<S>,
    u32,
);

/// Settings as they are stored.
pub(super) fn settings_fields(settings: &InboxSettings) -> SettingsFields<&str> {
    let hours = settings.quiet_hours.map(|hours| (hours.from, hours.to));
    let days = settings.quiet_days.iter().map(|day| *day as u8);
    let muted = settings.muted.iter().map(|kind| kind.as_str());
    (
        settings.language.as_str(),
        settings.time_zone.clone(),
        hours,
        days.collect(),
        muted.collect(),
        settings.live_per_day,
    )
}

/// Reads [`settings_fields`]'s result.
pub(super) fn settings_of(fields: SettingsFields<String>) -> Result<InboxSettings, DecodeError> {
    let (language, time_zone, hours, days, muted, live_per_day) = fields;
    let unknown = |what: &str| failed("an inbox's settings", format!("{what} is unknown"));
    let day = |day: u8| Weekday::ALL.get(usize::from(day)).copied();
    let days = days
        .into_iter()
        .map(|d| day(d).ok_or_else(|| unknown("a day")));
    let muted = muted.iter().map(|word| kind_of(word));
    Ok(InboxSettings {
        language: Language::parse(&language).ok_or_else(|| unknown("the language"))?,
        time_zone,
        quiet_hours: hours.map(|(from, to)| QuietHours { from, to }),
        quiet_days: days.collect::<Result<_, _>>()?,
        muted: muted.collect::<Result<_, _>>()?,
        live_per_day,
    })
}

/// The byte form of an overlay.
pub fn encode_mark(mark: Mark) -> Bytes {
    let (dismissed, at) = match mark {
        Mark::Read(at) => (false, at),
        Mark::Dismissed(at) => (true, at),
    };
    seal(MARK_VERSION, &(dismissed, at))
}

/// Reads [`encode_mark`]'s result.
pub fn decode_mark(bytes: &[u8]) -> Result<Mark, DecodeError> {
    let (dismissed, at) = open("the mark of a notification", MARK_VERSION, bytes)?;
    Ok(if dismissed {
        Mark::Dismissed(at)
    } else {
        Mark::Read(at)
    })
}
