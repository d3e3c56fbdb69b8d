//! What only somebody inside can do to a store: take rows away behind its back, trim step by step.

use std::sync::Arc;

use tempfile::TempDir;

use super::FjallJournal;
use super::group::Work;
use super::guard::Guard;
use super::keys::{self, Space};
use super::options::{FjallOptions, OpenError};
use super::store::Store;
use super::trim::Step;
use crate::ids::{EntityId, Sequence};
use crate::journal::conformance::Store as ConformingStore;
use crate::journal::conformance::writer::{ALL, Writer, records, room};
use crate::journal::{
    Head, Journal, OverlayWrite, Range, ReadError, Row, SideWrites, Table, TableWrite,
};

/// An engine with one journal of rows of so many records each.
fn engine(rows: &[usize]) -> (TempDir, Arc<Store>, EntityId, Vec<Row>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let guard = Guard::acquire(directory.path()).expect("a new directory");
    let store = Store::open(&guard, &FjallOptions::default()).expect("it opens");
    let entity = room("a").expect("a valid id");
    let mut made: Vec<Row> = Vec::new();
    for count in rows {
        let after = made.last().map_or(Head::default(), Row::head);
        let row = Row::seal(after, 0, records("x", *count));
        let key = keys::at(Space::Row, &entity, row.last());
        let value = keys::row_value(&key, &row);
        store.data.insert(key, value).expect("inserted");
        made.push(row);
    }
    (directory, Arc::new(store), entity, made)
}

fn remove(store: &Store, entity: &EntityId, row: &Row) {
    let key = keys::at(Space::Row, entity, row.last());
    store.data.remove(key).expect("removed");
}

#[test]
fn a_hole_is_noticed_in_both_directions_and_from_within() {
    // 1 to 5, 6 and 7, 8 to 10.
    let (_directory, store, entity, rows) = engine(&[2, 3, 2, 1, 2]);
    let read = |range| store.read(&entity, range, ALL);
    let whole = read(Range::Before(Sequence(8))).expect("a whole journal");
    assert_eq!(whole, [&rows[2], &rows[1], &rows[0]].map(Clone::clone));
    remove(&store, &entity, &rows[2]);

    for range in [
        Range::After(Sequence(5)),
        Range::After(Sequence(6)),
        Range::After(Sequence(0)),
        Range::Before(Sequence(7)),
        Range::Before(Sequence(8)),
        Range::Before(Sequence(9)),
        Range::Before(Sequence(99)),
    ] {
        let found = read(range);
        assert!(
            matches!(found, Err(ReadError::Corrupt { .. })),
            "{range:?} answers {found:?}"
        );
    }
    let below = read(Range::Before(Sequence(6)));
    assert_eq!(below, Ok(vec![rows[1].clone(), rows[0].clone()]));
    let above = read(Range::After(Sequence(7)));
    assert_eq!(above, Ok(vec![rows[3].clone(), rows[4].clone()]));
}

