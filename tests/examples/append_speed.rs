//! How many appends per second a CQL server acknowledges, by the number of entities that are written at once.
//!
//! `cargo run --release --example append_speed -- [SECONDS] [RECORDS IN A ROW]`
//!
//! Each entity has one owner that appends the next row as soon as the one before is acknowledged. The server is the one
//! that `MUSSIKON_TEST_CQL_NODES` names, else a node of its own on this machine with one copy of everything.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use actors::ids::{EntityId, EntityKind};
use actors::journal::scylla::{ScyllaAccess, ScyllaJournal, ScyllaOptions};
use actors::journal::{Append, Head, Journal, Record, Row, SideWrites};
use chaos::cql::{CqlServers, CqlSpec, keyspace};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A message as people write them.
const BODY: &str = "See you at eight, and bring the small amplifier; the stage has two sockets on the left, none on the right.";

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut next = |default| arguments.next().map_or(default, Result::unwrap);
    let (seconds, records) = (next(8), next(1));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(Duration::from_secs(seconds), records as usize));
}

async fn measure(length: Duration, records: usize) {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp");
    std::fs::create_dir_all(&build).unwrap();
    let folder = tempfile::tempdir_in(&build).unwrap();
    let spec = CqlSpec {
        heap_megabytes: 768,
        ..CqlSpec::new(&build, folder.path())
    };
    let servers = CqlServers::provide(&spec).await;
    let servers = servers.unwrap_or_else(|error| panic!("{error}"));
    let access = ScyllaAccess {
        nodes: servers
            .addresses()
            .iter()
            .map(ToString::to_string)
            .collect(),
        password: String::new(),
    };
    let options = ScyllaOptions {
        keyspace: keyspace("speed"),
        replication: 1,
        ..ScyllaOptions::default()
    };
    ScyllaJournal::migrate(&access, &options).await.unwrap();
    let journal = ScyllaJournal::open(&access, &options).await.unwrap();
    // The server's first requests are slow: it compiles while it works.
    run(&journal, "warm", 16, length, records).await;
    for entities in [1, 10, 100] {
        run(&journal, "run", entities, length, records).await;
    }
}

async fn run(
    journal: &ScyllaJournal,
    name: &str,
    entities: usize,
    length: Duration,
    records: usize,
) {
    let (mut owners, begun) = (JoinSet::new(), Instant::now());
    for number in 0..entities {
        let id = format!("{name} {entities} {number}");
        let entity = EntityId::new(EntityKind::Room, &id).unwrap();
        owners.spawn(own(journal.clone(), entity, begun + length, records));
    }
    let mut times: Vec<Duration> = owners.join_all().await.into_iter().flatten().collect();
    let seconds = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let rows = times.len() as f64 / seconds;
    println!(
        "{name}: {entities} entities, rows of {records}: {rows:.0} appends/s ({:.0} records/s), p50 {:.1} ms, p99 {:.1} ms",
        rows * records as f64,
        at(50),
        at(99)
    );
}

/// Appends until the time is over; answers how long each append took.
async fn own(
    journal: ScyllaJournal,
    entity: EntityId,
    end: Instant,
    records: usize,
) -> Vec<Duration> {
    let (mut head, mut times) = (Head::default(), Vec::new());
    while Instant::now() < end {
        let record = || Record::new("header".into(), Some(BODY.into()));
        let row = Row::seal(head, 1, (0..records).map(|_| record()).collect());
        let (after, begun) = (head, Instant::now());
        head = row.head();
        let append = Append {
            entity: entity.clone(),
            after,
            row,
            side: SideWrites::default(),
        };
        journal.append(append).await.unwrap();
        times.push(begun.elapsed());
    }
    times
}
