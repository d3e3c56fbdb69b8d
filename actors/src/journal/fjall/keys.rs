//! Keys and values as stored. One keyspace; the first byte of a key says what it is:
//!
//! | space | rest of the key | value |
//! |---|---|---|
//! | `R` row | entity, *last* sequence | the row as encoded |
//! | `O` overlay | entity, sequence | applied, state |
//! | `S` snapshot | entity | sequence, digest, state |
//! | `F` first retained | entity | sequence |
//! | `T` table row | table, key | rank, present, value |
//! | `X` removed table row | table, key | rank, absent |
//! | `W` wake-up | due, entity | nothing |
//! | `C` commit counter | | count |
//!
//! An entity is its kind, its id and a zero byte, which no id contains: so none is a prefix of another,
//! and the order of keys is the order of ids. Integers are big-endian. Every value ends with a seal of 8
//! bytes, a digest of key and value, so that neither a flipped bit nor a value under another key passes.

use bytes::Bytes;

use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{Digest, Head, Row, Table};

pub(super) const COUNTER: &[u8] = b"C";
const SEAL: usize = 8;

/// Why stored bytes are not what they should be.
pub(super) type Damage = String;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Space {
    Row = b'R',
    Overlay = b'O',
    Snapshot = b'S',
    FirstRetained = b'F',
    Table = b'T',
    /// What a removed table row leaves, lest an older write bring it back; apart, so that no scan walks over it.
    Removed = b'X',
    Wakeup = b'W',
}

/// Key of something that an entity has once; prefix of what it has many times.
pub(super) fn of_entity(space: Space, entity: &EntityId) -> Vec<u8> {
    let mut key = Vec::with_capacity(entity.id().len() + 16);
    key.push(space as u8);
    push_entity(&mut key, entity);
    key
}

pub(super) fn at(space: Space, entity: &EntityId, sequence: Sequence) -> Vec<u8> {
    let mut key = of_entity(space, entity);
    key.extend_from_slice(&sequence.0.to_be_bytes());
    key
}

pub(super) fn of_table(table: Table, row: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(row.len() + 2);
    key.push(Space::Table as u8);
    key.push(table as u8);
    key.extend_from_slice(row);
    key
}

/// Where the mark of a removed table row lies; none for other keys.
pub(super) fn of_removed(key: &[u8]) -> Option<Vec<u8>> {
    let (space, rest) = key.split_first()?;
    let is_table = *space == Space::Table as u8;
    is_table.then(|| [&[Space::Removed as u8], rest].concat())
}

/// Where the entities of a kind lie whose id is above `after` ("" for all): first and past-the-last key.
pub(super) fn entities_after(kind: EntityKind, after: &str) -> (Vec<u8>, Vec<u8>) {
    let mut from = vec![Space::Row as u8, kind as u8];
    let to = vec![Space::Row as u8, kind as u8 + 1];
    from.extend_from_slice(after.as_bytes());
    // Above every key of `after` itself, at or below every key of any later id.
    from.push(1);
    if after.is_empty() {
        from.truncate(2);
    }
    (from, to)
}

pub(super) fn of_wakeup(due: Timestamp, entity: &EntityId) -> Vec<u8> {
    let mut key = vec![Space::Wakeup as u8];
    key.extend_from_slice(&due.0.to_be_bytes());
    push_entity(&mut key, entity);
    key
}

fn push_entity(key: &mut Vec<u8>, entity: &EntityId) {
    key.push(entity.kind as u8);
    key.extend_from_slice(entity.id().as_bytes());
    key.push(0);
}

/// The entity of a row's or overlay's key, and the sequence.
pub(super) fn parse_at(key: &[u8]) -> Option<(EntityId, Sequence)> {
    let (entity, sequence) = key.get(1..)?.split_last_chunk::<8>()?;
    Some((
        parse_entity(entity)?,
        Sequence(u64::from_be_bytes(*sequence)),
    ))
}

pub(super) fn parse_wakeup(key: &[u8]) -> Option<(Timestamp, EntityId)> {
    let (due, entity) = key.get(1..)?.split_first_chunk::<8>()?;
    let due = Timestamp(u64::from_be_bytes(*due));
    Some((due, parse_entity(entity)?))
}

fn parse_entity(bytes: &[u8]) -> Option<EntityId> {
    let (kind, rest) = bytes.split_first()?;
    let kind = EntityKind::ALL.into_iter().find(|k| *k as u8 == *kind)?;
    let id = std::str::from_utf8(rest.strip_suffix(&[0])?).ok()?;
    EntityId::new(kind, id).ok()
}

fn seal(key: &[u8], content: &[u8]) -> [u8; SEAL] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u16).to_be_bytes());
    hasher.update(key);
    hasher.update(content);
    let mut short = [0; SEAL];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..SEAL]);
    short
}

fn unseal<'a>(key: &[u8], value: &'a [u8]) -> Result<&'a [u8], Damage> {
    let (content, stored) = value
        .split_last_chunk::<SEAL>()
        .ok_or("the value is too short")?;
    if seal(key, content) != *stored {
        return Err("the value does not fit its seal".into());
    }
    Ok(content)
}

