//! Where a journal ends: the head of its newest bucket, found from a hint upwards.

use super::values::{self, HeadColumns};
use super::{Store, errors};
use crate::ids::{EntityId, Sequence};
use crate::journal::{Head, ReadError};

/// What is known of an entity beside its journal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root {
    /// A bucket that has a head, or 0.
    pub bucket: i64,
    /// First sequence that can be read.
    pub retained: Sequence,
    /// Sequences below this are removed; at most `retained`.
    pub trimmed: Sequence,
}

impl Store {
    pub(super) async fn root(&self, entity: &EntityId) -> Result<Root, ReadError> {
        let key = values::entity_key(entity);
        let rows = self.few("root", &self.statements.root, (key,)).await?;
        let row = rows.maybe_first_row::<(Option<i64>, Option<i64>, Option<i64>)>();
        let (bucket, retained, trimmed) = row.map_err(errors::read)?.unwrap_or_default();
        let sequence = |column: Option<i64>| column.map_or(Sequence(1), values::sequence);
        Ok(Root {
            bucket: bucket.unwrap_or_default().max(0),
            retained: sequence(retained),
            trimmed: sequence(trimmed),
        })
    }

    /// The head of one bucket, linearizable; the default if nothing was ever appended to it.
    pub(super) async fn bucket_head(
        &self,
        entity: &EntityId,
        bucket: i64,
    ) -> Result<Head, ReadError> {
        let key = values::entity_key(entity);
        let rows = self
            .few("head", &self.statements.head, (key, bucket))
            .await?;
        let row = rows.maybe_first_row::<HeadColumns>();
        let columns = row.map_err(errors::read)?.unwrap_or_default();
        let broken = |reason| errors::corrupt(entity, values::bucket_end(bucket), reason);
        let head = values::parse_head(columns).map_err(broken)?;
        if head != Head::default() && values::bucket(head.sequence) != bucket {
            let reason = format!("the head of bucket {bucket} is {head}");
            return Err(errors::corrupt(entity, head.sequence, reason));
        }
        Ok(head)
    }

    /// The head of the journal. A bucket has a successor only if it is full, so the first one that is not
    /// full holds the head; the read of that one decides the moment for which the answer is true.
    pub(super) async fn head(&self, entity: &EntityId) -> Result<Head, ReadError> {
        let known = self.known_bucket(entity);
        let mut bucket = match known {
            Some(bucket) => bucket,
            None => self.root(entity).await?.bucket,
        };
        let hint = bucket;
        let mut head = self.bucket_head(entity, bucket).await?;
        if head == Head::default() && bucket > 0 {
            let reason = "the bucket that the root names has no head";
            let at = values::bucket_end(bucket - 1).next();
            return Err(errors::corrupt(entity, at, reason));
        }
        while head.sequence == values::bucket_end(bucket) {
            let next = self.bucket_head(entity, bucket + 1).await?;
            if next == Head::default() {
                break;
            }
            (bucket, head) = (bucket + 1, next);
        }
        if known.is_none() || bucket > hint {
            self.remember_bucket(entity, bucket);
        }
        if bucket > hint {
            self.hint(entity, bucket).await;
        }
        Ok(head)
    }

    /// Tells other nodes of a bucket. Only a hint: without it they begin their search earlier.
    pub(super) async fn hint(&self, entity: &EntityId, bucket: i64) {
        if let Err(error) = self.write_root(entity, bucket).await {
            tracing::debug!(%entity, bucket, %error, "the newest bucket was not noted");
        }
    }

    /// Makes sure that the entity has a root, which names this bucket or a later one.
    pub(super) async fn write_root(
        &self,
        entity: &EntityId,
        bucket: i64,
    ) -> Result<(), scylla::errors::ExecutionError> {
        let key = values::entity_key(entity);
        let written = (bucket + 1, bucket, key);
        let statement = &self.statements.set_bucket;
        self.run("write_root", statement, written).await.map(|_| ())
    }

    fn known_bucket(&self, entity: &EntityId) -> Option<i64> {
        let key = values::entity_key(entity);
        self.buckets.lock().get(&key).copied()
    }

    /// Keeps a bucket that has a head. When too many are kept all are forgotten; a read finds each again.
    pub(super) fn remember_bucket(&self, entity: &EntityId, bucket: i64) {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= self.options.cached_buckets {
            buckets.clear();
        }
        let known = buckets.entry(values::entity_key(entity)).or_default();
        *known = (*known).max(bucket);
    }
}
