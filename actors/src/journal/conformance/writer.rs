//! An honest writer of one journal, and a reader that follows the chain; the suite's hands.

use std::sync::Arc;
use std::time::Duration;

use super::{Store, Violation, ensure, ensure_eq};
use crate::ids::{EntityId, EntityKind, Sequence};
use crate::journal::memory::MemoryJournal;
use crate::journal::{
    Append, AppendError, Head, PageLimit, Range, Record, Row, SideWrites, Snapshot,
};

/// A page that takes everything the suite writes.
pub const ALL: PageLimit = PageLimit {
    records: usize::MAX,
    bytes: usize::MAX,
};

/// How often a store may leave an append open before that is a failure, and the pause between two tries.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// An entity of the room kind.
pub fn room(id: &str) -> Result<EntityId, Violation> {
    of_kind(EntityKind::Room, id)
}

/// An entity of any kind.
pub fn of_kind(kind: EntityKind, id: &str) -> Result<EntityId, Violation> {
    EntityId::new(kind, id).map_err(|error| Violation(error.to_string()))
}

/// `count` records that name themselves; every third has no body.
pub fn records(label: &str, count: usize) -> Vec<Record> {
    let record = |n: usize| {
        let header = format!("{label} header {n}");
        let body = (n % 3 != 2).then(|| format!("{label} body {n}").into());
        Record::new(header.into(), body)
    };
    (0..count).map(record).collect()
}

/// Appends to one journal and remembers what was acknowledged.
#[derive(Clone)]
pub struct Writer {
    /// Where it writes.
    pub store: Arc<dyn Store>,
    /// Which journal.
    pub entity: EntityId,
    /// The acknowledged head.
    pub head: Head,
    /// The acknowledged rows.
    pub rows: Vec<Row>,
}

impl Writer {
    /// A writer of a journal that does not exist yet.
    pub fn new(store: &Arc<dyn Store>, entity: EntityId) -> Self {
        Self {
            store: store.clone(),
            entity,
            head: Head::default(),
            rows: Vec::new(),
        }
    }

    /// The append that these records would make next.
    pub fn next(&self, records: Vec<Record>, side: SideWrites) -> Append {
        Append {
            entity: self.entity.clone(),
            after: self.head,
            row: Row::seal(self.head, 0, records),
            side,
        }
    }

    /// Appends rows of one to four records each, as many as asked.
    pub async fn write(&mut self, rows: usize) -> Result<(), Violation> {
        for n in 0..rows {
            let label = format!("{} row {}", self.entity.id(), self.rows.len());
            let count = self.room_in_bucket().min(1 + n % 4);
            self.append(records(&label, count), SideWrites::default())
                .await?;
        }
        Ok(())
    }

    /// Appends one row, as often as it takes to know the outcome.
    pub async fn append(
        &mut self,
        records: Vec<Record>,
        side: SideWrites,
    ) -> Result<(), AppendError> {
        let append = self.next(records, side);
        let row = append.row.clone();
        settled(&self.store, append).await?;
        self.note(row);
        Ok(())
    }

    /// Appends one row and answers what the store says first.
    pub async fn append_once(
        &mut self,
        records: Vec<Record>,
        side: SideWrites,
    ) -> Result<(), AppendError> {
        let append = self.next(records, side);
        let row = append.row.clone();
        self.store.append(append).await?;
        self.note(row);
        Ok(())
    }

    fn note(&mut self, row: Row) {
        self.head = row.head();
        self.rows.push(row);
    }

    /// Records that fit before the next bucket boundary.
    fn room_in_bucket(&self) -> usize {
        let bucket = self.store.capabilities().bucket;
        bucket.map_or(usize::MAX, |b| (b - self.head.sequence.0 % b) as usize)
    }

    /// Keeps a snapshot of the present head.
    pub async fn snapshot(&self, state: &str) -> Result<(), AppendError> {
        let snapshot = Snapshot {
            head: self.head,
            state: state.to_owned().into(),
        };
        self.store.put_snapshot(&self.entity, snapshot).await
    }

    /// Everything this writer knows to be acknowledged is there, and nothing else.
    pub async fn verify(&self) -> Result<(), Violation> {
        let rows = read_all(&self.store, &self.entity).await?;
        ensure_eq!(rows, self.rows, "rows of {}", self.entity);
        let head = self.store.head(&self.entity).await?;
        ensure_eq!(head, self.head, "head of {}", self.entity);
        Ok(())
    }
}

/// Appends until the outcome is certain, as an owner does: in doubt, the same again tells.
pub async fn settled(store: &Arc<dyn Store>, append: Append) -> Result<(), AppendError> {
    let mut tries = 1;
    loop {
        match store.append(append.clone()).await {
            Err(AppendError::InDoubt(_) | AppendError::Unavailable(_)) if tries < TRIES => {}
            outcome => return outcome,
        }
        tries += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// All rows of a journal in small pages; fails unless they make one chain.
pub async fn read_all(store: &Arc<dyn Store>, entity: &EntityId) -> Result<Vec<Row>, Violation> {
    let limit = PageLimit {
        records: 7,
        bytes: 4096,
    };
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map_or(Sequence::ZERO, Row::last);
        let page = store.read(entity, Range::After(after), limit).await?;
        if page.is_empty() {
            return Ok(rows);
        }
        for row in page {
            if let Some(before) = rows.last() {
                ensure_eq!(row.first, before.last().next(), "sequence in {entity}");
                ensure_eq!(row.previous, before.digest, "chain of {entity}");
            }
            let head = Head {
                sequence: Sequence(row.first.0.saturating_sub(1)),
                digest: row.previous,
            };
            let verified = row.verify(head);
            ensure!(verified.is_ok(), "{entity} holds a bad row: {verified:?}");
            rows.push(row);
        }
    }
}

/// A store to hold while the real one is closed.
pub fn nowhere() -> Arc<dyn Store> {
    Arc::new(MemoryJournal::new())
}
