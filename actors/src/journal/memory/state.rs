//! What the journal in memory holds, and how it changes.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::ids::{EntityId, Sequence, Timestamp};
use crate::journal::page::PageFill;
use crate::journal::{
    Append, AppendError, Head, OverlayWrite, PageLimit, Range, Row, SideWrites, Snapshot, Table,
    TableWrite,
};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) logs: BTreeMap<EntityId, Log>,
    pub(super) table: BTreeMap<(Table, Vec<u8>), (u64, Option<Bytes>)>,
    pub(super) wakeups: BTreeSet<(Timestamp, EntityId)>,
    /// No rows of tables are taken.
    pub(super) refuses_rows: bool,
}

/// One journal. Rows by their *last* sequence, so the row holding n is the first at or above n.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) rows: BTreeMap<Sequence, Row>,
    pub(super) overlays: BTreeMap<Sequence, OverlayWrite>,
    pub(super) snapshot: Option<Snapshot>,
    trimmed: Option<Sequence>,
}

impl State {
    pub(super) fn log(&self, entity: &EntityId) -> Option<&Log> {
        self.logs.get(entity)
    }

    pub(super) fn append(&mut self, append: Append) -> Result<(), AppendError> {
        let head = self.log(&append.entity).map(Log::head).unwrap_or_default();
        if head != append.after {
            return Err(AppendError::Conflict { head });
        }
        let log = self.logs.entry(append.entity.clone()).or_default();
        log.rows.insert(append.row.last(), append.row);
        self.write_side(append.entity, append.side);
        Ok(())
    }

    /// Erases, and writes overlays and table rows that are newer than what is stored.
    pub(super) fn write_side(&mut self, entity: EntityId, side: SideWrites) {
        let log = self.logs.entry(entity).or_default();
        for sequence in side.erasures {
            if let Some((_, row)) = log.rows.range_mut(sequence..).next() {
                row.erase(sequence);
            }
        }
        let retained = log.first_retained();
        for overlay in side.overlays.into_iter().filter(|o| o.sequence >= retained) {
            let stored = log.overlays.get(&overlay.sequence);
            if stored.is_none_or(|stored| stored.applied <= overlay.applied) {
                log.overlays.insert(overlay.sequence, overlay);
            }
        }
        side.table.into_iter().for_each(|w| self.put_row(w));
    }

    pub(super) fn put_row(&mut self, write: TableWrite) {
        let id = (write.table, write.key);
        let stored = self.table.get(&id);
        if stored.is_none_or(|(rank, _)| *rank <= write.rank) {
            self.table.insert(id, (write.rank, write.value));
        }
    }

    pub(super) fn put_snapshot(
        &mut self,
        entity: EntityId,
        snapshot: Snapshot,
    ) -> Result<(), AppendError> {
        let head = self.log(&entity).map(Log::head).unwrap_or_default();
        if snapshot.head.sequence > head.sequence {
            let reason = format!("a snapshot at {} ahead of {head}", snapshot.head);
            return Err(AppendError::Invalid(reason));
        }
        let log = self.logs.entry(entity).or_default();
        let stored = log.snapshot.as_ref().map(|stored| stored.head.sequence);
        if stored.is_none_or(|stored| stored <= snapshot.head.sequence) {
            log.snapshot = Some(snapshot);
        }
        Ok(())
    }
}

impl Log {
    pub(super) fn head(&self) -> Head {
        let last = self.rows.last_key_value();
        last.map(|(_, row)| row.head()).unwrap_or_default()
    }

    pub(super) fn first_retained(&self) -> Sequence {
        self.trimmed.unwrap_or(Sequence(1))
    }

    pub(super) fn page(&self, range: Range, limit: PageLimit) -> Vec<Row> {
        let mut fill = PageFill::new(limit);
        let rows: &mut dyn Iterator<Item = &Row> = match range {
            Range::After(sequence) => &mut self.rows.range(sequence.next()..).map(|(_, row)| row),
            Range::Before(sequence) => &mut self
                .rows
                .values()
                .rev()
                .skip_while(move |row| row.first >= sequence),
        };
        rows.take_while(|row| fill.admits(row)).cloned().collect()
    }

    pub(super) fn trim(&mut self, first: Sequence) {
        let covered = self.snapshot.as_ref().map(|s| s.head.sequence);
        let bound = first.min(covered.unwrap_or_default().next());
        while self.rows.len() > 1
            && let Some(row) = self.rows.first_entry()
            && *row.key() < bound
        {
            let last = *row.key();
            row.remove();
            self.overlays = self.overlays.split_off(&last.next());
            self.trimmed = Some(last.next());
        }
    }
}