/// A value of a leading rank (what decides between two writes) and content.
pub(super) fn ranked(key: &[u8], rank: u64, content: &[&[u8]]) -> Vec<u8> {
    let len: usize = content.iter().map(|part| part.len()).sum();
    let mut value = Vec::with_capacity(8 + len + SEAL);
    value.extend_from_slice(&rank.to_be_bytes());
    content
        .iter()
        .for_each(|part| value.extend_from_slice(part));
    let seal = seal(key, &value);
    value.extend_from_slice(&seal);
    value
}

/// Rank and content of a value made by [`ranked`].
pub(super) fn parse_ranked<'a>(key: &[u8], value: &'a [u8]) -> Result<(u64, &'a [u8]), Damage> {
    let content = unseal(key, value)?;
    let (rank, content) = content.split_first_chunk::<8>().ok_or("no rank")?;
    Ok((u64::from_be_bytes(*rank), content))
}

/// A row's value. Its own digest does not cover which bodies are erased, nor whose row it is; the seal does.
pub(super) fn row_value(key: &[u8], row: &Row) -> Vec<u8> {
    let mut value = Vec::with_capacity(row.encoded_len() + SEAL);
    row.encode_into(&mut value);
    let seal = seal(key, &value);
    value.extend_from_slice(&seal);
    value
}

pub(super) fn parse_row(key: &[u8], value: &[u8]) -> Result<Row, Damage> {
    let content = Bytes::copy_from_slice(unseal(key, value)?);
    let row = Row::decode(&content).map_err(|error| error.to_string())?;
    match parse_at(key) {
        Some((_, last)) if last == row.last() => Ok(row),
        _ => Err("the row does not end where its key says".into()),
    }
}

/// The head that a stored row makes, without reading the whole row.
pub(super) fn parse_head(key: &[u8], value: &[u8]) -> Result<Head, Damage> {
    let digest = Row::peek_digest(unseal(key, value)?).map_err(|error| error.to_string())?;
    let (_, sequence) = parse_at(key).ok_or("the key names no entity")?;
    Ok(Head { sequence, digest })
}

pub(super) fn parse_digest(content: &[u8]) -> Result<(Digest, &[u8]), Damage> {
    let (digest, rest) = content.split_first_chunk::<16>().ok_or("no digest")?;
    Ok((Digest(*digest), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Record;

    fn room(id: &str) -> EntityId {
        EntityId::new(EntityKind::Room, id).expect("a valid id")
    }

    #[test]
    fn keys_keep_the_order_of_ids_and_come_back_whole() {
        let ids = ["a", "a\u{1}", "a b", "ab", "b", "\u{10ffff}"].map(room);
        let keys: Vec<_> = ids
            .iter()
            .flat_map(|id| [0, 1, 255, 256, u64::MAX].map(|s| at(Space::Row, id, Sequence(s))))
            .collect();
        assert!(keys.is_sorted(), "{keys:?}");
        for id in &ids {
            let key = at(Space::Overlay, id, Sequence(7));
            assert_eq!(parse_at(&key), Some((id.clone(), Sequence(7))));
            let key = of_wakeup(Timestamp(9), id);
            assert_eq!(parse_wakeup(&key), Some((Timestamp(9), id.clone())));
            let (from, to) = entities_after(EntityKind::Room, id.id());
            assert!(
                at(Space::Row, id, Sequence(u64::MAX)) < from,
                "{id:?} is skipped"
            );
            let later = ids.iter().filter(|other| other.id() > id.id());
            for other in later {
                let key = at(Space::Row, other, Sequence(1));
                assert!(from <= key && key < to, "{other:?} comes after {id:?}");
            }
        }
    }

    #[test]
    fn a_changed_bit_or_another_key_does_not_pass() {
        let key = of_table(Table::RoomCards, b"k");
        let value = ranked(&key, 5, &[&[1], b"text"]);
        assert_eq!(parse_ranked(&key, &value), Ok((5, b"\x01text".as_slice())));
        assert!(parse_ranked(&of_table(Table::RoomCards, b"l"), &value).is_err());

        let records = vec![Record::new("h".into(), Some("body".into()))];
        let row = Row::seal(Head::default(), 7, records);
        let row_key = at(Space::Row, &room("a"), Sequence(1));
        let stored = row_value(&row_key, &row);
        assert_eq!(parse_row(&row_key, &stored), Ok(row.clone()));
        assert_eq!(parse_head(&row_key, &stored), Ok(row.head()));
        assert!(parse_row(&at(Space::Row, &room("b"), Sequence(1)), &stored).is_err());
        assert!(parse_row(&at(Space::Row, &room("a"), Sequence(2)), &stored).is_err());

        for (key, value) in [(&key, &value), (&row_key, &stored)] {
            for at in 0..value.len() * 8 {
                let mut bad = value.clone();
                bad[at / 8] ^= 1 << (at % 8);
                let passes = if key[0] == b'T' {
                    parse_ranked(key, &bad).is_ok()
                } else {
                    parse_row(key, &bad).is_ok()
                };
                assert!(!passes, "bit {at} of {key:?} changed unnoticed");
            }
        }
    }
}
