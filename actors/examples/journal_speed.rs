//! How fast the embedded store appends durably: `cargo run --release -p actors --example journal_speed
//! [SECONDS] [DIRECTORY]`. One line per number of journals that append at once, each with one append of
//! one 250-byte record in flight; the last line adds a table row to each append, as rooms do.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actors::ids::{EntityId, EntityKind};
use actors::journal::fjall::{FjallJournal, FjallOptions};
use actors::journal::{Append, Head, Journal, PageLimit, Range, Record, Row, SideWrites};
use actors::journal::{Table, TableWrite};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let duration = Duration::from_secs(seconds);
    let directory = arguments.next().map(PathBuf::from);
    let directory = directory
        .unwrap_or_else(std::env::temp_dir)
        .join("journal-speed");
    println!("one fdatasync of 4 KiB: {:?}", bare_sync(&directory)?);
    println!(
        "  at once    appends/s    group      p50      p99  commit thread  process (CPU/append)"
    );
    for (at_once, card) in [(1, false), (64, false), (256, false), (64, true)] {
        let _ = std::fs::remove_dir_all(&directory);
        let store = FjallJournal::open(&directory, &FjallOptions::default())?;
        let store = Arc::new(store);
        measure(&store, at_once, card, duration).await?;
        store.close().await;
    }
    let _ = std::fs::remove_dir_all(&directory);
    Ok(())
}

async fn measure(store: &Arc<FjallJournal>, at_once: usize, card: bool, run: Duration) -> Outcome {
    let (cpu, commits) = (Cpu::now()?, store.commits());
    let started = Instant::now();
    let tasks: Vec<_> = (0..at_once)
        .map(|n| tokio::spawn(append_until(store.clone(), n, card, started + run)))
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await??);
    }
    let elapsed = started.elapsed().as_secs_f64();
    let (cpu, count) = (Cpu::now()?.since(&cpu), taken.len() as f64);
    taken.sort();
    let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
    println!(
        "{at_once:>6}{}  {:>11.0}  {:>7.1}  {:>7.1?}  {:>7.1?}  {:>10.1} µs  {:>6.1} µs",
        if card { " + row" } else { "      " },
        count / elapsed,
        count / (store.commits() - commits) as f64,
        at(0.5),
        at(0.99),
        cpu.commit_thread * 1e6 / count,
        cpu.process * 1e6 / count,
    );
    read_back(store).await
}

async fn append_until(
    store: Arc<FjallJournal>,
    n: usize,
    card: bool,
    end: Instant,
) -> Result<Vec<Duration>, actors::journal::AppendError> {
    let id = format!("room-{n:05}");
    let entity = EntityId::new(EntityKind::Room, &id).expect("a valid id");
    let mut head = Head::default();
    let mut taken = Vec::new();
    while Instant::now() < end {
        let record = Record::new(vec![b'h'; 50].into(), Some(vec![b'b'; 200].into()));
        let row = Row::seal(head, 0, vec![record]);
        let (after, next) = (head, row.head());
        let card = card.then(|| TableWrite {
            table: Table::RoomCards,
            key: id.clone().into_bytes(),
            rank: next.sequence.0,
            value: Some(vec![b'c'; 150].into()),
        });
        let side = SideWrites {
            table: card.into_iter().collect(),
            ..SideWrites::default()
        };
        let append = Append {
            entity: entity.clone(),
            after,
            row,
            side,
        };
        let asked = Instant::now();
        store.append(append).await?;
        taken.push(asked.elapsed());
        head = next;
    }
    Ok(taken)
}

/// Reads pages of one journal, as a resume does.
async fn read_back(store: &Arc<FjallJournal>) -> Outcome {
    let entity = EntityId::new(EntityKind::Room, "room-00000")?;
    let limit = PageLimit {
        records: 100,
        bytes: 1 << 20,
    };
    let (started, mut after, mut rows, mut pages) = (Instant::now(), Default::default(), 0, 0);
    loop {
        let page = store.read(&entity, Range::After(after), limit).await?;
        let Some(last) = page.last() else { break };
        (after, rows, pages) = (last.last(), rows + page.len(), pages + 1);
        if rows >= 10_000 {
            break;
        }
    }
    let elapsed = started.elapsed();
    let (page, row) = (elapsed / pages.max(1), elapsed / rows.max(1) as u32);
    println!("        read back {rows} rows: {page:.1?} per page of 100, {row:.1?} per row");
    Ok(())
}

fn bare_sync(directory: &Path) -> std::io::Result<Duration> {
    use std::io::Write;
    std::fs::create_dir_all(directory)?;
    let mut file = std::fs::File::create(directory.join("sync"))?;
    let started = Instant::now();
    for _ in 0..500 {
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
    }
    Ok(started.elapsed() / 500)
}

/// CPU seconds used so far, from the kernel's counts.
struct Cpu {
    process: f64,
    commit_thread: f64,
}

impl Cpu {
    fn now() -> std::io::Result<Self> {
        let (mut process, mut commit_thread) = (0.0, 0.0);
        for task in std::fs::read_dir("/proc/self/task")? {
            let task = task?.path();
            let name = std::fs::read_to_string(task.join("comm"))?;
            let spent = std::fs::read_to_string(task.join("schedstat"))?;
            let spent = spent.split(' ').next().unwrap_or_default();
            let spent = spent.parse::<f64>().unwrap_or_default() / 1e9;
            process += spent;
            if name.starts_with("journal-commit") {
                commit_thread += spent;
            }
        }
        Ok(Self {
            process,
            commit_thread,
        })
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            process: self.process - earlier.process,
            commit_thread: self.commit_thread - earlier.commit_thread,
        }
    }
}
