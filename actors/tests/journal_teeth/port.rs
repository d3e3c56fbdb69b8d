//! The mutant behind the port: each call goes to the provider with the bug.

use std::sync::Arc;

use actors::ids::{EntityId, EntityKind, Sequence, Timestamp};
use actors::journal::{
    Append, AppendError, Capabilities, Head, Journal, OverlayWrite, PageLimit, Range, ReadError,
    Row, Snapshot, Table, TableRow, TableWrite, Wakeups,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::mutant::{Bug, Buggy, CAPABILITIES, Written};

/// The handle that the suite holds.
pub struct Shared(pub Arc<Buggy>);

macro_rules! forward {
    ($self:ident, |$it:ident| $call:expr) => {{
        let $it = $self.0.clone();
        async move { $call.await }.boxed()
    }};
}

impl Journal for Shared {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<(), AppendError>> {
        forward!(self, |it| it.append(append))
    }

    fn head(&self, entity: &EntityId) -> BoxFuture<'static, Result<Head, ReadError>> {
        let entity = self.0.id(entity);
        forward!(self, |it| it.head(&entity))
    }

    fn read(
        &self,
        entity: &EntityId,
        range: Range,
        limit: PageLimit,
    ) -> BoxFuture<'static, Result<Vec<Row>, ReadError>> {
        let entity = self.0.id(entity);
        forward!(self, |it| it.read(&entity, range, limit))
    }

    fn overlays(
        &self,
        entity: &EntityId,
        first: Sequence,
        last: Sequence,
    ) -> BoxFuture<'static, Result<Vec<OverlayWrite>, ReadError>> {
        let entity = self.0.id(entity);
        forward!(self, |it| it.inner.overlays(&entity, first, last))
    }

    fn snapshot(
        &self,
        entity: &EntityId,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        let entity = self.0.id(entity);
        forward!(self, |it| it.snapshot(&entity))
    }

    fn put_snapshot(
        &self,
        entity: &EntityId,
        snapshot: Snapshot,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let entity = self.0.id(entity);
        forward!(self, |it| it.put_snapshot(entity, snapshot))
    }

    fn first_retained(&self, entity: &EntityId) -> BoxFuture<'static, Result<Sequence, ReadError>> {
        let entity = self.0.id(entity);
        forward!(self, |it| it.first_retained(&entity))
    }

    fn trim(
        &self,
        entity: &EntityId,
        first: Sequence,
    ) -> BoxFuture<'static, Result<Sequence, AppendError>> {
        let entity = self.0.id(entity);
        forward!(self, |it| it.trim(entity, first))
    }

    fn put_rows(&self, rows: Vec<TableWrite>) -> BoxFuture<'static, Result<(), AppendError>> {
        forward!(self, |it| it.put_rows(rows))
    }

    fn get_rows(
        &self,
        table: Table,
        keys: Vec<Vec<u8>>,
    ) -> BoxFuture<'static, Result<Vec<Option<TableRow>>, ReadError>> {
        forward!(self, |it| it.get_rows(table, keys))
    }

    fn scan_rows(
        &self,
        table: Table,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<TableRow>, ReadError>> {
        let all = self.0.has(Bug::ScansEverything);
        let prefix = if all { Vec::new() } else { prefix };
        forward!(self, |it| it.inner.scan_rows(table, prefix, after, limit))
    }

    fn entities(
        &self,
        kind: EntityKind,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<EntityId>, ReadError>> {
        let all = self.0.has(Bug::ListsTooMany);
        let limit = if all { usize::MAX } else { limit };
        forward!(self, |it| it.inner.entities(kind, after, limit))
    }
}

impl Wakeups for Shared {
    fn arm(
        &self,
        entity: &EntityId,
        due: Timestamp,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        let entity = self.0.id(entity);
        forward!(self, |it| it.write(Written::Arm(entity, due)))
    }

    fn clear(
        &self,
        entity: &EntityId,
        due: Timestamp,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        if self.0.has(Bug::NeverClearsWakeUps) {
            return std::future::ready(Ok(())).boxed();
        }
        let entity = self.0.id(entity);
        forward!(self, |it| it.write(Written::Clear(entity, due)))
    }

    fn due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(EntityId, Timestamp)>, ReadError>> {
        forward!(self, |it| it.inner.due(now, limit))
    }
}
