//! What the list of a user's rooms costs after many rooms were quit: `cargo run --release -p actors --example quit_rooms --
//! [ROOMS]`. The embedded store; of each list the time of twenty, just after the user quit and after a restart.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::Instant;

use actors::ids::{RoomId, UserId};
use actors::journal::fjall::{FjallJournal, FjallOptions};
use actors::journal::{Journal, Table, TableWrite};
use actors::machines::room::cards;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Rows written at once.
const CHUNK: u64 = 1_000;
/// Lists per figure.
const LISTS: usize = 20;

#[tokio::main]
async fn main() -> Outcome<()> {
    let rooms = std::env::args().nth(1);
    let rooms: u64 = rooms.map_or(Ok(100_000), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let user = UserId::parse("ana")?;
    let store = FjallJournal::open(directory.path(), &FjallOptions::default())?;
    list(&store, &user, "no room").await?;
    for (rank, value) in [(1, Some("a membership".into())), (2, None)] {
        for first in (0..rooms).step_by(CHUNK as usize) {
            let numbers = first..rooms.min(first + CHUNK);
            let writes =
                numbers.map(|number| write(&user, &format!("m{number}"), rank, value.clone()));
            store.put_rows(writes.collect::<Outcome<_>>()?).await?;
        }
    }
    // One that is still there, behind all the others.
    let left = write(&user, "z", 1, Some("a membership".into()))?;
    store.put_rows(vec![left]).await?;
    list(&store, &user, "quit just now").await?;
    store.close().await;
    drop(store);
    let store = FjallJournal::open(directory.path(), &FjallOptions::default())?;
    list(&store, &user, "after a restart").await?;
    store.close().await;
    Ok(())
}

fn write(user: &UserId, room: &str, rank: u64, value: Option<bytes::Bytes>) -> Outcome<TableWrite> {
    Ok(TableWrite {
        table: Table::RoomsOfUser,
        key: cards::rooms_of_user_key(user, &RoomId::parse(room)?),
        rank,
        value,
    })
}

async fn list(store: &FjallJournal, user: &UserId, when: &str) -> Outcome<()> {
    let mut taken = Vec::new();
    let mut found = 0;
    for _ in 0..LISTS {
        let begun = Instant::now();
        let prefix = cards::rooms_of_user_prefix(user);
        let rows = store
            .scan_rows(Table::RoomsOfUser, prefix, None, 101)
            .await?;
        taken.push(begun.elapsed());
        found = rows.len();
    }
    taken.sort();
    let (median, most) = (taken[LISTS / 2], taken[LISTS - 1]);
    println!("{when:>16}: {found} rooms in {median:.1?}, at most {most:.1?}");
    Ok(())
}
