//! Servers that die under load, and servers that stand still and apply late.

use std::sync::Arc;
use std::time::Duration;

use actors::journal::conformance::Store;
use actors::journal::conformance::writer::room;
use actors::journal::scylla::ScyllaOptions;
use actors::journal::{AppendError, Head};
use tokio::time::{Instant, sleep, timeout};

use super::cql::OwnNode;
use super::place::{fresh, options};
use super::writer::{Owner, verify};

const SOON: Duration = Duration::from_secs(60);
/// After the only server answers again,
const BACK: Duration = Duration::from_secs(6);
/// however long it was gone: after this the driver's own pauses between two tries are ten seconds.
const GONE: Duration = Duration::from_secs(25);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    const WRITERS: u64 = 8;
    const KILLS: usize = 3;
    let mut own = OwnNode::start().await;
    let options = ScyllaOptions {
        append_timeout_ms: 1_000,
        ..options("kills")
    };
    let store: Arc<dyn Store> = Arc::new(fresh(&own.access(), &options).await);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let acknowledged = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for n in 0..WRITERS {
        let entity = room(&format!("room {n}")).unwrap();
        let mut owner = Owner::new(store.clone(), entity, n);
        let (stopped, acknowledged) = (stopped.clone(), acknowledged.clone());
        tasks.push(tokio::spawn(async move {
            while !*stopped.borrow() {
                owner.write(1).await;
                acknowledged.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
            owner
        }));
    }
    let grown = async |by: usize| {
        let count = || acknowledged.load(std::sync::atomic::Ordering::Relaxed);
        let goal = count() + by;
        let growing = async {
            while count() < goal {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(SOON, growing).await.expect("writers get on");
    };
    grown(200).await;
    for kill in 1..=KILLS {
        own.node.kill();
        if kill == KILLS {
            sleep(GONE).await;
        }
        own.node.restart().await.unwrap();
        let back = timeout(BACK, grown(1)).await;
        back.expect("a server that is back is used soon");
        grown(200).await;
    }
    stop.send(true).unwrap();
    let (mut doubts, mut rows) = (0, 0);
    for task in tasks {
        let owner = task.await.unwrap();
        doubts += owner.counts.doubts;
        assert_eq!(owner.counts.conflicts, 0, "{} has one owner", owner.entity);
        let stored = verify(&store, &owner.entity.clone(), &[&owner]).await;
        assert_eq!(stored, owner.rows.len(), "rows of {}", owner.entity);
        rows += stored;
    }
    println!("{rows} rows through {KILLS} kills, {doubts} appends in doubt");
    assert!(doubts > 0, "no append was under way at a kill");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_a_paused_server_applies_late_is_neither_lost_nor_doubled() {
    let own = OwnNode::start().await;
    let options = ScyllaOptions {
        append_timeout_ms: 300,
        ..options("pauses")
    };
    let store: Arc<dyn Store> = Arc::new(fresh(&own.access(), &options).await);
    let entity = room("paused").unwrap();
    let mut owner = Owner::new(store.clone(), entity.clone(), 1);
    assert!(settled(&mut owner).await);
    let mut late = 0;
    for round in 0..4 {
        let append = owner.next(1);
        own.node.pause().unwrap();
        let begun = Instant::now();
        let outcome = store.append(append.clone()).await;
        assert!(
            matches!(outcome, Err(AppendError::InDoubt(_))),
            "{outcome:?}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{:?}",
            begun.elapsed()
        );
        own.node.resume().unwrap();
        if round % 2 == 0 {
            // Nobody sends it again: what was only sent before the time was over is applied after it.
            let applied = async {
                while head(&store, &owner).await != append.row.head() {
                    sleep(Duration::from_millis(20)).await;
                }
            };
            late += usize::from(timeout(Duration::from_secs(10), applied).await.is_ok());
        }
        // The same again settles it, whether it was applied or not.
        let settling = async {
            loop {
                match store.append(append.clone()).await {
                    Ok(()) => break,
                    Err(AppendError::Conflict { head }) => panic!("lost to {head}"),
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            }
        };
        timeout(SOON, settling).await.expect("the server is back");
        owner.head = append.row.head();
        owner.rows.push(append.row);
        assert_eq!(verify(&store, &entity, &[&owner]).await, owner.rows.len());
    }
    println!("{late} of 2 appends were applied after their time was over");
    assert!(late > 0, "the paused server applied nothing late");
}

async fn settled(owner: &mut Owner) -> bool {
    timeout(SOON, owner.write(1)).await.expect("in time")
}

async fn head(store: &Arc<dyn Store>, owner: &Owner) -> Head {
    store.head(&owner.entity).await.unwrap_or_default()
}
