//! One property per file, each judging a [`History`]. A check answers the first violation it finds.
//!
//! | invariant | check |
//! |---|---|
//! | I1 sequences are dense | `dense` |
//! | I2 one value per sequence, for all observers, also those that were killed | `one_value_per_sequence`, `texts_were_said` |
//! | I3 what was acknowledged is in the journal at its sequence | `acked_is_durable` |
//! | I4 one entry per sender and message id | `dedupe` |
//! | I5 a reader sees a contiguous run from where it began | `delivered_runs` |
//! | I6 what was refused is absent, unknown may be either | `rejected_is_absent`; and answers are fenced: `answers_are_current` |
//! | I7 read marks advance and never pass the head | `cursors_advance` |
//! | I8 the hash chain verifies | `chain_verifies`, and of what is derived: `side_writes_agree` |
//! | I9 queues keep their bounds | `queues_bounded` |
//! | I10 nothing for whoever is no member any more | `members_only` |
//! | I11 after the faults heads are reached and commands answered in time | `converges` |
//! | I12 presence comes to be true | `presence_is_true` |

pub mod acked_is_durable;
pub mod answers_are_current;
pub mod as_clients_saw;
pub mod chain_verifies;
pub mod converges;
pub mod cursors_advance;
pub mod dedupe;
pub mod deleted_is_gone;
pub mod delivered_runs;
pub mod dense;
pub mod members_only;
pub mod one_value_per_sequence;
pub mod presence_is_true;
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
pub const ALL: [(&str, Check); 16] = [
    ("acked_is_durable", acked_is_durable::check),
    ("answers_are_current", answers_are_current::check),
    ("chain_verifies", chain_verifies::check),
    ("converges", converges::check),
    ("cursors_advance", cursors_advance::check),
    ("dedupe", dedupe::check),
    ("deleted_is_gone", deleted_is_gone::check),
    ("delivered_runs", delivered_runs::check),
    ("dense", dense::check),
    ("members_only", members_only::check),
    ("one_value_per_sequence", one_value_per_sequence::check),
    ("presence_is_true", presence_is_true::check),
    ("queues_bounded", queues_bounded::check),
    ("rejected_is_absent", rejected_is_absent::check),
    ("side_writes_agree", side_writes_agree::check),
    ("texts_were_said", texts_were_said::check),
];

/// Every violated property, of those named here and of those that the chaos suite has in common with the simulation.
pub fn all_violations(history: &History) -> Vec<String> {
    let shared = as_clients_saw::check(history).err();
    let shared = shared.map(|violation| format!("as_clients_saw: {violation}"));
    violations(history).into_iter().chain(shared).collect()
}

/// Every violated property of those named here.
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
