//! A memory journal whose appends can be held back or refused and whose reads can be made to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actors::ids::{EntityId, Sequence};
use actors::journal::memory::MemoryJournal;
use actors::journal::{
    Append, AppendError, Capabilities, Journal, PageLimit, Range, ReadError, Row, SideWrites,
    Snapshot,
};
use actors::testing::front::Front;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// The store of a test.
#[derive(Clone)]
pub struct Held {
    pub inner: Arc<MemoryJournal>,
    controls: Arc<Controls>,
}

struct Controls {
    /// One permit per append that may go on.
    gate: Semaphore,
    refuse: Mutex<Option<AppendError>>,
    corrupt: Mutex<Option<EntityId>>,
    stalled: Mutex<Option<EntityId>>,
    torn: AtomicBool,
    snapshots: Mutex<Vec<Sequence>>,
    records_read: Mutex<usize>,
}

const OPEN: usize = 1 << 20;

impl Held {
    pub fn new(exclusive: bool) -> Self {
        Self::with(exclusive, true)
    }

    /// One that writes what goes with a row after the row.
    pub fn not_atomic() -> Self {
        Self::with(false, false)
    }

    fn with(exclusive: bool, atomic_side_writes: bool) -> Self {
        let capabilities = Capabilities {
            exclusive,
            atomic_side_writes,
            bucket: None,
            max_row_bytes: 1 << 20,
        };
        Self {
            inner: Arc::new(MemoryJournal::with_capabilities(capabilities)),
            controls: Arc::new(Controls {
                gate: Semaphore::new(OPEN),
                refuse: Mutex::default(),
                corrupt: Mutex::default(),
                stalled: Mutex::default(),
                torn: AtomicBool::new(false),
                snapshots: Mutex::default(),
                records_read: Mutex::default(),
            }),
        }
    }

    /// No append answers from now on.
    pub fn hold(&self) {
        self.controls.gate.forget_permits(OPEN);
    }

    /// Appends answer again.
    pub fn release(&self) {
        self.controls.gate.add_permits(OPEN / 2);
    }

    /// Every append is answered like this, and none is applied; `None` ends it.
    pub fn refuse(&self, with: Option<AppendError>) {
        *self.controls.refuse.lock() = with;
    }

    /// Reads of this entity find damage; `None` mends it.
    pub fn corrupt(&self, entity: Option<EntityId>) {
        *self.controls.corrupt.lock() = entity;
    }

    /// Reads of this entity do not answer; `None` lets them.
    pub fn stall(&self, entity: Option<EntityId>) {
        *self.controls.stalled.lock() = entity;
    }

    /// From now on rows land, what goes with them does not, and nobody hears of either.
    pub fn tear(&self, torn: bool) {
        self.controls.torn.store(torn, Ordering::Relaxed);
    }

    /// Heads of the snapshots that were stored, in order.
    pub fn snapshots(&self) -> Vec<Sequence> {
        self.controls.snapshots.lock().clone()
    }

    /// Records read since the last call.
    pub fn take_records_read(&self) -> usize {
        std::mem::take(&mut *self.controls.records_read.lock())
    }
}

impl Front for Held {
    type Behind = MemoryJournal;

    fn behind(&self) -> &MemoryJournal {
        &self.inner
    }

    fn append(&self, mut append: Append) -> BoxFuture<'static, Result<(), AppendError>> {
        let (controls, inner) = (self.controls.clone(), self.inner.clone());
        async move {
            let permit = controls.gate.acquire().await;
            permit.expect("the gate stays").forget();
            controls.gate.add_permits(1);
            if controls.torn.load(Ordering::Relaxed) {
                append.side = SideWrites::default();
                let landed = inner.append(append).await;
                landed.expect("nothing else is wrong");
                return std::future::pending().await;
            }
            let refused = controls.refuse.lock().clone();
            match refused {
                Some(error) => Err(error),
                None => inner.append(append).await,
            }
        }
        .boxed()
    }

    fn read(
        &self,
        entity: &EntityId,
        range: Range,
        limit: PageLimit,
    ) -> BoxFuture<'static, Result<Vec<Row>, ReadError>> {
        if self.controls.corrupt.lock().as_ref() == Some(entity) {
            let damage = ReadError::Corrupt {
                entity: entity.clone(),
                sequence: Sequence(1),
                reason: "a flipped bit".into(),
            };
            return std::future::ready(Err(damage)).boxed();
        }
        if self.controls.stalled.lock().as_ref() == Some(entity) {
            return std::future::pending().boxed();
        }
        let (controls, rows) = (self.controls.clone(), self.inner.read(entity, range, limit));
        async move {
            let rows = rows.await?;
            *controls.records_read.lock() += rows.iter().map(|r| r.records.len()).sum::<usize>();
            Ok(rows)
        }
        .boxed()
    }

    fn put_snapshot(
        &self,
        entity: &EntityId,
        snapshot: Snapshot,
    ) -> BoxFuture<'static, Result<(), AppendError>> {
        self.controls.snapshots.lock().push(snapshot.head.sequence);
        self.inner.put_snapshot(entity, snapshot)
    }
}
