//! The cluster store on a real CQL server: the suite of all providers, and what only servers can do to it.
#![allow(clippy::unwrap_used)]

mod access;
#[path = "../common/cql.rs"]
mod cql;
mod duels;
mod faults;
mod place;
mod schema;
mod writer;

use actors::journal::conformance;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_store_conforms() {
    let servers = cql::Servers::provide().await;
    let provider = place::Clustered::new(servers.access(), 1);
    let failures = conformance::failures(&provider).await;
    assert_eq!(failures, []);
}
