//! One life's way to the shared store, with every sort of bad luck.

use std::sync::Arc;

use actors::ids::{EntityId, Sequence};
use actors::journal::memory::MemoryJournal;
use actors::journal::{Append, AppendError, Head, Journal, PageLimit, Range, ReadError, Row};
use actors::testing::front::Front;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending};

use super::fuse::Fuse;
use super::store::{Store, done};

/// One life's client of the store.
#[derive(Clone)]
pub struct Client {
    pub store: Arc<Store>,
    pub life: u64,
    pub fuse: Fuse,
}

impl Client {
    /// The word leaves, unless the process is dead by then.
    fn leaving<T: Send + 'static>(
        &self,
        word: &'static str,
        call: BoxFuture<'static, T>,
    ) -> BoxFuture<'static, T> {
        let fuse = self.fuse.clone();
        async move {
            if fuse.lets(word) {
                call.await
            } else {
                pending().await
            }
        }
        .boxed()
    }
}

impl Front for Client {
    type Behind = MemoryJournal;

    fn behind(&self) -> &MemoryJournal {
        &self.store.inner
    }

    fn reading<T: Send + 'static>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryJournal) -> BoxFuture<'static, Result<T, ReadError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, ReadError>> {
        let fails = ReadError::Unavailable("no quorum".into());
        let store = &self.store;
        let call = store.call(method, Some(Err(fails)), move |store| {
            done(call(&store.inner))
        });
        self.leaving("a read", call)
    }

    fn writing<T: Send + 'static>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryJournal) -> BoxFuture<'static, Result<T, AppendError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, AppendError>> {
        let fails = AppendError::Unavailable("no quorum".into());
        let store = &self.store;
        let call = store.call(method, Some(Err(fails)), move |store| {
            done(call(&store.inner))
        });
        self.leaving("a write", call)
    }

    fn append(&self, mut append: Append) -> BoxFuture<'static, Result<(), AppendError>> {
        let me = self.clone();
        let (store, life) = (self.store.clone(), self.life);
        if self.behind().capabilities().atomic_side_writes {
            let append = async move { store.append_row(life, append).await };
            return self.leaving("an append", append.boxed());
        }
        async move {
            let (entity, side) = (append.entity.clone(), std::mem::take(&mut append.side));
            let row = async move { store.append_row(life, append).await };
            me.leaving("an append", row.boxed()).await?;
            if side.is_empty() {
                return Ok(());
            }
            let chance = me.store.rates.lock().side_fails;
            if me.store.chance(chance) {
                me.store.trace.hit("side writes lost");
                return Err(AppendError::InDoubt("side writes".into()));
            }
            let side = me.store.call("side", None, move |store| {
                done(store.inner.repair(&entity, side))
            });
            me.leaving("side writes", side).await
        }
        .boxed()
    }

    fn head(&self, entity: &EntityId) -> BoxFuture<'static, Result<Head, ReadError>> {
        let fails = ReadError::Unavailable("no quorum".into());
        let entity = entity.clone();
        let call = self.store.call("head", Some(Err(fails)), move |store| {
            // A linearizable read finishes what was left unfinished.
            store.reveal(&entity);
            done(store.inner.head(&entity))
        });
        self.leaving("a read", call)
    }

    fn read(
        &self,
        entity: &EntityId,
        range: Range,
        mut limit: PageLimit,
    ) -> BoxFuture<'static, Result<Vec<Row>, ReadError>> {
        let short = self.store.rates.lock().short_pages;
        if short > 0 && self.store.chance(short) {
            limit.records = limit.records.min(3);
        }
        let fails = ReadError::Unavailable("no quorum".into());
        let entity = entity.clone();
        let call = self.store.call("read", Some(Err(fails)), move |store| {
            let rows = done(store.inner.read(&entity, range, limit));
            rows.map(|rows| store.visible(&entity, rows))
        });
        self.leaving("a read", call)
    }

    fn trim(
        &self,
        entity: &EntityId,
        first: Sequence,
    ) -> BoxFuture<'static, Result<Sequence, AppendError>> {
        let (entity, store) = (entity.clone(), self.store.clone());
        self.store.trace.hit("trim");
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
