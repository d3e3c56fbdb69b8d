//! Hints between nodes: any may be lost, late or doubled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::hub::Relay;
use actors::ids::{EntityId, Sequence};
use actors::journal::Row;
use actors::machines::room::RoomEntry;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::clock::Now;
use super::store::Store;

/// What one node tells another.
#[derive(Clone)]
pub struct Hint {
    pub to: usize,
    pub entity: EntityId,
    pub first: Sequence,
    pub events: Vec<RoomEntry>,
}

pub struct Bus {
    now: Now,
    store: Arc<Store>,
    state: Mutex<State>,
}

struct State {
    rng: StdRng,
    due: BTreeMap<(u64, u64), Hint>,
    numbers: u64,
}

impl Bus {
    pub fn new(seed: u64, now: Now, store: Arc<Store>) -> Arc<Self> {
        Arc::new(Self {
            now,
            store,
            state: Mutex::new(State {
                rng: StdRng::seed_from_u64(seed),
                due: BTreeMap::new(),
                numbers: 0,
            }),
        })
    }

    fn send(&self, hint: Hint) {
        let faults = self.store.faults.lock().clone();
        let mut state = self.state.lock();
        if state.rng.random_range(0..1_000) < faults.hint_lost {
            self.store.trace.hit("hint lost");
            return;
        }
        let copies = 1 + usize::from(state.rng.random_range(0..1_000) < faults.hint_doubled);
        for _ in 0..copies {
            let delay = state.rng.random_range(0..=faults.hint_delay);
            state.numbers += 1;
            let key = (self.now.load(Ordering::Relaxed) + delay, state.numbers);
            state.due.insert(key, hint.clone());
        }
    }

    /// A hint that has arrived.
    pub fn next(&self) -> Option<Hint> {
        let now = self.now.load(Ordering::Relaxed);
        let mut state = self.state.lock();
        let entry = state.due.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

/// One node's way to all others.
pub struct Sender {
    pub bus: Arc<Bus>,
    pub from: usize,
    pub nodes: usize,
}

impl Relay for Sender {
    fn tell(&self, entity: &EntityId, row: &Row, events: &[RoomEntry]) {
        for to in (0..self.nodes).filter(|to| *to != self.from) {
            self.bus.send(Hint {
                to,
                entity: entity.clone(),
                first: row.first,
                events: events.to_vec(),
            });
        }
    }
}
