//! The commit thread: takes all that waits, makes one engine batch of it, syncs, then answers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ::fjall::{OwnedWriteBatch as WriteBatch, PersistMode};
use parking_lot::Mutex;

use super::group::{Group, Work};
use super::heads::HeadCache;
use super::keys;
use super::log::Mark;
use super::pace::Pace;
use super::queue::{Bounds, Queue, Request};
use super::store::Store;
use crate::ids::EntityId;
use crate::journal::AppendError;

const NEARLY_FULL: &str = "the disk is nearly full";

/// What the commit thread tells the rest of the store.
#[derive(Default)]
pub(super) struct Status {
    /// Why nothing is acknowledged any more.
    broken: OnceLock<String>,
    /// Groups made durable since the store was created.
    pub(super) commits: AtomicU64,
    /// Whether the disk has less free space than its reserve, which is for what frees space.
    pub(super) low_space: AtomicBool,
    /// Whether that is used up, too.
    pub(super) no_space: AtomicBool,
}

impl Status {
    pub(super) fn check(&self) -> Result<(), AppendError> {
        match self.broken.get() {
            Some(reason) => Err(AppendError::Broken(reason.clone())),
            None => Ok(()),
        }
    }

    /// Refuses everything from now on.
    fn give_up(&self, reason: String) {
        tracing::error!(%reason, "commit failed: the store refuses writes until it is opened again");
        metrics::gauge!("mussikon_journal_broken").set(1.0);
        // The first reason stays.
        let _ = self.broken.set(reason);
    }

    /// Why appends are refused for now although the store is whole.
    pub(super) fn refuses(&self) -> Option<&'static str> {
        let low = self.low_space.load(Ordering::Relaxed);
        low.then_some(NEARLY_FULL)
    }

    /// Whether a new write may be queued.
    pub(super) fn admit(&self, work: &Work) -> Result<(), AppendError> {
        self.check()?;
        let full = match work.frees() {
            true => &self.no_space,
            false => &self.low_space,
        };
        if full.load(Ordering::Relaxed) {
            return Err(AppendError::Unavailable(NEARLY_FULL.into()));
        }
        Ok(())
    }
}

/// Where a fault can be injected into a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitStage {
    /// Before anything is written.
    Write,
    /// When it is written, at its fsync.
    Sync,
}

/// Lets tests stall or fail commits: called by the commit thread, its error is taken for the disk's.
pub type CommitHook = Arc<dyn Fn(CommitStage) -> std::io::Result<()> + Send + Sync>;

pub(super) struct Committer {
    pub(super) store: Arc<Store>,
    pub(super) queue: Arc<Queue>,
    pub(super) heads: Arc<Mutex<HeadCache>>,
    pub(super) status: Arc<Status>,
    pub(super) most: Bounds,
    pub(super) hook: Option<CommitHook>,
}

impl Committer {
    /// Serves the queue until it is closed and empty.
    pub(super) fn run(self) {
        let (mut taken, mut pace) = (Vec::new(), Pace::default());
        let (mut before, mut last) = (now(), None);
        while self.queue.take(self.most, &mut taken) {
            let started = now();
            let since = started - std::mem::replace(&mut before, started);
            let served = taken.len();
            let writers = writers(&taken, &mut last);
            self.serve(&mut taken);
            let waiting = self.queue.len();
            metrics::gauge!("mussikon_journal_queue_requests").set(waiting as f64);
            let took = started.elapsed();
            std::thread::sleep(pace.rest(since, took, served, waiting, writers));
        }
    }

    fn serve(&self, taken: &mut Vec<Request>) {
        let mut group = Group::new(&self.store, &self.heads);
        for request in taken.drain(..) {
            if group.must_precede(&request.work) {
                self.commit(group);
                group = Group::new(&self.store, &self.heads);
            }
            match self.status.check() {
                Ok(()) => group.add(request),
                Err(broken) => drop(request.answer.send(Err(broken))),
            }
        }
        self.commit(group);
    }

