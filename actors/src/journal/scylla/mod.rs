//! The journal in a cluster of ScyllaDB or Cassandra servers.
//!
//! One append is one row, written together with its partition's head and digest by a single conditional
//! UPDATE. A partition is a bucket of 4096 sequences of one entity, and no row crosses its end. So:
//!
//! - Within a bucket the condition is the head before: of two writers on one head, one is applied.
//! - The first append of a bucket conditions on there being no head yet. Before it, the bucket before is
//!   read linearizably and must end exactly at its boundary with the digest that the append names. Nothing
//!   can be appended to a full bucket, so what was read stays true however late the write arrives, and two
//!   rivals on a boundary meet in the same partition.
//! - A head is never removed, not even with all rows of its bucket: an append that arrives after ages finds
//!   it and is refused.
//!
//! Side data is written after the row. Everything in it has a rank that is part of its key, so the highest
//! wins by order alone, whatever arrives when.

mod append;
mod errors;
mod head;
mod metrics;
mod options;
mod port;
mod read;
mod retention;
mod schema;
mod session;
mod sessions;
mod side;
mod statements;
mod tables;
mod values;
mod wakeups;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use scylla::errors::ExecutionError;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;

use super::{Capabilities, ReadError};
pub use options::{ScyllaAccess, ScyllaError, ScyllaOptions, Tablets};
pub use schema::{KNOWN, NEEDED};
use sessions::Sessions;
use statements::Statements;

/// The journal in a cluster. Cheap to clone; all clones share its session.
#[derive(Clone)]
pub struct ScyllaJournal {
    store: Arc<Store>,
}

/// What all requests need.
struct Store {
    sessions: Sessions,
    statements: Statements,
    options: ScyllaOptions,
    /// A bucket that is known to have a head, per entity; the newest one or an earlier one.
    buckets: Mutex<HashMap<Vec<u8>, i64>>,
}

impl ScyllaJournal {
    /// Connects, and checks that this version can use the schema that is there.
    pub async fn open(access: &ScyllaAccess, options: &ScyllaOptions) -> Result<Self, ScyllaError> {
        let sessions = Sessions::open(access, options).await?;
        let session = sessions.current();
        let version = Box::pin(schema::check(&session, options)).await?;
        let statements = Statements::prepare(&session, options, sessions.profiles());
        let statements = Box::pin(statements).await?;
        tracing::info!(keyspace = options.keyspace, version, "cluster store open");
        let store = Arc::new(Store {
            sessions,
            statements,
            options: options.clone(),
            buckets: Mutex::default(),
        });
        tokio::spawn(sessions::keep(Arc::downgrade(&store)));
        Ok(Self { store })
    }

    /// Creates or upgrades the schema. Safe to run again, and by several nodes at once. Answers the
    /// version found before, 0 for none, and the one now.
    pub async fn migrate(
        access: &ScyllaAccess,
        options: &ScyllaOptions,
    ) -> Result<(i32, i32), ScyllaError> {
        let session = Sessions::open(access, options).await?.current();
        Box::pin(schema::migrate(&session, options)).await
    }
}

impl Store {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            exclusive: false,
            atomic_side_writes: false,
            bucket: Some(values::BUCKET),
            max_row_bytes: self.options.max_row_bytes,
        }
    }

    /// Runs a statement that answers at most a few rows.
    async fn run(
        &self,
        operation: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryResult, ExecutionError> {
        let session = self.sessions.current();
        let request = session.execute_unpaged(statement, values);
        metrics::timed(operation, Box::pin(request)).await
    }

    /// Runs a read that answers at most a few rows.
    async fn few(
        &self,
        operation: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryRowsResult, ReadError> {
        let result = self.run(operation, statement, values).await;
        let result = result.map_err(errors::read)?;
        result.into_rows_result().map_err(errors::read)
    }

    /// One page of a read, and where the next one begins.
    async fn page(
        &self,
        operation: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
        from: PagingState,
    ) -> Result<(QueryRowsResult, Option<PagingState>), ReadError> {
        let session = self.sessions.current();
        let request = session.execute_single_page(statement, values, from);
        let outcome = metrics::timed(operation, Box::pin(request)).await;
        let (result, next) = outcome.map_err(errors::read)?;
        let next = match next {
            PagingStateResponse::HasMorePages { state } => Some(state),
            PagingStateResponse::NoMorePages => None,
        };
        Ok((result.into_rows_result().map_err(errors::read)?, next))
    }
}
