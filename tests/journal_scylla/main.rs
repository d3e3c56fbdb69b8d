//! The cluster store on a real CQL server: the suite of all providers, and what only servers can do to it.
#![allow(clippy::unwrap_used)]

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
    let servers = place::Servers::provide().await;
    let failures = conformance::failures(&place::Clustered(servers.access())).await;
    assert_eq!(failures, []);
}
