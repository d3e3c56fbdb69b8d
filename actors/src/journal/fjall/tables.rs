//! What the engine's tables hold by themselves, before it replays its logs over them: the logs must go on
//! from there. All of a commit is in the same table or in none, and they are written in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use lsm_tree::{AbstractTree, Config, SeqNo, SequenceNumberCounter};

use super::files::entries;
use super::keys;
use super::options::OpenError;
use super::store::panic_text;

/// Counter of the newest commit in tables; 0 if there is none. Removes leftovers that no list of tables
/// names, as the engine does.
pub(super) fn newest(engine: &Path) -> Result<u64, OpenError> {
    let mut newest = 0;
    for keyspace in entries(&engine.join("keyspaces"))? {
        // The engine's own list of keyspaces, and one that was never finished.
        if keyspace.ends_with("0") || !keyspace.join("current").exists() {
            continue;
        }
        let read = catch_unwind(AssertUnwindSafe(|| commit(&keyspace)));
        let refused = |reason| OpenError::Engine {
            path: keyspace.clone(),
            reason,
        };
        let commit = read.unwrap_or_else(|panic| Err(panic_text(&*panic)));
        newest = newest.max(commit.map_err(refused)?);
    }
    Ok(newest)
}

fn commit(keyspace: &Path) -> Result<u64, String> {
    let [own, visible] = [(); 2].map(|()| SequenceNumberCounter::default());
    let tree = Config::new(keyspace, own, visible).open();
    let tree = tree.map_err(|error| error.to_string())?;
    let found = tree.get(keys::COUNTER, SeqNo::MAX);
    match found.map_err(|error| error.to_string())? {
        Some(value) => Ok(keys::parse_ranked(keys::COUNTER, &value)?.0),
        None => Ok(0),
    }
}
