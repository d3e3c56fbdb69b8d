//! The embedded store passes the suite.

use std::path::Path;
use std::sync::Arc;

use actors::journal::conformance::{self, End, Place, Provider, Store, Violation};
use actors::journal::fjall::{FjallJournal, FjallOptions};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tempfile::TempDir;

struct Embedded;

struct OnDisk {
    directory: TempDir,
    open: Option<Arc<FjallJournal>>,
}

impl Provider for Embedded {
    fn place(&self) -> Box<dyn Place> {
        Box::new(OnDisk {
            directory: tempfile::tempdir().expect("a temporary directory"),
            open: None,
        })
    }
}

impl Place for OnDisk {
    fn open(&mut self) -> BoxFuture<'_, Result<Arc<dyn Store>, Violation>> {
        let opened = FjallJournal::open(self.directory.path(), &FjallOptions::default());
        let opened = opened.map(Arc::new).map_err(|e| Violation(e.to_string()));
        self.open = opened.clone().ok();
        let store = opened.map(|store| -> Arc<dyn Store> { store });
        std::future::ready(store).boxed()
    }

    fn end(&mut self, how: End) -> BoxFuture<'_, Result<(), Violation>> {
        async move {
            let store = self.open.take().ok_or(Violation("not open".into()))?;
            // The files as a killed process leaves them: what it wrote, but never closed.
            let left = tempfile::tempdir().expect("a temporary directory");
            if how == End::Crash {
                copy(self.directory.path(), left.path()).expect("files can be copied");
            }
            store.close().await;
            if how == End::Crash {
                self.directory = left;
            }
            Ok(())
        }
        .boxed()
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_conforms() {
    assert_eq!(conformance::failures(&Embedded).await, []);
}
