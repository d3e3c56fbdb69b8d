//! The port to durable storage: append by compare-and-set, read, snapshots, overlays and table rows.
//!
//! **Durable** means: once `append` has answered `Ok`, the row survives a crash of the process and of
//! the machine by the provider's promise. **Fenced** means: an append names the head it was decided on
//! and is applied only if that is still the head; nothing else guards against two writers.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
pub mod fjall;
pub mod memory;
pub mod page;
mod prepare;
pub mod record;
pub mod scylla;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use thiserror::Error;

use crate::ids::{EntityId, Sequence, Timestamp};
pub use page::PageLimit;
pub use record::{Digest, Head, Record, Row};

/// One atomic append of one or more records to one entity.
#[derive(Debug, Clone)]
pub struct Append {
    /// Whose journal.
    pub entity: EntityId,
    /// The head this was decided on; `Head::default()` for a new entity.
    pub after: Head,
    /// The sealed row: first sequence `after.sequence + 1`, previous digest `after.digest`.
    pub row: Row,
    /// What else must be visible no later than the acknowledgement.
    pub side: SideWrites,
}

/// Derived data written along with an append.
///
/// A provider with [`Capabilities::atomic_side_writes`] makes them durable together with the row or not
/// at all. Any other writes them after the row and before it answers `Ok`; if it dies in between, whoever
/// recovers the entity writes them again: every one of them carries a rank, and the highest wins.
#[derive(Debug, Clone, Default)]
pub struct SideWrites {
    /// Latest state of older messages.
    pub overlays: Vec<OverlayWrite>,
    /// Records whose body is to be physically removed, in older rows or in the row that goes with them;
    /// the chain still verifies. Sequences that are trimmed or hold no body are ignored.
    pub erasures: Vec<Sequence>,
    /// Latest-value rows and index entries.
    pub table: Vec<TableWrite>,
}

impl SideWrites {
    /// Nothing to write.
    pub fn is_empty(&self) -> bool {
        self.overlays.is_empty() && self.erasures.is_empty() && self.table.is_empty()
    }
}

/// Latest state of one journaled message beyond its row (edits, deletion, reactions).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverlayWrite {
    /// The message.
    pub sequence: Sequence,
    /// The last event that this state includes; a write with a lower one than stored is ignored.
    pub applied: Sequence,
    /// Encoded state, opaque to the provider.
    pub state: Bytes,
}

/// The named tables of small rows beside the journals. The discriminant is part of stored keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Rooms of a user: key `user \0 room`, value the encoded membership.
    RoomsOfUser = 1,
    /// Read cursors: key `room \0 user`, rank the sequence read up to, value the encoded cursor.
    ReadCursors = 2,
    /// What lists of rooms show without waking the room: key `room`, value the encoded card.
    RoomCards = 3,
    /// Musicians by instrument and place: key `instrument \x1f cell \0 user`, value the encoded card.
    Musicians = 4,
    /// How far an entity's errands are done: key kind and id of the entity, rank the number of the last one before which
    /// all are done.
    ErrandsDone = 5,
    /// Requests that a user has a part in: key `user \0 request`, value the encoded card.
    RequestsOfUser = 6,
    /// Open requests by instrument and place: key `instrument \x1f cell \0 request`; and those that wait for moderation:
    /// key `\x1fpending \0 request`. Value the encoded card.
    OpenRequests = 7,
    /// First answers to requests over HTTP, to be given again: key `user \0 place in a ring`, rank the time.
    FirstAnswers = 8,
    /// When each user gave a sign of life last: key `user`, rank the time.
    LastSeen = 9,
}

/// A write to one table row: applied unless the stored rank is higher (equal rank: applied, idempotent).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableWrite {
    /// The table.
    pub table: Table,
    /// The key; order of bytes is the order of scans.
    pub key: Vec<u8>,
    /// Orders writes to the same row.
    pub rank: u64,
    /// New value; `None` removes the row but keeps its rank.
    pub value: Option<Bytes>,
}

/// A stored, not removed table row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// The key.
    pub key: Vec<u8>,
    /// Rank of the write that made it.
    pub rank: u64,
    /// Value.
    pub value: Bytes,
}

/// State of an entity at a sequence, from which recovery starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The head at which it was taken.
    pub head: Head,
    /// Encoded state, opaque to the provider, which adds a checksum of its own.
    pub state: Bytes,
}

/// Which rows to read; both ends are sequences, and whole rows come back, so a reader skips what it did
/// not ask for at either edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Ascending, rows that hold anything above this sequence.
    After(Sequence),
    /// Descending rows, those that hold anything below this sequence.
    Before(Sequence),
}

/// What a provider can promise beyond the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// No other process can append: the head known to the owner is the head (no read needed to fence).
    pub exclusive: bool,
    /// Side writes are atomic with their row.
    pub atomic_side_writes: bool,
    /// A row must not cross a multiple of this many sequences (bucket boundary), if any.
    pub bucket: Option<u64>,
    /// Most bytes of one row.
    pub max_row_bytes: usize,
}

