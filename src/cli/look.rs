//! `rooms` and `tail`: an operator's look into the journal while no hub runs on it.

use actors::ids::{EntityId, RoomId, Sequence};
use actors::journal::{Journal, PageLimit, Range, Table};
use actors::machines::Machine;
use actors::machines::room::Room;
use actors::machines::room::cards::RoomCard;
use clap::Args;
use serde_json::json;

use super::{Failed, print};
use crate::config::Config;
use crate::rfc3339::Rfc3339;
use crate::store;

const PAGE: PageLimit = PageLimit {
    records: 1_000,
    bytes: 4 << 20,
};
const ROOMS_PAGE: usize = 1_000;

#[derive(Debug, Args)]
pub struct RoomsArgs {
    /// Only rooms whose id begins with this
    #[arg(long, default_value = "")]
    prefix: String,
}

#[derive(Debug, Args)]
pub struct TailArgs {
    /// The room
    #[arg(value_parser = room)]
    room: RoomId,
    /// Begin after this sequence
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    after: u64,
    /// Print at most so many events
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
}

pub fn room(text: &str) -> Result<RoomId, String> {
    RoomId::parse(text).map_err(|e| e.to_string())
}

pub fn rooms(config: &Config, args: &RoomsArgs) -> Result<(), Failed> {
    with_journal(config, async |journal| list(journal, &args.prefix).await)
}

pub fn tail(config: &Config, args: &TailArgs) -> Result<(), Failed> {
    with_journal(config, async |journal| events(journal, args).await)
}

/// Opens the store, looks, and closes it whatever was seen.
pub fn with_journal(
    config: &Config,
    look: impl AsyncFnOnce(&dyn Journal) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failed::because)?;
    runtime.block_on(async {
        let store = store::open_existing(config)
            .await
            .map_err(Failed::because)?;
        let seen = look(&*store.journal).await;
        store.close().await;
        seen
    })
}

async fn list(journal: &dyn Journal, prefix: &str) -> Result<(), Failed> {
    let mut after = None;
    loop {
        let page = journal
            .scan_rows(Table::RoomCards, prefix.into(), after.clone(), ROOMS_PAGE)
            .await
            .map_err(Failed::because)?;
        for row in &page {
            let id = String::from_utf8_lossy(&row.key);
            let card = RoomCard::decode(&row.value).map_err(Failed::because)?;
            let entity = RoomId::parse(&id).map(|room| EntityId::room(&room));
            let head = match entity {
                Ok(entity) => {
                    journal
                        .head(&entity)
                        .await
                        .map_err(Failed::because)?
                        .sequence
                }
                Err(_) => Sequence::ZERO,
            };
            print(&json!({
                "roomId": id, "kind": card.kind.as_str(), "name": card.name,
                "members": card.member_count, "head": head, "createdBy": card.created_by,
                "createdAt": Rfc3339(card.created_at),
            }))?;
        }
        match page.last() {
            Some(row) if page.len() == ROOMS_PAGE => after = Some(row.key.clone()),
            _ => return Ok(()),
        }
    }
}

async fn events(journal: &dyn Journal, args: &TailArgs) -> Result<(), Failed> {
    let entity = EntityId::room(&args.room);
    let head = journal
        .head(&entity)
        .await
        .map_err(Failed::because)?
        .sequence;
    if head == Sequence::ZERO {
        return Err(Failed(format!("there is no room {}", args.room)));
    }
    let mut after = Sequence(args.after);
    let mut left = args.limit.unwrap_or(u64::MAX);
    while after < head {
        let rows = journal
            .read(&entity, Range::After(after), PAGE)
            .await
            .map_err(Failed::because)?;
        let Some(last) = rows.last().map(actors::journal::Row::last) else {
            break;
        };
        let entries = rows.iter().flat_map(actors::journal::Row::entries);
        for (sequence, record) in entries.filter(|(sequence, _)| *sequence > after) {
            if left == 0 {
                return Ok(());
            }
            left -= 1;
            let entry = Room::decode(record).map_err(Failed::because)?;
            print(&json!({
                "sequence": sequence, "erased": record.is_erased(), "event": entry.event,
            }))?;
        }
        after = last;
    }
    Ok(())
}
