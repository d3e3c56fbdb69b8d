//! The journal in memory with one realistic bug at a time.
//!
//! A restart plays what was written into a new journal, so that a mutant can lose something on the way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actors::ids::{EntityId, Sequence, Timestamp};
use actors::journal::conformance::{End, Place, Provider, Store, Violation};
use actors::journal::memory::MemoryJournal;
use actors::journal::{
    Append, AppendError, Capabilities, Head, Journal, OverlayWrite, PageLimit, Range, ReadError,
    Row, Snapshot, Table, TableRow, TableWrite, Wakeups,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::port::Shared;

/// What the provider gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    AcknowledgesConflicts,
    /// Compares the sequence of the head only.
    ForgetsDigestInCompare,
    AcknowledgesInvalidRows,
    IgnoresRowLimit,
    /// Ids in a column that ignores case.
    FoldsCase,
    ReadsEmptyBodiesAsNone,
    /// Answers "conflict" to an append that it stored, if another is under way.
    RefusesWhatItStored,
    DropsEveryHundredthAppend,
    ReadsBackwardsInOrder,
    IgnoresPageLimit,
    ListsTooMany,
    ForgetsWhatWasTrimmed,
    /// Finds the head by reading from sequence 1.
    LosesHeadWhenTrimmed,
    CountsUnknownFromZero,
    LastSnapshotWins,
    LastTableWriteWins,
    FirstOverlayWins,
    IgnoresErasures,
    WritesSideOfRefused,
    ScansEverything,
    NeverClearsWakeUps,
    LosesLastRowAtRestart,
}

/// Makes journals with this bug, or none.
pub struct Mutant(pub Option<Bug>);

impl Provider for Mutant {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Held(Arc::new(Buggy::new(self.0, Vec::new()))))
    }
}

struct Held(Arc<Buggy>);

impl Place for Held {
    fn open(&mut self) -> BoxFuture<'_, Result<Arc<dyn Store>, Violation>> {
        let store: Arc<dyn Store> = Arc::new(Shared(self.0.clone()));
        std::future::ready(Ok(store)).boxed()
    }

    fn end(&mut self, _: End) -> BoxFuture<'_, Result<(), Violation>> {
        async move {
            let mut kept = std::mem::take(&mut *self.0.written.lock());
            if self.0.has(Bug::LosesLastRowAtRestart)
                && let Some(last) = kept.iter().rposition(|w| matches!(w, Written::Append(_)))
            {
                kept.remove(last);
            }
            let next = Arc::new(Buggy::new(self.0.bug, kept.clone()));
            for write in kept {
                // What rests on something lost is lost with it.
                let _ = write.replay(&next.inner).await;
            }
            self.0 = next;
            Ok(())
        }
        .boxed()
    }
}

#[derive(Clone)]
pub enum Written {
    Append(Append),
    Snapshot(EntityId, Snapshot),
    Rows(Vec<TableWrite>),
    Trim(EntityId, Sequence),
    Arm(EntityId, Timestamp),
    Clear(EntityId, Timestamp),
}

impl Written {
    async fn replay(self, journal: &MemoryJournal) -> Result<(), AppendError> {
        match self {
            Self::Append(append) => journal.append(append).await,
            Self::Snapshot(entity, snapshot) => journal.put_snapshot(&entity, snapshot).await,
            Self::Rows(rows) => journal.put_rows(rows).await,
            Self::Trim(entity, first) => journal.trim(&entity, first).await.map(|_| ()),
            Self::Arm(entity, due) => journal.arm(&entity, due).await,
            Self::Clear(entity, due) => journal.clear(&entity, due).await,
        }
    }
}

pub struct Buggy {
    bug: Option<Bug>,
    pub inner: MemoryJournal,
    written: Mutex<Vec<Written>>,
    snapshots: Mutex<BTreeMap<EntityId, Snapshot>>,
    rows: Mutex<BTreeMap<(Table, Vec<u8>), TableWrite>>,
    appends: AtomicU64,
    under_way: AtomicU64,
}

pub const CAPABILITIES: Capabilities = Capabilities {
    exclusive: false,
    atomic_side_writes: true,
    bucket: None,
    max_row_bytes: 1 << 20,
};

impl Buggy {
    fn new(bug: Option<Bug>, written: Vec<Written>) -> Self {
        let enforced = match bug {
            Some(Bug::IgnoresRowLimit) => 2 << 20,
            _ => CAPABILITIES.max_row_bytes,
        };
        Self {
            bug,
            inner: MemoryJournal::with_capabilities(Capabilities {
                max_row_bytes: enforced,
                ..CAPABILITIES
            }),
            written: Mutex::new(written),
            snapshots: Mutex::default(),
            rows: Mutex::default(),
            appends: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
        }
    }

    pub fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    pub fn id(&self, entity: &EntityId) -> EntityId {
        if self.has(Bug::FoldsCase) {
            let folded = EntityId::new(entity.kind, &entity.id().to_lowercase());
            return folded.unwrap_or_else(|_| entity.clone());
        }
        entity.clone()
    }

    /// Writes, and remembers what was acknowledged.
    pub async fn write(&self, what: Written) -> Result<(), AppendError> {
        what.clone().replay(&self.inner).await?;
        self.written.lock().push(what);
        Ok(())
    }

