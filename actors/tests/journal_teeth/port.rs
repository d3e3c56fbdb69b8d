//! The mutant behind the port: what each bug makes of each call.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::ids::{EntityId, EntityKind, Sequence, Timestamp};
use actors::journal::memory::MemoryJournal;
use actors::journal::{
    Append, AppendError, Capabilities, Head, Journal, OverlayWrite, PageLimit, Range, ReadError,
    Row, Snapshot, Table, TableRow, TableWrite,
};
use actors::testing::front::Front;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::mutant::{Bug, Buggy, CAPABILITIES, Written};

type Read<T> = BoxFuture<'static, Result<T, ReadError>>;
type Write<T> = BoxFuture<'static, Result<T, AppendError>>;

/// The handle that the suite holds.
#[derive(Clone)]
pub struct Shared(pub Arc<Buggy>);

impl Shared {
    fn write(&self, what: Written) -> Write<()> {
        let it = self.0.clone();
        async move { it.write(what).await }.boxed()
    }
}

impl Front for Shared {
    type Behind = MemoryJournal;

    fn behind(&self) -> &MemoryJournal {
        &self.0.inner
    }

    fn entity(&self, entity: &EntityId) -> EntityId {
        self.0.id(entity)
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn append(&self, append: Append) -> Write<()> {
        let it = self.0.clone();
        async move { appended(&it, append).await }.boxed()
    }

    fn head(&self, entity: &EntityId) -> Read<Head> {
        let (it, entity) = (self.0.clone(), self.entity(entity));
        async move {
            let trimmed = it.inner.first_retained(&entity).await? > Sequence(1);
            if it.has(Bug::LosesHeadWhenTrimmed) && trimmed {
                return Ok(Head::default());
            }
            it.inner.head(&entity).await
        }
        .boxed()
    }

    fn read(&self, entity: &EntityId, range: Range, mut limit: PageLimit) -> Read<Vec<Row>> {
        let (it, entity) = (self.0.clone(), self.entity(entity));
        if it.has(Bug::IgnoresPageLimit) {
            (limit.records, limit.bytes) = (usize::MAX, usize::MAX);
        }
        async move {
            let mut rows = it.inner.read(&entity, range, limit).await?;
            if it.has(Bug::ReadsBackwardsInOrder) && matches!(range, Range::Before(_)) {
                rows.reverse();
            }
            if it.has(Bug::ReadsEmptyBodiesAsNone) {
                for record in rows.iter_mut().flat_map(|row| &mut row.records) {
                    record.body.take_if(|body| body.is_empty());
                }
            }
            Ok(rows)
        }
        .boxed()
    }

    fn snapshot(&self, entity: &EntityId) -> Read<Option<Snapshot>> {
        let entity = self.entity(entity);
        if self.0.has(Bug::LastSnapshotWins) {
            return ready(Ok(self.0.snapshots.lock().get(&entity).cloned())).boxed();
        }
        self.behind().snapshot(&entity)
    }

    fn put_snapshot(&self, entity: &EntityId, snapshot: Snapshot) -> Write<()> {
        let entity = self.entity(entity);
        if self.0.has(Bug::LastSnapshotWins) {
            self.0.snapshots.lock().insert(entity, snapshot);
            return ready(Ok(())).boxed();
        }
        self.write(Written::Snapshot(entity, snapshot))
    }

    fn first_retained(&self, entity: &EntityId) -> Read<Sequence> {
        let (it, entity) = (self.0.clone(), self.entity(entity));
        async move {
            let known = it.inner.head(&entity).await? != Head::default();
            if it.has(Bug::ForgetsWhatWasTrimmed) {
                return Ok(Sequence(1));
            }
            if it.has(Bug::CountsUnknownFromZero) && !known {
                return Ok(Sequence::ZERO);
            }
            it.inner.first_retained(&entity).await
        }
        .boxed()
    }

    fn trim(&self, entity: &EntityId, first: Sequence) -> Write<Sequence> {
        let (it, entity) = (self.0.clone(), self.entity(entity));
        async move {
            let retained = it.inner.trim(&entity, first).await?;
            it.written.lock().push(Written::Trim(entity, first));
            Ok(retained)
        }
        .boxed()
    }

    fn put_rows(&self, rows: Vec<TableWrite>) -> Write<()> {
        if self.0.has(Bug::LastTableWriteWins) {
            let keyed = rows
                .into_iter()
                .map(|row| ((row.table, row.key.clone()), row));
            self.0.rows.lock().extend(keyed);
            return ready(Ok(())).boxed();
        }
        self.write(Written::Rows(rows))
    }

    fn get_rows(&self, table: Table, keys: Vec<Vec<u8>>) -> Read<Vec<Option<TableRow>>> {
        if !self.0.has(Bug::LastTableWriteWins) {
            return self.behind().get_rows(table, keys);
        }
        let held = self.0.rows.lock();
        let get = |key: Vec<u8>| {
            let row = held.get(&(table, key))?.clone();
            let (key, rank, value) = (row.key, row.rank, row.value?);
            Some(TableRow { key, rank, value })
        };
        ready(Ok(keys.into_iter().map(get).collect())).boxed()
    }

    fn scan_rows(
        &self,
        table: Table,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> Read<Vec<TableRow>> {
        let all = self.0.has(Bug::ScansEverything);
        let prefix = if all { Vec::new() } else { prefix };
        self.behind().scan_rows(table, prefix, after, limit)
    }

    fn entities(
        &self,
        kind: EntityKind,
        after: Option<String>,
        limit: usize,
    ) -> Read<Vec<EntityId>> {
        let all = self.0.has(Bug::ListsTooMany);
        let limit = if all { usize::MAX } else { limit };
        self.behind().entities(kind, after, limit)
    }

    fn arm(&self, entity: &EntityId, due: Timestamp) -> Write<()> {
        self.write(Written::Arm(self.entity(entity), due))
    }

    fn clear(&self, entity: &EntityId, due: Timestamp) -> Write<()> {
        if self.0.has(Bug::NeverClearsWakeUps) {
            return ready(Ok(())).boxed();
        }
        self.write(Written::Clear(self.entity(entity), due))
    }
}

async fn appended(it: &Buggy, mut append: Append) -> Result<(), AppendError> {
    append.entity = it.id(&append.entity);
    let number = it.appends.fetch_add(1, Ordering::Relaxed) + 1;
    if it.has(Bug::DropsEveryHundredthAppend) && number.is_multiple_of(100) {
        return Ok(());
    }
    if it.has(Bug::IgnoresErasures) {
        append.side.erasures.clear();
    }
    if it.has(Bug::FirstOverlayWins) {
        let all = (Sequence::ZERO, Sequence(u64::MAX));
        let stored = it.inner.overlays(&append.entity, all.0, all.1).await;
        let stored = stored.unwrap_or_default();
        let known = |s| stored.iter().any(|o: &OverlayWrite| o.sequence == s);
        append.side.overlays.retain(|o| !known(o.sequence));
    }
    let outcome = it.write(Written::Append(append.clone())).await;
    match (it.bug, outcome) {
        (Some(Bug::AcknowledgesConflicts), Err(AppendError::Conflict { .. }))
        | (Some(Bug::AcknowledgesInvalidRows), Err(AppendError::Invalid(_))) => Ok(()),
        (Some(Bug::ForgetsDigestInCompare), Err(AppendError::Conflict { head }))
            if head.sequence == append.after.sequence =>
        {
            append.row = Row::seal(head, 0, append.row.records);
            append.after = head;
            it.write(Written::Append(append)).await
        }
        (Some(Bug::WritesSideOfRefused), Err(error @ AppendError::Conflict { .. })) => {
            it.inner.repair(&append.entity, append.side).await?;
            Err(error)
        }
        (Some(Bug::RefusesWhatItStored), Ok(())) => {
            let others = it.under_way.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            it.under_way.fetch_sub(1, Ordering::Relaxed);
            let head = append.row.head();
            (others == 0)
                .then_some(())
                .ok_or(AppendError::Conflict { head })
        }
        (_, outcome) => outcome,
    }
}
