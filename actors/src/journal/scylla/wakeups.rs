//! Durable alarms, spread over a few partitions by entity and ordered by time in each.

use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use scylla::response::PagingState;
use xxhash_rust::xxh3::xxh3_64;

use super::values;
use super::{Store, errors};
use crate::ids::{EntityId, Timestamp};
use crate::journal::{AppendError, ReadError};

/// Partitions of alarms; part of what is stored.
const SHARDS: i32 = 16;

impl Store {
    pub(super) async fn arm(&self, entity: &EntityId, due: Timestamp) -> Result<(), AppendError> {
        let key = values::entity_key(entity);
        let alarm = (shard(&key), values::ordered(due.0), key);
        let done = self.run("arm", &self.statements.arm, alarm).await;
        done.map(|_| ()).map_err(errors::write)
    }

    pub(super) async fn clear(&self, entity: &EntityId, due: Timestamp) -> Result<(), AppendError> {
        let key = values::entity_key(entity);
        let alarm = (shard(&key), values::ordered(due.0), key);
        let done = self.run("clear", &self.statements.clear, alarm).await;
        done.map(|_| ()).map_err(errors::write)
    }

    pub(super) async fn due(
        &self,
        now: Timestamp,
        after: Option<(EntityId, Timestamp)>,
        limit: usize,
    ) -> Result<Vec<(EntityId, Timestamp)>, ReadError> {
        let after = after.as_ref();
        let reads = (0..SHARDS).map(|shard| self.due_in(shard, now, after, limit).boxed());
        let running = stream::iter(reads).buffer_unordered(self.options.concurrent_writes);
        let shards: Vec<Vec<(EntityId, Timestamp)>> = running.try_collect().await?;
        let mut due: Vec<_> = shards.into_iter().flatten().collect();
        due.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        due.truncate(limit);
        Ok(due)
    }

    /// The oldest of one partition above an alarm. Those of its very moment are read once more.
    async fn due_in(
        &self,
        shard: i32,
        now: Timestamp,
        after: Option<&(EntityId, Timestamp)>,
        limit: usize,
    ) -> Result<Vec<(EntityId, Timestamp)>, ReadError> {
        let mut found = Vec::new();
        let mut state = Some(PagingState::start());
        while let Some(paging) = state {
            let from = after.map_or(0, |(_, due)| due.0);
            let asked = (shard, values::ordered(from), values::ordered(now.0));
            let (rows, next) = self
                .page("due", &self.statements.due, asked, paging)
                .await?;
            for row in rows.rows::<(i64, Vec<u8>)>().map_err(errors::read)? {
                let (due, key) = row.map_err(errors::read)?;
                if found.len() >= limit {
                    return Ok(found);
                }
                let unnamed = || ReadError::CorruptRow {
                    place: format!("wake-up {:?}", String::from_utf8_lossy(&key)),
                    reason: "the key names no entity".into(),
                };
                let entity = values::parse_entity(&key).ok_or_else(unnamed)?;
                let due = Timestamp(values::unordered(due));
                if after.is_none_or(|(last, at)| (due, &entity) > (*at, last)) {
                    found.push((entity, due));
                }
            }
            state = next;
        }
        Ok(found)
    }
}

fn shard(key: &[u8]) -> i32 {
    (xxh3_64(key) % SHARDS as u64) as i32
}
