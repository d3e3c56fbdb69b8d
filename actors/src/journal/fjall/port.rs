//! The ports as the embedded store serves them: encode and verify here, then queue or read.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::FjallJournal;
use super::group::{AppendWork, Work, Write};
use super::keys::{self, Space};
use super::trim::Step;
use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{
    Append, AppendError, Capabilities, Head, Journal, OverlayWrite, PageLimit, Range, ReadError,
    Row, Snapshot, Table, TableRow, TableWrite, Wakeups,
};

/// Counted for each request beside its bytes.
const REQUEST_BYTES: usize = 256;

/// Rows or overlays removed by one commit.
const STEP_KEYS: usize = 512;

/// Table rows written by one commit, if they are outside an append: each is looked up first, and messages must not wait
/// for thousands of them.
const STEP_ROWS: usize = 256;

impl Journal for FjallJournal {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn refuses(&self) -> Option<&'static str> {
        self.writer.status.refuses()
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<(), AppendError>> {
        let (writer, capabilities) = (self.writer.clone(), self.capabilities);
        async move {
            let append = append.prepare(&capabilities)?;
            let key = keys::at(Space::Row, &append.entity, append.row.last());
            let value = keys::row_value(&key, &append.row);
            let overlays = append.side.overlays.iter();
            let mut writes: Vec<_> = overlays.map(|o| overlay(&append.entity, o)).collect();
            writes.extend(append.side.table.iter().map(table_row));
            let bytes = key.len() + value.len() + size(&writes);
            let work = AppendWork {
                entity: append.entity,
                after: append.after,
                head: append.row.head(),
                key,
                value,
                erasures: append.side.erasures,
                writes,
            };
            let work = Work::Append(Box::new(work));
            writer.submit(work, bytes + REQUEST_BYTES).await
        }
        .boxed()
    }

