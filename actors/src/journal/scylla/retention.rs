//! Snapshots, what is retained, trimming, and the list of entities.

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use super::head::Root;
use super::values;
use super::{Store, errors};
use crate::clock::{Clock, SystemClock};
use crate::ids::{EntityId, EntityKind, Sequence};
use crate::journal::{AppendError, Head, ReadError, Snapshot};

/// Removals are dated so far ahead that no difference of clocks spares a row. What is removed never comes
/// back, so nothing else is hit.
const AHEAD_MS: u64 = 3_600_000;
/// Entities that are looked at by one pass over all of them.
const LISTED: usize = 256;

impl Store {
    pub(super) async fn snapshot(&self, entity: &EntityId) -> Result<Option<Snapshot>, ReadError> {
        let key = values::entity_key(entity);
        let statement = &self.statements.snapshot;
        let rows = self.few("snapshot", statement, (&key,)).await?;
        let row = rows.maybe_first_row::<(i64, Vec<u8>, Vec<u8>)>();
        let Some((at, digest, sealed)) = row.map_err(errors::read)? else {
            return Ok(None);
        };
        let damaged = |reason| errors::corrupt(entity, values::sequence(at), reason);
        let parts = [&key[..], &at.to_be_bytes(), &digest];
        Ok(Some(Snapshot {
            state: values::open(&parts, sealed).map_err(damaged)?,
            head: Head {
                sequence: values::sequence(at),
                digest: values::parse_digest(&digest).map_err(damaged)?,
            },
        }))
    }

    /// Where the newest snapshot is; 0 for none.
    async fn snapshot_at(&self, entity: &EntityId) -> Result<Sequence, ReadError> {
        let key = values::entity_key(entity);
        let statement = &self.statements.snapshot_at;
        let rows = self.few("snapshot", statement, (key,)).await?;
        let row = rows.maybe_first_row::<(i64,)>().map_err(errors::read)?;
        Ok(row.map_or(Sequence::ZERO, |(at,)| values::sequence(at)))
    }

    pub(super) async fn put_snapshot(
        &self,
        entity: &EntityId,
        snapshot: Snapshot,
    ) -> Result<(), AppendError> {
        let head = self.head(entity).await.map_err(errors::unread)?;
        if snapshot.head.sequence > head.sequence {
            let reason = format!("a snapshot at {} ahead of {head}", snapshot.head);
            return Err(AppendError::Invalid(reason));
        }
        let stored = self.snapshot_at(entity).await.map_err(errors::unread)?;
        if stored > snapshot.head.sequence {
            return Ok(());
        }
        let key = values::entity_key(entity);
        let at = values::signed(snapshot.head.sequence);
        let digest = snapshot.head.digest.0.as_slice();
        let parts = [&key[..], &at.to_be_bytes(), digest];
        let state = values::seal(&parts, snapshot.state.to_vec());
        let statement = &self.statements.put_snapshot;
        let put = self.run("put_snapshot", statement, (&key, at, digest, state));
        put.await.map_err(errors::write)?;
        // Only once the newer one is there; should this fail, the next one removes both.
        let statement = &self.statements.drop_snapshots;
        let dropped = self.run("drop_snapshots", statement, (&key, at)).await;
        dropped.map(|_| ()).map_err(errors::write)
    }

    /// First what can be read is raised, then what lies below is removed. If that ends half-way, the next
    /// trim goes on where it ended.
    pub(super) async fn trim(
        &self,
        entity: &EntityId,
        first: Sequence,
    ) -> Result<Sequence, AppendError> {
        let mut root = self.root(entity).await.map_err(errors::unread)?;
        let bound = self.bound(entity, first).await.map_err(errors::unread)?;
        let reached = self.end_below(entity, &root, bound).await;
        let reached = reached.map_err(errors::unread)?;
        let key = values::entity_key(entity);
        if reached > root.retained {
            let at = values::signed(reached);
            let statement = &self.statements.set_retained;
            let raised = self.run("set_retained", statement, (at, at, &key)).await;
            raised.map_err(errors::write)?;
            root.retained = reached;
        }
        if root.trimmed < root.retained {
            self.remove(entity, &root).await?;
        }
        Ok(root.retained)
    }