    fn commit(&self, mut group: Group<'_>) {
        let made = if group.len() == 0 {
            Ok(())
        } else {
            self.make_durable(&mut group)
        };
        if made.is_ok() {
            group.publish();
        }
        for (answer, outcome) in group.waiting {
            let outcome = match (&made, outcome) {
                (Ok(()), outcome) => outcome,
                (Err(failure), Ok(())) => Err(failure.of_applied()),
                (Err(failure), Err(_)) => Err(failure.of_refused()),
            };
            if matches!(outcome, Err(AppendError::Conflict { .. })) {
                metrics::counter!("mussikon_journal_conflicts_total").increment(1);
            }
            // The asker may be gone.
            let _ = answer.send(outcome);
        }
    }

    fn make_durable(&self, group: &mut Group<'_>) -> Result<(), Failure> {
        let count = self.status.commits.load(Ordering::Relaxed) + 1;
        let mut batch = WriteBatch::with_capacity(self.store.database.clone(), group.len() + 1);
        group.stage(&mut batch);
        let mark = Mark {
            commit: count,
            floor: self.store.database.visible_seqno(),
        };
        batch.insert(&self.store.data, keys::COUNTER, mark.value());
        let started = now();
        let written = self.write(batch);
        written.inspect_err(|failure| self.status.give_up(failure.reason.clone()))?;
        metrics::histogram!("mussikon_journal_commit_seconds")
            .record(started.elapsed().as_secs_f64());
        metrics::histogram!("mussikon_journal_commit_requests").record(group.waiting.len() as f64);
        metrics::counter!("mussikon_journal_commits_total").increment(1);
        self.status.commits.store(count, Ordering::Release);
        Ok(())
    }

    fn write(&self, batch: WriteBatch) -> Result<(), Failure> {
        let fault = |stage| self.hook.as_ref().map_or(Ok(()), |hook| hook(stage));
        fault(CommitStage::Write).map_err(|error| Failure::doubtful(&error))?;
        let committed = batch.durability(Some(PersistMode::SyncData)).commit();
        committed.map_err(|error| match error {
            // The engine refused before it wrote.
            ::fjall::Error::Poisoned => Failure {
                reason: "the storage engine failed earlier".into(),
                written: false,
            },
            error => Failure::doubtful(&error),
        })?;
        fault(CommitStage::Sync).map_err(|error| Failure::doubtful(&error))
    }
}

/// How many of the requests came from another journal than the one before, `last` at first and afterwards.
fn writers(taken: &[Request], last: &mut Option<EntityId>) -> usize {
    let mut count = 0;
    for entity in taken.iter().filter_map(|request| request.work.entity()) {
        if last.as_ref() != Some(entity) {
            *last = Some(entity.clone());
            count += 1;
        }
    }
    count
}

impl Drop for Committer {
    /// After a panic (the engine has some for damage it meets) nobody waits for answers that nobody will
    /// give. Requests in hand are in doubt; those in the queue were not begun.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        self.status.give_up("the commit thread panicked".into());
        for request in self.queue.abandon() {
            // The asker may be gone.
            let _ = request.answer.send(self.status.check());
        }
    }
}

/// A group that was not made durable.
struct Failure {
    reason: String,
    /// Whether parts of it may be on the disk and reappear.
    written: bool,
}

impl Failure {
    fn doubtful(error: &impl ToString) -> Self {
        Self {
            reason: error.to_string(),
            written: true,
        }
    }

    fn of_applied(&self) -> AppendError {
        match self.written {
            true => AppendError::InDoubt(self.reason.clone()),
            false => self.of_refused(),
        }
    }

    fn of_refused(&self) -> AppendError {
        AppendError::Broken(self.reason.clone())
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "measures how long the disk takes, for a metric and the pause after it"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