    fn head(&self, entity: &EntityId) -> BoxFuture<'static, Result<Head, ReadError>> {
        let (readers, entity) = (self.readers.clone(), entity.clone());
        async move {
            let known = readers.heads.lock().get(&entity);
            match known {
                Some(head) => Ok(head),
                None => readers.read(move |store| store.head(&entity)).await,
            }
        }
        .boxed()
    }

    fn read(
        &self,
        entity: &EntityId,
        range: Range,
        limit: PageLimit,
    ) -> BoxFuture<'static, Result<Vec<Row>, ReadError>> {
        let (readers, entity) = (self.readers.clone(), entity.clone());
        let read = async move { readers.read(move |s| s.read(&entity, range, limit)).await };
        read.boxed()
    }

    fn overlays(
        &self,
        entity: &EntityId,
        first: Sequence,
        last: Sequence,
    ) -> BoxFuture<'static, Result<Vec<OverlayWrite>, ReadError>> {
        let (readers, entity) = (self.readers.clone(), entity.clone());
        let read = async move {
            readers
                .read(move |s| s.overlays(&entity, first, last))
                .await
        };
        read.boxed()
    }

    fn snapshot(
        &self,
        entity: &EntityId,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        let (readers, entity) = (self.readers.clone(), entity.clone());
        async move { readers.read(move |s| s.snapshot(&entity)).await }.boxed()
    }

    fn put_snapshot(
        &self,
        entity: &EntityId,
        snapshot: Snapshot,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let (writer, entity) = (self.writer.clone(), entity.clone());
        async move {
            let key = keys::of_entity(Space::Snapshot, &entity);
            let rank = snapshot.head.sequence.0;
            let value = keys::ranked(&key, rank, &[&snapshot.head.digest.0, &snapshot.state]);
            let bytes = key.len() + value.len() + REQUEST_BYTES;
            let work = Work::Snapshot {
                entity,
                sequence: snapshot.head.sequence,
                write: Write::new(key, rank, value),
            };
            writer.submit(work, bytes).await
        }
        .boxed()
    }

    fn first_retained(&self, entity: &EntityId) -> BoxFuture<'static, Result<Sequence, ReadError>> {
        let (readers, entity) = (self.readers.clone(), entity.clone());
        async move { readers.read(move |s| s.first_retained(&entity)).await }.boxed()
    }

    fn trim(
        &self,
        entity: &EntityId,
        first: Sequence,
    ) -> BoxFuture<'static, Result<Sequence, AppendError>> {
        let (writer, readers) = (self.writer.clone(), self.readers.clone());
        let entity = entity.clone();
        async move {
            let unread = |error: ReadError| AppendError::Unavailable(error.to_string());
            let most = Step {
                keys: STEP_KEYS,
                bytes: writer.queue_bytes.saturating_sub(REQUEST_BYTES),
            };
            loop {
                let of = entity.clone();
                let step = readers.read(move |s| s.trim_step(&of, first, most)).await;
                let Some(work) = step.map_err(unread)? else {
                    break;
                };
                let bytes = match &work {
                    Work::Trim { keys, .. } => keys.iter().map(Vec::len).sum(),
                    _ => 0,
                };
                writer.submit(work, bytes + REQUEST_BYTES).await?;
            }
            let retained = readers.read(move |s| s.first_retained(&entity)).await;
            retained.map_err(unread)
        }
        .boxed()
    }

    fn put_rows(&self, rows: Vec<TableWrite>) -> BoxFuture<'static, Result<(), AppendError>> {
        let writer = self.writer.clone();
        async move {
            let mut rest = &rows[..];
            loop {
                // Also when there are none: whether writes are refused is asked all the same.
                let (step, later) = rest.split_at(rest.len().min(STEP_ROWS));
                let writes: Vec<_> = step.iter().map(table_row).collect();
                let bytes = size(&writes) + REQUEST_BYTES;
                writer.submit(Work::Writes(writes), bytes).await?;
                if later.is_empty() {
                    return Ok(());
                }
                rest = later;
            }
        }
        .boxed()
    }

    fn get_rows(
        &self,
        table: Table,
        keys: Vec<Vec<u8>>,
    ) -> BoxFuture<'static, Result<Vec<Option<TableRow>>, ReadError>> {
        let readers = self.readers.clone();
        async move {
            let read = readers.read(move |store| {
                let rows = keys.iter().map(|key| store.table_row(table, key));
                rows.collect()
            });
            read.await
        }
        .boxed()
    }

    fn scan_rows(
        &self,
        table: Table,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<TableRow>, ReadError>> {
        let readers = self.readers.clone();
        async move {
            let read = readers.read(move |store| store.scan(table, &prefix, after, limit));
            read.await
        }
        .boxed()
    }

    fn entities(
        &self,
        kind: EntityKind,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<EntityId>, ReadError>> {
        let readers = self.readers.clone();
        async move { readers.read(move |s| s.entities(kind, after, limit)).await }.boxed()
    }
}

impl Wakeups for FjallJournal {
    fn arm(
        &self,
        entity: &EntityId,
        due: Timestamp,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let key = keys::of_wakeup(due, entity);
        let value = Some(keys::ranked(&key, 0, &[]));
        self.wakeup(Work::Wakeup { key, value })
    }

    fn clear(
        &self,
        entity: &EntityId,
        due: Timestamp,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let key = keys::of_wakeup(due, entity);
        self.wakeup(Work::Wakeup { key, value: None })
    }

    fn due(
        &self,
        now: Timestamp,
        after: Option<(EntityId, Timestamp)>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(EntityId, Timestamp)>, ReadError>> {
        let readers = self.readers.clone();
        async move {
            readers
                .read(move |store| store.due(now, after, limit))
                .await
        }
        .boxed()
    }
}

impl FjallJournal {
    fn wakeup(&self, work: Work) -> BoxFuture<'static, Result<(), AppendError>> {
        let writer = self.writer.clone();
        async move { writer.submit(work, REQUEST_BYTES).await }.boxed()
    }
}

fn overlay(entity: &EntityId, overlay: &OverlayWrite) -> Write {
    let key = keys::at(Space::Overlay, entity, overlay.sequence);
    let rank = overlay.applied.0;
    let value = keys::ranked(&key, rank, &[&overlay.state]);
    Write::new(key, rank, value)
}

fn table_row(write: &TableWrite) -> Write {
    let (key, rank) = (keys::of_table(write.table, &write.key), write.rank);
    if let Some(value) = &write.value {
        let value = keys::ranked(&key, rank, &[&[1], value]);
        return Write::new(key, rank, value);
    }
    let mark = keys::of_removed(&key).unwrap_or_default();
    let value = keys::ranked(&mark, rank, &[&[0]]);
    Write {
        removes: true,
        ..Write::new(key, rank, value)
    }
}

fn size(writes: &[Write]) -> usize {
    let sizes = writes.iter().map(|w| w.key.len() + w.value.len() + 64);
    sizes.sum()
}
