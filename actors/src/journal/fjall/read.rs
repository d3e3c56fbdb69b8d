//! Reads of the embedded store: what is stored is checked on the way out, holes between rows included.

use ::fjall::Guard;

use super::keys::{self, Space};
use super::store::{EngineError, Store, corrupt, corrupt_row};
use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::page::PageFill;
use crate::journal::{Head, OverlayWrite, PageLimit, Range, ReadError, Row, Snapshot};
use crate::journal::{Table, TableRow};

impl Store {
    pub(super) fn read(
        &self,
        entity: &EntityId,
        range: Range,
        limit: PageLimit,
    ) -> Result<Vec<Row>, ReadError> {
        match range {
            Range::After(sequence) => self.ascending(entity, sequence, limit),
            Range::Before(sequence) => self.descending(entity, sequence, limit),
        }
    }

    fn ascending(
        &self,
        entity: &EntityId,
        after: Sequence,
        limit: PageLimit,
    ) -> Result<Vec<Row>, ReadError> {
        let from = keys::at(Space::Row, entity, after.next());
        let to = keys::at(Space::Row, entity, Sequence(u64::MAX));
        let mut fill = PageFill::new(limit);
        let mut rows: Vec<Row> = Vec::new();
        for guard in self.data.range(from..=to) {
            let row = parse_row(entity, guard)?.1;
            match rows.last() {
                Some(before) => follows(entity, before, &row)?,
                None if row.first > after.next() => self.begins(entity, &row)?,
                None => {}
            }
            if !fill.admits(&row) {
                break;
            }
            rows.push(row);
            if fill.is_full() {
                break;
            }
        }
        Ok(rows)
    }

    fn descending(
        &self,
        entity: &EntityId,
        before: Sequence,
        limit: PageLimit,
    ) -> Result<Vec<Row>, ReadError> {
        let Some(wanted) = before.0.checked_sub(1).filter(|s| *s > 0).map(Sequence) else {
            return Ok(Vec::new());
        };
        let from = keys::of_entity(Space::Row, entity);
        let to = match self.row_holding(entity, wanted)? {
            Some((key, _)) => key,
            None => keys::at(Space::Row, entity, wanted),
        };
        let mut fill = PageFill::new(limit);
        let mut rows: Vec<Row> = Vec::new();
        for guard in self.data.range(from..=to).rev() {
            let row = parse_row(entity, guard)?.1;
            if let Some(after) = rows.last() {
                follows(entity, &row, after)?;
            }
            if !fill.admits(&row) {
                return Ok(rows);
            }
            rows.push(row);
            if fill.is_full() {
                return Ok(rows);
            }
        }
        if let Some(lowest) = rows.last().filter(|row| row.first.0 > 1) {
            self.begins(entity, lowest)?;
        }
        Ok(rows)
    }

    /// Fails unless everything below this row is known to be trimmed.
    fn begins(&self, entity: &EntityId, row: &Row) -> Result<(), ReadError> {
        let first = self.first_retained(entity)?;
        if row.first > first {
            let reason = format!("rows before {} are missing", row.first);
            return Err(corrupt(entity, first, reason));
        }
        Ok(())
    }

    /// Key and content of the row that holds a sequence; nothing if it is trimmed or ahead of the head.
    pub(super) fn row_holding(
        &self,
        entity: &EntityId,
        sequence: Sequence,
    ) -> Result<Option<(Vec<u8>, Row)>, ReadError> {
        let from = keys::at(Space::Row, entity, sequence);
        let to = keys::at(Space::Row, entity, Sequence(u64::MAX));
        let Some(guard) = self.data.range(from..=to).next() else {
            return Ok(None);
        };
        let (key, row) = parse_row(entity, guard)?;
        if row.first <= sequence {
            return Ok(Some((key, row)));
        }
        let first = self.first_retained(entity)?;
        if sequence >= first {
            let reason = format!("the row that holds it is missing before {}", row.first);
            return Err(corrupt(entity, sequence, reason));
        }
        Ok(None)
    }

    pub(super) fn overlays(
        &self,
        entity: &EntityId,
        first: Sequence,
        last: Sequence,
    ) -> Result<Vec<OverlayWrite>, ReadError> {
        let from = keys::at(Space::Overlay, entity, first);
        let to = keys::at(Space::Overlay, entity, last);
        if from > to {
            return Ok(Vec::new());
        }
        let parse = |guard: Guard| {
            let (key, value) = guard.into_inner().map_err(|e| EngineError(e).of(entity))?;
            let sequence = keys::parse_at(&key).map(|(_, s)| s).unwrap_or_default();
            let parsed = keys::parse_ranked(&key, &value);
            let (applied, state) = parsed.map_err(|reason| corrupt(entity, sequence, reason))?;
            Ok(OverlayWrite {
                sequence,
                applied: Sequence(applied),
                state: state.to_vec().into(),
            })
        };
        self.data.range(from..=to).map(parse).collect()
    }

    pub(super) fn snapshot(&self, entity: &EntityId) -> Result<Option<Snapshot>, ReadError> {
        let key = keys::of_entity(Space::Snapshot, entity);
        let of_entity = |reason| corrupt(entity, Sequence::ZERO, reason);
        let found = self.get(&key).map_err(|e| e.of(entity))?;
        let Some(value) = found else {
            return Ok(None);
        };
        let (sequence, content) = keys::parse_ranked(&key, &value).map_err(of_entity)?;
        let (digest, state) = keys::parse_digest(content).map_err(of_entity)?;
        let sequence = Sequence(sequence);
        Ok(Some(Snapshot {
            head: Head { sequence, digest },
            state: state.to_vec().into(),
        }))
    }

