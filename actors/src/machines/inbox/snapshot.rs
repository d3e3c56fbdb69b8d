//! The state of an inbox as bytes. What is known of older entries is no part of it, for the journal can bring it back.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Inbox;
use super::codec::{SettingsFields, settings_fields, settings_of};
use super::sources::{SourceKey, Sources};
use crate::ids::Sequence;
use crate::machines::DecodeError;
use crate::machines::bricks::{failed, open, seal};

const VERSION: u8 = 1;
const WHAT: &str = "an inbox's snapshot";

#[derive(Serialize, Deserialize)]
struct Fields<S> {
    head: Sequence,
    day: i32,
    shown: u32,
    settings: Option<SettingsFields<S>>,
    /// Ascending: each as its distance from the one before.
    unread: Vec<u64>,
    /// By the sequence of what came last: key, number, sequence.
    sources: Vec<(SourceKey, u64, Sequence)>,
}

pub(super) fn encode(inbox: &Inbox) -> Bytes {
    let mut last = 0;
    let unread = inbox.unread.iter().map(|sequence| {
        let step = sequence.0 - last;
        last = sequence.0;
        step
    });
    let sources = inbox.sources.iter();
    let sources = sources.map(|(key, seen)| (key, seen.number, seen.sequence));
    let fields = Fields {
        head: inbox.head,
        day: inbox.day,
        shown: inbox.shown,
        settings: inbox.settings.as_deref().map(settings_fields),
        unread: unread.collect(),
        sources: sources.collect(),
    };
    seal(VERSION, &fields)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Inbox, DecodeError> {
    let fields: Fields<String> = open(WHAT, VERSION, bytes)?;
    let settings = fields.settings.map(settings_of).transpose()?;
    let mut inbox = Inbox {
        head: fields.head,
        day: fields.day,
        shown: fields.shown,
        settings: settings.map(Into::into),
        ..Inbox::default()
    };
    let mut last = Sequence::ZERO;
    for step in fields.unread {
        let next = last.plus(step);
        if next <= last || next > inbox.head {
            return Err(failed(WHAT, "an unread notification is out of order"));
        }
        inbox.unread.insert(next);
        last = next;
    }
    let mut sources = Sources::default();
    let mut last = Sequence::ZERO;
    for (key, number, sequence) in fields.sources {
        if sequence <= last || sequence > inbox.head || sources.find(&key).is_some() {
            return Err(failed(WHAT, "a source is out of order"));
        }
        sources.insert(key, number, sequence);
        last = sequence;
    }
    inbox.sources = sources;
    Ok(inbox)
}
