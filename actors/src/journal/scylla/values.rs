//! How keys and values look in columns: unsigned numbers that keep their order, sealed blobs.
//!
//! A sealed blob is its content followed by 8 bytes, a digest of the content and of all parts of the key,
//! so that neither a flipped bit nor a value under another key passes.

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::ids::Sequence;
use crate::ids::{EntityId, EntityKind};
use crate::journal::{Digest, Head};

/// Sequences of one partition of a journal.
pub(super) const BUCKET: u64 = 4096;
const SEAL: usize = 8;

/// Why stored bytes are not what they should be.
pub(super) type Damage = String;

/// A sequence as a column; sequences beyond what a column holds do not occur, only bounds do.
pub(super) fn signed(sequence: Sequence) -> i64 {
    i64::try_from(sequence.0).unwrap_or(i64::MAX)
}

/// A stored sequence.
pub(super) fn sequence(column: i64) -> Sequence {
    Sequence(u64::try_from(column).unwrap_or_default())
}

/// Any u64 as a column, in the same order.
pub(super) fn ordered(number: u64) -> i64 {
    (number ^ (1 << 63)) as i64
}

/// The number behind such a column.
pub(super) fn unordered(column: i64) -> u64 {
    (column as u64) ^ (1 << 63)
}

/// The bucket of a sequence, which is not 0.
pub(super) fn bucket(sequence: Sequence) -> i64 {
    signed(Sequence(sequence.0.saturating_sub(1) / BUCKET))
}

/// The last sequence of a bucket.
pub(super) fn bucket_end(bucket: i64) -> Sequence {
    Sequence((bucket.max(0) as u64 + 1).saturating_mul(BUCKET))
}

/// An entity as a column; the order of bytes is the order of kinds, then ids.
pub(super) fn entity_key(entity: &EntityId) -> Vec<u8> {
    let mut key = Vec::with_capacity(entity.id().len() + 1);
    key.push(entity.kind as u8);
    key.extend_from_slice(entity.id().as_bytes());
    key
}

/// The entity behind a column.
pub(super) fn parse_entity(key: &[u8]) -> Option<EntityId> {
    let (kind, id) = key.split_first()?;
    let kinds = EntityKind::ALL;
    let kind = kinds.into_iter().find(|k| *k as u8 == *kind)?;
    EntityId::new(kind, std::str::from_utf8(id).ok()?).ok()
}

fn digest(key: &[&[u8]], content: &[u8]) -> [u8; SEAL] {
    let mut hasher = Xxh3::new();
    for part in key {
        hasher.update(&(part.len() as u32).to_be_bytes());
        hasher.update(part);
    }
    hasher.update(content);
    hasher.digest().to_be_bytes()
}

/// Content with its seal.
pub(super) fn seal(key: &[&[u8]], mut content: Vec<u8>) -> Vec<u8> {
    let seal = digest(key, &content);
    content.extend_from_slice(&seal);
    content
}

/// The content of a sealed blob.
pub(super) fn open(key: &[&[u8]], sealed: Vec<u8>) -> Result<Bytes, Damage> {
    let Some(end) = sealed.len().checked_sub(SEAL) else {
        return Err("the value is too short for its seal".into());
    };
    if digest(key, &sealed[..end]) != sealed[end..] {
        return Err("the seal does not fit key and value".into());
    }
    let mut content = Bytes::from(sealed);
    content.truncate(end);
    Ok(content)
}

/// A head as two columns, both null for an empty journal.
pub(super) type HeadColumns = (Option<i64>, Option<Vec<u8>>);

/// The head behind two columns.
pub(super) fn parse_head(columns: HeadColumns) -> Result<Head, Damage> {
    match columns {
        (None, None) => Ok(Head::default()),
        (Some(last), Some(digest)) => Ok(Head {
            sequence: sequence(last),
            digest: parse_digest(&digest)?,
        }),
        _ => Err("the head is half there".into()),
    }
}

/// A stored digest.
pub(super) fn parse_digest(bytes: &[u8]) -> Result<Digest, Damage> {
    let bytes = bytes.try_into();
    bytes
        .map(Digest)
        .map_err(|_| "a digest has 16 bytes".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_order_and_buckets_end_where_the_next_begins() {
        let numbers = [0, 1, 255, 1 << 40, i64::MAX as u64, 1 << 63, u64::MAX];
        let columns = numbers.map(ordered);
        assert!(columns.is_sorted());
        assert_eq!(columns.map(unordered), numbers);
        for b in [0, 1, 77] {
            let end = bucket_end(b);
            assert_eq!((bucket(end), bucket(end.next())), (b, b + 1));
        }
    }

    #[test]
    fn a_changed_bit_or_another_key_does_not_pass() {
        let sealed = seal(&[b"a", b"bc"], b"content".to_vec());
        assert_eq!(open(&[b"a", b"bc"], sealed.clone()), Ok("content".into()));
        assert!(open(&[b"ab", b"c"], sealed.clone()).is_err());
        for at in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[at / 8] ^= 1 << (at % 8);
            assert!(open(&[b"a", b"bc"], bad).is_err(), "bit {at}");
        }
        assert!(open(&[], vec![1, 2, 3]).is_err());
    }

    #[test]
    fn entities_come_back_and_nonsense_does_not() {
        for id in ["a", "ä", "a\u{1}"] {
            let entity = EntityId::new(EntityKind::User, id).unwrap();
            assert_eq!(parse_entity(&entity_key(&entity)), Some(entity));
        }
        for key in [&b""[..], b"r", b"?a", b"r\0", b"r\xff"] {
            assert_eq!(parse_entity(key), None, "{key:?}");
        }
    }
}
