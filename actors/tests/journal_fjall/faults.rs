//! Commits that stall or fail, by a hook in the commit thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use actors::ids::Timestamp;
use actors::journal::conformance::Store;
use actors::journal::conformance::writer::{Writer, records, room};
use actors::journal::fjall::{CommitHook, CommitStage, FjallJournal, FjallOptions};
use actors::journal::{AppendError, Journal, SideWrites};
use futures_util::FutureExt;
use parking_lot::{Condvar, Mutex};
use tempfile::TempDir;

use super::place::open;

/// A store whose commits a test controls.
struct Faulty {
    directory: TempDir,
    store: Arc<FjallJournal>,
    shared: Arc<dyn Store>,
    controls: Arc<Controls>,
}

#[derive(Default)]
struct Controls {
    failing: Mutex<Option<CommitStage>>,
    panicking: AtomicBool,
    held: Mutex<bool>,
    release: Condvar,
    waiting: AtomicBool,
    arrived: tokio::sync::Notify,
    commits: AtomicUsize,
}

impl Controls {
    fn pass(&self, stage: CommitStage) -> io::Result<()> {
        if stage == CommitStage::Write {
            self.commits.fetch_add(1, Ordering::SeqCst);
            let mut held = self.held.lock();
            while *held {
                self.waiting.store(true, Ordering::SeqCst);
                self.arrived.notify_one();
                self.release.wait(&mut held);
            }
        }
        assert!(!self.panicking.load(Ordering::SeqCst), "as the test wants");
        match *self.failing.lock() {
            Some(failing) if failing == stage => Err(io::Error::other("the disk said no")),
            _ => Ok(()),
        }
    }

    fn hold(&self) {
        *self.held.lock() = true;
    }

    fn release(&self) {
        *self.held.lock() = false;
        self.release.notify_all();
    }
}

impl Faulty {
    fn new(options: &FjallOptions) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let controls = Arc::new(Controls::default());
        let hooked = controls.clone();
        let hook: CommitHook = Arc::new(move |stage| hooked.pass(stage));
        let store = FjallJournal::open_with(directory.path(), options, hook);
        let store = Arc::new(store.expect("a new store opens"));
        let shared: Arc<dyn Store> = store.clone();
        Self {
            directory,
            store,
            shared,
            controls,
        }
    }

    fn writer(&self, id: &str) -> Writer {
        Writer::new(&self.shared, room(id).expect("a valid id"))
    }

    /// A write that the commit thread has taken and holds.
    async fn held_write(&self) -> tokio::task::JoinHandle<Result<(), AppendError>> {
        self.controls.hold();
        let mut first = self.writer("first");
        let append = async move {
            first
                .append_once(records("first", 1), SideWrites::default())
                .await
        };
        let task = tokio::spawn(append);
        self.controls.arrived.notified().await;
        assert!(self.controls.waiting.load(Ordering::SeqCst));
        task
    }
}

