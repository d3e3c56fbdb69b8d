//! One node's way to the shared store, with every sort of bad luck.

use std::sync::Arc;

use actors::ids::{EntityId, EntityKind, Sequence, Timestamp};
use actors::journal::{
    Append, AppendError, Capabilities, Head, Journal, OverlayWrite, PageLimit, Range, ReadError,
    Row, SideWrites, Snapshot, Table, TableRow, TableWrite, Wakeups,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::store::{Store, done};

/// One node's client of the store.
#[derive(Clone)]
pub struct Client(pub Arc<Store>);

fn unread<T>() -> Option<Result<T, ReadError>> {
    Some(Err(ReadError::Unavailable("no quorum".into())))
}

fn unwritten<T>() -> Option<Result<T, AppendError>> {
    Some(Err(AppendError::Unavailable("no quorum".into())))
}

impl Journal for Client {
    fn capabilities(&self) -> Capabilities {
        self.0.inner.capabilities()
    }

    fn append(&self, mut append: Append) -> BoxFuture<'static, Result<(), AppendError>> {
        let me = self.clone();
        async move {
            if me.capabilities().atomic_side_writes {
                return me.0.append_row(append).await;
            }
            let (entity, side) = (append.entity.clone(), std::mem::take(&mut append.side));
            me.0.clone().append_row(append).await?;
            if side.is_empty() {
                return Ok(());
            }
            let chance = me.0.faults.lock().side_fails;
            if me.0.chance(chance) {
                me.0.trace.hit("side writes lost");
                return Err(AppendError::InDoubt("side writes".into()));
            }
            me.0.call("side", None, move |j| j.repair(&entity, side))
                .await
        }
        .boxed()
    }

    fn repair(
        &self,
        entity: &EntityId,
        side: SideWrites,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let entity = entity.clone();
        self.0
            .call("repair", unwritten(), move |j| j.repair(&entity, side))
    }

    fn head(&self, entity: &EntityId) -> BoxFuture<'static, Result<Head, ReadError>> {
        let entity = entity.clone();
        self.0.call("head", unread(), move |j| j.head(&entity))
    }

    fn read(
        &self,
        entity: &EntityId,
        range: Range,
        mut limit: PageLimit,
    ) -> BoxFuture<'static, Result<Vec<Row>, ReadError>> {
        if self.0.faults.lock().short_pages {
            limit.records = limit.records.min(3);
        }
        let entity = entity.clone();
        self.0
            .call("read", unread(), move |j| j.read(&entity, range, limit))
    }

    fn overlays(
        &self,
        entity: &EntityId,
        first: Sequence,
        last: Sequence,
    ) -> BoxFuture<'static, Result<Vec<OverlayWrite>, ReadError>> {
        let entity = entity.clone();
        self.0.call("overlays", unread(), move |j| {
            j.overlays(&entity, first, last)
        })
    }

    fn snapshot(
        &self,
        entity: &EntityId,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        let entity = entity.clone();
        self.0
            .call("snapshot", unread(), move |j| j.snapshot(&entity))
    }

    fn put_snapshot(
        &self,
        entity: &EntityId,
        snapshot: Snapshot,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let entity = entity.clone();
        self.0.call("put_snapshot", unwritten(), move |j| {
            j.put_snapshot(&entity, snapshot)
        })
    }

    fn first_retained(&self, entity: &EntityId) -> BoxFuture<'static, Result<Sequence, ReadError>> {
        let entity = entity.clone();
        self.0.call("first_retained", unread(), move |j| {
            j.first_retained(&entity)
        })
    }

    fn trim(
        &self,
        entity: &EntityId,
        first: Sequence,
    ) -> BoxFuture<'static, Result<Sequence, AppendError>> {
        let (entity, store) = (entity.clone(), self.0.clone());
        self.0.trace.hit("trim");
        self.0.call("trim", unwritten(), move |j| {
            let kept = done(j.trim(&entity, first));
            if let Ok(kept) = &kept {
                let mut trims = store.trims.lock();
                trims.entry(entity).or_default().insert(*kept);
            }
            std::future::ready(kept).boxed()
        })
    }

    fn put_rows(&self, rows: Vec<TableWrite>) -> BoxFuture<'static, Result<(), AppendError>> {
        self.0
            .call("put_rows", unwritten(), move |j| j.put_rows(rows))
    }

    fn get_rows(
        &self,
        table: Table,
        keys: Vec<Vec<u8>>,
    ) -> BoxFuture<'static, Result<Vec<Option<TableRow>>, ReadError>> {
        self.0
            .call("get_rows", unread(), move |j| j.get_rows(table, keys))
    }

    fn scan_rows(
        &self,
        table: Table,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<TableRow>, ReadError>> {
        self.0.call("scan_rows", unread(), move |j| {
            j.scan_rows(table, prefix, after, limit)
        })
    }

    fn entities(
        &self,
        kind: EntityKind,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<EntityId>, ReadError>> {
        self.0.call("entities", unread(), move |j| {
            j.entities(kind, after, limit)
        })
    }
}

impl Wakeups for Client {
    fn arm(
        &self,
        entity: &EntityId,
        due: Timestamp,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let entity = entity.clone();
        self.0
            .call("arm", unwritten(), move |j| j.arm(&entity, due))
    }

    fn clear(
        &self,
        entity: &EntityId,
        due: Timestamp,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let entity = entity.clone();
        self.0
            .call("clear", unwritten(), move |j| j.clear(&entity, due))
    }

    fn due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(EntityId, Timestamp)>, ReadError>> {
        self.0.call("due", unread(), move |j| j.due(now, limit))
    }
}
