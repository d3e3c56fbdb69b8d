//! Records, rows, heads and the hash chain that ties rows together; their versioned byte form.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::Sequence;

/// 128 bits of BLAKE3: identity of a body, a row, and through the chain of everything before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// Digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::truncate(blake3::hash(bytes))
    }

    fn truncate(hash: blake3::Hash) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(&hash.as_bytes()[..16]);
        Self(short)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The end of a journal: last sequence and the digest of the row that ends there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Head {
    /// Last sequence; 0 for an empty journal.
    pub sequence: Sequence,
    /// Digest of the last row; all zero for an empty journal.
    pub digest: Digest,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.sequence, self.digest)
    }
}

/// One durable event: a header that is kept for ever and a body that may be erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Who, when, what kind; needed even when the body is gone.
    pub header: Bytes,
    /// Digest of the body, kept when the body is erased; zero when there never was one.
    pub body_digest: Digest,
    /// Content, unless erased or never there.
    pub body: Option<Bytes>,
}

impl Record {
    /// A record with its body's digest computed.
    pub fn new(header: Bytes, body: Option<Bytes>) -> Self {
        let body_digest = body.as_deref().map(Digest::of).unwrap_or_default();
        Self {
            header,
            body_digest,
            body,
        }
    }

    /// Bytes this record adds to a row.
    pub fn encoded_len(&self) -> usize {
        RECORD_OVERHEAD + self.header.len() + self.body.as_ref().map_or(0, Bytes::len)
    }

    /// Whether the body was there and is gone.
    pub fn is_erased(&self) -> bool {
        self.body.is_none() && self.body_digest != Digest::default()
    }
}

/// One append: consecutive records sealed by a digest over the previous row's digest, the headers and
/// the *digests* of the bodies, so that erasing a body leaves the chain intact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Sequence of the first record.
    pub first: Sequence,
    /// Digest of the row before; zero for the first.
    pub previous: Digest,
    /// The writer's mark. It goes into the digest, so that two owners who decide the same on the same head
    /// make two rows: a row that bears my digest is mine, and not a rival's who was there before.
    pub mark: u64,
    /// The records, at least one.
    pub records: Vec<Record>,
    /// This row's digest.
    pub digest: Digest,
}

/// Why bytes are no row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowError {
    /// Shorter than its own lengths say.
    #[error("the row ends early")]
    Truncated,
    /// A format this version does not know.
    #[error("row format {0} is unknown")]
    Format(u8),
    /// The digest does not fit the content.
    #[error("the row's digest does not fit its content")]
    Digest,
    /// A body does not fit its digest.
    #[error("a body does not fit its digest")]
    Body,
    /// Bytes after the last record, or no record at all.
    #[error("the row has a wrong number of records")]
    Count,
    /// The row does not follow the head it was decided on.
    #[error("the row begins at {first} and does not follow the head {after}")]
    Follow {
        /// Its first sequence.
        first: Sequence,
        /// The head.
        after: Head,
    },
}

/// Version written; [`Row::decode`] reads this one. (1 had no mark.)
const FORMAT: u8 = 2;
/// Where the digest stands: after format, first sequence and previous digest.
const DIGEST_AT: usize = 1 + 8 + 16;
const RECORD_OVERHEAD: usize = 4 + 16 + 1 + 4;
const ROW_OVERHEAD: usize = 1 + 8 + 16 + 16 + 8 + 4;

impl Row {
    /// Seals records as the row after `head`, by the writer with this mark.
    pub fn seal(head: Head, mark: u64, records: Vec<Record>) -> Self {
        let first = head.sequence.next();
        let digest = chain(head.digest, first, mark, &records);
        Self {
            first,
            previous: head.digest,
            mark,
            records,
            digest,
        }
    }

    /// Sequence of the last record.
    pub fn last(&self) -> Sequence {
        self.first
            .plus((self.records.len() as u64).saturating_sub(1))
    }

    /// The head that this row makes.
    pub fn head(&self) -> Head {
        Head {
            sequence: self.last(),
            digest: self.digest,
        }
    }

    /// The record at a sequence, if this row holds it.
    pub fn record(&self, sequence: Sequence) -> Option<&Record> {
        let index = sequence.0.checked_sub(self.first.0)?;
        self.records.get(usize::try_from(index).ok()?)
    }

