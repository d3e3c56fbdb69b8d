//! Files whose bytes were changed behind the store's back: it refuses to open, or says what is corrupt,
//! or was not harmed. It never answers something else than what was written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use actors::journal::fjall::{FjallOptions, OpenError};

use super::place::{Filled, copy, fill, open};

/// What became of a store with one file changed.
#[derive(Debug, Default)]
pub struct Tally {
    pub refused: usize,
    pub corrupt: usize,
    pub unharmed: usize,
}

impl Tally {
    fn noticed(&self) -> usize {
        self.refused + self.corrupt
    }
}

/// All commits in the log, whose file is as short as they are.
pub async fn in_the_log() -> Filled {
    let filled = fill(&FjallOptions::default(), 8, 50).await;
    open(filled.directory.path())
        .expect("it opens")
        .close()
        .await;
    filled
}

/// Most commits in tables.
pub async fn in_tables() -> Filled {
    let small = FjallOptions {
        write_buffer_bytes: 1 << 20,
        ..FjallOptions::default()
    };
    let filled = fill(&small, 16, 40_000).await;
    let store = open(filled.directory.path()).expect("it opens");
    // The engine writes tables when it pleases; it has had reason to.
    let wait = async {
        while files(&tables(filled.directory.path())).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let written = tokio::time::timeout(Duration::from_secs(60), wait).await;
    written.expect("tables are written");
    store.close().await;
    filled
}

fn engine(directory: &Path) -> PathBuf {
    directory.join("engine")
}

fn tables(directory: &Path) -> PathBuf {
    engine(directory).join("keyspaces/1/tables")
}

pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// Offsets over a file of this length: its ends densely, the rest in steps.
fn offsets(len: usize, count: usize) -> Vec<usize> {
    let step = (len / count).max(1);
    let ends = [0, 1, 9, 20].into_iter().filter(|at| *at < len);
    let back = [1, 5, 30].into_iter().filter_map(|at| len.checked_sub(at));
    let mut all: Vec<_> = ends.chain(back).chain((3..len).step_by(step)).collect();
    all.sort();
    all.dedup();
    all
}

/// Changes a copy of the store, opens it and compares.
pub async fn judge(filled: &Filled, tally: &mut Tally, what: &str, change: impl FnOnce(&Path)) {
    let place = tempfile::tempdir().expect("a temporary directory");
    copy(filled.directory.path(), place.path()).expect("files can be copied");
    change(place.path());
    let store = match open(place.path()) {
        Ok(store) => store,
        Err(_) => return tally.refused += 1,
    };
    match filled.corrupt_reads(&store).await {
        Ok(0) => tally.unharmed += 1,
        Ok(_) => tally.corrupt += 1,
        Err(wrong) => panic!("{what}: {wrong}"),
    }
    store.close().await;
}

/// Flips bits all over one file.
async fn flip(filled: &Filled, file: &Path, count: usize) -> Tally {
    let root = filled.directory.path();
    let name = file.strip_prefix(root).expect("a file of the store");
    let bytes = std::fs::read(file).expect("the file can be read");
    let mut tally = Tally::default();
    for at in offsets(bytes.len(), count) {
        let what = format!(
            "{} with byte {at} of {} changed",
            name.display(),
            bytes.len()
        );
        let change = |place: &Path| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x41;
            std::fs::write(place.join(name), bytes).expect("the file can be changed");
        };
        judge(filled, &mut tally, &what, change).await;
    }
    tally
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_in_the_log_is_noticed() {
    let filled = in_the_log().await;
    let logs = files(&engine(filled.directory.path()));
    let log = logs
        .iter()
        .find(|path| path.extension().is_some_and(|e| e == "jnl"));
    let tally = flip(&filled, log.expect("a log"), 40).await;
    assert_eq!(tally.unharmed, 0, "{tally:?}");
    assert!(tally.refused >= 40, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_in_any_other_file_is_noticed_or_harmless() {
    let filled = in_tables().await;
    let root = filled.directory.path();
    let tables = files(&tables(root));
    let mut in_tables = 0;
    for file in files(&engine(root)) {
        if file.extension().is_some_and(|e| e == "jnl") {
            continue;
        }
        let is_table = tables.contains(&file);
        let tally = flip(&filled, &file, if is_table { 25 } else { 8 }).await;
        if is_table {
            in_tables += tally.noticed();
        }
    }
    assert!(
        in_tables >= 20,
        "only {in_tables} changes in tables were noticed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_or_cut_short_is_noticed_or_harmless() {
    let filled = in_tables().await;
    let root = filled.directory.path();
    let mut gone = Tally::default();
    let mut cut = Tally::default();
    for file in files(&engine(root)) {
        let name = file.strip_prefix(root).expect("a file of the store");
        let what = format!("{} is gone", name.display());
        let remove = |place: &Path| {
            std::fs::remove_file(place.join(name)).expect("the file can be removed");
        };
        judge(&filled, &mut gone, &what, remove).await;
        let bytes = std::fs::read(&file).expect("the file can be read");
        let what = format!("{} is cut in half", name.display());
        let halve = |place: &Path| {
            let half = &bytes[..bytes.len() / 2];
            std::fs::write(place.join(name), half).expect("the file can be cut");
        };
        judge(&filled, &mut cut, &what, halve).await;
    }
    // The tables, their manifest and the log cannot be done without.
    assert!(
        gone.noticed() >= 3 && cut.noticed() >= 3,
        "{gone:?} {cut:?}"
    );
}

/// What a crash leaves: no more than the counter of a while ago, and perhaps half a batch.
pub fn forget_counter(place: &Path) {
    let older = tempfile::tempdir().expect("a temporary directory");
    drop(open(older.path()).expect("a new store opens"));
    let counter = std::fs::read(older.path().join("commits")).expect("its counter");
    std::fs::write(place.join("commits"), counter).expect("the counter can be set back");
}

pub fn log_of(place: &Path) -> PathBuf {
    let logs = files(&engine(place));
    let log = logs
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "jnl"));
    log.expect("a log")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_is_healed_wherever_it_was_torn() {
    let filled = in_the_log().await;
    let whole = std::fs::read(log_of(filled.directory.path())).expect("the log");
    // The next batch, as far as it came: cut anywhere, with and without the zeros of a fresh log, and
    // with a page in the middle that never reached the disk.
    let start = whole
        .windows(13)
        .rposition(|w| w[0] == 1 && w[1..5] == [2, 0, 0, 0]);
    let last = whole[start.expect("a batch of two items")..].to_vec();
    let mut tails: Vec<Vec<u8>> = (1..last.len())
        .step_by(7)
        .map(|n| last[..n].to_vec())
        .collect();
    let mut hole = last.clone();
    let middle = last.len() / 2;
    hole[middle - 20..middle + 20].fill(0);
    tails.push(hole);
    let mut zeros = last[..last.len() - 4].to_vec();
    zeros.extend([0; 5000]);
    tails.push(zeros);
    for tail in tails {
        let mut tally = Tally::default();
        let what = format!("a tail of {} bytes", tail.len());
        let tear = |place: &Path| {
            forget_counter(place);
            std::fs::write(log_of(place), [whole.clone(), tail].concat()).expect("written");
        };
        judge(&filled, &mut tally, &what, tear).await;
        assert_eq!(tally.unharmed, 1, "{what} was not healed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_before_the_last_commit_is_noticed_without_the_counter_and_keeps_the_bytes() {
    let filled = in_the_log().await;
    let place = filled.directory.path();
    forget_counter(place);
    let log = log_of(place);
    let mut bytes = std::fs::read(&log).expect("the log");
    // The head of a batch: the engine by itself would cut here and drop what follows.
    let heads: Vec<_> = (0..bytes.len() - 13)
        .filter(|at| bytes[*at..].starts_with(&[1, 4, 0, 0, 0]))
        .collect();
    let at = heads[heads.len() / 2];
    bytes[at] = 0x77;
    std::fs::write(&log, &bytes).expect("the log can be changed");
    let refusal = open(place).err().expect("it is refused");
    assert!(
        matches!(&refusal, OpenError::Damaged { file, offset, .. } if *file == log && *offset == at as u64),
        "{refusal}"
    );
    assert_eq!(
        std::fs::read(&log).expect("the log"),
        bytes,
        "a refusal changes nothing"
    );

    let accepting = FjallOptions {
        accept_loss: true,
        ..FjallOptions::default()
    };
    let store = actors::journal::fjall::FjallJournal::open(place, &accepting);
    let store = store.expect("loss is accepted");
    assert!(store.commits() > 0 && store.commits() < filled.commits);
    let aside = log.with_extension("jnl.damaged");
    assert_eq!(std::fs::read(aside).expect("what was cut is kept"), bytes);
    drop(store);
    open(place).expect("it opens from then on");
}
