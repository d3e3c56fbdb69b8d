//! Reads the engine's commit logs without changing them. The engine cuts a log at the first bytes that it
//! does not understand, silently, whatever follows; so we look first (see `inspect`).
//!
//! A log is a run of batches, then zeros or nothing. Integers are little-endian.
//!
//! ```text
//! batch  1, items u32, seqno u64, item*, 3, xxh3 of all items u64, "FJL" 3
//! item   2, type u8, compression u8, keyspace u64, key length u16, length u32, stored length u32, key, value
//! ```

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::keys;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const TRAILER: &[u8] = b"FJL\x03";
const HEAD_BYTES: usize = 1 + 4 + 8;
const ITEM_BYTES: usize = 1 + 1 + 1 + 8 + 2 + 4 + 4;
const END_BYTES: usize = 1 + 8 + 4;
const CHUNK: usize = 256 * 1024;

/// One whole batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Where it ends.
    pub(super) end: u64,
    /// The engine's number of it, which no checksum covers.
    pub(super) seqno: u64,
    /// What we put in.
    pub(super) mark: Option<Mark>,
}

/// Our item in every batch: its place among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Counts commits since the store was created.
    pub(super) commit: u64,
    /// Above the engine's number of every earlier batch, not above its own.
    pub(super) floor: u64,
}

impl Mark {
    pub(super) fn value(self) -> Vec<u8> {
        keys::ranked(keys::COUNTER, self.commit, &[&self.floor.to_be_bytes()])
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let (commit, content) = keys::parse_ranked(keys::COUNTER, value).ok()?;
        let floor = u64::from_be_bytes(content.try_into().ok()?);
        Some(Self { commit, floor })
    }
}

/// A log open for reading, with a window over its bytes.
pub(super) struct Log {
    file: File,
    len: u64,
    /// File offset of `window`.
    at: u64,
    window: Vec<u8>,
}

impl Log {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self {
            file,
            len,
            at: 0,
            window: Vec::new(),
        })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The batch that begins at an offset, or why there is none.
    pub(super) fn batch(&mut self, offset: u64) -> std::io::Result<Result<Batch, &'static str>> {
        self.seek(offset)?;
        let Some(head) = self.bytes(0, HEAD_BYTES)? else {
            return Ok(Err("a batch ends early"));
        };
        let items = u32::from_le_bytes(array(head, 1));
        if head[0] != START {
            return Ok(Err("no batch begins here"));
        }
        let seqno = u64::from_le_bytes(array(head, 5));
        let (mut used, mut mark) = (HEAD_BYTES, None);
        for _ in 0..items {
            let Some(item) = self.bytes(used, ITEM_BYTES)? else {
                return Ok(Err("an item ends early"));
            };
            if item[0] != ITEM {
                return Ok(Err("an item is missing"));
            }
            let key = u16::from_le_bytes(array(item, 11)) as usize;
            let value = u32::from_le_bytes(array(item, 17)) as usize;
            let Some(content) = self.bytes(used + ITEM_BYTES, key + value)? else {
                return Ok(Err("an item ends early"));
            };
            let (key, value) = content.split_at(key);
            if key == keys::COUNTER {
                mark = Mark::parse(value);
            }
            used += ITEM_BYTES + content.len();
        }
        let Some(end) = self.bytes(used, END_BYTES)? else {
            return Ok(Err("a batch ends early"));
        };
        let (tag, stored, trailer) = (end[0], u64::from_le_bytes(array(end, 1)), &end[9..]);
        if tag != END || trailer != TRAILER {
            return Ok(Err("a batch has no end"));
        }
        let content = self.bytes(HEAD_BYTES, used - HEAD_BYTES)?;
        if content.map(xxhash_rust::xxh3::xxh3_64) != Some(stored) {
            return Ok(Err("a batch does not fit its checksum"));
        }
        let end = offset + (used + END_BYTES) as u64;
        Ok(Ok(Batch { end, seqno, mark }))
    }

    /// Whether anything but zeros stands at or after an offset.
    pub(super) fn written_after(&mut self, offset: u64) -> std::io::Result<bool> {
        let zeros = vec![0; CHUNK];
        self.seek(offset)?;
        while self.at < self.len {
            let most = CHUNK.min((self.len - self.at) as usize);
            let Some(chunk) = self.bytes(0, most)? else {
                return Ok(false);
            };
            if chunk != &zeros[..most] {
                return Ok(true);
            }
            self.seek(self.at + most as u64)?;
        }
        Ok(false)
    }

    /// The first whole batch that begins at or after an offset.
    pub(super) fn batch_after(&mut self, mut offset: u64) -> std::io::Result<Option<u64>> {
        let least = HEAD_BYTES + ITEM_BYTES;
        while offset + least as u64 <= self.len {
            self.seek(offset)?;
            let most = CHUNK.min((self.len - offset) as usize);
            let Some(chunk) = self.bytes(0, most)? else {
                return Ok(None);
            };
            let begins = |w: &[u8]| w[0] == START && w[HEAD_BYTES] == ITEM;
            let candidates: Vec<usize> = chunk
                .windows(least)
                .enumerate()
                .filter(|(_, window)| begins(window))
                .map(|(at, _)| at)
                .collect();
            for candidate in candidates {
                let at = offset + candidate as u64;
                if self.batch(at)?.is_ok() {
                    return Ok(Some(at));
                }
            }
            offset += (most - least + 1) as u64;
        }
        Ok(None)
    }

    /// Moves the window so that it begins at an offset, keeping what it already has.
    fn seek(&mut self, offset: u64) -> std::io::Result<()> {
        let inside = offset.checked_sub(self.at).map(|skip| skip as usize);
        match inside.filter(|skip| *skip <= self.window.len()) {
            Some(skip) => drop(self.window.drain(..skip)),
            None => {
                self.window.clear();
                self.file.seek(SeekFrom::Start(offset))?;
            }
        }
        self.at = offset;
        Ok(())
    }

    /// `count` bytes at `from` within the window, reading on as needed; nothing beyond the file's end,
    /// so that no announced length makes us allocate.
    fn bytes(&mut self, from: usize, count: usize) -> std::io::Result<Option<&[u8]>> {
        let to = from + count;
        if self.at + to as u64 > self.len {
            return Ok(None);
        }
        if self.window.len() < to {
            let have = self.window.len();
            let rest = (self.len - self.at) as usize - have;
            let more = (to - have).max(CHUNK).min(rest);
            self.window.resize(have + more, 0);
            self.file.seek(SeekFrom::Start(self.at + have as u64))?;
            self.file.read_exact(&mut self.window[have..])?;
        }
        Ok(Some(&self.window[from..to]))
    }
}

/// `N` bytes at `at` of a slice known to be long enough.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}