    /// Each record with its sequence.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (Sequence, &Record)> {
        let first = self.first;
        self.records
            .iter()
            .enumerate()
            .map(move |(i, record)| (first.plus(i as u64), record))
    }

    /// Size of [`Row::encode`]'s result.
    pub fn encoded_len(&self) -> usize {
        ROW_OVERHEAD + self.records.iter().map(Record::encoded_len).sum::<usize>()
    }

    /// Checks everything that [`Row::decode`] and the chain will demand of this row later, so that no
    /// unreadable row is stored.
    pub fn verify(&self, after: Head) -> Result<(), RowError> {
        if self.records.is_empty() {
            return Err(RowError::Count);
        }
        if self.first.0.checked_sub(1) != Some(after.sequence.0) || self.previous != after.digest {
            return Err(RowError::Follow {
                first: self.first,
                after,
            });
        }
        let fits = |r: &Record| {
            r.body
                .as_deref()
                .is_none_or(|b| Digest::of(b) == r.body_digest)
        };
        if !self.records.iter().all(fits) {
            return Err(RowError::Body);
        }
        if chain(self.previous, self.first, self.mark, &self.records) != self.digest {
            return Err(RowError::Digest);
        }
        Ok(())
    }

    /// Byte form, the same for every provider.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.encoded_len());
        self.encode_into(&mut out);
        out.freeze()
    }

    /// Appends the byte form to a buffer.
    pub fn encode_into(&self, out: &mut impl BufMut) {
        out.put_u8(FORMAT);
        out.put_u64(self.first.0);
        out.put_slice(&self.previous.0);
        out.put_slice(&self.digest.0);
        out.put_u64(self.mark);
        out.put_u32(self.records.len() as u32);
        for record in &self.records {
            out.put_u32(record.header.len() as u32);
            out.put_slice(&record.header);
            out.put_slice(&record.body_digest.0);
            match &record.body {
                Some(body) => {
                    out.put_u8(1);
                    out.put_u32(body.len() as u32);
                    out.put_slice(body);
                }
                None => {
                    out.put_u8(0);
                    out.put_u32(0);
                }
            }
        }
    }

    /// Reads and verifies a row: its own digest and each body that is present. Slices share `bytes`.
    pub fn decode(bytes: &Bytes) -> Result<Self, RowError> {
        let mut input = Reader { bytes, at: 0 };
        match input.u8()? {
            FORMAT => {}
            other => return Err(RowError::Format(other)),
        }
        let first = Sequence(input.u64()?);
        let previous = input.digest()?;
        let digest = input.digest()?;
        let mark = input.u64()?;
        let count = input.u32()?;
        let mut records = Vec::new();
        for _ in 0..count {
            let header = input.slice()?;
            let body_digest = input.digest()?;
            let present = input.u8()?;
            let body = input.slice()?;
            let body = match (present, body.is_empty()) {
                (1, _) => Some(body),
                (0, true) => None,
                _ => return Err(RowError::Body),
            };
            if body
                .as_deref()
                .is_some_and(|b| Digest::of(b) != body_digest)
            {
                return Err(RowError::Body);
            }
            records.push(Record {
                header,
                body_digest,
                body,
            });
        }
        if records.is_empty() || input.at != bytes.len() {
            return Err(RowError::Count);
        }
        if chain(previous, first, mark, &records) != digest {
            return Err(RowError::Digest);
        }
        Ok(Self {
            first,
            previous,
            mark,
            records,
            digest,
        })
    }

    /// The digest that an encoded row claims, unverified; for a provider that guards it in its own way.
    pub fn peek_digest(bytes: &[u8]) -> Result<Digest, RowError> {
        match bytes.first() {
            Some(&FORMAT) => {}
            Some(&other) => return Err(RowError::Format(other)),
            None => return Err(RowError::Truncated),
        }
        let digest = bytes.get(DIGEST_AT..DIGEST_AT + 16);
        let digest = digest.ok_or(RowError::Truncated)?;
        let mut out = Digest::default();
        out.0.copy_from_slice(digest);
        Ok(out)
    }

    /// The same row without the body at `sequence`; nothing happens if it holds none there.
    pub fn erase(&mut self, sequence: Sequence) {
        let index = sequence.0.checked_sub(self.first.0);
        let record = index.and_then(|i| self.records.get_mut(usize::try_from(i).ok()?));
        if let Some(record) = record {
            record.body = None;
        }
    }
}

fn chain(previous: Digest, first: Sequence, mark: u64, records: &[Record]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&previous.0);
    hasher.update(&first.0.to_be_bytes());
    hasher.update(&mark.to_be_bytes());
    for record in records {
        hasher.update(&(record.header.len() as u32).to_be_bytes());
        hasher.update(&record.header);
        hasher.update(&record.body_digest.0);
    }
    Digest::truncate(hasher.finalize())
}

struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, n: usize) -> Result<std::ops::Range<usize>, RowError> {
        let end = self.at.checked_add(n).ok_or(RowError::Truncated)?;
        if end > self.bytes.len() {
            return Err(RowError::Truncated);
        }
        let range = self.at..end;
        self.at = end;
        Ok(range)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RowError> {
        let range = self.take(N)?;
        let mut out = [0; N];
        out.copy_from_slice(&self.bytes[range]);
        Ok(out)
    }

    fn u8(&mut self) -> Result<u8, RowError> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, RowError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, RowError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    fn digest(&mut self) -> Result<Digest, RowError> {
        Ok(Digest(self.array()?))
    }

    fn slice(&mut self) -> Result<Bytes, RowError> {
        let len = self.u32()? as usize;
        let range = self.take(len)?;
        Ok(self.bytes.slice(range))
    }
}
