//! The embedded store: journals, overlays, table rows, snapshots and wake-ups in one log-structured
//! engine (fjall), written by one thread that syncs once for everybody who waits.
//!
//! - **Durable**: `Ok` follows the `fdatasync` of the engine's commit log.
//! - **Fenced**: the commit thread compares each append with the head it knows; nobody else writes.
//! - A failed write or sync breaks the store for good: it is read-only until it is opened again.
//! - What is read is checked: each value's seal, each row's digest, and that rows follow each other.

mod commit;
mod counter;
mod disk;
mod files;
mod group;
mod guard;
mod heads;
mod inspect;
mod keys;
mod log;
mod options;
mod pace;
mod port;
mod queue;
mod read;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod trim;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Semaphore, oneshot};

pub use commit::{CommitHook, CommitStage};
pub use options::{FjallOptions, OpenError};

use self::commit::{Committer, Status};
use self::counter::CounterKeeper;
use self::files::check_files;
use self::group::Work;
use self::guard::Guard;
use self::heads::HeadCache;
use self::inspect::inspect;
use self::queue::{Bounds, Outcome, Queue, Request};
use self::store::Store;
use super::{AppendError, Capabilities, ReadError};

/// The journal of one process on a local disk. Close it with [`FjallJournal::close`]; dropping it does
/// the same, but blocks, and does not wait for reads: the directory is free when the last of them ends.
pub struct FjallJournal {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    capabilities: Capabilities,
    threads: Mutex<Option<Threads>>,
}

/// What a write needs.
struct Writer {
    queue: Arc<Queue>,
    status: Arc<Status>,
    queue_bytes: usize,
}

/// What a read needs. The store is taken away when it is closed.
struct Readers {
    store: RwLock<Option<Arc<Store>>>,
    permits: Arc<Semaphore>,
    heads: Arc<Mutex<HeadCache>>,
    most: u32,
}

struct Threads {
    commit: JoinHandle<()>,
    counter: CounterKeeper,
}

impl FjallJournal {
    /// Opens or creates the store in a directory of its own. Blocks while the commit log is replayed.
    pub fn open(directory: &Path, options: &FjallOptions) -> Result<Self, OpenError> {
        Self::open_hooked(directory, options, None)
    }

    /// Like [`FjallJournal::open`], with a hook in the commit thread.
    #[cfg(any(test, feature = "testing"))]
    pub fn open_with(
        directory: &Path,
        options: &FjallOptions,
        hook: CommitHook,
    ) -> Result<Self, OpenError> {
        Self::open_hooked(directory, options, Some(hook))
    }

    fn open_hooked(
        directory: &Path,
        options: &FjallOptions,
        hook: Option<CommitHook>,
    ) -> Result<Self, OpenError> {
        options.check()?;
        let guard = Guard::acquire(directory)?;
        check_files(&guard.engine())?;
        let logged = check_logs(&guard, options)?;
        let opened = behind(options.workers_nice, || Store::open(&guard, options));
        let store = Arc::new(opened.map_err(OpenError::io(directory))??);
        guard.sync_names()?;
        let status = Arc::new(Status::default());
        let commits = store.commits().map_err(|error| OpenError::Engine {
            path: guard.engine(),
            reason: error.to_string(),
        })?;
        if commits < logged {
            return Err(OpenError::CommitsMissing {
                acknowledged: logged,
                found: commits,
            });
        }
        check_commits(&guard, commits, options)?;
        status
            .commits
            .store(commits, std::sync::atomic::Ordering::Release);
        metrics::gauge!("mussikon_journal_broken").set(0.0);

        let heads = Arc::new(Mutex::new(HeadCache::new(options.cached_heads)));
        let queue = Arc::new(Queue::new(Bounds {
            requests: options.queue_requests,
            bytes: options.queue_bytes,
        }));
        let committer = Committer {
            store: store.clone(),
            queue: queue.clone(),
            heads: heads.clone(),
            status: status.clone(),
            most: Bounds {
                requests: options.group_requests,
                bytes: options.group_bytes,
            },
            hook,
        };
        let io = || OpenError::io(directory);
        let interval = Duration::from_millis(options.counter_interval_ms);
        let reserve = options.reserve_bytes;
        let counter = CounterKeeper::start(guard, status.clone(), interval, reserve);
        let counter = counter.map_err(io())?;
        let thread = std::thread::Builder::new().name("journal-commit".into());
        let commit = thread.spawn(move || committer.run()).map_err(io())?;
        let most = options.concurrent_reads.min(Semaphore::MAX_PERMITS) as u32;
        Ok(Self {
            writer: Arc::new(Writer {
                queue,
                status,
                queue_bytes: options.queue_bytes,
            }),
            readers: Arc::new(Readers {
                store: RwLock::new(Some(store)),
                permits: Arc::new(Semaphore::new(most as usize)),
                heads,
                most,
            }),
            capabilities: Capabilities {
                exclusive: true,
                atomic_side_writes: true,
                bucket: None,
                max_row_bytes: options.max_row_bytes,
            },
            threads: Mutex::new(Some(Threads { commit, counter })),
        })
    }