async fn fails_for_good_at(stage: CommitStage) {
    let faulty = Faulty::new(&FjallOptions::default());
    let mut writer = faulty.writer("a");
    writer.write(5).await.expect("the disk is well");
    let acknowledged = writer.clone();

    *faulty.controls.failing.lock() = Some(stage);
    let doubtful = writer.next(records("doubtful", 2), SideWrites::default());
    let outcome = faulty.store.append(doubtful.clone()).await;
    assert!(
        matches!(outcome, Err(AppendError::InDoubt(_))),
        "{outcome:?}"
    );

    // The disk may be well again; what was promised may not.
    *faulty.controls.failing.lock() = None;
    let commits = faulty.controls.commits.load(Ordering::SeqCst);
    let broken = |outcome: Result<(), AppendError>| {
        let named = matches!(&outcome, Err(AppendError::Broken(why)) if why == "the disk said no");
        assert!(named, "{outcome:?}");
    };
    broken(faulty.store.append(doubtful.clone()).await);
    broken(
        faulty
            .writer("b")
            .append_once(records("b", 1), SideWrites::default())
            .await,
    );
    broken(faulty.shared.put_rows(Vec::new()).await);
    broken(faulty.shared.arm(&writer.entity, Timestamp(1)).await);
    broken(acknowledged.snapshot("state").await);
    assert_eq!(
        faulty.controls.commits.load(Ordering::SeqCst),
        commits,
        "nothing was tried"
    );
    if stage == CommitStage::Write {
        acknowledged.verify().await.expect("reads go on");
    }

    faulty.store.close().await;
    let store = open(faulty.directory.path()).expect("it opens again");
    let mut found = Writer {
        store: store.clone(),
        ..acknowledged
    };
    if store.head(&found.entity).await == Ok(doubtful.row.head()) {
        found.rows.push(doubtful.row.clone());
        found.head = doubtful.row.head();
    }
    found
        .verify()
        .await
        .expect("what was acknowledged is there, what was in doubt is whole or absent");
    found.write(3).await.expect("writes are taken again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_stops_acknowledging_for_good() {
    fails_for_good_at(CommitStage::Sync).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_stops_acknowledging_for_good() {
    fails_for_good_at(CommitStage::Write).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_with_a_head_that_never_became_durable_is_none() {
    let faulty = Faulty::new(&FjallOptions::default());
    let held = faulty.held_write().await;
    let (writer, rival) = (faulty.writer("a"), faulty.writer("a"));
    let ours = writer.next(records("ours", 1), SideWrites::default());
    let theirs = rival.next(records("theirs", 1), SideWrites::default());
    let (ours, theirs) = (faulty.store.append(ours), faulty.store.append(theirs));
    let (ours, theirs) = (tokio::spawn(ours), tokio::spawn(theirs));
    while faulty.store.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    *faulty.controls.failing.lock() = Some(CommitStage::Sync);
    faulty.controls.release();
    let first = held.await.unwrap();
    assert!(matches!(first, Err(AppendError::InDoubt(_))), "{first:?}");
    for outcome in [ours.await.unwrap(), theirs.await.unwrap()] {
        assert!(
            matches!(outcome, Err(AppendError::Broken(_))),
            "{outcome:?}"
        );
    }
    faulty.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_the_disk_shares_one_commit() {
    let faulty = Faulty::new(&FjallOptions::default());
    let held = faulty.held_write().await;
    let mut tasks = Vec::new();
    for n in 0..40 {
        let mut writer = faulty.writer(&format!("room {n}"));
        tasks.push(tokio::spawn(async move {
            writer
                .append_once(records("x", 2), SideWrites::default())
                .await?;
            Ok::<_, AppendError>(writer)
        }));
    }
    while faulty.store.waiting() < 40 {
        tokio::task::yield_now().await;
    }
    assert!(!held.is_finished() && tasks.iter().all(|task| !task.is_finished()));
    faulty.controls.release();
    assert_eq!(held.await.unwrap(), Ok(()));
    for task in tasks {
        let writer = task.await.unwrap().expect("an append");
        writer.verify().await.expect("it is there");
    }
    assert_eq!(
        faulty.store.commits(),
        2,
        "the first alone, then all others"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_keeps_what_it_took() {
    let options = FjallOptions {
        queue_requests: 4,
        ..FjallOptions::default()
    };
    let faulty = Faulty::new(&options);
    let held = faulty.held_write().await;
    let mut tasks = Vec::new();
    for n in 0..10 {
        let mut writer = faulty.writer(&format!("room {n}"));
        tasks.push(tokio::spawn(async move {
            let outcome = writer
                .append_once(records("x", 1), SideWrites::default())
                .await;
            (outcome, writer)
        }));
        while !tasks[n].is_finished() && faulty.store.waiting() < (n + 1).min(4) {
            tokio::task::yield_now().await;
        }
    }
    // Everything beyond the queue is refused while the disk still holds the rest.
    while tasks.iter().filter(|task| task.is_finished()).count() < 6 {
        tokio::task::yield_now().await;
    }
    faulty.controls.release();
    assert_eq!(held.await.unwrap(), Ok(()));
    let mut taken = 0;
    for task in tasks {
        let (outcome, writer) = task.await.unwrap();
        match outcome {
            Ok(()) => taken += 1,
            Err(AppendError::Unavailable(why)) => assert_eq!(why, "the commit queue is full"),
            Err(other) => panic!("{other}"),
        }
        writer
            .verify()
            .await
            .expect("there if acknowledged, absent if refused");
    }
    assert_eq!(taken, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_commits_what_waits_and_refuses_what_comes_later() {
    let faulty = Faulty::new(&FjallOptions::default());
    let held = faulty.held_write().await;
    let mut late = faulty.writer("late");
    let mut waiting = faulty.writer("waiting");
    let task = tokio::spawn(async move {
        let outcome = waiting
            .append_once(records("x", 1), SideWrites::default())
            .await;
        (outcome, waiting)
    });
    while faulty.store.waiting() < 1 {
        tokio::task::yield_now().await;
    }
    let store = faulty.store.clone();
    let closing = tokio::spawn(async move { store.close().await });
    // Refused from the moment that closing began, while the disk still holds the first write.
    loop {
        let append = late.append_once(records("late", 1), SideWrites::default());
        match append.now_or_never() {
            Some(outcome) => {
                let closed = AppendError::Unavailable("the store is closed".into());
                break assert_eq!(outcome, Err(closed));
            }
            None => tokio::task::yield_now().await,
        }
    }
    assert!(!closing.is_finished());
    faulty.controls.release();
    closing.await.unwrap();
    assert_eq!(held.await.unwrap(), Ok(()));
    let (outcome, mut waiting) = task.await.unwrap();
    assert_eq!(outcome, Ok(()));
    let read = waiting.verify().await;
    assert!(read.is_err_and(|e| e.0.contains("the store is closed")));
    waiting.store = open(faulty.directory.path()).expect("it opens again");
    waiting.verify().await.expect("what waited was committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_commit_thread_leaves_nobody_waiting() {
    let faulty = Faulty::new(&FjallOptions::default());
    let mut acknowledged = faulty.writer("a");
    acknowledged.write(3).await.expect("the disk is well");
    let held = faulty.held_write().await;
    let append = |id| {
        let mut writer = faulty.writer(id);
        async move {
            writer
                .append_once(records("x", 1), SideWrites::default())
                .await
        }
    };
    let queued = ["b", "c"].map(|id| tokio::spawn(append(id)));
    while faulty.store.waiting() < queued.len() {
        tokio::task::yield_now().await;
    }
    faulty.controls.panicking.store(true, Ordering::SeqCst);
    faulty.controls.release();

    let soon = |task| tokio::time::timeout(Duration::from_secs(20), task);
    let outcome = soon(held).await.expect("an answer").unwrap();
    assert!(
        matches!(outcome, Err(AppendError::InDoubt(_))),
        "{outcome:?}"
    );
    let broken = Err(AppendError::Broken("the commit thread panicked".into()));
    for task in queued {
        let outcome = soon(task).await.expect("an answer").unwrap();
        assert_eq!(outcome, broken);
    }
    let later = soon(tokio::spawn(append("d"))).await;
    assert_eq!(later.expect("an answer").unwrap(), broken);
    acknowledged.verify().await.expect("reads go on");

    faulty.store.close().await;
    acknowledged.store = open(faulty.directory.path()).expect("it opens again");
    acknowledged.verify().await.expect("nothing is lost");
}
