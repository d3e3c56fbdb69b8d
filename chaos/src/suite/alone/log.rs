//! Damage to one stored row of a hub that is down, below every checksum of the storage engine: the value of a key in its
//! commit log is changed, and the checksum of the batch made good again. Only the hub's own seal can tell.
//!
//! The form of the log is described where the hub reads it (`actors/src/journal/fjall/log.rs`), that of keys beside it.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;

const START: u8 = 1;
const ITEM: u8 = 2;
const HEAD_BYTES: usize = 1 + 4 + 8;
const ITEM_BYTES: usize = 1 + 1 + 1 + 8 + 2 + 4 + 4;

/// Why nothing was damaged.
#[derive(Debug, Error)]
pub enum DamageError {
    /// The log could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The log, or its folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No log holds a row of the room any more.
    #[error(
        "no commit log in {folder} holds a row of room {room}: the engine has moved it into its tables"
    )]
    NotThere {
        /// Where logs were looked for.
        folder: PathBuf,
        /// The room.
        room: String,
    },
    /// A table of the CQL store could not be read or written.
    #[error("the journal of keyspace {keyspace}: {source}")]
    Store {
        /// Whose tables.
        keyspace: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The CQL store has no row of the room.
    #[error("the journal of keyspace {keyspace} holds no row of room {room}")]
    NoRow {
        /// Whose tables.
        keyspace: String,
        /// The room.
        room: String,
    },
}

/// Damages the newest row of a room in a data folder that no hub uses.
pub(super) fn damage(data: &Path, room: &str) -> Result<(), DamageError> {
    let folder = data.join("journal").join("engine");
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| DamageError::File { path, source }
    };
    let mut logs = Vec::new();
    for entry in fs::read_dir(&folder).map_err(at(&folder))? {
        let path = entry.map_err(at(&folder))?.path();
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        let number: Option<u64> = number.filter(|_| path.extension().is_some_and(|e| e == "jnl"));
        logs.extend(number.map(|number| (number, path)));
    }
    logs.sort();
    for (_, path) in logs.into_iter().rev() {
        let mut bytes = fs::read(&path).map_err(at(&path))?;
        if damage_last(&mut bytes, &prefix(room)) {
            return fs::write(&path, bytes).map_err(at(&path));
        }
    }
    let room = room.to_owned();
    Err(DamageError::NotThere { folder, room })
}

/// How keys of a room's rows begin.
fn prefix(room: &str) -> Vec<u8> {
    [b"Rr", room.as_bytes(), &[0]].concat()
}

/// Damages the last value in a log whose key begins so; false if there is none.
fn damage_last(log: &mut [u8], prefix: &[u8]) -> bool {
    let (mut offset, mut last) = (0, None);
    while let Some(batch) = Batch::read(log, offset) {
        let found = batch
            .items
            .iter()
            .rev()
            .find(|(key, _)| log[key.clone()].starts_with(prefix));
        if let Some((_, value)) = found {
            last = Some((batch.content.clone(), value.clone()));
        }
        offset = batch.end;
    }
    let Some((content, value)) = last else {
        return false;
    };
    let middle = value.start + value.len() / 2;
    log[middle] ^= 0x41;
    let sum = xxhash_rust::xxh3::xxh3_64(&log[content.clone()]);
    let at = content.end + 1;
    log[at..at + 8].copy_from_slice(&sum.to_le_bytes());
    true
}

/// Where the parts of a batch lie.
struct Batch {
    /// All items.
    content: Range<usize>,
    /// Key and value of each.
    items: Vec<(Range<usize>, Range<usize>)>,
    end: usize,
}

impl Batch {
    /// The batch at an offset; none where no whole one begins.
    fn read(log: &[u8], offset: usize) -> Option<Self> {
        let head = log.get(offset..offset + HEAD_BYTES)?;
        let count = u32::from_le_bytes(head.get(1..5)?.try_into().ok()?);
        if head[0] != START {
            return None;
        }
        let begin = offset + HEAD_BYTES;
        let (mut at, mut items) = (begin, Vec::new());
        for _ in 0..count {
            let item = log.get(at..at + ITEM_BYTES)?;
            if item[0] != ITEM {
                return None;
            }
            let key = usize::from(u16::from_le_bytes(item.get(11..13)?.try_into().ok()?));
            let value = u32::from_le_bytes(item.get(17..21)?.try_into().ok()?);
            let value = usize::try_from(value).ok()?;
            let key_at = at + ITEM_BYTES;
            let (key, value) = (key_at..key_at + key, key_at + key..key_at + key + value);
            at = value.end;
            log.get(..at)?;
            items.push((key, value));
        }
        // A tag, a checksum and four bytes more.
        let end = at + 13;
        log.get(..end)?;
        Some(Self {
            content: begin..at,
            items,
            end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &[u8], value: &[u8]) -> Vec<u8> {
        let mut item = vec![ITEM, 0, 0];
        item.extend(7_u64.to_le_bytes());
        item.extend((key.len() as u16).to_le_bytes());
        item.extend((value.len() as u32).to_le_bytes());
        item.extend((value.len() as u32).to_le_bytes());
        item.extend([key, value].concat());
        item
    }

    fn batch(items: &[Vec<u8>]) -> Vec<u8> {
        let content = items.concat();
        let mut batch = vec![START];
        batch.extend((items.len() as u32).to_le_bytes());
        batch.extend(9_u64.to_le_bytes());
        batch.extend(&content);
        batch.push(3);
        batch.extend(xxhash_rust::xxh3::xxh3_64(&content).to_le_bytes());
        batch.extend(b"FJL\x03");
        batch
    }

    fn row(room: &str, value: &[u8]) -> Vec<u8> {
        item(&[prefix(room), vec![0; 8]].concat(), value)
    }

    #[test]
    fn the_newest_row_of_the_room_is_changed_in_one_byte_and_its_batch_still_fits() {
        let batches = [
            batch(&[row("a", b"oldest value"), row("b", b"of another")]),
            batch(&[row("a", b"newest value"), item(b"C", b"counter")]),
            batch(&[row("ab", b"also another")]),
        ];
        let whole = [batches.concat(), vec![0; 64]].concat();
        let mut damaged = whole.clone();
        assert!(damage_last(&mut damaged, &prefix("a")));
        let changed: Vec<usize> = (0..whole.len())
            .filter(|at| whole[*at] != damaged[*at])
            .collect();
        let second = batches[0].len()..batches[0].len() + batches[1].len();
        assert!(changed.iter().all(|at| second.contains(at)), "{changed:?}");
        let expected = batch(&[row("a", b"newest\x61value"), item(b"C", b"counter")]);
        assert_eq!(damaged[second], expected[..]);
        assert!(!damage_last(&mut damaged, &prefix("c")));
    }

    #[test]
    fn a_log_without_the_room_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let engine = folder.path().join("journal/engine");
        fs::create_dir_all(&engine).unwrap();
        fs::write(engine.join("0.jnl"), batch(&[row("a", b"value")])).unwrap();
        damage(folder.path(), "a").unwrap();
        let refused = damage(folder.path(), "b").unwrap_err().to_string();
        assert!(refused.contains("room b"), "{refused}");
    }
}