#[test]
fn what_was_trimmed_is_no_hole() {
    let (_directory, store, entity, rows) = engine(&[2, 3, 2]);
    let key = keys::of_entity(Space::FirstRetained, &entity);
    let first = keys::ranked(&key, 6, &[]);
    store.data.insert(key, first).expect("inserted");
    rows[..2]
        .iter()
        .for_each(|row| remove(&store, &entity, row));
    for before in 0..=6 {
        let found = store.read(&entity, Range::Before(Sequence(before)), ALL);
        assert_eq!(found, Ok(Vec::new()), "before {before}");
    }
    let found = store.read(&entity, Range::Before(Sequence(7)), ALL);
    assert_eq!(found, Ok(vec![rows[2].clone()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn trimming_takes_steps_that_fit_the_queue_and_each_leaves_whole_messages() {
    let options = FjallOptions {
        queue_bytes: 4096,
        ..FjallOptions::default()
    };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let journal = FjallJournal::open(directory.path(), &options).expect("it opens");
    let store: Arc<dyn ConformingStore> = Arc::new(journal);
    let long = "r".repeat(100);
    let mut writer = Writer::new(&store, room(&long).expect("a valid id"));
    for n in 1..=80 {
        let overlay = OverlayWrite {
            sequence: Sequence(n),
            applied: Sequence(n),
            state: "edited".into(),
        };
        let side = SideWrites {
            overlays: vec![overlay],
            ..SideWrites::default()
        };
        let appended = writer.append(records("x", 1), side).await;
        appended.expect("one row fits");
    }
    writer.snapshot("state").await.expect("it is kept");
    let first = store.trim(&writer.entity, Sequence(70)).await;
    assert_eq!(first, Ok(Sequence(70)), "together their keys do not fit");
    let overlays = store.overlays(&writer.entity, Sequence(0), Sequence(99));
    let left = overlays.await.expect("read");
    let left: Vec<u64> = left.iter().map(|overlay| overlay.sequence.0).collect();
    assert_eq!(left, (70..=80).collect::<Vec<_>>());
}

#[test]
fn steps_of_trimming_are_bounded_and_take_no_overlay_before_its_row() {
    let (_directory, store, entity, rows) = engine(&[1, 2, 3, 4, 5, 6]);
    for sequence in 1..=21 {
        let key = keys::at(Space::Overlay, &entity, Sequence(sequence));
        let value = keys::ranked(&key, sequence, &[b"edited"]);
        store.data.insert(key, value).expect("inserted");
    }
    let key = keys::of_entity(Space::Snapshot, &entity);
    let value = keys::ranked(&key, 21, &[]);
    store.data.insert(key, value).expect("inserted");

    let most = Step {
        keys: 2,
        bytes: usize::MAX,
    };
    let step = || store.trim_step(&entity, Sequence(99), most).expect("read");
    let mut steps = 0;
    while let Some(Work::Trim { keys, first, .. }) = step() {
        assert!((1..=2).contains(&keys.len()), "{} keys at once", keys.len());
        store.data.insert(first.key, first.value).expect("inserted");
        keys.into_iter()
            .for_each(|key| store.data.remove(key).expect("removed"));
        steps += 1;
        let retained = store.first_retained(&entity).expect("read");
        let overlays = store.overlays(&entity, retained, Sequence(99));
        assert_eq!(overlays.expect("read").len() as u64, 22 - retained.0);
        let found = store.read(&entity, Range::After(Sequence(0)), ALL);
        assert_eq!(found.expect("read")[0].first, retained);
    }
    // Five rows in three steps, their fifteen overlays two at a time.
    assert_eq!(steps, 3 + 9);
    let left = store.overlays(&entity, Sequence(0), Sequence(99));
    assert_eq!(left.expect("read").len(), rows[5].records.len());
}

fn membership(room: u64, rank: u64, value: Option<&str>) -> TableWrite {
    TableWrite {
        table: Table::RoomsOfUser,
        key: format!("ana\0{room}").into_bytes(),
        rank,
        value: value.map(|value| value.to_owned().into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_from_a_table_lies_in_no_scans_way_and_stays_removed() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let journal = FjallJournal::open(directory.path(), &FjallOptions::default()).expect("it opens");
    let prefix = keys::of_table(Table::RoomsOfUser, b"ana\0");
    let walked = || {
        let store = journal.readers.store.read().clone();
        let keys = store
            .as_ref()
            .map(|store| store.data.prefix(&prefix).count());
        keys.expect("it is open")
    };
    let put = async |writes| journal.put_rows(writes).await.expect("written");
    let of_all = |rank, value| (0..50).map(|room| membership(room, rank, value)).collect();
    put(of_all(1, Some("joined"))).await;
    put(of_all(2, None)).await;
    assert_eq!(walked(), 0, "marks are walked over");
    // What a late writer brings, alone or together with a removal that is newer, stays away.
    put(vec![membership(7, 1, Some("late"))]).await;
    put(vec![membership(8, 3, None), membership(8, 2, Some("late"))]).await;
    put(vec![membership(9, 2, Some("late")), membership(9, 3, None)]).await;
    assert_eq!(walked(), 0, "a late write came back");
    // And what is newer is there, with nothing left of the mark: a removal can follow again.
    put(vec![
        membership(7, 3, Some("again")),
        membership(8, 4, Some("again")),
    ])
    .await;
    assert_eq!(walked(), 2);
    put(vec![
        membership(9, 4, None),
        membership(9, 5, Some("again")),
    ])
    .await;
    let scanned = journal.scan_rows(Table::RoomsOfUser, b"ana\0".to_vec(), None, 10);
    let ranks: Vec<u64> = scanned
        .await
        .expect("read")
        .iter()
        .map(|row| row.rank)
        .collect();
    assert_eq!(ranks, [3, 4, 5]);
    put(vec![membership(7, 4, None), membership(7, 2, Some("late"))]).await;
    assert_eq!(walked(), 2);
}

/// A store of an earlier version kept the mark where the row had been.
#[tokio::test(flavor = "multi_thread")]
async fn a_mark_in_the_rows_place_counts_as_removed_and_gives_way() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let journal = FjallJournal::open(directory.path(), &FjallOptions::default()).expect("it opens");
    let key = keys::of_table(Table::RoomsOfUser, b"ana\x001");
    let mark = keys::ranked(&key, 5, &[&[0]]);
    let store = journal.readers.store.read().clone().expect("it is open");
    store.data.insert(key, mark).expect("inserted");
    drop(store);
    let rows = async || {
        let scanned = journal.scan_rows(Table::RoomsOfUser, b"ana\0".to_vec(), None, 10);
        scanned.await.expect("read").len()
    };
    for (rank, value, there) in [
        (4, Some("late"), 0),
        (6, Some("again"), 1),
        (7, None, 0),
        (6, Some("late"), 0),
    ] {
        let write = membership(1, rank, value);
        journal.put_rows(vec![write]).await.expect("written");
        assert_eq!(rows().await, there, "after rank {rank}");
    }
}

#[test]
fn a_directory_is_locked_until_the_last_read_has_ended() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let open = || FjallJournal::open(directory.path(), &FjallOptions::default());
    let journal = open().expect("it opens");
    let reading = journal.readers.store.read().clone();
    drop(journal);
    let refused = open().err();
    assert!(
        matches!(refused, Some(OpenError::Locked { .. })),
        "{refused:?}"
    );
    drop(reading);
    open().expect("it is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_are_several_commits_so_that_others_need_not_wait_for_all() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let journal = FjallJournal::open(directory.path(), &FjallOptions::default()).expect("it opens");
    let rows: Vec<_> = (0..800)
        .map(|room| membership(room, 1, Some("joined")))
        .collect();
    let before = journal.commits();
    journal.put_rows(rows).await.expect("written");
    assert_eq!(journal.commits() - before, 4, "800 rows, 256 in each");
    let scanned = journal.scan_rows(Table::RoomsOfUser, b"ana\0".to_vec(), None, 1_000);
    assert_eq!(scanned.await.expect("read").len(), 800);
}

/// The niceness of every thread of this process whose name begins so.
#[cfg(target_os = "linux")]
fn niceness(named: &str) -> Vec<i64> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a list of threads");
    let stats = tasks.flatten().filter_map(|task| {
        // A thread may have ended meanwhile.
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
        let nice = fields.split_whitespace().nth(16)?.parse().ok()?;
        name.starts_with(named).then_some(nice)
    });
    stats.collect()
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_merges_tables_steps_back_and_whoever_commits_does_not() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    // A niceness that no other test uses.
    let options = FjallOptions {
        workers_nice: 13,
        ..FjallOptions::default()
    };
    let journal = FjallJournal::open(directory.path(), &options).expect("it opens");
    // The process may have been told to step back as a whole; the commit thread goes with it.
    let stepped = |commit: &[i64], workers: &[i64]| {
        let behind = commit.first().map(|own| (own + 13).min(19));
        let of_ours = workers.iter().filter(|nice| Some(**nice) == behind);
        of_ours.count() >= options.workers
    };
    let (mut commit, mut workers) = (Vec::new(), Vec::new());
    // A thread names itself once it runs.
    for _ in 0..1_000 {
        (commit, workers) = (niceness("journal-commit"), niceness("fjall"));
        if stepped(&commit, &workers) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(stepped(&commit, &workers), "{commit:?} {workers:?}");
    assert!(commit.iter().all(|nice| *nice == commit[0]), "{commit:?}");
    drop(journal);
}
