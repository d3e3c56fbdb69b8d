//! Stores in temporary directories: filled with one of everything, and compared with what was written.

use std::path::Path;
use std::sync::Arc;

use actors::ids::{Sequence, Timestamp};
use actors::journal::conformance::writer::{Writer, nowhere, read_all, records, room};
use actors::journal::conformance::{End, Place, Provider, Store, Violation};
use actors::journal::fjall::{FjallJournal, FjallOptions, OpenError};
use actors::journal::{OverlayWrite, Range, ReadError, SideWrites, Table, TableWrite};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tempfile::TempDir;

/// Makes stores in temporary directories.
pub struct Embedded;

struct OnDisk {
    directory: TempDir,
    open: Option<Arc<FjallJournal>>,
}

impl Provider for Embedded {
    fn place(&self) -> Box<dyn Place> {
        Box::new(OnDisk {
            directory: tempfile::tempdir().expect("a temporary directory"),
            open: None,
        })
    }
}

impl Place for OnDisk {
    fn open(&mut self) -> BoxFuture<'_, Result<Arc<dyn Store>, Violation>> {
        let opened = FjallJournal::open(self.directory.path(), &FjallOptions::default());
        let opened = opened.map(Arc::new).map_err(|e| Violation(e.to_string()));
        self.open = opened.clone().ok();
        let store = opened.map(|store| -> Arc<dyn Store> { store });
        std::future::ready(store).boxed()
    }

    fn end(&mut self, how: End) -> BoxFuture<'_, Result<(), Violation>> {
        async move {
            let store = self.open.take().ok_or(Violation("not open".into()))?;
            // The files as a killed process leaves them: what it wrote, but never closed.
            let left = tempfile::tempdir().expect("a temporary directory");
            if how == End::Crash {
                copy(self.directory.path(), left.path()).expect("files can be copied");
            }
            store.close().await;
            if how == End::Crash {
                self.directory = left;
            }
            Ok(())
        }
        .boxed()
    }
}

/// Copies a directory with all below it.
pub fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// A store with several journals and one of everything else, closed in order, and what it must hold.
pub struct Filled {
    pub directory: TempDir,
    pub writers: Vec<Writer>,
    pub commits: u64,
}

pub fn open(directory: &Path) -> Result<Arc<FjallJournal>, OpenError> {
    FjallJournal::open(directory, &FjallOptions::default()).map(Arc::new)
}

/// Fills a store by so many rounds of appends with bodies of so many bytes.
pub async fn fill(options: &FjallOptions, rounds: usize, body: usize) -> Filled {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = FjallJournal::open(directory.path(), options).map(Arc::new);
    let store = store.expect("a new store opens");
    let shared: Arc<dyn Store> = store.clone();
    let ids = ["a", "ab", "b"].map(|id| room(id).expect("a valid id"));
    let mut writers = ids.map(|id| Writer::new(&shared, id)).to_vec();
    for round in 0..rounds {
        for writer in &mut writers {
            append(writer, round, body).await;
        }
    }
    for (writer, due) in writers.iter_mut().zip([1, 2, 3]) {
        writer.snapshot("state").await.expect("a snapshot is kept");
        let armed = shared.arm(&writer.entity, Timestamp(due)).await;
        armed.expect("a wake-up is armed");
        writer.store = nowhere();
    }
    let commits = store.commits();
    store.close().await;
    Filled {
        directory,
        writers,
        commits,
    }
}

async fn append(writer: &mut Writer, round: usize, body: usize) {
    let mut records = records(&format!("round {round}"), 1 + round % 3);
    records[0].body = Some(vec![round as u8; body].into());
    records[0].body_digest = actors::journal::Digest::of(&vec![round as u8; body]);
    let side = SideWrites {
        overlays: vec![overlay()],
        table: vec![TableWrite {
            table: Table::RoomCards,
            key: writer.entity.id().into(),
            rank: round as u64,
            value: Some(format!("card {round}").into()),
        }],
        ..SideWrites::default()
    };
    writer.append(records, side).await.expect("an append");
}

fn overlay() -> OverlayWrite {
    OverlayWrite {
        sequence: Sequence(1),
        applied: Sequence(1),
        state: "edited".into(),
    }
}

impl Filled {
    /// Compares an open store with what was written: everything read must be right or an error that
    /// says what is corrupt. Answers the number of such errors.
    pub async fn corrupt_reads(&self, store: &Arc<FjallJournal>) -> Result<usize, Violation> {
        let store: Arc<dyn Store> = store.clone();
        let mut corrupt = 0;
        for writer in &self.writers {
            let (entity, end) = (&writer.entity, Sequence(u64::MAX));
            let rows = read_all(&store, entity).await;
            // The suite's reader turns errors into text; what it reads without one must be right.
            match rows {
                Ok(rows) => same(rows, &writer.rows, "rows")?,
                Err(error) if error.0.contains("is corrupt") => corrupt += 1,
                Err(error) => return Err(error),
            }
            let page = actors::journal::PageLimit {
                records: 5,
                bytes: usize::MAX,
            };
            let last = store.read(entity, Range::Before(end), page).await;
            let last = last.map(|rows| rows.first().cloned());
            corrupt += judge(last, &writer.rows.last().cloned(), "last row")?;
            corrupt += judge(store.head(entity).await, &writer.head, "head")?;
            let overlays = store.overlays(entity, Sequence(0), end).await;
            corrupt += judge(overlays, &vec![overlay()], "overlays")?;
            let snapshot = store.snapshot(entity).await;
            let snapshot = snapshot.map(|found| found.map(|snapshot| snapshot.head));
            corrupt += judge(snapshot, &Some(writer.head), "snapshot")?;
            let first = store.first_retained(entity).await;
            corrupt += judge(first, &Sequence(1), "first retained")?;
        }
        let ids: Vec<_> = self.writers.iter().map(|w| w.entity.clone()).collect();
        let listed = store.entities(ids[0].kind, None, 10).await;
        corrupt += judge(listed, &ids, "journals listed")?;
        let cards = store
            .scan_rows(Table::RoomCards, Vec::new(), None, 10)
            .await;
        let cards = cards.map(|rows| rows.into_iter().map(|row| row.key).collect::<Vec<_>>());
        let keys: Vec<Vec<u8>> = ids.iter().map(|id| id.id().into()).collect();
        corrupt += judge(cards, &keys, "cards")?;
        let due = store.due(Timestamp(9), None, 10).await;
        corrupt += judge(due.map(|due| due.len()), &ids.len(), "wake-ups")?;
        Ok(corrupt)
    }
}

fn judge<T: PartialEq + std::fmt::Debug>(
    read: Result<T, ReadError>,
    expected: &T,
    what: &str,
) -> Result<usize, Violation> {
    match read {
        Ok(found) => same(found, expected, what).map(|()| 0),
        Err(ReadError::Corrupt { .. } | ReadError::CorruptRow { .. }) => Ok(1),
        Err(error) => Err(Violation(format!("{what}: {error}"))),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    found: T,
    expected: &T,
    what: &str,
) -> Result<(), Violation> {
    if found != *expected {
        let text = format!("{what}: {found:?} instead of {expected:?}");
        return Err(Violation(text.chars().take(2000).collect()));
    }
    Ok(())
}
