//! One property per file, each judging a [`History`]. A check answers the first violation it finds.

pub mod acked_is_durable;
pub mod answers_are_current;
pub mod chain_verifies;
pub mod converges;
pub mod dedupe;
pub mod deleted_is_gone;
pub mod delivered_runs;
pub mod dense;
pub mod one_value_per_sequence;
pub mod queues_bounded;
pub mod rejected_is_absent;
pub mod side_writes_agree;
#[cfg(test)]
mod tests;
pub mod texts_were_said;

use std::collections::BTreeMap;

use super::oracle::History;
use crate::ids::{RoomId, Sequence};
use crate::journal::Row;
use crate::machines::Machine;
use crate::machines::room::{Room, RoomEvent};

/// A property of histories.
pub type Check = fn(&History) -> Result<(), String>;

/// All properties with their names.
pub const ALL: [(&str, Check); 13] = [
    ("acked_is_durable", acked_is_durable::check),
    ("answers_are_current", answers_are_current::check),
    ("chain_verifies", chain_verifies::check),
    ("converges", converges::check),
    ("dedupe", dedupe::check),
    ("deleted_is_gone", deleted_is_gone::check),
    ("delivered_runs", delivered_runs::check),
    ("dense", dense::check),
    ("one_value_per_sequence", one_value_per_sequence::check),
    ("queues_bounded", queues_bounded::check),
    ("rejected_is_absent", rejected_is_absent::check),
    ("side_writes_agree", side_writes_agree::check),
    ("texts_were_said", texts_were_said::check),
];

/// Every violated property.
pub fn violations(history: &History) -> Vec<String> {
    let found = ALL.iter().filter_map(|(name, check)| {
        let violation = check(history).err()?;
        Some(format!("{name}: {violation}"))
    });
    found.collect()
}

type Events = BTreeMap<Sequence, RoomEvent>;

/// What a room's rows say, erased bodies left out.
fn events(rows: &[Row]) -> Result<Events, String> {
    let records = rows.iter().flat_map(Row::entries);
    let decoded = records.map(|(sequence, record)| {
        let entry = <Room as Machine>::decode(record).map_err(|e| format!("{sequence}: {e}"))?;
        Ok((sequence, entry.event))
    });
    decoded.collect()
}

fn events_of(history: &History, room: &RoomId) -> Result<Events, String> {
    match history.rooms.get(room) {
        Some(stored) => events(&stored.rows),
        None => Ok(Events::new()),
    }
}
