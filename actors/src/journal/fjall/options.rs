//! Settings of the embedded store, and why it may refuse to open.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bounds of the embedded store: memory, queues, files. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FjallOptions {
    /// Bytes of blocks kept in memory for reads.
    pub cache_bytes: u64,
    /// Bytes of recent writes kept in memory before they become a table (up to five such buffers exist
    /// while tables are written). Fixed when the store is created.
    pub write_buffer_bytes: u64,
    /// Bytes of commit log after which the oldest is forced into tables; at least 64 MiB.
    pub log_bytes: u64,
    /// Threads that write and merge tables, at least 2: one of them never merges, so that buffers become tables meanwhile.
    pub workers: usize,
    /// How far those threads step back for all others where there are too few cores: added to their niceness, 0 to 19
    /// (Linux).
    pub workers_nice: u8,
    /// Table files kept open.
    pub open_files: usize,
    /// Writes that may wait for the commit thread; further ones are refused.
    pub queue_requests: usize,
    /// Their bytes.
    pub queue_bytes: usize,
    /// Most writes that share one fsync.
    pub group_requests: usize,
    /// Their bytes.
    pub group_bytes: usize,
    /// Journals whose head is kept in memory.
    pub cached_heads: usize,
    /// Reads that may be at the disk at once.
    pub concurrent_reads: usize,
    /// Most bytes of one row.
    pub max_row_bytes: usize,
    /// Free bytes of the disk below which writes are refused before they can fail half-way; 0 never. What
    /// frees space may use three quarters of them.
    pub reserve_bytes: u64,
    /// Milliseconds between two writes of the commit counter beside the store.
    pub counter_interval_ms: u64,
    /// Open even if commits are missing that were once acknowledged, or cut a damaged commit log.
    pub accept_loss: bool,
}

impl Default for FjallOptions {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            cache_bytes: 16 * MIB as u64,
            write_buffer_bytes: 16 * MIB as u64,
            log_bytes: 128 * MIB as u64,
            workers: 3,
            workers_nice: 10,
            open_files: 256,
            queue_requests: 4096,
            queue_bytes: 16 * MIB,
            group_requests: 512,
            group_bytes: MIB,
            cached_heads: 65_536,
            concurrent_reads: 8,
            max_row_bytes: MIB,
            reserve_bytes: 64 * MIB as u64,
            counter_interval_ms: 1000,
            accept_loss: false,
        }
    }
}

impl FjallOptions {
    /// Whether all of it can work; else the first setting that is too small.
    pub fn check(&self) -> Result<(), OpenError> {
        let least: [(&'static str, u64, u64); 9] = [
            ("log_bytes", self.log_bytes, 64 << 20),
            ("write_buffer_bytes", self.write_buffer_bytes, 1 << 20),
            // The engine's queue has a bound, and a thread alone that merges while it fills would wait for itself.
            ("workers", self.workers as u64, 2),
            ("open_files", self.open_files as u64, 16),
            ("queue_requests", self.queue_requests as u64, 1),
            ("queue_bytes", self.queue_bytes as u64, 4096),
            ("group_requests", self.group_requests as u64, 1),
            ("concurrent_reads", self.concurrent_reads as u64, 1),
            ("counter_interval_ms", self.counter_interval_ms, 1),
        ];
        match least.into_iter().find(|(_, value, least)| value < least) {
            Some((name, value, least)) => Err(OpenError::Option { name, value, least }),
            None => Ok(()),
        }
    }
}

/// Why the store did not open. Nothing was changed, unless it says so.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A setting is too small.
    #[error("{name} is {value}, but must be at least {least}")]
    Option {
        /// The field of [`FjallOptions`].
        name: &'static str,
        /// Its value.
        value: u64,
        /// The least that works.
        least: u64,
    },
    /// Another process has the directory open.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The operating system refused something.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// Its answer.
        source: std::io::Error,
    },
    /// Written by a version that stores differently.
    #[error("the store has format {found:?}; this version reads {expected:?}")]
    Format {
        /// What the directory says.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Commits that were once acknowledged are gone.
    #[error(
        "{} commits are missing: {acknowledged} were acknowledged, the store ends at {found}",
        acknowledged.saturating_sub(*found)
    )]
    CommitsMissing {
        /// The counter beside the store.
        acknowledged: u64,
        /// The counter in the store.
        found: u64,
    },
    /// The commit counter beside the store is gone or unreadable, so that loss could not be noticed.
    #[error("the commit counter {} is {reason}", path.display())]
    Counter {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file of the engine is damaged: a list of tables, or a commit log before its end, so that commits
    /// that were acknowledged cannot be read.
    #[error("{} is damaged at byte {offset}: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The storage engine refused its files.
    #[error("the storage engine cannot open {}: {reason}", path.display())]
    Engine {
        /// Its directory.
        path: PathBuf,
        /// Its words.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
