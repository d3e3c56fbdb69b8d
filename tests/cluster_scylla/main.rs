//! The cluster store on three CQL nodes, three copies of everything: what must hold while one of them is gone.
#![allow(clippy::unwrap_used)]

#[path = "../common/cql.rs"]
mod cql;
mod faults;
mod hubs;
#[path = "../journal_scylla/place.rs"]
mod place;
mod schema;
mod site;
#[path = "../journal_scylla/writer.rs"]
mod writer;

use actors::journal::conformance;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_store_conforms_with_three_copies() {
    let (site, _all_to_itself) = site::Site::shared().await;
    let provider = place::Clustered::new(site.access(), 3);
    let failures = conformance::failures(&provider).await;
    assert_eq!(failures, []);
}
