//! A writer as an owner of an entity is one: in doubt it asks for the head and sends the same row again.
#![allow(dead_code)] // Each test program uses its part.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actors::ids::EntityId;
use actors::journal::conformance::Store;
use actors::journal::conformance::writer::{read_all, records};
use actors::journal::{
    Append, AppendError, Digest, Head, Journal, PageLimit, Range, Row, SideWrites,
};
use rand::{Rng, SeedableRng};
use tokio::time::{Instant, sleep};

const ONE: PageLimit = PageLimit {
    records: 1,
    bytes: 1,
};

/// How many appends ended in what way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub acknowledged: usize,
    pub conflicts: usize,
    pub doubts: usize,
}

pub struct Owner {
    pub store: Arc<dyn Store>,
    pub entity: EntityId,
    pub head: Head,
    pub counts: Counts,
    /// What was acknowledged to this writer.
    pub rows: Vec<Row>,
    mark: u64,
    random: rand::rngs::SmallRng,
}

impl Owner {
    pub fn new(store: Arc<dyn Store>, entity: EntityId, mark: u64) -> Self {
        Self {
            store,
            entity,
            head: Head::default(),
            counts: Counts::default(),
            rows: Vec::new(),
            mark,
            random: rand::rngs::SmallRng::seed_from_u64(mark),
        }
    }

    pub fn next(&self, count: usize) -> Append {
        let label = format!("{} {}", self.mark, self.rows.len());
        Append {
            entity: self.entity.clone(),
            after: self.head,
            row: Row::seal(self.head, self.mark, records(&label, count)),
            side: SideWrites::default(),
        }
    }

    /// Appends once; true if the row is durable, false if another writer's is in its place.
    pub async fn write(&mut self, count: usize) -> bool {
        let append = self.next(count);
        let mut doubt = false;
        loop {
            match self.store.append(append.clone()).await {
                Ok(()) => return self.won(append.row),
                Err(AppendError::Conflict { head }) if !doubt => return self.lost(head).await,
                Err(AppendError::Conflict { .. }) => {}
                Err(AppendError::InDoubt(_)) => {
                    self.counts.doubts += 1;
                    doubt = true;
                }
                Err(AppendError::Unavailable(_)) => {
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
                Err(error) => panic!("{error}"),
            }
            let Ok(head) = self.store.head(&self.entity).await else {
                sleep(Duration::from_millis(50)).await;
                continue;
            };
            if head == append.after {
                continue;
            }
            let range = Range::After(append.after.sequence);
            if let Ok(rows) = self.store.read(&self.entity, range, ONE).await
                && let Some(row) = rows.first()
            {
                if row.digest == append.row.digest {
                    return self.won(append.row);
                }
                return self.lost(head).await;
            }
        }
    }

    /// Appends until the time is over.
    pub async fn write_until(&mut self, end: Instant) {
        while Instant::now() < end {
            self.write(1).await;
        }
    }

    fn won(&mut self, row: Row) -> bool {
        self.head = row.head();
        self.counts.acknowledged += 1;
        self.rows.push(row);
        true
    }

    /// Rests a while and learns the head only then: what the refusal told would be old by now.
    async fn lost(&mut self, head: Head) -> bool {
        self.counts.conflicts += 1;
        let pause = self.random.random_range(0..8);
        sleep(Duration::from_millis(pause)).await;
        self.head = self.store.head(&self.entity).await.unwrap_or(head);
        false
    }
}

/// Every acknowledged row is stored, once, where it was acknowledged; answers the number of stored rows.
pub async fn verify(store: &Arc<dyn Store>, entity: &EntityId, owners: &[&Owner]) -> usize {
    let stored = read_all(store, entity).await.unwrap();
    let by_digest: HashMap<Digest, &Row> = stored.iter().map(|row| (row.digest, row)).collect();
    assert_eq!(by_digest.len(), stored.len());
    let acknowledged = owners.iter().flat_map(|owner| &owner.rows);
    for row in acknowledged.clone() {
        assert_eq!(by_digest.get(&row.digest), Some(&row), "{}", row.head());
    }
    let head = Journal::head(&**store, entity).await.unwrap();
    assert_eq!(stored.last().map(Row::head).unwrap_or_default(), head);
    assert!(acknowledged.count() <= stored.len());
    stored.len()
}
