//! The schema: made twice, made by several at once, and hubs that must not use it.

use actors::journal::scylla::{KNOWN, NEEDED, ScyllaError, ScyllaJournal};
use scylla::client::session_builder::SessionBuilder;

use super::cql::Servers;
use super::place::options;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_made_once_however_often_and_by_however_many() {
    let servers = Servers::provide().await;
    let access = servers.access();
    let mine = options("schema");
    let missing = ScyllaJournal::open(&access, &mine).await.err();
    let keyspace = mine.keyspace.clone();
    assert_eq!(missing, Some(ScyllaError::NoSchema { keyspace }));
    let made = ScyllaJournal::migrate(&access, &mine).await;
    assert_eq!(made, Ok((0, KNOWN)));
    let again = ScyllaJournal::migrate(&access, &mine).await;
    assert_eq!(again, Ok((KNOWN, KNOWN)));

    let shared = options("schema");
    let nodes = (0..4).map(|_| ScyllaJournal::migrate(&access, &shared));
    let outcomes = futures_util::future::join_all(nodes).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let made = outcomes.iter().filter(|o| **o == Ok((0, KNOWN)));
    assert_eq!(made.count(), 1, "{outcomes:?}");
    assert!(ScyllaJournal::open(&access, &shared).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_is_too_old_or_too_new_is_refused_and_a_compatible_one_is_not() {
    let servers = Servers::provide().await;
    let access = servers.access();
    let mine = options("versions");
    ScyllaJournal::migrate(&access, &mine).await.unwrap();
    let session = SessionBuilder::new().known_nodes(&access.nodes);
    let session = session.build().await.unwrap();
    let set = async |version: i32, oldest: i32| {
        let text = format!(
            "UPDATE {}.schema_info SET version = ?, oldest = ? WHERE component = 'hub' IF EXISTS",
            mine.keyspace
        );
        session
            .query_unpaged(text, (version, oldest))
            .await
            .unwrap();
    };
    // A later version that only added something: this hub goes on, and leaves it alone.
    set(KNOWN + 3, KNOWN).await;
    assert!(ScyllaJournal::open(&access, &mine).await.is_ok());
    let kept = ScyllaJournal::migrate(&access, &mine).await;
    assert_eq!(kept, Ok((KNOWN + 3, KNOWN + 3)));
    // One that older hubs do not understand.
    set(KNOWN + 4, KNOWN + 1).await;
    let (found, oldest, known) = (KNOWN + 4, KNOWN + 1, KNOWN);
    let too_new = ScyllaError::SchemaTooNew {
        found,
        oldest,
        known,
    };
    assert_eq!(
        ScyllaJournal::open(&access, &mine).await.err(),
        Some(too_new.clone())
    );
    assert_eq!(ScyllaJournal::migrate(&access, &mine).await, Err(too_new));
    set(NEEDED - 1, 0).await;
    let refused = ScyllaJournal::open(&access, &mine).await.err();
    let named = matches!(
        refused,
        Some(ScyllaError::SchemaTooOld { .. } | ScyllaError::NoSchema { .. })
    );
    assert!(named, "{refused:?}");
}
