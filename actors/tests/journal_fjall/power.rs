//! Power cuts and syncs that fail. A probe before the C library of a child tells which bytes of the log
//! were synced at each moment; all others are taken away.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use actors::ids::{EntityId, Sequence};
use actors::journal::AppendError;
use actors::journal::SideWrites;
use actors::journal::conformance::Store;
use actors::journal::conformance::writer::{Writer, read_all, records, room};

use super::damage::{forget_counter, log_of};
use super::place::{copy, open};
use super::process::{Running, child_directory, room_of, say, write_until_killed};

const FAILING: &str = "JOURNAL_TEST_SYNCS_FAIL";

/// A child whose syncs are observed, and fail while the file of that name is there.
fn observed(test: &str, directory: &Path, place: &Path) -> Running {
    let probe = compiled(place);
    let preload = format!("LD_PRELOAD={}", probe.display());
    let failing = format!("{FAILING}={}", place.join("failing").display());
    Running::start(&["env", &preload, &failing], test, directory)
}

/// Compiles the probe with what also links Rust programs.
fn compiled(place: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journal_fjall/probe.c");
    let probe = place.join("probe.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]);
    let done = compiler.arg(&probe).arg(source).output();
    let done = done.expect("a C compiler called `cc`, which Rust itself needs to link programs");
    let complaint = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "the probe: {complaint}");
    probe
}

/// What a child said.
enum Line {
    /// So many bytes of a file are on the disk.
    Synced(u64, PathBuf),
    /// A new directory.
    Made(PathBuf),
    Said(String),
}

impl Line {
    fn parse(line: String) -> Self {
        match line.splitn(3, ' ').collect::<Vec<_>>()[..] {
            // A directory has no place to tell.
            ["synced", bytes, path] => Self::Synced(bytes.parse().unwrap_or(0), path.into()),
            ["made", _, path] => Self::Made(path.into()),
            _ => Self::Said(line),
        }
    }
}

/// How much of the log is on the disk after these lines.
fn synced<'a>(lines: impl IntoIterator<Item = &'a Line>) -> u64 {
    let log = Some(OsString::from("jnl"));
    let synced = lines.into_iter().filter_map(|line| match line {
        Line::Synced(bytes, path) if path.extension() == log.as_deref() => Some(*bytes),
        _ => None,
    });
    synced.last().unwrap_or(0)
}

fn shorten(log: &Path, bytes: u64) {
    let log = std::fs::OpenOptions::new().write(true).open(log);
    log.and_then(|log| log.set_len(bytes)).expect("it is cut");
}

/// The store as it comes up after the power was cut when so many bytes of its log were on the disk.
fn cut(directory: &Path, bytes: u64, place: &Path) -> Arc<dyn Store> {
    copy(directory, place).expect("files can be copied");
    shorten(&log_of(place), bytes);
    forget_counter(place);
    open(place).expect("it opens after a power cut")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_survives_a_power_cut() {
    if let Some(directory) = child_directory() {
        return write_until_killed(&directory).await;
    }
    let test = "power::what_is_acknowledged_survives_a_power_cut";
    let place = tempfile::tempdir().expect("a temporary directory");
    let directory = place.path().join("store");
    let mut child = observed(test, &directory, place.path());
    let mut lines: Vec<Line> = Vec::new();
    let mut answers = Vec::new();
    while answers.len() < 200 {
        let line = child.line().map(Line::parse);
        let line = line.expect("the child lives until it is killed");
        if matches!(line, Line::Said(_)) {
            answers.push(lines.len());
        }
        lines.push(line);
    }
    child.kill();
    // A fresh log is longer than what is in it.
    shorten(&log_of(&directory), synced(&lines));

    for answer in answers.iter().skip(1).step_by(13) {
        let heads = heads(&lines[..=*answer]);
        let after = tempfile::tempdir().expect("a temporary directory");
        let bytes = synced(&lines[..*answer]);
        let store = cut(&directory, bytes, after.path());
        for (entity, sequence, digest) in heads {
            let rows = read_all(&store, &entity).await.expect("a whole chain");
            let row = rows.iter().find(|row| row.last() == sequence);
            let found = row.map(|row| row.digest.to_string());
            let what =
                format!("{entity} at {sequence}, acknowledged with {bytes} bytes on the disk");
            assert_eq!(found, Some(digest), "{what}");
        }
    }
}

/// The last head that was acknowledged in each room, of what `write_until_killed` says.
fn heads(lines: &[Line]) -> Vec<(EntityId, Sequence, String)> {
    let mut heads = std::collections::BTreeMap::new();
    for line in lines {
        let Line::Said(line) = line else {
            continue;
        };
        let words: Vec<_> = line.split(' ').collect();
        let [room, sequence, digest] = words[..] else {
            panic!("not room, sequence, digest: {line}")
        };
        let (room, sequence): (usize, u64) = (
            room.parse().expect("a number"),
            sequence.parse().expect("a number"),
        );
        let head = (Sequence(sequence), digest.to_owned());
        let newest = heads.entry(room).or_insert_with(|| head.clone());
        *newest = newest.clone().max(head);
    }
    let heads = heads.into_iter();
    heads
        .map(|(room, (sequence, digest))| (room_of(room), sequence, digest))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_on_the_disk_is_in_doubt_and_the_store_broken() {
    if let Some(directory) = child_directory() {
        return meet_failing_syncs(&directory).await;
    }
    let test = "power::a_sync_that_fails_on_the_disk_is_in_doubt_and_the_store_broken";
    let place = tempfile::tempdir().expect("a temporary directory");
    let directory = place.path().join("store");
    let mut child = observed(test, &directory, place.path());
    let lines: Vec<_> = std::iter::from_fn(|| child.line()).collect();
    let lines: Vec<_> = lines.into_iter().map(Line::parse).collect();
    assert!(child.wait().success());
    let said: Vec<&str> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Said(said) => Some(said.as_str()),
            _ => None,
        })
        .collect();
    let [acknowledged, doubtful, first, later, reads] = said[..] else {
        panic!("{said:?}")
    };
    assert!(
        doubtful.starts_with("outcome of the append unknown: ")
            && doubtful.contains("Input/output error"),
        "{doubtful}"
    );
    assert!(first.starts_with("the store is broken: "), "{first}");
    assert_eq!(later, first, "a disk that is well again changes nothing");
    assert_eq!(reads, "acknowledged and no more can be read");

    // With and without what the failed sync may have left.
    let entity = room("a").expect("a valid id");
    for bytes in [
        synced(&lines),
        log_of(&directory).metadata().expect("a log").len(),
    ] {
        let after = tempfile::tempdir().expect("a temporary directory");
        let store = cut(&directory, bytes, after.path());
        let rows = read_all(&store, &entity).await.expect("a whole chain");
        let head = rows.get(ACKNOWLEDGED - 1).map(|row| row.head().to_string());
        assert_eq!(head.as_deref(), Some(acknowledged));
        assert!(rows.len() <= ACKNOWLEDGED + 1, "nothing that was refused");
    }
}

