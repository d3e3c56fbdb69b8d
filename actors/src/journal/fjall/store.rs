//! The storage engine behind the commit thread and the readers: opening, point reads, their errors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ::fjall::config::{CompressionPolicy, PinningPolicy};
use ::fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, LsmError, Slice};

use super::guard::{Guard, Lock};
use super::keys::{self, Space};
use super::options::{FjallOptions, OpenError};
use crate::ids::{EntityId, Sequence};
use crate::journal::{Head, ReadError};

/// One keyspace holds everything: one memory buffer, one commit log, one write per item.
pub(super) struct Store {
    pub(super) database: Database,
    pub(super) data: Keyspace,
    /// Last, so that nobody else opens the directory before the engine has let it go.
    _lock: Lock,
}

impl Store {
    pub(super) fn open(guard: &Guard, options: &FjallOptions) -> Result<Self, OpenError> {
        let path = guard.engine();
        // The engine asserts a few things about its files; a damaged one must not end the process.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            Self::open_engine(&path, guard.lock(), options)
        }));
        let refused = |reason: String| OpenError::Engine { path, reason };
        match opened {
            Ok(Ok(store)) => Ok(store),
            Ok(Err(error)) => Err(refused(error.to_string())),
            Err(panic) => Err(refused(panic_text(&*panic))),
        }
    }

    fn open_engine(path: &Path, lock: Lock, options: &FjallOptions) -> ::fjall::Result<Self> {
        let database = Database::builder(path)
            .cache_size(options.cache_bytes)
            .max_journaling_size(options.log_bytes)
            .worker_threads(options.workers)
            .max_cached_files(Some(options.open_files))
            // Recovery compresses again to compare checksums: that would tie old logs to one compressor.
            .journal_compression(CompressionType::None)
            .open()?;
        let data = database.keyspace("hub", || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(options.write_buffer_bytes)
                .data_block_compression_policy(CompressionPolicy::new([
                    CompressionType::None,
                    CompressionType::Lz4,
                ]))
                .filter_block_pinning_policy(PinningPolicy::all(false))
        })?;
        Ok(Self {
            database,
            data,
            _lock: lock,
        })
    }

    /// The value under a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        self.data.get(key).map_err(EngineError)
    }

    /// Rank and content of a ranked value, copied.
    pub(super) fn get_ranked(&self, key: &[u8]) -> Result<Option<(u64, Vec<u8>)>, ReadError> {
        let Some(value) = self.get(key).map_err(|e| e.of_row(key))? else {
            return Ok(None);
        };
        let parsed = keys::parse_ranked(key, &value);
        let (rank, content) = parsed.map_err(|reason| corrupt_row(key, reason))?;
        Ok(Some((rank, content.to_vec())))
    }

    /// The end of a journal: the last of its rows.
    pub(super) fn head(&self, entity: &EntityId) -> Result<Head, ReadError> {
        let from = keys::of_entity(Space::Row, entity);
        let to = keys::at(Space::Row, entity, Sequence(u64::MAX));
        let Some(last) = self.data.range(from..=to).next_back() else {
            return Ok(Head::default());
        };
        let corrupt = |reason| corrupt(entity, Sequence::ZERO, reason);
        let (key, value) = last.into_inner().map_err(|e| EngineError(e).of(entity))?;
        keys::parse_head(&key, &value).map_err(corrupt)
    }

    /// The counter of the newest commit in the store.
    pub(super) fn commits(&self) -> Result<u64, ReadError> {
        let found = self.get_ranked(keys::COUNTER)?;
        Ok(found.map_or(0, |(count, _)| count))
    }
}

/// What the engine says about a failed read: now, or for ever.
pub(super) struct EngineError(pub(super) ::fjall::Error);

impl EngineError {
    pub(super) fn of(self, entity: &EntityId) -> ReadError {
        match self.reason() {
            Ok(damage) => corrupt(entity, Sequence::ZERO, damage),
            Err(trouble) => ReadError::Unavailable(trouble),
        }
    }

    pub(super) fn of_row(self, key: &[u8]) -> ReadError {
        match self.reason() {
            Ok(damage) => corrupt_row(key, damage),
            Err(trouble) => ReadError::Unavailable(trouble),
        }
    }

    /// `Ok` with the damage, `Err` with what may pass.
    fn reason(&self) -> Result<String, String> {
        let text = self.0.to_string();
        let io = match &self.0 {
            ::fjall::Error::Io(io) | ::fjall::Error::Storage(LsmError::Io(io)) => Some(io),
            _ => None,
        };
        match io {
            // A table that ends early stays that way.
            Some(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => Ok(text),
            Some(_) => Err(text),
            None => Ok(text),
        }
    }
}

pub(super) fn corrupt(entity: &EntityId, sequence: Sequence, reason: String) -> ReadError {
    ReadError::Corrupt {
        entity: entity.clone(),
        sequence,
        reason,
    }
}

pub(super) fn corrupt_row(key: &[u8], reason: String) -> ReadError {
    let place = key.escape_ascii().to_string();
    ReadError::CorruptRow { place, reason }
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}