/// Why an append was not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AppendError {
    /// Another writer's row is there: this append did not and will not happen.
    #[error("the head is {head} by another writer")]
    Conflict {
        /// The head found.
        head: Head,
    },
    /// It may have been applied, or may yet be.
    #[error("outcome of the append unknown: {0}")]
    InDoubt(String),
    /// It was not and will not be applied.
    #[error("append refused: {0}")]
    Unavailable(String),
    /// The store failed in a way that a retry cannot mend (a failed fsync): every write is refused from
    /// now on. This one was not applied.
    #[error("the store is broken: {0}")]
    Broken(String),
    /// The request contradicts itself or a limit: a row that does not follow `after` or whose digests do
    /// not fit, one that is too large or crosses a bucket, a snapshot ahead of its journal. Nothing was
    /// stored and the store is well; the caller has a bug.
    #[error("invalid write: {0}")]
    Invalid(String),
}

/// Why a read gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Not now; a later try may succeed.
    #[error("read failed: {0}")]
    Unavailable(String),
    /// Checksum, chain or format do not agree.
    #[error("{entity} is corrupt at {sequence}: {reason}")]
    Corrupt {
        /// The entity.
        entity: EntityId,
        /// Where.
        sequence: Sequence,
        /// What is wrong.
        reason: String,
    },
    /// The same, for something that belongs to no journal (a table row).
    #[error("{place} is corrupt: {reason}")]
    CorruptRow {
        /// Where.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

/// Ordered logs per entity. Cheap to share; all calls may run at once. Futures are lazy: nothing happens
/// before the first poll; one dropped later leaves its write in doubt.
pub trait Journal: Send + Sync + 'static {
    /// What this provider promises beyond the contract.
    fn capabilities(&self) -> Capabilities;

    /// Why appends are refused for now though the store is whole and takes what frees space; none if they are not. Asks
    /// nobody.
    fn refuses(&self) -> Option<&'static str> {
        None
    }

    /// Appends one row if `after` is still the head.
    fn append(&self, append: Append) -> BoxFuture<'static, Result<(), AppendError>>;

    /// Writes side data of rows that are durable already, for whoever recovers an entity. A provider with
    /// atomic side writes has nothing to repair.
    fn repair(
        &self,
        _entity: &EntityId,
        _side: SideWrites,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// The head, linearizable with appends; `Head::default()` if the entity has no journal.
    fn head(&self, entity: &EntityId) -> BoxFuture<'static, Result<Head, ReadError>>;

    /// A page of rows without holes between them. An empty page means that nothing more lies in that
    /// direction. Ascending, the first row holds the sequence after the one asked, unless that is trimmed.
    fn read(
        &self,
        entity: &EntityId,
        range: Range,
        limit: PageLimit,
    ) -> BoxFuture<'static, Result<Vec<Row>, ReadError>>;

    /// Overlays of the messages in `first..=last`, ascending.
    fn overlays(
        &self,
        entity: &EntityId,
        first: Sequence,
        last: Sequence,
    ) -> BoxFuture<'static, Result<Vec<OverlayWrite>, ReadError>>;

    /// The newest snapshot.
    fn snapshot(
        &self,
        entity: &EntityId,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>>;

    /// Keeps a snapshot unless a newer one is stored, durable on `Ok`.
    fn put_snapshot(
        &self,
        entity: &EntityId,
        snapshot: Snapshot,
    ) -> BoxFuture<'static, Result<(), AppendError>>;

    /// First sequence that can still be read; 1 if nothing was trimmed.
    fn first_retained(&self, entity: &EntityId) -> BoxFuture<'static, Result<Sequence, ReadError>>;

    /// Removes rows that lie wholly below `first`, with their overlays: never a row that the newest
    /// snapshot does not cover, never the last row (it carries the head). A provider may keep more.
    /// Answers the first sequence that can be read afterwards, which never goes back.
    fn trim(
        &self,
        entity: &EntityId,
        first: Sequence,
    ) -> BoxFuture<'static, Result<Sequence, AppendError>>;

    /// Writes table rows outside an append, durable on `Ok`. Each stands alone: after an error some may be written.
    fn put_rows(&self, rows: Vec<TableWrite>) -> BoxFuture<'static, Result<(), AppendError>>;

    /// Table rows by key, in the order asked; removed and missing ones are `None`.
    fn get_rows(
        &self,
        table: Table,
        keys: Vec<Vec<u8>>,
    ) -> BoxFuture<'static, Result<Vec<Option<TableRow>>, ReadError>>;

    /// Table rows whose key begins with `prefix` and is above `after`, ascending, at most `limit`.
    fn scan_rows(
        &self,
        table: Table,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<TableRow>, ReadError>>;

    /// Entities with a journal, of one kind, ids ascending above `after`, at most `limit`.
    fn entities(
        &self,
        kind: crate::ids::EntityKind,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<EntityId>, ReadError>>;
}

/// Durable alarms: an entity that must be woken at a time, whichever node lives then.
/// Armed before the append that needs it, cleared afterwards; a needless wake-up is harmless.
pub trait Wakeups: Send + Sync + 'static {
    /// Durable on `Ok`. Arming the same pair again changes nothing.
    fn arm(&self, entity: &EntityId, due: Timestamp)
    -> BoxFuture<'static, Result<(), AppendError>>;

    /// Removes one; missing is fine.
    fn clear(
        &self,
        entity: &EntityId,
        due: Timestamp,
    ) -> BoxFuture<'static, Result<(), AppendError>>;

    /// What is due at `now`, oldest first and of one moment by entity, above `after`, at most `limit`.
    fn due(
        &self,
        now: Timestamp,
        after: Option<(EntityId, Timestamp)>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(EntityId, Timestamp)>, ReadError>>;
}

/// How long a caller should wait before it tries a refused append again.
pub const RETRY_AFTER: Duration = Duration::from_millis(250);
