//! One node's way to the shared store, with every sort of bad luck.

use std::sync::Arc;

use actors::ids::{EntityId, Sequence};
use actors::journal::memory::MemoryJournal;
use actors::journal::{Append, AppendError, Journal, PageLimit, Range, ReadError, Row};
use actors::testing::front::Front;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::store::{Store, done};

/// One node's client of the store.
#[derive(Clone)]
pub struct Client(pub Arc<Store>);

impl Front for Client {
    type Behind = MemoryJournal;

    fn behind(&self) -> &MemoryJournal {
        &self.0.inner
    }

    fn reading<T: Send + 'static>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryJournal) -> BoxFuture<'static, Result<T, ReadError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, ReadError>> {
        let fails = ReadError::Unavailable("no quorum".into());
        self.0.call(method, Some(Err(fails)), call)
    }

    fn writing<T: Send + 'static>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryJournal) -> BoxFuture<'static, Result<T, AppendError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, AppendError>> {
        let fails = AppendError::Unavailable("no quorum".into());
        self.0.call(method, Some(Err(fails)), call)
    }

    fn append(&self, mut append: Append) -> BoxFuture<'static, Result<(), AppendError>> {
        let me = self.clone();
        async move {
            if me.behind().capabilities().atomic_side_writes {
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
        self.reading("read", move |j| j.read(&entity, range, limit))
    }

    fn trim(
        &self,
        entity: &EntityId,
        first: Sequence,
    ) -> BoxFuture<'static, Result<Sequence, AppendError>> {
        let (entity, store) = (entity.clone(), self.0.clone());
        self.0.trace.hit("trim");
        self.writing("trim", move |j| {
            let kept = done(j.trim(&entity, first));
            if let Ok(kept) = &kept {
                let mut trims = store.trims.lock();
                trims.entry(entity).or_default().insert(*kept);
            }
            std::future::ready(kept).boxed()
        })
    }
}
