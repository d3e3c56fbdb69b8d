//! Logs that span several files, as the engine makes them when they are large: one is missing or damaged.

use std::path::{Path, PathBuf};

use actors::journal::fjall::{FjallJournal, FjallOptions, OpenError};

use super::damage::{Tally, in_tables, in_the_log, judge, log_of};
use super::place::{Filled, open};

/// Where the batches of a log end.
fn ends(log: &[u8]) -> Vec<usize> {
    let windows = log.windows(4).enumerate();
    let ends = windows.filter(|(_, window)| window == b"FJL\x03");
    ends.map(|(at, _)| at + 4).collect()
}

/// Spreads the only log of a store over so many files and answers them with what they hold.
fn split(directory: &Path, parts: usize) -> Vec<(PathBuf, Vec<u8>)> {
    let log = log_of(directory);
    let bytes = std::fs::read(&log).expect("the log");
    let name = log.file_stem().and_then(|name| name.to_str());
    let number: usize = name.expect("a name").parse().expect("a number");
    let ends = ends(&bytes);
    let (mut from, mut files) = (0, Vec::new());
    for part in 1..=parts {
        let to = ends[ends.len() * part / parts - 1];
        let path = log.with_file_name(format!("{}.jnl", number + part - 1));
        std::fs::write(&path, &bytes[from..to]).expect("a log can be written");
        files.push((path, bytes[from..to].to_vec()));
        from = to;
    }
    files
}

fn accepting_loss(directory: &Path) -> FjallJournal {
    let accepting = FjallOptions {
        accept_loss: true,
        ..FjallOptions::default()
    };
    FjallJournal::open(directory, &accepting).expect("loss is accepted")
}

fn assert_damaged(directory: &Path, at: &Path, expected: &str) {
    let refusal = open(directory).err().expect("it refuses to open");
    assert!(
        matches!(&refusal, OpenError::Damaged { file, reason, .. } if file == at && reason == expected),
        "{refusal}"
    );
}

fn kept(log: &Path, extension: &str) -> Vec<u8> {
    let path = log.with_extension(extension);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_several_files_is_one_log() {
    let filled = in_the_log().await;
    let mut tally = Tally::default();
    for parts in [2, 3, 5] {
        let change = |place: &Path| drop(split(place, parts));
        judge(&filled, &mut tally, "a split log", change).await;
    }
    assert_eq!(tally.unharmed, 3, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_missing_between_others_is_a_loss() {
    let filled = in_the_log().await;
    let place = filled.directory.path();
    let logs = split(place, 3);
    std::fs::remove_file(&logs[1].0).expect("a log is removed");
    assert_damaged(place, &logs[2].0, "commits before it are missing");
    assert_eq!(
        std::fs::read(&logs[2].0).expect("the last log"),
        logs[2].1,
        "a refusal changes nothing"
    );

    let store = accepting_loss(place);
    assert_eq!(store.commits(), ends(&logs[0].1).len() as u64);
    assert_eq!(kept(&logs[2].0, "jnl.damaged"), logs[2].1);
    store.close().await;
    open(place).expect("it opens from then on");
}

/// Spreads the log over so many files, damages the first in its middle and has the loss accepted.
async fn damage_and_accept(place: &Path, parts: usize) -> Vec<(PathBuf, Vec<u8>)> {
    let mut logs = split(place, parts);
    let (path, bytes) = &mut logs[0];
    let ends = ends(bytes);
    let whole = ends.len() / 2;
    // The head of a batch.
    bytes[ends[whole - 1]] ^= 0x41;
    std::fs::write(&*path, bytes).expect("the log can be changed");
    assert_damaged(place, path, "no batch begins here");
    let store = accepting_loss(place);
    assert_eq!(store.commits(), whole as u64);
    store.close().await;
    logs
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_sets_later_logs_aside_and_nothing_that_was_kept_is_overwritten() {
    let filled = in_the_log().await;
    let place = filled.directory.path();
    let first = damage_and_accept(place, 3).await;
    let second = damage_and_accept(place, 2).await;
    assert_eq!(first[1].0, second[1].0, "the names come again");
    for (logs, extension) in [(first, "jnl.damaged"), (second, "jnl.damaged-2")] {
        for (path, bytes) in logs {
            assert!(kept(&path, extension) == bytes, "{}", path.display());
        }
    }
}

/// Removes the first so many batches of the log.
fn behead(place: &Path, batches: usize) {
    let log = log_of(place);
    let bytes = std::fs::read(&log).expect("the log");
    let from = ends(&bytes)[batches - 1];
    std::fs::write(&log, &bytes[from..]).expect("the log can be cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_log_may_be_gone_only_if_tables_hold_all_of_it() {
    let filled: Filled = in_tables().await;
    let log = std::fs::read(log_of(filled.directory.path())).expect("the log");
    let batches = ends(&log).len();
    assert_eq!(batches as u64, filled.commits, "all commits are in the log");
    let (mut tally, mut refused) = (Tally::default(), None);
    for gone in (1..batches).step_by(4) {
        let before = tally.refused;
        let what = format!("{gone} of {batches} commits are gone from the log");
        judge(&filled, &mut tally, &what, |place| behead(place, gone)).await;
        if tally.refused > before {
            refused.get_or_insert(gone);
        }
    }
    assert!(tally.unharmed > 0, "{tally:?}");
    assert_eq!(tally.corrupt, 0, "opened although commits are missing");
    let gone = refused.expect("some are in no table");

    let place = filled.directory.path();
    behead(place, gone);
    assert_damaged(place, &log_of(place), "commits before it are missing");
    let store = accepting_loss(place);
    assert!(store.commits() > 0 && store.commits() < filled.commits);
    store.close().await;
    open(place).expect("it opens from then on");
}
