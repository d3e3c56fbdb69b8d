//! The journal in memory passes the suite.

use std::sync::Arc;

use actors::journal::conformance::{self, End, Place, Provider, Store, Violation};
use actors::journal::memory::MemoryJournal;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

struct Memory;

/// What is in memory survives as long as the object does.
struct Held(Arc<MemoryJournal>);

impl Provider for Memory {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Held(Arc::default()))
    }
}

impl Place for Held {
    fn open(&mut self) -> BoxFuture<'_, Result<Arc<dyn Store>, Violation>> {
        let store: Arc<dyn Store> = self.0.clone();
        std::future::ready(Ok(store)).boxed()
    }

    fn end(&mut self, _how: End) -> BoxFuture<'_, Result<(), Violation>> {
        std::future::ready(Ok(())).boxed()
    }
}

#[tokio::test]
async fn the_journal_in_memory_conforms() {
    assert_eq!(conformance::failures(&Memory).await, []);
}
