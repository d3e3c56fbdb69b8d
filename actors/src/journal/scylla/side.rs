//! Side data of appends: overlays, erasures, table rows. Each may be written any number of times.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use scylla::response::PagingState;
use scylla::serialize::batch::BatchValues;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;

use super::session::Applied;
use super::values;
use super::{Store, errors, metrics};
use crate::ids::{EntityId, Sequence};
use crate::journal::{AppendError, OverlayWrite, ReadError, Row, SideWrites};

/// How often an erasure is tried against others on the same row.
const ERASE_ATTEMPTS: u32 = 16;

impl Store {
    /// Writes all of it, some at a time.
    pub(super) async fn write_side(
        &self,
        entity: &EntityId,
        side: SideWrites,
    ) -> Result<(), AppendError> {
        if side.is_empty() {
            return Ok(());
        }
        let mut writes: Vec<BoxFuture<'_, Result<(), AppendError>>> = Vec::new();
        for overlay in side.overlays {
            writes.push(self.put_overlay(entity, overlay).boxed());
        }
        if !side.erasures.is_empty() {
            writes.push(self.erase(entity, side.erasures).boxed());
        }
        writes.extend(self.row_writes(side.table));
        self.all(writes).await
    }

    /// Runs writes, so many at once; fails with the first that fails.
    pub(super) async fn all(
        &self,
        writes: Vec<BoxFuture<'_, Result<(), AppendError>>>,
    ) -> Result<(), AppendError> {
        let running = stream::iter(writes).buffer_unordered(self.options.concurrent_writes);
        running.try_collect().await
    }

    /// Runs statements about one partition in one request: all of them happen, or none.
    pub(super) async fn together(
        &self,
        operation: &'static str,
        statements: impl IntoIterator<Item = &PreparedStatement>,
        values: impl BatchValues,
    ) -> Result<(), AppendError> {
        let mut batch = Batch::new(BatchType::Unlogged);
        for statement in statements {
            batch.append_statement(statement.clone());
        }
        batch.set_is_idempotent(true);
        let session = self.sessions.current();
        let request = session.batch(&batch, values);
        let outcome = metrics::timed(operation, Box::pin(request)).await;
        outcome.map(|_| ()).map_err(errors::write)
    }

    async fn put_overlay(
        &self,
        entity: &EntityId,
        overlay: OverlayWrite,
    ) -> Result<(), AppendError> {
        let key = values::entity_key(entity);
        let bucket = values::bucket(overlay.sequence);
        let (at, applied) = (
            values::signed(overlay.sequence),
            values::signed(overlay.applied),
        );
        let parts = [&key[..], &at.to_be_bytes(), &applied.to_be_bytes()];
        let state = values::seal(&parts, overlay.state.to_vec());
        self.together(
            "put_overlay",
            [&self.statements.put_overlay, &self.statements.drop_overlay],
            (
                (&key, bucket, at, applied, state),
                (&key, bucket, at, applied),
            ),
        )
        .await
    }

    /// Overlays of a range; of several versions the one that applies most.
    pub(super) async fn overlays(
        &self,
        entity: &EntityId,
        first: Sequence,
        last: Sequence,
    ) -> Result<Vec<OverlayWrite>, ReadError> {
        let first = first.max(self.root(entity).await?.retained);
        let mut found: Vec<OverlayWrite> = Vec::new();
        if first > last {
            return Ok(found);
        }
        // Beyond the newest bucket there is none.
        let end = values::bucket(last);
        let end = match end - values::bucket(first) {
            0 => end,
            _ => end.min(values::bucket(self.head(entity).await?.sequence)),
        };
        for bucket in values::bucket(first)..=end {
            self.overlays_of(entity, bucket, (first, last), &mut found)
                .await?;
        }
        Ok(found)
    }

    async fn overlays_of(
        &self,
        entity: &EntityId,
        bucket: i64,
        (first, last): (Sequence, Sequence),
        found: &mut Vec<OverlayWrite>,
    ) -> Result<(), ReadError> {
        let key = values::entity_key(entity);
        let (first, last) = (values::signed(first), values::signed(last));
        let mut from = Some(PagingState::start());
        while let Some(state) = from {
            let asked = (&key, bucket, first, last);
            let statement = &self.statements.overlays;
            let (rows, next) = self.page("overlays", statement, asked, state).await?;
            let rows = rows.rows::<(i64, i64, Vec<u8>)>().map_err(errors::read)?;
            for row in rows {
                let (at, applied, sealed) = row.map_err(errors::read)?;
                let sequence = values::sequence(at);
                if found.last().is_some_and(|o| o.sequence == sequence) {
                    continue;
                }
                let parts = [&key[..], &at.to_be_bytes(), &applied.to_be_bytes()];
                let state = values::open(&parts, sealed);
                found.push(OverlayWrite {
                    sequence,
                    applied: values::sequence(applied),
                    state: state.map_err(|e| errors::corrupt(entity, sequence, e))?,
                });
            }
            from = next;
        }
        Ok(())
    }

    /// Removes bodies, row by row.
    async fn erase(&self, entity: &EntityId, erasures: Vec<Sequence>) -> Result<(), AppendError> {
        let mut by_row: BTreeMap<Sequence, Vec<Sequence>> = BTreeMap::new();
        for sequence in erasures.into_iter().filter(|s| *s > Sequence::ZERO) {
            let row = self.row_holding(entity, sequence).await;
            match row.map_err(errors::unread)? {
                Some(row) if holds_body(&row, sequence) => {
                    by_row.entry(row.last()).or_default().push(sequence);
                }
                // Trimmed, erased already, or without a body.
                _ => {}
            }
        }
        for (last, sequences) in by_row {
            self.erase_in(entity, last, &sequences).await?;
        }
        Ok(())
    }

    /// Removes bodies of one row; of two at once, the later one begins anew from what the other left.
    async fn erase_in(
        &self,
        entity: &EntityId,
        last: Sequence,
        sequences: &[Sequence],
    ) -> Result<(), AppendError> {
        let key = values::entity_key(entity);
        let at = values::signed(last);
        for _ in 0..ERASE_ATTEMPTS {
            let stored = self.row_ending_at(entity, last).await;
            let Some((mut row, erasures)) = stored.map_err(errors::unread)? else {
                return Ok(());
            };
            if !sequences.iter().any(|s| holds_body(&row, *s)) {
                return Ok(());
            }
            sequences.iter().for_each(|s| row.erase(*s));
            let sealed = values::seal(&[&key, &at.to_be_bytes()], row.encode().to_vec());
            let bucket = values::bucket(last);
            let written = (sealed, erasures + 1, &key, bucket, at, erasures);
            let result = self.run("erase", &self.statements.erase, written).await;
            let answer = Applied::parse(result.map_err(errors::write)?);
            if answer.map_err(AppendError::InDoubt)?.applied {
                return Ok(());
            }
        }
        let reason = format!("others keep erasing from the row that ends at {last}");
        Err(AppendError::Unavailable(reason))
    }
}

fn holds_body(row: &Row, sequence: Sequence) -> bool {
    row.record(sequence)
        .is_some_and(|record| record.body.is_some())
}