    /// What may go at most: nothing that the snapshot does not cover, and not the last row.
    async fn bound(&self, entity: &EntityId, first: Sequence) -> Result<Sequence, ReadError> {
        let covered = self.snapshot_at(entity).await?;
        let head = self.head(entity).await?;
        Ok(first.min(covered.next()).min(head.sequence))
    }

    /// The sequence after the last row that lies wholly below a bound.
    async fn end_below(
        &self,
        entity: &EntityId,
        root: &Root,
        bound: Sequence,
    ) -> Result<Sequence, ReadError> {
        if bound <= root.retained {
            return Ok(root.retained);
        }
        let key = values::entity_key(entity);
        let bucket = values::bucket(bound);
        let asked = (key, bucket, values::signed(bound));
        let rows = self
            .few("end_before", &self.statements.end_before, asked)
            .await?;
        let row = rows.maybe_first_row::<(i64,)>().map_err(errors::read)?;
        let end = match row {
            Some((last,)) => values::sequence(last).next(),
            // Nothing in this bucket; the one before, if there is one, is full.
            None if bucket > 0 => values::bucket_end(bucket - 1).next(),
            None => Sequence(1),
        };
        Ok(end.max(root.retained))
    }

    async fn remove(&self, entity: &EntityId, root: &Root) -> Result<(), AppendError> {
        let key = values::entity_key(entity);
        let dated = SystemClock
            .now()
            .plus_millis(AHEAD_MS)
            .0
            .saturating_mul(1_000);
        let dated = i64::try_from(dated).unwrap_or(i64::MAX);
        let first = values::signed(root.retained);
        let last = Sequence(root.retained.0.saturating_sub(1));
        for bucket in values::bucket(root.trimmed)..=values::bucket(last) {
            let of = (dated, &key, bucket, first);
            let rows = self.run("drop_rows", &self.statements.drop_rows, of);
            let overlays = self.run("drop_overlays", &self.statements.drop_overlays, of);
            rows.await.map_err(errors::write)?;
            overlays.await.map_err(errors::write)?;
        }
        let statement = &self.statements.set_trimmed;
        let noted = self
            .run("set_trimmed", statement, (first, first, &key))
            .await;
        noted.map(|_| ()).map_err(errors::write)
    }

    pub(super) async fn entities(
        &self,
        kind: EntityKind,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<EntityId>, ReadError> {
        let mut lowest = vec![kind as u8];
        lowest.extend_from_slice(after.unwrap_or_default().as_bytes());
        let mut found: Vec<EntityId> = Vec::new();
        while found.len() < limit {
            let wanted = |key: &[u8]| key > &lowest[..] && key.first() == Some(&(kind as u8));
            let statement = &self.statements.entities;
            let keys = self.smallest(statement, wanted, LISTED).await?;
            let mut checks: Vec<BoxFuture<'_, _>> = Vec::with_capacity(keys.len());
            for key in &keys {
                checks.push(self.written(key).boxed());
            }
            let running = stream::iter(checks).buffered(self.options.concurrent_writes);
            let some: Vec<Option<EntityId>> = running.try_collect().await?;
            found.extend(some.into_iter().flatten());
            match keys.last() {
                Some(last) if keys.len() == LISTED => lowest = last.clone(),
                _ => break,
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The entity behind a root, if its first append came about.
    async fn written(&self, key: &[u8]) -> Result<Option<EntityId>, ReadError> {
        let unnamed = || ReadError::CorruptRow {
            place: format!("root {:?}", String::from_utf8_lossy(key)),
            reason: "the key names no entity".into(),
        };
        let entity = values::parse_entity(key).ok_or_else(unnamed)?;
        let begun = self.bucket_head(&entity, 0).await? != Head::default();
        Ok(begun.then_some(entity))
    }
}
