//! The journal in memory with one realistic bug at a time.
//!
//! A restart plays what was written into a new journal, so that a mutant can lose something on the way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use actors::ids::{EntityId, Sequence, Timestamp};
use actors::journal::conformance::{End, Place, Provider, Store, Violation};
use actors::journal::memory::MemoryJournal;
use actors::journal::{
    Append, AppendError, Capabilities, Journal, Snapshot, Table, TableWrite, Wakeups,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::port::Shared;

/// What the provider gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    AcknowledgesConflicts,
    /// Compares the sequence of the head only.
    ForgetsDigestInCompare,
    AcknowledgesInvalidRows,
    IgnoresRowLimit,
    /// Ids in a column that ignores case.
    FoldsCase,
    ReadsEmptyBodiesAsNone,
    /// Answers "conflict" to an append that it stored, if another is under way.
    RefusesWhatItStored,
    DropsEveryHundredthAppend,
    ReadsBackwardsInOrder,
    IgnoresPageLimit,
    ListsTooMany,
    ForgetsWhatWasTrimmed,
    /// Finds the head by reading from sequence 1.
    LosesHeadWhenTrimmed,
    CountsUnknownFromZero,
    LastSnapshotWins,
    LastTableWriteWins,
    FirstOverlayWins,
    IgnoresErasures,
    WritesSideOfRefused,
    ScansEverything,
    NeverClearsWakeUps,
    LosesLastRowAtRestart,
}

/// Makes journals with this bug, or none.
pub struct Mutant(pub Option<Bug>);

impl Provider for Mutant {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Held(Arc::new(Buggy::new(self.0, Vec::new()))))
    }
}

struct Held(Arc<Buggy>);

impl Place for Held {
    fn open(&mut self) -> BoxFuture<'_, Result<Arc<dyn Store>, Violation>> {
        let store: Arc<dyn Store> = Arc::new(Shared(self.0.clone()));
        std::future::ready(Ok(store)).boxed()
    }

    fn end(&mut self, _: End) -> BoxFuture<'_, Result<(), Violation>> {
        async move {
            let mut kept = std::mem::take(&mut *self.0.written.lock());
            if self.0.has(Bug::LosesLastRowAtRestart)
                && let Some(last) = kept.iter().rposition(|w| matches!(w, Written::Append(_)))
            {
                kept.remove(last);
            }
            let next = Arc::new(Buggy::new(self.0.bug, kept.clone()));
            for write in kept {
                // What rests on something lost is lost with it.
                let _ = write.replay(&next.inner).await;
            }
            self.0 = next;
            Ok(())
        }
        .boxed()
    }
}

#[derive(Clone)]
pub enum Written {
    Append(Append),
    Snapshot(EntityId, Snapshot),
    Rows(Vec<TableWrite>),
    Trim(EntityId, Sequence),
    Arm(EntityId, Timestamp),
    Clear(EntityId, Timestamp),
}

impl Written {
    async fn replay(self, journal: &MemoryJournal) -> Result<(), AppendError> {
        match self {
            Self::Append(append) => journal.append(append).await,
            Self::Snapshot(entity, snapshot) => journal.put_snapshot(&entity, snapshot).await,
            Self::Rows(rows) => journal.put_rows(rows).await,
            Self::Trim(entity, first) => journal.trim(&entity, first).await.map(|_| ()),
            Self::Arm(entity, due) => journal.arm(&entity, due).await,
            Self::Clear(entity, due) => journal.clear(&entity, due).await,
        }
    }
}

pub struct Buggy {
    pub bug: Option<Bug>,
    pub inner: MemoryJournal,
    pub written: Mutex<Vec<Written>>,
    pub snapshots: Mutex<BTreeMap<EntityId, Snapshot>>,
    pub rows: Mutex<BTreeMap<(Table, Vec<u8>), TableWrite>>,
    pub appends: AtomicU64,
    pub under_way: AtomicU64,
}

pub const CAPABILITIES: Capabilities = Capabilities {
    exclusive: false,
    atomic_side_writes: true,
    bucket: None,
    max_row_bytes: 1 << 20,
};

impl Buggy {
    fn new(bug: Option<Bug>, written: Vec<Written>) -> Self {
        let enforced = match bug {
            Some(Bug::IgnoresRowLimit) => 2 << 20,
            _ => CAPABILITIES.max_row_bytes,
        };
        Self {
            bug,
            inner: MemoryJournal::with_capabilities(Capabilities {
                max_row_bytes: enforced,
                ..CAPABILITIES
            }),
            written: Mutex::new(written),
            snapshots: Mutex::default(),
            rows: Mutex::default(),
            appends: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
        }
    }

    pub fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    pub fn id(&self, entity: &EntityId) -> EntityId {
        if self.has(Bug::FoldsCase) {
            let folded = EntityId::new(entity.kind, &entity.id().to_lowercase());
            return folded.unwrap_or_else(|_| entity.clone());
        }
        entity.clone()
    }

    /// Writes, and remembers what was acknowledged.
    pub async fn write(&self, what: Written) -> Result<(), AppendError> {
        what.clone().replay(&self.inner).await?;
        self.written.lock().push(what);
        Ok(())
    }
}
