//! Two writers on one entity, rivals at bucket boundaries, buckets as one journal, and histories that were tampered with.

use std::sync::Arc;
use std::time::Duration;

use actors::journal::conformance::Store;
use actors::journal::conformance::writer::{ALL, Writer, records, room};
use actors::journal::{AppendError, Digest, Head, Range, ReadError, SideWrites};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use tokio::time::Instant;

use super::cql::Servers;
use super::place::{fresh, options};
use super::writer::{Owner, verify};

const BUCKET: usize = 4096;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_duel_for_ten_seconds_without_fork_or_loss_and_get_on() {
    let servers = Servers::provide().await;
    let (access, options) = (servers.access(), options("duel"));
    let left: Arc<dyn Store> = Arc::new(fresh(&access, &options).await);
    let right: Arc<dyn Store> = Arc::new(fresh(&access, &options).await);

    let mut alone = Owner::new(left.clone(), room("calm").unwrap(), 1);
    let begun = Instant::now();
    alone.write_until(begun + Duration::from_secs(2)).await;
    let calm = alone.rows.len() as f64 / begun.elapsed().as_secs_f64();

    let entity = room("contested").unwrap();
    let mut owners = [left.clone(), right].map(|store| Owner::new(store, entity.clone(), 0));
    owners[1] = Owner::new(owners[1].store.clone(), entity.clone(), 2);
    let begun = Instant::now();
    let end = begun + Duration::from_secs(10);
    let [a, b] = &mut owners;
    tokio::join!(a.write_until(end), b.write_until(end));
    let duel = (a.rows.len() + b.rows.len()) as f64 / begun.elapsed().as_secs_f64();
    println!(
        "alone {calm:.0}/s, in a duel {duel:.0}/s: {:?} {:?}",
        a.counts, b.counts
    );

    let stored = verify(&left, &entity, &[a, b]).await;
    assert_eq!(
        stored,
        a.rows.len() + b.rows.len(),
        "every stored row was acknowledged"
    );
    assert!(
        a.counts.conflicts + b.counts.conflicts > 20,
        "no duel took place"
    );
    assert!(
        a.rows.len() > 20 && b.rows.len() > 20,
        "one of the two starved"
    );
    assert!(duel > calm / 5.0, "{calm:.0}/s alone fell to {duel:.0}/s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rivals_at_a_bucket_boundary_exactly_one_goes_on() {
    let servers = Servers::provide().await;
    let (access, options) = (servers.access(), options("boundary"));
    let left: Arc<dyn Store> = Arc::new(fresh(&access, &options).await);
    let right: Arc<dyn Store> = Arc::new(fresh(&access, &options).await);
    for round in 0..8 {
        let entity = room(&format!("round {round}")).unwrap();
        let mut first = Owner::new(left.clone(), entity.clone(), 1);
        assert!(first.write(BUCKET - 1).await && first.write(1).await);
        let full = first.head;
        let mut second = Owner::new(right.clone(), entity.clone(), 2);
        second.head = full;
        let (a, b) = tokio::join!(first.write(1), second.write(2));
        assert!(a != b, "round {round}: {a} and {b}");
        // The one that lost has learnt the head and goes on from there.
        let loser = if a { &mut second } else { &mut first };
        assert!(loser.write(3).await);
        assert_eq!(verify(&left, &entity, &[&first, &second]).await, 4);

        // Neither another history of the full bucket nor an old head may open the next one.
        let head = left.head(&entity).await.unwrap();
        let forged = Head {
            digest: Digest::of(b"another history"),
            ..full
        };
        for after in [
            forged,
            full,
            Head {
                sequence: full.sequence.plus(BUCKET as u64),
                ..full
            },
        ] {
            let mut late = Owner::new(right.clone(), entity.clone(), 3);
            late.head = after;
            let outcome = right.append(late.next(1)).await;
            assert_eq!(
                outcome,
                Err(AppendError::Conflict { head }),
                "after {after}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buckets_are_read_as_one_journal_and_trimmed_ones_stay_closed() {
    let servers = Servers::provide().await;
    let options = options("buckets");
    let store: Arc<dyn Store> = Arc::new(fresh(&servers.access(), &options).await);
    let mut writer = Writer::new(&store, room("long").unwrap());
    for bucket in 0..3 {
        for count in [1, BUCKET - 3, 2] {
            let records = records(&format!("bucket {bucket}"), count);
            writer.append(records, SideWrites::default()).await.unwrap();
        }
    }
    writer.write(3).await.unwrap();
    writer.verify().await.unwrap();
    let entity = writer.entity.clone();
    let below = Range::Before(actors::ids::Sequence(u64::MAX));
    let mut rows = store.read(&entity, below, ALL).await.unwrap();
    rows.reverse();
    assert_eq!(rows, writer.rows, "from the end");
    let crossing = records("crossing", BUCKET);
    let outcome = writer.append(crossing, SideWrites::default()).await;
    assert!(
        matches!(outcome, Err(AppendError::Invalid(_))),
        "{outcome:?}"
    );

    // Another node, which has no hint in memory, finds the same head.
    let other: Arc<dyn Store> = Arc::new(fresh(&servers.access(), &options).await);
    assert_eq!(other.head(&entity).await.unwrap(), writer.head);

    writer.snapshot("covers all").await.unwrap();
    let early = writer.rows[2].head();
    let retained = store
        .trim(&entity, early.sequence.plus(5000))
        .await
        .unwrap();
    assert!(retained > early.sequence.next(), "{retained}");
    for after in [Head::default(), writer.rows[0].head(), early] {
        let mut late = Owner::new(other.clone(), entity.clone(), 9);
        late.head = after;
        let outcome = other.append(late.next(1)).await;
        let head = writer.head;
        assert_eq!(
            outcome,
            Err(AppendError::Conflict { head }),
            "after {after}"
        );
    }
    writer.rows.retain(|row| row.last() >= retained);
    let rows = other.read(&entity, Range::After(early.sequence), ALL).await;
    assert_eq!(rows.unwrap(), writer.rows);
}

async fn raw(access: &actors::journal::scylla::ScyllaAccess) -> Session {
    let session = SessionBuilder::new().known_nodes(&access.nodes);
    session.build().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_hash_chain_a_missing_row_and_a_flipped_bit_are_never_served() {
    let servers = Servers::provide().await;
    let access = servers.access();
    let (mine, other) = (options("chain"), options("chain"));
    let store: Arc<dyn Store> = Arc::new(fresh(&access, &mine).await);
    let elsewhere: Arc<dyn Store> = Arc::new(fresh(&access, &other).await);
    let session = raw(&access).await;
    for (name, damage) in [("another", 0), ("missing", 1), ("flipped", 2)] {
        let entity = room(name).unwrap();
        let mut writer = Owner::new(store.clone(), entity.clone(), 1);
        let mut rival = Owner::new(elsewhere.clone(), entity.clone(), 2);
        for _ in 0..6 {
            assert!(writer.write(1).await && rival.write(1).await);
        }
        verify(&store, &entity, &[&writer]).await;
        let key = [b"r", name.as_bytes()].concat();
        let at = "WHERE entity = ? AND bucket = 0 AND last = 4";
        let select = |ks: &str| format!("SELECT row FROM {ks}.journal {at}");
        // A whole row of another history at the same place: it verifies by itself, but not in the chain.
        let from = if damage == 0 { &other } else { &mine };
        let result = session.query_unpaged(select(&from.keyspace), (&key,)).await;
        let rows = result.unwrap().into_rows_result().unwrap();
        let (mut row,) = rows.first_row::<(Vec<u8>,)>().unwrap();
        if damage == 1 {
            let text = format!("DELETE FROM {}.journal {at}", mine.keyspace);
            session.query_unpaged(text, (&key,)).await.unwrap();
        } else {
            if damage == 2 {
                row[60] ^= 4;
            }
            let text = format!("UPDATE {}.journal SET row = ? {at}", mine.keyspace);
            session.query_unpaged(text, (row, &key)).await.unwrap();
        }
        let first = Range::After(actors::ids::Sequence(0));
        let last = Range::Before(actors::ids::Sequence(100));
        for range in [first, last] {
            let read = store.read(&entity, range, ALL).await;
            let corrupt =
                matches!(&read, Err(ReadError::Corrupt { entity: of, .. }) if *of == entity);
            assert!(corrupt, "{name}, {range:?}: {read:?}");
        }
    }
}
