//! The journal in memory: exact semantics, no durability; for tests and the simulation.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::page::PageFill;
use super::*;
use crate::ids::EntityKind;

/// Keeps everything in one map per concern behind one lock. Several owners may share it (`Arc`), so it
/// claims no exclusivity unless told.
#[derive(Debug)]
pub struct MemoryJournal {
    capabilities: Capabilities,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    logs: BTreeMap<EntityId, Log>,
    table: BTreeMap<(Table, Vec<u8>), (u64, Option<Bytes>)>,
    wakeups: BTreeSet<(Timestamp, EntityId)>,
}

/// One journal. Rows by their *last* sequence, so the row holding n is the first at or above n.
#[derive(Debug, Default)]
struct Log {
    rows: BTreeMap<Sequence, Row>,
    overlays: BTreeMap<Sequence, OverlayWrite>,
    snapshot: Option<Snapshot>,
    trimmed: Option<Sequence>,
}

impl MemoryJournal {
    /// An empty store that several owners may share.
    pub fn new() -> Self {
        Self::with_capabilities(Capabilities {
            exclusive: false,
            atomic_side_writes: true,
            bucket: None,
            max_row_bytes: 1 << 20,
        })
    }

    /// An empty store that promises `capabilities` and enforces their limits.
    pub fn with_capabilities(capabilities: Capabilities) -> Self {
        Self {
            capabilities,
            state: Arc::default(),
        }
    }

    /// Runs under the lock at the first poll.
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> BoxFuture<'static, T> {
        let state = self.state.clone();
        async move { work(&mut state.lock()) }.boxed()
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl Journal for MemoryJournal {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<(), AppendError>> {
        let capabilities = self.capabilities;
        self.run(move |state| state.append(append.prepare(&capabilities)?))
    }

    fn head(&self, entity: &EntityId) -> BoxFuture<'static, Result<Head, ReadError>> {
        let entity = entity.clone();
        self.run(move |state| Ok(state.log(&entity).map(Log::head).unwrap_or_default()))
    }