    pub async fn append(&self, mut append: Append) -> Result<(), AppendError> {
        append.entity = self.id(&append.entity);
        let number = self.appends.fetch_add(1, Ordering::Relaxed) + 1;
        if self.has(Bug::DropsEveryHundredthAppend) && number.is_multiple_of(100) {
            return Ok(());
        }
        if self.has(Bug::IgnoresErasures) {
            append.side.erasures.clear();
        }
        if self.has(Bug::FirstOverlayWins) {
            let all = (Sequence::ZERO, Sequence(u64::MAX));
            let stored = self.inner.overlays(&append.entity, all.0, all.1).await;
            let stored = stored.unwrap_or_default();
            let known = |s| stored.iter().any(|o: &OverlayWrite| o.sequence == s);
            append.side.overlays.retain(|o| !known(o.sequence));
        }
        let outcome = self.write(Written::Append(append.clone())).await;
        match (self.bug, outcome) {
            (Some(Bug::AcknowledgesConflicts), Err(AppendError::Conflict { .. }))
            | (Some(Bug::AcknowledgesInvalidRows), Err(AppendError::Invalid(_))) => Ok(()),
            (Some(Bug::ForgetsDigestInCompare), Err(AppendError::Conflict { head }))
                if head.sequence == append.after.sequence =>
            {
                append.row = Row::seal(head, 0, append.row.records);
                append.after = head;
                self.write(Written::Append(append)).await
            }
            (Some(Bug::WritesSideOfRefused), Err(error @ AppendError::Conflict { .. })) => {
                self.inner.repair(&append.entity, append.side).await?;
                Err(error)
            }
            (Some(Bug::RefusesWhatItStored), Ok(())) => {
                let others = self.under_way.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                self.under_way.fetch_sub(1, Ordering::Relaxed);
                let head = append.row.head();
                (others == 0)
                    .then_some(())
                    .ok_or(AppendError::Conflict { head })
            }
            (_, outcome) => outcome,
        }
    }

    pub async fn head(&self, entity: &EntityId) -> Result<Head, ReadError> {
        let trimmed = self.inner.first_retained(entity).await? > Sequence(1);
        if self.has(Bug::LosesHeadWhenTrimmed) && trimmed {
            return Ok(Head::default());
        }
        self.inner.head(entity).await
    }

    pub async fn read(
        &self,
        entity: &EntityId,
        range: Range,
        mut limit: PageLimit,
    ) -> Result<Vec<Row>, ReadError> {
        if self.has(Bug::IgnoresPageLimit) {
            (limit.records, limit.bytes) = (usize::MAX, usize::MAX);
        }
        let mut rows = self.inner.read(entity, range, limit).await?;
        if self.has(Bug::ReadsBackwardsInOrder) && matches!(range, Range::Before(_)) {
            rows.reverse();
        }
        if self.has(Bug::ReadsEmptyBodiesAsNone) {
            for record in rows.iter_mut().flat_map(|row| &mut row.records) {
                record.body.take_if(|body| body.is_empty());
            }
        }
        Ok(rows)
    }

    pub async fn put_snapshot(
        &self,
        entity: EntityId,
        snapshot: Snapshot,
    ) -> Result<(), AppendError> {
        if self.has(Bug::LastSnapshotWins) {
            self.snapshots.lock().insert(entity, snapshot);
            return Ok(());
        }
        self.write(Written::Snapshot(entity, snapshot)).await
    }

    pub async fn snapshot(&self, entity: &EntityId) -> Result<Option<Snapshot>, ReadError> {
        match self.bug {
            Some(Bug::LastSnapshotWins) => Ok(self.snapshots.lock().get(entity).cloned()),
            _ => self.inner.snapshot(entity).await,
        }
    }

    pub async fn first_retained(&self, entity: &EntityId) -> Result<Sequence, ReadError> {
        let known = self.inner.head(entity).await? != Head::default();
        match self.bug {
            Some(Bug::ForgetsWhatWasTrimmed) => Ok(Sequence(1)),
            Some(Bug::CountsUnknownFromZero) if !known => Ok(Sequence::ZERO),
            _ => self.inner.first_retained(entity).await,
        }
    }

    pub async fn trim(&self, entity: EntityId, first: Sequence) -> Result<Sequence, AppendError> {
        let retained = self.inner.trim(&entity, first).await?;
        self.written.lock().push(Written::Trim(entity, first));
        Ok(retained)
    }

    pub async fn put_rows(&self, rows: Vec<TableWrite>) -> Result<(), AppendError> {
        if self.has(Bug::LastTableWriteWins) {
            let mut held = self.rows.lock();
            held.extend(
                rows.into_iter()
                    .map(|row| ((row.table, row.key.clone()), row)),
            );
            return Ok(());
        }
        self.write(Written::Rows(rows)).await
    }

    pub async fn get_rows(
        &self,
        table: Table,
        keys: Vec<Vec<u8>>,
    ) -> Result<Vec<Option<TableRow>>, ReadError> {
        if !self.has(Bug::LastTableWriteWins) {
            return self.inner.get_rows(table, keys).await;
        }
        let held = self.rows.lock();
        let get = |key: Vec<u8>| {
            let row = held.get(&(table, key))?.clone();
            let (key, rank, value) = (row.key, row.rank, row.value?);
            Some(TableRow { key, rank, value })
        };
        Ok(keys.into_iter().map(get).collect())
    }
}
