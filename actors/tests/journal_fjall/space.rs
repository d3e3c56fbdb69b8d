//! A disk that fills up: really, by a limit on the size of files, and nearly, by the reserve.

use std::sync::Arc;

use actors::ids::{Sequence, Timestamp};
use actors::journal::conformance::Store;
use actors::journal::conformance::writer::{Writer, records, room};
use actors::journal::fjall::{FjallJournal, FjallOptions};
use actors::journal::{AppendError, Journal, SideWrites, Wakeups};

use super::place::{fill, open};
use super::process::{Running, child_directory, say};

/// Runs the child with files of at most 200 KiB; exceeding it is an error, not a signal.
const LIMITED: [&str; 3] = [
    "sh",
    "-c",
    "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_loses_nothing_that_was_acknowledged() {
    if let Some(directory) = child_directory() {
        let store = open(&directory).expect("the child opens it");
        let shared: Arc<dyn Store> = store.clone();
        let mut writer = Writer::new(&shared, room("filling").expect("a valid id"));
        let mut outcomes = Vec::new();
        while outcomes.len() < 3 {
            let appended = writer.append_once(records(&"x".repeat(2000), 2), SideWrites::default());
            outcomes.extend(appended.await.err());
        }
        let reads = writer.verify().await.is_ok();
        let [first, then, last] = &outcomes[..] else {
            unreachable!("three were taken")
        };
        say(&format!("{} {}", writer.rows.len(), writer.head));
        say(&format!("{first}"));
        let broken = |e: &AppendError| matches!(e, AppendError::Broken(_));
        let doubtful = matches!(first, AppendError::InDoubt(_));
        say(&format!(
            "{doubtful} {} {} {reads}",
            broken(then),
            broken(last)
        ));
        return;
    }
    let filled = fill(&FjallOptions::default(), 3, 50).await;
    let directory = filled.directory.path();
    // A new log is allotted more than the limit; a store opened again has a short one.
    open(directory).expect("it opens").close().await;
    let test = "space::a_disk_that_fills_up_loses_nothing_that_was_acknowledged";
    let mut child = Running::start(&LIMITED, test, directory);
    let rows_and_head = child.line().expect("the child says what it wrote");
    let error = child.line().expect("the child says what failed");
    assert_eq!(
        child.line().as_deref(),
        Some("true true true true"),
        "{error}"
    );
    assert!(child.wait().success());
    assert!(
        error.contains("File too large") || error.contains("FileTooLarge"),
        "{error}"
    );

    let (rows, head) = rows_and_head.split_once(' ').expect("two words");
    let rows: usize = rows.parse().expect("a number");
    assert!(rows > 10, "only {rows} rows before the disk was full");
    let store = open(directory).expect("it opens once there is space");
    let shared: Arc<dyn Store> = store.clone();
    let entity = room("filling").expect("a valid id");
    let stored = actors::journal::conformance::writer::read_all(&shared, &entity);
    let stored = stored.await.expect("a whole chain");
    let acknowledged = stored.get(rows - 1).map(|row| row.head().to_string());
    assert_eq!(
        acknowledged.as_deref(),
        Some(head),
        "all that was acknowledged"
    );
    assert!(stored.len() <= rows + 1, "nothing that was refused");
    assert_eq!(filled.corrupt_reads(&store).await, Err(listed_more()));
}

/// The one difference from what was filled in: one journal more.
fn listed_more() -> actors::journal::conformance::Violation {
    let text = "journals listed: [r/a, r/ab, r/b, r/filling] instead of [r/a, r/ab, r/b]";
    actors::journal::conformance::Violation(text.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_reserve_writes_are_refused_and_reads_go_on() {
    let filled = fill(&FjallOptions::default(), 3, 50).await;
    let more_than_any_disk = FjallOptions {
        reserve_bytes: u64::MAX,
        ..FjallOptions::default()
    };
    let directory = filled.directory.path();
    let store = FjallJournal::open(directory, &more_than_any_disk).expect("it opens");
    let store = Arc::new(store);
    let shared: Arc<dyn Store> = store.clone();
    let mut writer = Writer::new(&shared, room("late").expect("a valid id"));
    let outcome = writer
        .append_once(records("x", 1), SideWrites::default())
        .await;
    let refused = AppendError::Unavailable("the disk is nearly full".into());
    assert_eq!(outcome, Err(refused));
    assert_eq!(store.refuses(), Some("the disk is nearly full"));
    assert_eq!(filled.corrupt_reads(&store).await, Ok(0));
    store.close().await;

    let store = open(directory).expect("it opens with the usual reserve");
    assert_eq!(store.refuses(), None);
    writer.store = store.clone();
    writer.write(2).await.expect("writes are taken again");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_reserve_is_there_for_what_frees_space_but_not_all_of_it() {
    let filled = fill(&FjallOptions::default(), 3, 50).await;
    let directory = filled.directory.path();
    let writer = &filled.writers[0];
    let (entity, head) = (&writer.entity, writer.head.sequence);
    let nearly_full = AppendError::Unavailable("the disk is nearly full".into());
    let below = |reserve_bytes| {
        let options = FjallOptions {
            reserve_bytes,
            ..FjallOptions::default()
        };
        FjallJournal::open(directory, &options).expect("it opens")
    };
    let disk = rustix::fs::statvfs(directory).expect("the disk tells what is free");
    let free = disk.f_bavail * disk.f_frsize;

    let full = below(free.saturating_mul(100));
    assert_eq!(full.trim(entity, head).await, Err(nearly_full.clone()));
    let cleared = full.clear(entity, Timestamp(1)).await;
    assert_eq!(cleared, Err(nearly_full.clone()));
    full.close().await;

    let nearly = below(free * 2);
    let first = nearly.trim(entity, head).await.expect("rows are removed");
    assert!(first > Sequence(1), "{first}");
    let cleared = nearly.clear(entity, Timestamp(1)).await;
    cleared.expect("a wake-up is removed");
    let append = writer.next(records("x", 1), SideWrites::default());
    assert_eq!(nearly.append(append).await, Err(nearly_full.clone()));
    assert_eq!(nearly.put_rows(Vec::new()).await, Err(nearly_full.clone()));
    let armed = nearly.arm(entity, Timestamp(9)).await;
    assert_eq!(armed, Err(nearly_full));
    nearly.close().await;
}
