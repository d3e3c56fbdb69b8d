//! Stores in keyspaces of their own on one CQL server.
#![allow(dead_code)] // Each module uses its part.

use std::sync::Arc;

use actors::journal::conformance::{End, Place, Provider, Store, Violation};
use actors::journal::scylla::{ScyllaAccess, ScyllaError, ScyllaJournal, ScyllaOptions};
use chaos::cql::keyspace;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use scylla::client::session_builder::SessionBuilder;

/// Options for a new keyspace of one copy.
pub fn options(test: &str) -> ScyllaOptions {
    ScyllaOptions {
        keyspace: keyspace(test),
        replication: 1,
        ..ScyllaOptions::default()
    }
}

/// A store in a new keyspace.
pub async fn fresh(access: &ScyllaAccess, options: &ScyllaOptions) -> ScyllaJournal {
    let made = ScyllaJournal::migrate(access, options).await;
    made.unwrap_or_else(|error| panic!("{error}"));
    let open = ScyllaJournal::open(access, options).await;
    open.unwrap_or_else(|error| panic!("{error}"))
}

/// Makes stores in keyspaces of their own. A keyspace whose place is gone is emptied for the next one: that takes a
/// server a fraction of what making a schema does.
pub struct Clustered {
    access: ScyllaAccess,
    replication: u32,
    free: Free,
}

/// Keyspaces that a place has given back.
type Free = Arc<Mutex<Vec<ScyllaOptions>>>;

impl Clustered {
    pub fn new(access: ScyllaAccess, replication: u32) -> Self {
        Self {
            access,
            replication,
            free: Free::default(),
        }
    }
}

struct Keyspace {
    access: ScyllaAccess,
    replication: u32,
    free: Free,
    taken: Option<ScyllaOptions>,
}

impl Provider for Clustered {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Keyspace {
            access: self.access.clone(),
            replication: self.replication,
            free: self.free.clone(),
            taken: None,
        })
    }
}

impl Keyspace {
    /// An empty keyspace with the schema in it.
    async fn take(&self) -> Result<ScyllaOptions, Violation> {
        let free = self.free.lock().pop();
        if let Some(options) = free {
            empty(&self.access, &options.keyspace).await;
            return Ok(options);
        }
        let options = ScyllaOptions {
            replication: self.replication,
            ..options("conformance")
        };
        let migrated = ScyllaJournal::migrate(&self.access, &options).await;
        migrated.map_err(failed)?;
        Ok(options)
    }
}

impl Drop for Keyspace {
    fn drop(&mut self) {
        self.free.lock().extend(self.taken.take());
    }
}

impl Place for Keyspace {
    fn open(&mut self) -> BoxFuture<'_, Result<Arc<dyn Store>, Violation>> {
        async move {
            let options = match self.taken.take() {
                Some(options) => options,
                None => self.take().await?,
            };
            let opened = ScyllaJournal::open(&self.access, &options).await;
            self.taken = Some(options);
            let store: Arc<dyn Store> = Arc::new(opened.map_err(failed)?);
            Ok(store)
        }
        .boxed()
    }

    /// What a crash of the hub leaves is what it has sent: there is nothing to close. Crashes of the server
    /// have tests of their own.
    fn end(&mut self, _how: End) -> BoxFuture<'_, Result<(), Violation>> {
        std::future::ready(Ok(())).boxed()
    }
}

fn failed(error: ScyllaError) -> Violation {
    Violation(error.to_string())
}

/// Removes everything but the schema and its version.
async fn empty(access: &ScyllaAccess, keyspace: &str) {
    let session = SessionBuilder::new().known_nodes(&access.nodes);
    let session = session.build().await.unwrap();
    let asked = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    let tables = session.query_unpaged(asked, (keyspace,)).await.unwrap();
    let tables = tables.into_rows_result().unwrap();
    for table in tables.rows::<(String,)>().unwrap() {
        let (table,) = table.unwrap();
        if table != "schema_info" {
            let truncate = format!("TRUNCATE {keyspace}.{table}");
            session.query_unpaged(truncate, ()).await.unwrap();
        }
    }
}