    /// Groups made durable since the store was created.
    pub fn commits(&self) -> u64 {
        self.writer.status.commits.load(Ordering::Acquire)
    }

    /// Writes that wait for the commit thread.
    pub fn waiting(&self) -> usize {
        self.writer.queue.len()
    }

    /// Commits what waits, lets reads end, and frees the directory. Later calls are refused.
    pub async fn close(&self) {
        self.writer.queue.close();
        // Whoever reads holds a permit; no new reader gets one.
        let all = self.readers.permits.acquire_many(self.readers.most).await;
        self.readers.permits.close();
        drop(all);
        let threads = self.threads.lock().take();
        let store = self.readers.store.write().take();
        let finish = move || finish(threads, store);
        if tokio::task::spawn_blocking(finish).await.is_err() {
            tracing::error!("closing the store panicked");
        }
    }
}

impl Drop for FjallJournal {
    fn drop(&mut self) {
        self.writer.queue.close();
        self.readers.permits.close();
        finish(
            self.threads.get_mut().take(),
            self.readers.store.write().take(),
        );
    }
}

/// Does something on a thread that steps back for others, and so do the threads that it starts: merging tables takes a core
/// for a quarter of a second at times, and messages must not wait for that.
fn behind<T: Send>(nice: u8, work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("journal-open".into());
        let running = thread.spawn_scoped(scope, || {
            // Elsewhere it would be the whole process that steps back.
            if cfg!(target_os = "linux")
                && let Err(error) = rustix::process::nice(nice.into())
            {
                tracing::warn!(%error, nice, "the threads that write tables do not step back");
            }
            work()
        })?;
        let panicked = |_| std::io::Error::other("the thread that opens the store panicked");
        running.join().map_err(panicked)
    })
}

/// Ends the commit thread, then the engine, then writes the last count and frees the directory.
fn finish(threads: Option<Threads>, store: Option<Arc<Store>>) {
    let Some(threads) = threads else {
        return;
    };
    if threads.commit.join().is_err() {
        tracing::error!("the commit thread panicked");
    }
    drop(store);
    threads.counter.finish();
}

/// Compares what the commit logs hold with the counter beside the store, before the engine touches them.
/// Answers the newest commit that they hold.
fn check_logs(guard: &Guard, options: &FjallOptions) -> Result<u64, OpenError> {
    let tables = match tables::newest(&guard.engine()) {
        Err(problem) if options.accept_loss => {
            tracing::warn!(%problem, "opened all the same: loss was accepted by configuration");
            None
        }
        newest => Some(newest?),
    };
    let inspected = inspect(&guard.engine(), tables)?;
    inspected.refuse_damage(options.accept_loss)?;
    let newest = inspected.newest;
    if let Some(found) = newest {
        check_commits(guard, found.max(tables.unwrap_or_default()), options)?;
    }
    inspected.heal()?;
    Ok(newest.unwrap_or_default())
}

/// Refuses a store that ends before a commit that was acknowledged.
fn check_commits(guard: &Guard, found: u64, options: &FjallOptions) -> Result<(), OpenError> {
    let problem = match guard.read_commits() {
        Ok(acknowledged) if acknowledged <= found => return Ok(()),
        Ok(acknowledged) => OpenError::CommitsMissing {
            acknowledged,
            found,
        },
        Err(problem) => problem,
    };
    if !options.accept_loss {
        return Err(problem);
    }
    tracing::warn!(%problem, "opened all the same: loss was accepted by configuration");
    guard.write_commits(found)
}

impl Writer {
    /// Hands work to the commit thread and waits for its answer.
    async fn submit(&self, work: Work, bytes: usize) -> Outcome {
        self.status.admit(&work)?;
        if bytes > self.queue_bytes {
            let most = self.queue_bytes;
            let reason = format!("a write of {bytes} bytes, most is {most}");
            return Err(AppendError::Invalid(reason));
        }
        let (answer, outcome) = oneshot::channel();
        self.queue.push(Request {
            work,
            bytes,
            answer,
        })?;
        let gone = |_| AppendError::InDoubt("the commit thread is gone".into());
        outcome.await.map_err(gone)?
    }
}

impl Readers {
    /// Runs a read on the blocking pool, at most so many at once: the disk may be slow.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let closed = || ReadError::Unavailable("the store is closed".into());
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| closed())?;
        let store = self.store.read().clone().ok_or_else(closed)?;
        let read = tokio::task::spawn_blocking(move || {
            let found = work(&store);
            // The store first: whoever has all permits may rely on it being free.
            drop(store);
            drop(permit);
            found
        });
        let failed = |error: tokio::task::JoinError| ReadError::Unavailable(error.to_string());
        read.await.map_err(failed)?
    }
}
