//! A store that takes its time, so that one can see who waits for what.

use std::sync::Arc;
use std::time::Duration;

use actors::ids::EntityId;
use actors::journal::memory::MemoryJournal;
use actors::journal::{Append, AppendError, Head, Journal, ReadError, Snapshot};
use actors::testing::front::Front;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// An append, and a look at the head.
const WRITE: Duration = Duration::from_millis(10);
const LOOK: Duration = Duration::from_millis(5);
/// Reading a state from its beginning.
pub const RECOVERY: Duration = Duration::from_millis(600);

pub struct Slow(Arc<MemoryJournal>);

impl Slow {
    pub fn way(journal: Arc<MemoryJournal>) -> Arc<dyn Journal> {
        Arc::new(Slow(journal))
    }
}

impl Front for Slow {
    type Behind = MemoryJournal;

    fn behind(&self) -> &MemoryJournal {
        &self.0
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<(), AppendError>> {
        let behind = self.0.clone();
        async move {
            tokio::time::sleep(WRITE).await;
            behind.append(append).await
        }
        .boxed()
    }

    fn head(&self, entity: &EntityId) -> BoxFuture<'static, Result<Head, ReadError>> {
        let head = self.0.head(entity);
        async move {
            tokio::time::sleep(LOOK).await;
            head.await
        }
        .boxed()
    }

    fn snapshot(
        &self,
        entity: &EntityId,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        let snapshot = self.0.snapshot(entity);
        async move {
            tokio::time::sleep(RECOVERY).await;
            snapshot.await
        }
        .boxed()
    }
}
