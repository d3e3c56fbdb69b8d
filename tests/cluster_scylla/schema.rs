//! A schema made by several at once through different nodes, and used at once through all of them.

use actors::journal::conformance::writer::Writer;
use actors::journal::scylla::{KNOWN, ScyllaJournal};
use futures_util::future::join_all;

use super::site::{Site, three_copies};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hubs_at_different_nodes_make_the_schema_at_once_and_use_it_at_once() {
    let (site, _nodes) = Site::shared().await;
    let options = three_copies("schema");
    let by_all = [0, 1, 2].map(|node| site.access_by(node));
    let made = join_all(by_all.iter().map(|by| ScyllaJournal::migrate(by, &options))).await;
    let first = made.iter().filter(|made| **made == Ok((0, KNOWN))).count();
    assert!(first == 1 && made.iter().all(Result::is_ok), "{made:?}");
    let opened = join_all(by_all.iter().map(|by| ScyllaJournal::open(by, &options))).await;
    for (number, store) in opened.into_iter().enumerate() {
        let store: std::sync::Arc<dyn actors::journal::conformance::Store> =
            std::sync::Arc::new(store.unwrap_or_else(|error| panic!("node {number}: {error}")));
        let room = actors::journal::conformance::writer::room(&format!("room {number}"));
        let mut writer = Writer::new(&store, room.unwrap());
        writer.write(3).await.unwrap();
        writer.verify().await.unwrap();
    }
}
