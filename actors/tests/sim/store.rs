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
use super::faults::Rates;
use super::trace::Trace;

type Work = Box<dyn FnOnce() + Send>;

/// How long a caller of the store waits before it gives up.
const TIMEOUT_MS: u64 = 1_500;

pub struct Store {
    pub inner: MemoryJournal,
    pub rates: Arc<Mutex<Rates>>,
    pub trace: Trace,
    /// Every row ever appended.
    pub archive: Mutex<BTreeMap<EntityId, Vec<Row>>>,
    /// The same of all entities, in the order in which they landed.
    pub log: Mutex<Vec<(EntityId, Row)>>,
    /// Every answer to a trim: what could be read first from then on.
    pub trims: Mutex<BTreeMap<EntityId, BTreeSet<Sequence>>>,
    /// When the last row of each journal was appended, and by which life.
    pub appended: Mutex<BTreeMap<EntityId, (u64, u64)>>,
    /// First sequence that plain reads do not see: its append is in doubt, and nobody has finished it.
    unseen: Mutex<BTreeMap<EntityId, Sequence>>,
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
    pub fn new(
        seed: u64,
        capabilities: Capabilities,
        rates: Arc<Mutex<Rates>>,
        now: Now,
        trace: Trace,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryJournal::with_capabilities(capabilities),
            rates,
            trace,
            archive: Mutex::default(),
            log: Mutex::default(),
            trims: Mutex::default(),
            appended: Mutex::default(),
            unseen: Mutex::default(),
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
        self.now_or_never(|item| item.late);
    }

    /// The only process that uses the store has died: what it had begun is done or not, and nothing of it comes later.
    pub fn abandon(&self) {
        self.now_or_never(|_| true);
    }

    fn now_or_never(&self, which: impl Fn(&Item) -> bool) {
        let due = std::mem::take(&mut self.agenda.lock().due);
        let (over, due) = due.into_iter().partition(|(_, item)| which(item));
        self.agenda.lock().due = due;
        let over: BTreeMap<_, Item> = over;
        for item in over.into_values() {
            if self.chance(500) {
                (item.work)();
            }
        }
    }

    /// Whether nothing is under way.
    pub fn is_calm(&self) -> bool {
        self.agenda.lock().due.is_empty()
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
        let slow = self.rates.lock().slow;
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
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> BoxFuture<'static, T> {
        let me = self.clone();
        async move {
            let (there, back) = (me.latency(), me.latency());
            let chance = me.rates.lock().read_fails;
            let failed = fails.filter(|_| me.chance(chance));
            me.trace
                .note(|| format!("{what} fails={} {there}+{back}", failed.is_some()));
            let (answer, wait) = oneshot::channel();
            let store = me.clone();
            me.at(there, false, move || {
                let result = failed.unwrap_or_else(|| work(&store));
                store.at(back, false, move || drop(answer.send(result)));
            });
            match wait.await {
                Ok(result) => result,
                // Whoever asked has died.
                Err(_) => std::future::pending().await,
            }
        }
        .boxed()
    }

    /// Someone reads or writes the head: whatever was left unfinished is finished.
    pub fn reveal(&self, entity: &EntityId) {
        self.unseen.lock().remove(entity);
    }

    /// What plain reads see of these rows.
    pub fn visible(&self, entity: &EntityId, mut rows: Vec<Row>) -> Vec<Row> {
        let unseen = self.unseen.lock().get(entity).copied();
        if let Some(unseen) = unseen {
            let before = rows.len();
            rows.retain(|row| row.first < unseen);
            if rows.len() < before {
                self.trace.hit("stale read");
            }
        }
        rows
    }

    fn apply(&self, life: u64, append: Append, doubtful: bool) -> Result<(), AppendError> {
        let (entity, row) = (append.entity.clone(), append.row.clone());
        self.reveal(&entity);
        let outcome = done(self.inner.append(append));
        self.trace
            .note(|| format!("apply {entity} {}..={} {outcome:?}", row.first, row.last()));
        outcome?;
        if self
            .inner
            .capabilities()
            .bucket
            .is_some_and(|bucket| row.last().0 % bucket == 0)
        {
            self.trace.hit("bucket boundary");
        }
        let stale = self.rates.lock().stale;
        if doubtful && self.chance(stale) {
            self.unseen.lock().insert(entity.clone(), row.first);
        }
        let now = self.now.load(Ordering::Relaxed);
        self.appended.lock().insert(entity.clone(), (now, life));
        self.log.lock().push((entity.clone(), row.clone()));
        self.archive.lock().entry(entity).or_default().push(row);
        Ok(())
    }

    /// When a caller hears that nobody knows.
    fn doubt_after(&self) -> u64 {
        let hurried = self.rates.lock().hurried;
        if self.chance(hurried) {
            self.trace.hit("doubt at once");
            self.between(6, 30)
        } else {
            TIMEOUT_MS
        }
    }

    /// What becomes of the row of an append; its side data goes with it only if the store is atomic.
    pub async fn append_row(self: Arc<Self>, life: u64, append: Append) -> Result<(), AppendError> {
        let rates = *self.rates.lock();
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
        if is(rates.refused) {
            let refused = Err(AppendError::Unavailable("refused".into()));
            self.trace.hit("append refused");
            self.at(there, false, move || drop(answer.send(refused)));
        } else if is(rates.applied_timeout) {
            self.trace.hit("append applied, answer lost");
            self.at(there, false, move || drop(store.apply(life, append, true)));
            let lost = unknown("answer lost");
            let told = self.doubt_after();
            self.at(told, false, move || drop(answer.send(lost)));
        } else if is(rates.lost_timeout) {
            self.trace.hit("append lost");
            let lost = unknown("request lost");
            let told = self.doubt_after();
            self.at(told, false, move || drop(answer.send(lost)));
        } else if is(rates.late) {
            self.trace.hit("append late");
            let late = TIMEOUT_MS + self.between(0, self.between(2, 30_000));
            self.at(late, true, move || {
                if store.apply(life, append, true).is_ok() {
                    store.trace.hit("append landed late");
                }
            });
            let lost = unknown("no answer yet");
            let told = self.doubt_after();
            self.at(told, false, move || drop(answer.send(lost)));
        } else {
            if is(rates.doubled) {
                let (again, store) = (append.clone(), self.clone());
                self.trace.hit("append doubled");
                let later = there + self.between(1, 2_000);
                self.at(later, false, move || drop(store.apply(life, again, false)));
            }
            let back = self.latency();
            self.at(there, false, move || {
                let outcome = store.apply(life, append, false);
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
