//! Retention: which rows and overlays go, in steps that each leave a consistent journal.

use super::group::{Work, Write};
use super::keys::{self, Space};
use super::store::{EngineError, Store};
use crate::ids::{EntityId, Sequence};
use crate::journal::ReadError;

/// Most that one commit removes.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) keys: usize,
    /// Bytes of the keys; one is always taken.
    pub(super) bytes: usize,
}

impl Store {
    /// The next step towards `first`, lowest rows first; nothing if there is none left to take. Rows go
    /// before their overlays: nobody asks for the overlay of what is trimmed.
    pub(super) fn trim_step(
        &self,
        entity: &EntityId,
        first: Sequence,
        most: Step,
    ) -> Result<Option<Work>, ReadError> {
        let retained = self.first_retained(entity)?;
        let from = keys::of_entity(Space::Overlay, entity);
        let to = keys::at(Space::Overlay, entity, retained);
        let overlays = self.keys(entity, from, to, most)?;
        if !overlays.is_empty() {
            return Ok(Some(removal(entity, overlays, retained)));
        }
        let snapshot = keys::of_entity(Space::Snapshot, entity);
        let covered = Sequence(self.rank(&snapshot)?.unwrap_or_default());
        // The last row carries the head and stays.
        let bound = first.min(covered.next()).min(self.head(entity)?.sequence);
        let from = keys::of_entity(Space::Row, entity);
        let to = keys::at(Space::Row, entity, bound);
        let rows = self.keys(entity, from, to, most)?;
        let last = rows.last().and_then(|key| keys::parse_at(key));
        Ok(last.map(|(_, last)| removal(entity, rows, last.next())))
    }

    fn keys(
        &self,
        entity: &EntityId,
        from: Vec<u8>,
        to: Vec<u8>,
        most: Step,
    ) -> Result<Vec<Vec<u8>>, ReadError> {
        let (mut keys, mut bytes): (Vec<Vec<u8>>, usize) = (Vec::new(), 0);
        for guard in self.data.range(from..to).take(most.keys) {
            let key = guard.key().map_err(|e| EngineError(e).of(entity))?;
            bytes += key.len();
            if bytes > most.bytes && !keys.is_empty() {
                break;
            }
            keys.push(key.to_vec());
        }
        Ok(keys)
    }
}

fn removal(entity: &EntityId, keys: Vec<Vec<u8>>, first: Sequence) -> Work {
    let key = keys::of_entity(Space::FirstRetained, entity);
    let value = keys::ranked(&key, first.0, &[]);
    Work::Trim {
        entity: entity.clone(),
        keys,
        first: Write::new(key, first.0, value),
    }
}
