//! Stores in keyspaces of their own on one CQL server.
#![allow(dead_code)] // Each module uses its part.

use std::sync::Arc;

use actors::journal::conformance::{End, Place, Provider, Store, Violation};
use actors::journal::scylla::{ScyllaAccess, ScyllaJournal, ScyllaOptions};
use chaos::cql::keyspace;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

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

/// Makes stores in keyspaces of their own.
pub struct Clustered {
    pub access: ScyllaAccess,
    pub replication: u32,
}

struct Keyspace {
    access: ScyllaAccess,
    options: ScyllaOptions,
}

impl Provider for Clustered {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Keyspace {
            access: self.access.clone(),
            options: ScyllaOptions {
                replication: self.replication,
                ..options("conformance")
            },
        })
    }
}

impl Place for Keyspace {
    fn open(&mut self) -> BoxFuture<'_, Result<Arc<dyn Store>, Violation>> {
        async move {
            let failed = |e: actors::journal::scylla::ScyllaError| Violation(e.to_string());
            let migrated = ScyllaJournal::migrate(&self.access, &self.options).await;
            migrated.map_err(failed)?;
            let opened = ScyllaJournal::open(&self.access, &self.options).await;
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