    pub(super) fn first_retained(&self, entity: &EntityId) -> Result<Sequence, ReadError> {
        let key = keys::of_entity(Space::FirstRetained, entity);
        Ok(self.rank(&key)?.map_or(Sequence(1), Sequence))
    }

    /// The rank of a stored value.
    pub(super) fn rank(&self, key: &[u8]) -> Result<Option<u64>, ReadError> {
        let Some(value) = self.get(key).map_err(|e| e.of_row(key))? else {
            return Ok(None);
        };
        let parsed = keys::parse_ranked(key, &value);
        let (rank, _) = parsed.map_err(|reason| corrupt_row(key, reason))?;
        Ok(Some(rank))
    }

    pub(super) fn table_row(
        &self,
        table: Table,
        row: &[u8],
    ) -> Result<Option<TableRow>, ReadError> {
        let key = keys::of_table(table, row);
        let found = self.get(&key).map_err(|e| e.of_row(&key))?;
        found.map_or(Ok(None), |value| parse_table_row(&key, &value))
    }

    pub(super) fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<Vec<TableRow>, ReadError> {
        let prefix = keys::of_table(table, prefix);
        let mut from = prefix.clone();
        if let Some(after) = after.map(|after| keys::of_table(table, &after))
            && after >= prefix
        {
            from = after;
            from.push(0);
        }
        let mut rows = Vec::new();
        for guard in self.data.range(from..) {
            let (key, value) = guard
                .into_inner()
                .map_err(|e| EngineError(e).of_row(&prefix))?;
            if rows.len() >= limit || !key.starts_with(&prefix) {
                break;
            }
            rows.extend(parse_table_row(&key, &value)?);
        }
        Ok(rows)
    }

    /// Leaps from one journal to the next: one seek per entity, however many rows it has.
    pub(super) fn entities(
        &self,
        kind: EntityKind,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<EntityId>, ReadError> {
        let mut found: Vec<EntityId> = Vec::new();
        let mut after = after.unwrap_or_default();
        while found.len() < limit {
            let (from, to) = keys::entities_after(kind, &after);
            let Some(guard) = self.data.range(from.clone()..to).next() else {
                break;
            };
            let key = guard.key().map_err(|e| EngineError(e).of_row(&from))?;
            let unnamed = || corrupt_row(&key, "the key names no entity".into());
            let (entity, _) = keys::parse_at(&key).ok_or_else(unnamed)?;
            after = entity.id().to_owned();
            found.push(entity);
        }
        Ok(found)
    }

    pub(super) fn due(
        &self,
        now: Timestamp,
        after: Option<(EntityId, Timestamp)>,
        limit: usize,
    ) -> Result<Vec<(EntityId, Timestamp)>, ReadError> {
        let from = match after {
            // The first key above it.
            Some((entity, due)) => [keys::of_wakeup(due, &entity), vec![0]].concat(),
            None => vec![Space::Wakeup as u8],
        };
        let mut found = Vec::new();
        for guard in self.data.range(from.clone()..vec![Space::Wakeup as u8 + 1]) {
            let (key, value) = guard
                .into_inner()
                .map_err(|e| EngineError(e).of_row(&from))?;
            keys::parse_ranked(&key, &value).map_err(|reason| corrupt_row(&key, reason))?;
            let unnamed = || corrupt_row(&key, "the key names no entity".into());
            let (due, entity) = keys::parse_wakeup(&key).ok_or_else(unnamed)?;
            if due > now || found.len() >= limit {
                break;
            }
            found.push((entity, due));
        }
        Ok(found)
    }
}

fn parse_row(entity: &EntityId, guard: Guard) -> Result<(Vec<u8>, Row), ReadError> {
    let (key, value) = guard.into_inner().map_err(|e| EngineError(e).of(entity))?;
    let sequence = keys::parse_at(&key).map(|(_, s)| s).unwrap_or_default();
    match keys::parse_row(&key, &value) {
        Ok(row) => Ok((key.to_vec(), row)),
        Err(reason) => Err(corrupt(entity, sequence, reason)),
    }
}

fn follows(entity: &EntityId, row: &Row, next: &Row) -> Result<(), ReadError> {
    if next.first != row.last().next() || next.previous != row.digest {
        let reason = format!("the row at {} does not follow {}", next.first, row.head());
        return Err(corrupt(entity, next.first, reason));
    }
    Ok(())
}

fn parse_table_row(key: &[u8], value: &[u8]) -> Result<Option<TableRow>, ReadError> {
    let damaged = |reason: String| corrupt_row(key, reason);
    let (rank, content) = keys::parse_ranked(key, value).map_err(damaged)?;
    match content.split_first() {
        Some((1, value)) => Ok(Some(TableRow {
            key: key.get(2..).unwrap_or_default().to_vec(),
            rank,
            value: value.to_vec().into(),
        })),
        Some((0, [])) => Ok(None),
        _ => Err(damaged("neither present nor removed".into())),
    }
}
