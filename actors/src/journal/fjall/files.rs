//! Looks at the engine's lists of tables before the engine does. It panics on some that are damaged, and
//! where one is missing it takes the tables for leftovers and deletes them.
//!
//! ```text
//! version                         marks an engine directory
//! keyspaces/N/current             number u64, xxh3 of that version's file u128, 0; little-endian
//! keyspaces/N/vNUMBER             lists the tables, changed by replacing `current`
//! keyspaces/N/tables/             the tables; N 0 lists the others
//! ```

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::options::OpenError;

/// Refuses an engine directory whose lists of tables are missing or damaged.
pub(super) fn check_files(engine: &Path) -> Result<(), OpenError> {
    let keyspaces = engine.join("keyspaces");
    let mut found = entries(&keyspaces)?;
    found.retain(|path| path.is_dir());
    for keyspace in &found {
        check_keyspace(keyspace)?;
    }
    let mut with_tables = Vec::new();
    for keyspace in &found {
        if !entries(&keyspace.join("tables"))?.is_empty() {
            with_tables.push(keyspace);
        }
    }
    let needed = [engine.join("version"), keyspaces.join("0").join("current")];
    match needed.into_iter().find(|path| !path.exists()) {
        Some(path) if !with_tables.is_empty() => Err(damaged(path, "it is missing")),
        _ => Ok(()),
    }
}

fn check_keyspace(keyspace: &Path) -> Result<(), OpenError> {
    let path = keyspace.join("current");
    let current = match std::fs::read(&path) {
        Ok(current) => current,
        // Unfinished when a process was killed: there is nothing in it yet.
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return match entries(&keyspace.join("tables"))?.is_empty() {
                true => Ok(()),
                false => Err(damaged(path, "it is missing")),
            };
        }
        Err(e) => return Err(OpenError::io(&path)(e)),
    };
    let parsed = current.split_first_chunk::<8>();
    let parsed = parsed.and_then(|(number, rest)| Some((number, rest.first_chunk::<16>()?)));
    let Some((number, checksum)) = parsed else {
        return Err(damaged(path, "it is too short"));
    };
    let version = keyspace.join(format!("v{}", u64::from_le_bytes(*number)));
    match std::fs::read(&version) {
        Ok(list) if xxhash_rust::xxh3::xxh3_128(&list).to_le_bytes() == *checksum => Ok(()),
        Ok(_) => Err(damaged(version, "it does not fit its checksum")),
        Err(e) if e.kind() == ErrorKind::NotFound => Err(damaged(version, "it is missing")),
        Err(e) => Err(OpenError::io(&version)(e)),
    }
}

/// What is in a directory; nothing if it is not there.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let read = match std::fs::read_dir(directory) {
        Ok(read) => read,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(OpenError::io(directory)(e)),
    };
    let paths = read.map(|entry| entry.map(|entry| entry.path()));
    let paths: std::io::Result<Vec<_>> = paths.collect();
    paths.map_err(OpenError::io(directory))
}

fn damaged(file: PathBuf, reason: &str) -> OpenError {
    OpenError::Damaged {
        file,
        offset: 0,
        reason: reason.into(),
    }
}
