//! The state of a room as bytes: settings, tallies, members and the dedupe index. The working set is no
//! part of it, for the journal can bring it back.
//!
//! Layout: version (1 byte), length of the fields (4, big endian), the fields as compact MessagePack,
//! then the dedupe entries: key (16), fingerprint (8), and as variable-length integers the sender's
//! index, the distance to the sequence before and to the time before. About 30 bytes an entry.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Room;
use super::codes::{failed, kind_code, kind_of, read, role_code, role_of, write};
use super::dedupe::Dedupe;
use super::state::{Member, Settings};
use crate::ids::{EntityId, Sequence, Timestamp, UserId};
use crate::machines::DecodeError;

const VERSION: u8 = 1;
const WHAT: &str = "a room's snapshot";
const SMALLEST_ENTRY: usize = 16 + 8 + 3;

#[derive(Serialize, Deserialize)]
struct Fields {
    settings: Option<(u8, Option<String>, UserId, Timestamp)>,
    head: Sequence,
    message_count: u64,
    last_message: Sequence,
    members: Vec<(UserId, u8, Timestamp, Sequence)>,
    /// Senders in the dedupe index, in the order of their first entries.
    senders: Vec<UserId>,
    /// Number of its entries: a check, never a size to allocate.
    entries: u64,
    /// Came later: snapshots from before do not have it.
    #[serde(default)]
    arranged: u64,
}

pub(super) fn encode(room: &Room) -> Bytes {
    let mut senders = Vec::new();
    let mut entries = Vec::with_capacity(room.dedupe.len() * 32);
    encode_dedupe(&room.dedupe, &mut senders, &mut entries);
    let members = room.members.iter().map(|(user, member)| {
        let role = role_code(member.role);
        (user.clone(), role, member.joined_at, member.joined)
    });
    let settings = room.settings.as_ref().map(|settings| {
        let (name, by) = (settings.name.clone(), settings.created_by.clone());
        (kind_code(settings.kind), name, by, settings.created_at)
    });
    let fields = Fields {
        settings,
        head: room.head,
        message_count: room.message_count,
        last_message: room.last_message,
        members: members.collect(),
        senders,
        entries: room.dedupe.len() as u64,
        arranged: room.arranged,
    };
    let mut out = vec![VERSION, 0, 0, 0, 0];
    write(&mut out, &fields);
    let len = (out.len() - 5) as u32;
    out[1..5].copy_from_slice(&len.to_be_bytes());
    out.append(&mut entries);
    out.into()
}

pub(super) fn decode(entity: &EntityId, bytes: &[u8]) -> Result<Room, DecodeError> {
    let (fields, entries) = split(bytes)?;
    let fields: Fields = read(WHAT, fields)?;
    let mut room = Room::empty(entity);
    if let Some((kind, name, created_by, created_at)) = fields.settings {
        room.settings = Some(Settings {
            kind: kind_of(kind)?,
            name,
            created_by,
            created_at,
        });
    }
    room.head = fields.head;
    room.message_count = fields.message_count;
    room.last_message = fields.last_message;
    room.arranged = fields.arranged;
    for (user, role, joined_at, joined) in fields.members {
        let role = role_of(role)?;
        let member = Member {
            role,
            joined_at,
            joined,
        };
        room.members.insert(user, member);
    }
    room.dedupe = decode_dedupe(&fields.senders, entries)?;
    if room.dedupe.len() as u64 != fields.entries {
        return Err(failed(WHAT, "it ends early"));
    }
    Ok(room)
}

fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let short = || failed(WHAT, "it ends early");
    let (version, rest) = bytes.split_first().ok_or_else(short)?;
    if *version != VERSION {
        return Err(failed(WHAT, format!("format {version} is unknown")));
    }
    let (len, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let len = u32::from_be_bytes(*len) as usize;
    rest.split_at_checked(len).ok_or_else(short)
}

fn encode_dedupe(dedupe: &Dedupe, senders: &mut Vec<UserId>, out: &mut Vec<u8>) {
    let mut indexes: BTreeMap<&UserId, u64> = BTreeMap::new();
    let (mut sequence, mut sent_at) = (0_u64, 0_u64);
    for (user, used) in dedupe.iter() {
        let index = *indexes.entry(user).or_insert_with(|| {
            senders.push(user.clone());
            (senders.len() - 1) as u64
        });
        out.extend_from_slice(&used.key[0].to_le_bytes());
        out.extend_from_slice(&used.key[1].to_le_bytes());
        out.extend_from_slice(&used.fingerprint.to_le_bytes());
        put_varint(out, index);
        put_varint(out, used.sequence.0.wrapping_sub(sequence));
        // Clocks of several owners may step back a little: zigzag keeps small steps short.
        let step = used.sent_at.0.wrapping_sub(sent_at) as i64;
        put_varint(out, ((step << 1) ^ (step >> 63)) as u64);
        (sequence, sent_at) = (used.sequence.0, used.sent_at.0);
    }
}

fn decode_dedupe(senders: &[UserId], mut input: &[u8]) -> Result<Dedupe, DecodeError> {
    let mut dedupe = Dedupe::with_capacity(input.len() / SMALLEST_ENTRY);
    let (mut sequence, mut sent_at) = (0_u64, 0_u64);
    while !input.is_empty() {
        let key = [take_word(&mut input)?, take_word(&mut input)?];
        let fingerprint = take_word(&mut input)?;
        let index = take_varint(&mut input)?;
        let user = usize::try_from(index).ok().and_then(|i| senders.get(i));
        let user = user.ok_or_else(|| failed(WHAT, "a sender is missing"))?;
        sequence = sequence.wrapping_add(take_varint(&mut input)?);
        let step = take_varint(&mut input)?;
        let step = ((step >> 1) as i64) ^ -((step & 1) as i64);
        sent_at = sent_at.wrapping_add(step as u64);
        let (sequence, sent_at) = (Sequence(sequence), Timestamp(sent_at));
        dedupe.insert(key, user, sequence, sent_at, fingerprint);
    }
    Ok(dedupe)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(input: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = input
            .split_first()
            .ok_or_else(|| failed(WHAT, "an entry ends early"))?;
        *input = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(failed(WHAT, "a number is too long"))
}

fn take_word(input: &mut &[u8]) -> Result<u64, DecodeError> {
    let (word, rest) = input
        .split_first_chunk()
        .ok_or_else(|| failed(WHAT, "an entry ends early"))?;
    *input = rest;
    Ok(u64::from_le_bytes(*word))
}
