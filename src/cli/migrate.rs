//! `migrate`: makes the schema of the cluster store, or brings it to this version.

use actors::journal::scylla::ScyllaJournal;

use super::{Failed, print};
use crate::config::{Config, StoreKind};
use crate::store::access;

pub fn run(config: &Config) -> Result<(), Failed> {
    if config.store != StoreKind::Scylla {
        let text =
            "the embedded store needs no migration; set store to scylla to prepare a cluster";
        return Err(Failed(text.into()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failed::because)?;
    let migrated = runtime.block_on(ScyllaJournal::migrate(&access(config), &config.scylla));
    let (before, now) = migrated.map_err(Failed::because)?;
    let keyspace = &config.scylla.keyspace;
    match (before, before == now) {
        (0, _) => print(&format!(
            "keyspace {keyspace}: schema version {now} created"
        )),
        (_, true) => print(&format!(
            "keyspace {keyspace}: schema version {now}, nothing to do"
        )),
        (_, false) => print(&format!(
            "keyspace {keyspace}: schema version {before} upgraded to {now}"
        )),
    }
}
