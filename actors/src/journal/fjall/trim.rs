//! Retention: which rows and overlays go, in steps that each leave a consistent journal.

use super::group::{Work, Write};
use super::keys::{self, Space};
use super::store::{EngineError, Store};
use crate::ids::{EntityId, Sequence};
use crate::journal::ReadError;

/// Rows removed by one commit.
const STEP_ROWS: usize = 512;

impl Store {
    /// The next step towards `first`, lowest rows first; nothing if there is none left to take.
    pub(super) fn trim_step(
        &self,
        entity: &EntityId,
        first: Sequence,
    ) -> Result<Option<Work>, ReadError> {
        let snapshot = keys::of_entity(Space::Snapshot, entity);
        let covered = Sequence(self.rank(&snapshot)?.unwrap_or_default());
        // The last row carries the head and stays.
        let bound = first.min(covered.next()).min(self.head(entity)?.sequence);
        let from = keys::of_entity(Space::Row, entity);
        let to = keys::at(Space::Row, entity, bound);
        let mut keys = self.keys(entity, from, to, STEP_ROWS)?;
        let Some((_, last)) = keys.last().and_then(|key| keys::parse_at(key)) else {
            return Ok(None);
        };
        let from = keys::of_entity(Space::Overlay, entity);
        let to = keys::at(Space::Overlay, entity, last.next());
        keys.extend(self.keys(entity, from, to, usize::MAX)?);
        let key = keys::of_entity(Space::FirstRetained, entity);
        let rank = last.next().0;
        let value = keys::ranked(&key, rank, &[]);
        Ok(Some(Work::Trim {
            entity: entity.clone(),
            keys,
            first: Write { key, rank, value },
        }))
    }

    fn keys(
        &self,
        entity: &EntityId,
        from: Vec<u8>,
        to: Vec<u8>,
        most: usize,
    ) -> Result<Vec<Vec<u8>>, ReadError> {
        let range = self.data.range(from..to).take(most);
        let key = |guard: ::fjall::Guard| {
            let key = guard.key().map_err(|e| EngineError(e).of(entity))?;
            Ok(key.to_vec())
        };
        range.map(key).collect()
    }
}