const ACKNOWLEDGED: usize = 5;

/// Says the head that was acknowledged, then what became of appends while and after syncs failed.
async fn meet_failing_syncs(directory: &Path) {
    let failing = std::env::var_os(FAILING).expect("the parent names a file");
    let store: Arc<dyn Store> = open(directory).expect("the child opens it");
    let mut writer = Writer::new(&store, room("a").expect("a valid id"));
    writer.write(ACKNOWLEDGED).await.expect("the disk is well");
    say(&writer.head.to_string());
    let acknowledged = writer.clone();
    let mut try_one = async || {
        let appended = writer.append_once(records("x", 1), SideWrites::default());
        let error: Option<AppendError> = appended.await.err();
        say(&error.map_or("acknowledged".into(), |error| error.to_string()));
    };
    std::fs::write(&failing, "").expect("the disk fails");
    try_one().await;
    try_one().await;
    std::fs::remove_file(&failing).expect("the disk is well again");
    try_one().await;
    let reads = acknowledged.verify().await;
    say(&reads.map_or_else(|e| e.0, |()| "acknowledged and no more can be read".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_directory_on_the_way_to_the_store_is_durable_before_it_takes_writes() {
    if let Some(directory) = child_directory() {
        let store = open(&directory).expect("the child opens it");
        say("open");
        return store.close().await;
    }
    let test = "power::every_directory_on_the_way_to_the_store_is_durable_before_it_takes_writes";
    let place = tempfile::tempdir().expect("a temporary directory");
    let place = place.path().canonicalize().expect("a path of its own");
    let directory = place.join("older/data/journal");
    std::fs::create_dir(place.join("older")).expect("made");
    let mut child = observed(test, &directory, &place);
    let mut lines = Vec::new();
    loop {
        match child.line().map(Line::parse).expect("the child opens it") {
            Line::Said(line) => break assert_eq!(line, "open"),
            line => lines.push(line),
        }
    }
    assert!(child.wait().success());
    let mut made = 0;
    for (n, line) in lines.iter().enumerate() {
        let Line::Made(path) = line else {
            continue;
        };
        let named_in = path.parent().expect("not the root");
        let synced = lines[n..].iter().any(|line| match line {
            Line::Synced(_, synced) => synced == named_in,
            _ => false,
        });
        assert!(synced, "{} was made but not synced", path.display());
        made += 1;
    }
    // Two above, the engine's own and those of its two keyspaces.
    assert!(made >= 7, "only {made} directories were made");
    // Whoever made an older one may have come no further.
    let older = lines
        .iter()
        .any(|line| matches!(line, Line::Synced(_, path) if *path == place));
    assert!(
        older,
        "what names a directory that was there is synced, too"
    );
}
