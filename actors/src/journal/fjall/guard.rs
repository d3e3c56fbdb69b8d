//! What stands around the engine's directory: the lock of the one process that may use it, the format,
//! and the commit counter kept beside the store so that a silent loss is noticed.
//!
//! ```text
//! DIR/lock      held while the store is open
//! DIR/format    name of the format
//! DIR/commits   commits made durable, written about once a second and at a clean close
//! DIR/engine/   the storage engine's files
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{replace, sync_above, sync_below};
use super::options::OpenError;

const FORMAT: &str = "mussikon journal 1";

/// An open directory.
pub(super) struct Guard {
    directory: PathBuf,
    lock: Lock,
}

/// Keeps other processes out as long as a copy of it is left.
#[derive(Clone)]
pub(super) struct Lock {
    _file: Arc<File>,
}

impl Guard {
    /// Makes the directory if need be, locks it and checks its format.
    pub(super) fn acquire(directory: &Path) -> Result<Self, OpenError> {
        std::fs::create_dir_all(directory).map_err(OpenError::io(directory))?;
        let path = directory.join("lock");
        let mut open = OpenOptions::new();
        let file = open.create(true).truncate(false).write(true).open(&path);
        let lock = file.map_err(OpenError::io(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let path = directory.to_owned();
                return Err(OpenError::Locked { path });
            }
            Err(TryLockError::Error(error)) => return Err(OpenError::io(&path)(error)),
        }
        let guard = Self {
            directory: directory.to_owned(),
            lock: Lock {
                _file: Arc::new(lock),
            },
        };
        guard.check_format()?;
        Ok(guard)
    }

    pub(super) fn lock(&self) -> Lock {
        self.lock.clone()
    }

    pub(super) fn engine(&self) -> PathBuf {
        self.directory.join("engine")
    }

    fn check_format(&self) -> Result<(), OpenError> {
        let path = self.directory.join("format");
        match std::fs::read_to_string(&path) {
            Ok(found) if found.trim_end() == FORMAT => Ok(()),
            Ok(found) => Err(format(found.trim_end())),
            Err(e) if e.kind() == ErrorKind::InvalidData => Err(format("unreadable")),
            // A new store: the counter comes before the engine, so that one without it is a loss. Where
            // there is a format, the way to it is durable.
            Err(e) if e.kind() == ErrorKind::NotFound => {
                if self.engine().exists() {
                    return Err(format("missing"));
                }
                sync_above(&self.directory).map_err(OpenError::io(&self.directory))?;
                self.write_commits(0)?;
                replace(&path, &format!("{FORMAT}\n")).map_err(OpenError::io(&path))
            }
            Err(e) => Err(OpenError::io(&path)(e)),
        }
    }

    /// Makes the names of all files of the store durable. The engine does not sync every directory in
    /// which it makes another.
    pub(super) fn sync_names(&self) -> Result<(), OpenError> {
        sync_below(&self.directory).map_err(OpenError::io(&self.directory))
    }

    /// The counter beside the store.
    pub(super) fn read_commits(&self) -> Result<u64, OpenError> {
        let path = self.counter();
        let unusable = |reason| OpenError::Counter {
            path: self.counter(),
            reason,
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(unusable("missing")),
            Err(e) if e.kind() == ErrorKind::InvalidData => return Err(unusable("unreadable")),
            Err(e) => return Err(OpenError::io(&path)(e)),
        };
        let (count, check) = text.trim_end().split_once(' ').unwrap_or_default();
        match count.parse::<u64>() {
            Ok(count) if check == checksum(count) => Ok(count),
            _ => Err(unusable("unreadable")),
        }
    }

    /// Replaces the counter, durably and whole or not at all.
    pub(super) fn write_commits(&self, count: u64) -> Result<(), OpenError> {
        let path = self.counter();
        let text = format!("{count} {}\n", checksum(count));
        replace(&path, &text).map_err(OpenError::io(&path))
    }

    /// Bytes that may still be written to the disk, where the system tells.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        #[cfg(unix)]
        {
            let disk = rustix::fs::statvfs(&self.directory).ok()?;
            Some(disk.f_bavail.saturating_mul(disk.f_frsize))
        }
        #[cfg(not(unix))]
        None
    }

    fn counter(&self) -> PathBuf {
        self.directory.join("commits")
    }
}

fn format(found: &str) -> OpenError {
    OpenError::Format {
        found: found.chars().take(80).collect(),
        expected: FORMAT,
    }
}

fn checksum(count: u64) -> String {
    let hash = blake3::hash(format!("commits {count}").as_bytes());
    hash.to_hex()[..16].to_owned()
}