    fn read(
        &self,
        entity: &EntityId,
        range: Range,
        limit: PageLimit,
    ) -> BoxFuture<'static, Result<Vec<Row>, ReadError>> {
        let entity = entity.clone();
        self.run(move |state| {
            let log = state.log(&entity);
            Ok(log.map(|log| log.page(range, limit)).unwrap_or_default())
        })
    }

    fn overlays(
        &self,
        entity: &EntityId,
        first: Sequence,
        last: Sequence,
    ) -> BoxFuture<'static, Result<Vec<OverlayWrite>, ReadError>> {
        let entity = entity.clone();
        self.run(move |state| {
            let overlays = state.log(&entity).map(|log| &log.overlays);
            let within = |s: &Sequence| (first..=last).contains(s);
            let found = overlays.into_iter().flatten();
            let found = found.filter(|(s, _)| within(s)).map(|(_, o)| o.clone());
            Ok(found.collect())
        })
    }

    fn snapshot(
        &self,
        entity: &EntityId,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        let entity = entity.clone();
        self.run(move |state| Ok(state.log(&entity).and_then(|log| log.snapshot.clone())))
    }

    fn put_snapshot(
        &self,
        entity: &EntityId,
        snapshot: Snapshot,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let entity = entity.clone();
        self.run(move |state| state.put_snapshot(entity, snapshot))
    }

    fn first_retained(&self, entity: &EntityId) -> BoxFuture<'static, Result<Sequence, ReadError>> {
        let entity = entity.clone();
        self.run(move |state| {
            let first = state.log(&entity).map(Log::first_retained);
            Ok(first.unwrap_or(Sequence(1)))
        })
    }

    fn trim(
        &self,
        entity: &EntityId,
        first: Sequence,
    ) -> BoxFuture<'static, Result<Sequence, AppendError>> {
        let entity = entity.clone();
        self.run(move |state| {
            let Some(log) = state.logs.get_mut(&entity) else {
                return Ok(Sequence(1));
            };
            log.trim(first);
            Ok(log.first_retained())
        })
    }

    fn put_rows(&self, rows: Vec<TableWrite>) -> BoxFuture<'static, Result<(), AppendError>> {
        self.run(move |state| {
            rows.into_iter().for_each(|write| state.put_row(write));
            Ok(())
        })
    }

    fn get_rows(
        &self,
        table: Table,
        keys: Vec<Vec<u8>>,
    ) -> BoxFuture<'static, Result<Vec<Option<TableRow>>, ReadError>> {
        self.run(move |state| {
            let get = |key: Vec<u8>| {
                let id = (table, key);
                let (rank, value) = state.table.get(&id)?;
                let (key, rank, value) = (id.1, *rank, value.clone()?);
                Some(TableRow { key, rank, value })
            };
            Ok(keys.into_iter().map(get).collect())
        })
    }

    fn scan_rows(
        &self,
        table: Table,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<TableRow>, ReadError>> {
        self.run(move |state| {
            let from = match after {
                Some(after) if after >= prefix => Bound::Excluded((table, after)),
                _ => Bound::Included((table, prefix.clone())),
            };
            let rows = state.table.range((from, Bound::Unbounded));
            let rows = rows.take_while(|((t, key), _)| *t == table && key.starts_with(&prefix));
            let rows = rows.filter_map(|((_, key), (rank, value))| {
                let (key, rank, value) = (key.clone(), *rank, value.clone()?);
                Some(TableRow { key, rank, value })
            });
            Ok(rows.take(limit).collect())
        })
    }

    fn entities(
        &self,
        kind: EntityKind,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<EntityId>, ReadError>> {
        self.run(move |state| {
            let after = after.as_deref().unwrap_or_default();
            let written = state.logs.iter().filter(|(_, log)| !log.rows.is_empty());
            let ids = written.map(|(id, _)| id);
            let ids = ids.filter(|id| id.kind == kind && id.id() > after);
            Ok(ids.take(limit).cloned().collect())
        })
    }
}

impl Wakeups for MemoryJournal {
    fn arm(
        &self,
        entity: &EntityId,
        due: Timestamp,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let entry = (due, entity.clone());
        self.run(move |state| {
            state.wakeups.insert(entry);
            Ok(())
        })
    }

    fn clear(
        &self,
        entity: &EntityId,
        due: Timestamp,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let entry = (due, entity.clone());
        self.run(move |state| {
            state.wakeups.remove(&entry);
            Ok(())
        })
    }

    fn due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(EntityId, Timestamp)>, ReadError>> {
        self.run(move |state| {
            let due = state.wakeups.iter().take_while(|(due, _)| *due <= now);
            let due = due.map(|(due, entity)| (entity.clone(), *due));
            Ok(due.take(limit).collect())
        })
    }
}

impl State {
    fn log(&self, entity: &EntityId) -> Option<&Log> {
        self.logs.get(entity)
    }

    fn append(&mut self, append: Append) -> Result<(), AppendError> {
        let head = self.log(&append.entity).map(Log::head).unwrap_or_default();
        if head != append.after {
            return Err(AppendError::Conflict { head });
        }
        let log = self.logs.entry(append.entity).or_default();
        log.rows.insert(append.row.last(), append.row);
        for sequence in append.side.erasures {
            if let Some((_, row)) = log.rows.range_mut(sequence..).next() {
                row.erase(sequence);
            }
        }
        for overlay in append.side.overlays {
            let stored = log.overlays.get(&overlay.sequence);
            if stored.is_none_or(|stored| stored.applied <= overlay.applied) {
                log.overlays.insert(overlay.sequence, overlay);
            }
        }
        append.side.table.into_iter().for_each(|w| self.put_row(w));
        Ok(())
    }

    fn put_row(&mut self, write: TableWrite) {
        let id = (write.table, write.key);
        let stored = self.table.get(&id);
        if stored.is_none_or(|(rank, _)| *rank <= write.rank) {
            self.table.insert(id, (write.rank, write.value));
        }
    }

    fn put_snapshot(&mut self, entity: EntityId, snapshot: Snapshot) -> Result<(), AppendError> {
        let head = self.log(&entity).map(Log::head).unwrap_or_default();
        if snapshot.head.sequence > head.sequence {
            let reason = format!("a snapshot at {} ahead of {head}", snapshot.head);
            return Err(AppendError::Invalid(reason));
        }
        let log = self.logs.entry(entity).or_default();
        let stored = log.snapshot.as_ref().map(|stored| stored.head.sequence);
        if stored.is_none_or(|stored| stored <= snapshot.head.sequence) {
            log.snapshot = Some(snapshot);
        }
        Ok(())
    }
}

impl Log {
    fn head(&self) -> Head {
        let last = self.rows.last_key_value();
        last.map(|(_, row)| row.head()).unwrap_or_default()
    }

    fn first_retained(&self) -> Sequence {
        self.trimmed.unwrap_or(Sequence(1))
    }

    fn page(&self, range: Range, limit: PageLimit) -> Vec<Row> {
        let mut fill = PageFill::new(limit);
        let rows: &mut dyn Iterator<Item = &Row> = match range {
            Range::After(sequence) => &mut self.rows.range(sequence.next()..).map(|(_, row)| row),
            Range::Before(sequence) => &mut self
                .rows
                .values()
                .rev()
                .skip_while(move |row| row.first >= sequence),
        };
        rows.take_while(|row| fill.admits(row)).cloned().collect()
    }

    fn trim(&mut self, first: Sequence) {
        let covered = self.snapshot.as_ref().map(|s| s.head.sequence);
        let bound = first.min(covered.unwrap_or_default().next());
        while self.rows.len() > 1
            && let Some(row) = self.rows.first_entry()
            && *row.key() < bound
        {
            let last = *row.key();
            row.remove();
            self.overlays = self.overlays.split_off(&last.next());
            self.trimmed = Some(last.next());
        }
    }
}
