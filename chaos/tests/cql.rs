//! Real CQL nodes: found or downloaded, alone and as a cluster, through kills, pauses and restarts.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::time::Duration;

use chaos::cql::{CqlCluster, CqlNode, CqlServers, CqlSpec, FIRST_USER, keyspace};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::{Consistency, Statement};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

const BUILD: &str = env!("CARGO_TARGET_TMPDIR");
const SOON: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_millis(500);

fn folder() -> TempDir {
    std::fs::create_dir_all(BUILD).unwrap();
    tempfile::Builder::new()
        .prefix("cql-")
        .tempdir_in(BUILD)
        .unwrap()
}

fn builder(addresses: &[SocketAddr]) -> SessionBuilder {
    let profile = ExecutionProfile::builder()
        .request_timeout(Some(Duration::from_secs(5)))
        .build();
    SessionBuilder::new()
        .known_nodes_addr(addresses)
        .default_execution_profile_handle(profile.into_handle())
}

/// A session with a keyspace of its own and a table of numbers.
async fn with_table(addresses: &[SocketAddr], replicas: usize) -> (Session, String) {
    let session = builder(addresses).build().await.unwrap();
    let name = keyspace("provisioned");
    let create = format!(
        "CREATE KEYSPACE {name} WITH replication = \
         {{'class': 'NetworkTopologyStrategy', 'replication_factor': {replicas}}}"
    );
    session.query_unpaged(create, ()).await.unwrap();
    let create = format!("CREATE TABLE {name}.numbers (name text PRIMARY KEY, number int)");
    session.query_unpaged(create, ()).await.unwrap();
    session.await_schema_agreement().await.unwrap();
    (session, name)
}

async fn write(session: &Session, keyspace: &str, name: &str, number: i32) -> Result<(), String> {
    let text = format!("INSERT INTO {keyspace}.numbers (name, number) VALUES (?, ?)");
    let mut statement = Statement::new(text);
    statement.set_consistency(Consistency::Quorum);
    let written = session.query_unpaged(statement, (name, number)).await;
    written.map(drop).map_err(|error| error.to_string())
}

async fn read(session: &Session, keyspace: &str, name: &str) -> Option<i32> {
    let mut statement = Statement::new(format!(
        "SELECT number FROM {keyspace}.numbers WHERE name = ?"
    ));
    statement.set_consistency(Consistency::Quorum);
    let result = session.query_unpaged(statement, (name,)).await.unwrap();
    let rows = result.into_rows_result().unwrap();
    rows.maybe_first_row::<(i32,)>().unwrap().map(|row| row.0)
}

/// Writes until it works: a node that has just come back or gone is noticed after a while.
async fn write_at_last(session: &Session, keyspace: &str, name: &str, number: i32) {
    let deadline = Instant::now() + SOON;
    while let Err(error) = write(session, keyspace, name, number).await {
        assert!(Instant::now() < deadline, "{error}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_node_keeps_what_it_acknowledged_through_a_kill_and_survives_a_pause() {
    let folder = folder();
    let spec = CqlSpec::new(BUILD, folder.path());
    let mut node = CqlNode::start(&spec).await.unwrap();
    let address = node.address();
    let (session, keyspace) = with_table(&[address], 1).await;
    for number in 0..100 {
        write(&session, &keyspace, &number.to_string(), number)
            .await
            .unwrap();
    }
    drop(session);

    node.kill();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    node.restart().await.unwrap();
    assert_eq!(node.address(), address);
    let session = builder(&[address]).build().await.unwrap();
    for number in 0..100 {
        let found = read(&session, &keyspace, &number.to_string()).await;
        assert_eq!(found, Some(number), "{}", node.logs());
    }

    node.pause().unwrap();
    let during = timeout(SILENCE, write(&session, &keyspace, "paused", 1)).await;
    assert!(during.is_err(), "a paused node answered {during:?}");
    node.resume().unwrap();
    write_at_last(&session, &keyspace, "paused", 2).await;
    assert_eq!(read(&session, &keyspace, "paused").await, Some(2));
}

#[tokio::test]
async fn passwords_and_settings_are_obeyed_and_a_running_node_may_be_given() {
    let folder = folder();
    let mut spec = CqlSpec::new(BUILD, folder.path());
    spec.password = true;
    spec.settings
        .push(("write_request_timeout".into(), "345ms".into()));
    let node = CqlNode::start(&spec).await.unwrap();
    let stranger = builder(&[node.address()]).build().await;
    assert!(stranger.is_err(), "a client without a password got in");
    let (user, password) = FIRST_USER;
    let known = builder(&[node.address()]).user(user, password);
    let session = known.build().await.unwrap();
    let query = "SELECT value FROM system_views.settings WHERE name = 'write_request_timeout'";
    let result = session.query_unpaged(query, ()).await.unwrap();
    let rows = result.into_rows_result().unwrap();
    assert_eq!(rows.single_row::<(String,)>().unwrap().0, "345ms");

    let names = node.address().to_string();
    let mut given = CqlServers::given(&names).await.unwrap();
    assert_eq!(given.addresses(), [node.address()]);
    assert!(given.own().is_none() && !given.are_scylla().await.unwrap());
}

#[tokio::test]
async fn a_setting_that_the_node_refuses_is_an_error_with_its_words() {
    let folder = folder();
    let mut spec = CqlSpec::new(BUILD, folder.path());
    spec.settings.push(("no_such_setting".into(), "1".into()));
    let error = CqlNode::start(&spec).await.unwrap_err().to_string();
    assert!(
        error.contains("the CQL node ended") && error.contains("no_such_setting"),
        "{error}"
    );
}

#[tokio::test]
async fn three_nodes_go_on_with_two_and_the_third_comes_back() {
    let folder = folder();
    let mut spec = CqlSpec::new(BUILD, folder.path());
    spec.heap_megabytes = 256;
    let mut cluster = CqlCluster::start(&spec, 3).await.unwrap();
    let (session, keyspace) = with_table(&cluster.addresses(), 3).await;
    write_at_last(&session, &keyspace, "all", 3).await;
    let change = format!("UPDATE {keyspace}.numbers SET number = 4 WHERE name = 'all'");
    assert_eq!(cluster.ask(&change).await.unwrap(), Vec::<Vec<u8>>::new());
    let ask = format!("SELECT number FROM {keyspace}.numbers WHERE name = 'all'");
    assert_eq!(cluster.ask(&ask).await.unwrap(), [[0, 0, 0, 4]]);
    assert!(cluster.ask("SELECT nothing").await.is_err());

    cluster.nodes[2].kill();
    write_at_last(&session, &keyspace, "two", 2).await;
    assert_eq!(read(&session, &keyspace, "all").await, Some(4));

    cluster.nodes[2].restart().await.unwrap();
    // A quorum without the second node needs the third.
    cluster.nodes[1].kill();
    write_at_last(&session, &keyspace, "back", 1).await;
    assert_eq!(read(&session, &keyspace, "back").await, Some(1));
    assert_eq!(read(&session, &keyspace, "two").await, Some(2));
}
