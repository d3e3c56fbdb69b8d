//! Damage to the newest stored row of a room in the tables of a CQL store, on every node that has a copy, and its repair.
//!
//! The tables are described where the hub makes them (`actors/src/journal/scylla/schema.rs`), the form of keys beside it.

use std::fmt::Write;
use std::io;

use super::log::DamageError;
use crate::cql::CqlCluster;

/// How keys of rooms begin.
const ROOM: u8 = b'r';

/// A row that was damaged.
pub(super) struct Damaged {
    keyspace: String,
    /// Which it is.
    place: String,
    /// What it was.
    row: Vec<u8>,
}

/// Damages the newest row of a room that has not filled its first partition.
pub(super) async fn damage(
    cql: &CqlCluster,
    keyspace: &str,
    room: &str,
) -> Result<Damaged, DamageError> {
    let failed = failed(keyspace);
    let missing = || DamageError::NoRow {
        keyspace: keyspace.to_owned(),
        room: room.to_owned(),
    };
    let partition = partition(room);
    let head = format!("SELECT head FROM {keyspace}.journal WHERE {partition} LIMIT 1");
    let head = cql.ask(&head).await.map_err(&failed)?;
    // A head is where the newest row ends.
    let head = head.first().and_then(|head| head[..].try_into().ok());
    let place = format!(
        "{partition} AND last = {}",
        head.map(i64::from_be_bytes).ok_or_else(missing)?
    );
    let row = format!("SELECT row FROM {keyspace}.journal WHERE {place}");
    let row = cql.ask(&row).await.map_err(&failed)?.into_iter().next();
    let damaged = Damaged {
        keyspace: keyspace.to_owned(),
        place,
        row: row.filter(|row| !row.is_empty()).ok_or_else(missing)?,
    };
    let mut wrong = damaged.row.clone();
    let middle = wrong.len() / 2;
    wrong[middle] ^= 0x41;
    cql.ask(&damaged.update(&wrong)).await.map_err(&failed)?;
    Ok(damaged)
}

impl Damaged {
    /// Puts the row back as it was.
    pub(super) async fn repair(self, cql: &CqlCluster) -> Result<(), DamageError> {
        let put = cql.ask(&self.update(&self.row)).await;
        put.map_err(failed(&self.keyspace))?;
        Ok(())
    }

    fn update(&self, row: &[u8]) -> String {
        let (keyspace, place) = (&self.keyspace, &self.place);
        format!(
            "UPDATE {keyspace}.journal SET row = {} WHERE {place}",
            blob(row)
        )
    }
}

fn failed(keyspace: &str) -> impl Fn(io::Error) -> DamageError {
    let keyspace = keyspace.to_owned();
    move |source| DamageError::Store {
        keyspace: keyspace.clone(),
        source,
    }
}

/// The first partition of a room's journal.
fn partition(room: &str) -> String {
    let entity = [&[ROOM], room.as_bytes()].concat();
    format!("entity = {} AND bucket = 0", blob(&entity))
}

/// Bytes as CQL writes them.
fn blob(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_named_by_its_room_and_its_end_and_put_back_as_it_was() {
        assert_eq!(partition("a"), "entity = 0x7261 AND bucket = 0");
        let damaged = Damaged {
            keyspace: "k".into(),
            place: format!("{} AND last = 3", partition("a")),
            row: vec![0, 0xff],
        };
        assert_eq!(
            damaged.update(&damaged.row),
            "UPDATE k.journal SET row = 0x00ff WHERE entity = 0x7261 AND bucket = 0 AND last = 3"
        );
    }
}
