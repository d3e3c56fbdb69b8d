//! The store that all nodes share: a linearizable map, and an agenda of what has been sent to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::ids::{EntityId, Sequence};
use actors::journal::memory::MemoryJournal;
use actors::journal::{Append, AppendError, Capabilities, Journal, Row};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::oneshot;

use super::clock::Now;
use super::faults::Faults;
use super::trace::Trace;

type Work = Box<dyn FnOnce() + Send>;

/// How long a caller of the store waits before it gives up.
const TIMEOUT_MS: u64 = 1_500;

pub struct Store {
    pub inner: MemoryJournal,
    pub faults: Mutex<Faults>,
    pub trace: Trace,
    /// Every row ever appended.
    pub archive: Mutex<BTreeMap<EntityId, Vec<Row>>>,
    /// Every answer to a trim: what could be read first from then on.
    pub trims: Mutex<BTreeMap<EntityId, BTreeSet<Sequence>>>,
    now: Now,
    rng: Mutex<StdRng>,
    agenda: Mutex<Agenda>,
}

#[derive(Default)]
struct Agenda {
    due: BTreeMap<(u64, u64), Item>,
    numbers: u64,
}

struct Item {
    work: Work,
    /// An append that nobody waits for any more.
    late: bool,
}

impl Store {
    pub fn new(seed: u64, faults: Faults, now: Now, trace: Trace) -> Arc<Self> {
        let capabilities = Capabilities {
            exclusive: faults.exclusive,
            atomic_side_writes: faults.atomic,
            bucket: faults.bucket,
            max_row_bytes: 1 << 20,
        };
        Arc::new(Self {
            inner: MemoryJournal::with_capabilities(capabilities),
            faults: Mutex::new(faults),
            trace,
            archive: Mutex::default(),
            trims: Mutex::default(),
            now,
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
            agenda: Mutex::default(),
        })
    }

    /// Does what is due.
    pub fn run(&self) {
        let now = self.now.load(Ordering::Relaxed);
        loop {
            let item = {
                let mut agenda = self.agenda.lock();
                match agenda.due.first_entry() {
                    Some(entry) if entry.key().0 <= now => entry.remove(),
                    _ => return,
                }
            };
            (item.work)();
        }
    }

    /// All that is still to land lands now or never.
    pub fn settle(&self) {
        let mut late = Vec::new();
        let mut agenda = self.agenda.lock();
        let keys: Vec<_> = agenda
            .due
            .iter()
            .filter(|(_, i)| i.late)
            .map(|(k, _)| *k)
            .collect();
        for key in keys {
            late.extend(agenda.due.remove(&key));
        }
        drop(agenda);
        for item in late {
            if self.chance(500) {
                (item.work)();
            }
        }
    }

    fn at(&self, delay: u64, late: bool, work: impl FnOnce() + Send + 'static) {
        let mut agenda = self.agenda.lock();
        agenda.numbers += 1;
        let key = (self.now.load(Ordering::Relaxed) + delay, agenda.numbers);
        let work: Work = Box::new(work);
        agenda.due.insert(key, Item { work, late });
    }

    pub fn chance(&self, thousandths: u32) -> bool {
        self.rng.lock().random_range(0..1_000) < thousandths
    }

    fn between(&self, low: u64, high: u64) -> u64 {
        self.rng.lock().random_range(low..high)
    }

    fn latency(&self) -> u64 {
        let slow = self.faults.lock().slow;
        if self.chance(slow) {
            self.between(100, TIMEOUT_MS)
        } else {
            self.between(0, 6)
        }
    }

    /// Runs an operation at some moment between question and answer.
    pub fn call<T: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        fails: Option<T>,
        work: impl FnOnce(&MemoryJournal) -> BoxFuture<'static, T> + Send + 'static,
    ) -> BoxFuture<'static, T> {
        let me = self.clone();
        async move {
            let (there, back) = (me.latency(), me.latency());
            let chance = me.faults.lock().read_fails;
            let failed = fails.filter(|_| me.chance(chance));
            me.trace
                .note(|| format!("{what} fails={} {there}+{back}", failed.is_some()));
            let (answer, wait) = oneshot::channel();
            let store = me.clone();
            me.at(there, false, move || {
                let result = failed.unwrap_or_else(|| done(work(&store.inner)));
                store.at(back, false, move || drop(answer.send(result)));
            });
            wait.await
                .unwrap_or_else(|_| unreachable!("the agenda keeps what it was given"))
        }
        .boxed()
    }

    fn apply(&self, append: Append) -> Result<(), AppendError> {
        let (entity, row) = (append.entity.clone(), append.row.clone());
        let outcome = done(self.inner.append(append));
        self.trace
            .note(|| format!("apply {entity} {}..={} {outcome:?}", row.first, row.last()));
        if outcome.is_ok() {
            if self
                .inner
                .capabilities()
                .bucket
                .is_some_and(|bucket| row.last().0 % bucket == 0)
            {
                self.trace.hit("bucket boundary");
            }
            self.archive.lock().entry(entity).or_default().push(row);
        }
        outcome
    }

    /// What becomes of the row of an append; its side data goes with it only if the store is atomic.
    pub async fn append_row(self: Arc<Self>, append: Append) -> Result<(), AppendError> {
        let faults = self.faults.lock().clone();
        let mut fate = self.rng.lock().random_range(0..1_000);
        let mut is = |chance: u32| {
            let hit = fate < chance;
            fate = fate.saturating_sub(chance);
            hit
        };
        let (answer, wait) = oneshot::channel();
        let there = self.latency();
        let store = self.clone();
        let entity = append.entity.clone();
        let unknown = |why: &str| Err(AppendError::InDoubt(why.into()));
        if is(faults.refused) {
            let refused = Err(AppendError::Unavailable("refused".into()));
            self.trace.hit("append refused");
            self.at(there, false, move || drop(answer.send(refused)));
        } else if is(faults.applied_timeout) {
            self.trace.hit("append applied, answer lost");
            self.at(there, false, move || drop(store.apply(append)));
            let lost = unknown("answer lost");
            self.at(TIMEOUT_MS, false, move || drop(answer.send(lost)));
        } else if is(faults.lost_timeout) {
            self.trace.hit("append lost");
            let lost = unknown("request lost");
            self.at(TIMEOUT_MS, false, move || drop(answer.send(lost)));
        } else if is(faults.late) {
            self.trace.hit("append late");
            let late = TIMEOUT_MS + self.between(0, self.between(2, 30_000));
            self.at(late, true, move || {
                if store.apply(append).is_ok() {
                    store.trace.hit("append landed late");
                }
            });
            let lost = unknown("no answer yet");
            self.at(TIMEOUT_MS, false, move || drop(answer.send(lost)));
        } else {
            if is(faults.doubled) {
                let (again, store) = (append.clone(), self.clone());
                self.trace.hit("append doubled");
                let later = there + self.between(1, 2_000);
                self.at(later, true, move || drop(store.apply(again)));
            }
            let back = self.latency();
            self.at(there, false, move || {
                let outcome = store.apply(append);
                if matches!(outcome, Err(AppendError::Conflict { .. })) {
                    store.trace.hit("append conflict");
                }
                store.at(back, false, move || drop(answer.send(outcome)));
            });
        }
        let outcome = wait.await.unwrap_or_else(|_| unknown("cut off"));
        self.trace
            .note(|| format!("append {entity} -> {outcome:?}"));
        outcome
    }
}

/// The memory journal answers at the first poll.
pub fn done<T>(future: BoxFuture<'static, T>) -> T {
    future
        .now_or_never()
        .expect("the memory journal does not wait")
}
