//! The journal in memory: exact semantics, no durability; for tests and the simulation.

mod state;

use std::ops::Bound;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use self::state::{Log, State};
use super::{
    Append, AppendError, Capabilities, Head, Journal, OverlayWrite, PageLimit, Range, ReadError,
    Row, SideWrites, Snapshot, Table, TableRow, TableWrite, Wakeups,
};
use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};

/// Keeps everything in one map per concern behind one lock. Several owners may share it (`Arc`), so it
/// claims no exclusivity unless told.
#[derive(Debug)]
pub struct MemoryJournal {
    capabilities: Capabilities,
    state: Arc<Mutex<State>>,
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

    /// Whether rows of tables are refused from now on.
    pub fn refuse_rows(&self, refuse: bool) {
        self.state.lock().refuses_rows = refuse;
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

    fn repair(
        &self,
        entity: &EntityId,
        side: SideWrites,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let entity = entity.clone();
        self.run(move |state| {
            state.write_side(entity, side);
            Ok(())
        })
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
            if state.refuses_rows {
                return Err(AppendError::Unavailable("rows are refused".into()));
            }
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
        after: Option<(EntityId, Timestamp)>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(EntityId, Timestamp)>, ReadError>> {
        self.run(move |state| {
            let from = match after {
                Some((entity, due)) => Bound::Excluded((due, entity)),
                None => Bound::Unbounded,
            };
            let due = state.wakeups.range((from, Bound::Unbounded));
            let due = due.take_while(|(due, _)| *due <= now);
            let due = due.map(|(due, entity)| (entity.clone(), *due));
            Ok(due.take(limit).collect())
        })
    }
}
