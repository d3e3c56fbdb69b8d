//! The ports as the cluster store serves them.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::ScyllaJournal;
use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{
    Append, AppendError, Capabilities, Head, Journal, OverlayWrite, PageLimit, Range, ReadError,
    Row, SideWrites, Snapshot, Table, TableRow, TableWrite, Wakeups,
};

type Answer<T> = BoxFuture<'static, Result<T, ReadError>>;
type Done<T = ()> = BoxFuture<'static, Result<T, AppendError>>;

impl Journal for ScyllaJournal {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn append(&self, append: Append) -> Done {
        let store = self.store.clone();
        async move { store.append(append).await }.boxed()
    }

    fn repair(&self, entity: &EntityId, side: SideWrites) -> Done {
        let (store, entity) = (self.store.clone(), entity.clone());
        async move { store.write_side(&entity, side).await }.boxed()
    }

    fn head(&self, entity: &EntityId) -> Answer<Head> {
        let (store, entity) = (self.store.clone(), entity.clone());
        async move { store.head(&entity).await }.boxed()
    }

    fn read(&self, entity: &EntityId, range: Range, limit: PageLimit) -> Answer<Vec<Row>> {
        let (store, entity) = (self.store.clone(), entity.clone());
        async move { store.read(&entity, range, limit).await }.boxed()
    }

    fn overlays(
        &self,
        entity: &EntityId,
        first: Sequence,
        last: Sequence,
    ) -> Answer<Vec<OverlayWrite>> {
        let (store, entity) = (self.store.clone(), entity.clone());
        async move { store.overlays(&entity, first, last).await }.boxed()
    }

    fn snapshot(&self, entity: &EntityId) -> Answer<Option<Snapshot>> {
        let (store, entity) = (self.store.clone(), entity.clone());
        async move { store.snapshot(&entity).await }.boxed()
    }

    fn put_snapshot(&self, entity: &EntityId, snapshot: Snapshot) -> Done {
        let (store, entity) = (self.store.clone(), entity.clone());
        async move { store.put_snapshot(&entity, snapshot).await }.boxed()
    }

    fn first_retained(&self, entity: &EntityId) -> Answer<Sequence> {
        let (store, entity) = (self.store.clone(), entity.clone());
        async move { store.root(&entity).await.map(|root| root.retained) }.boxed()
    }

    fn trim(&self, entity: &EntityId, first: Sequence) -> Done<Sequence> {
        let (store, entity) = (self.store.clone(), entity.clone());
        async move { store.trim(&entity, first).await }.boxed()
    }

    fn put_rows(&self, rows: Vec<TableWrite>) -> Done {
        let store = self.store.clone();
        async move { store.put_rows(rows).await }.boxed()
    }

    fn get_rows(&self, table: Table, keys: Vec<Vec<u8>>) -> Answer<Vec<Option<TableRow>>> {
        let store = self.store.clone();
        async move { store.get_rows(table, keys).await }.boxed()
    }

    fn scan_rows(
        &self,
        table: Table,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> Answer<Vec<TableRow>> {
        let store = self.store.clone();
        async move { store.scan_rows(table, prefix, after, limit).await }.boxed()
    }

    fn entities(
        &self,
        kind: EntityKind,
        after: Option<String>,
        limit: usize,
    ) -> Answer<Vec<EntityId>> {
        let store = self.store.clone();
        async move { store.entities(kind, after, limit).await }.boxed()
    }
}

impl Wakeups for ScyllaJournal {
    fn arm(&self, entity: &EntityId, due: Timestamp) -> Done {
        let (store, entity) = (self.store.clone(), entity.clone());
        async move { store.arm(&entity, due).await }.boxed()
    }

    fn clear(&self, entity: &EntityId, due: Timestamp) -> Done {
        let (store, entity) = (self.store.clone(), entity.clone());
        async move { store.clear(&entity, due).await }.boxed()
    }

    fn due(
        &self,
        now: Timestamp,
        after: Option<(EntityId, Timestamp)>,
        limit: usize,
    ) -> Answer<Vec<(EntityId, Timestamp)>> {
        let store = self.store.clone();
        async move { store.due(now, after, limit).await }.boxed()
    }
}
