//! The connections of this node by their key, and the keys that have had their connection.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actors::ids::Timestamp;
use parking_lot::Mutex;

use super::handle::ConnectionHandle;

/// Locks are held for moments only; a few shards keep bursts of connects from queueing.
const SHARDS: usize = 16;

/// Ended keys that are remembered; the oldest go first. A forgotten one whose token is still fresh can
/// only open a new, empty connection for the same user.
const MOST_ENDED: usize = 200_000;

/// Connections by key.
pub struct Registry {
    shards: [Mutex<HashMap<u128, Slot>>; SHARDS],
    ended: Mutex<Ended>,
    count: AtomicUsize,
}

enum Slot {
    /// Its upgrade is under way.
    Reserved,
    Alive(Arc<ConnectionHandle>),
}

#[derive(Default)]
struct Ended {
    keys: HashSet<u128>,
    order: VecDeque<(Timestamp, u128)>,
}

/// What a key stands for when somebody wants to connect with it.
pub enum Claim {
    /// Nothing yet: it is now reserved.
    Free(Reservation),
    /// A connection.
    Alive(Arc<ConnectionHandle>),
    /// An upgrade that is under way.
    Reserved,
    /// A connection that has ended.
    Ended,
}

/// The right to register a connection under a key; given back on drop.
pub struct Reservation {
    registry: Arc<Registry>,
    key: u128,
    used: bool,
}

impl Registry {
    /// Nobody is connected.
    pub fn new() -> Arc<Self> {
        Arc::new(Registry {
            shards: Default::default(),
            ended: Mutex::default(),
            count: AtomicUsize::new(0),
        })
    }

    /// The connection under a key.
    pub fn get(&self, key: u128) -> Option<Arc<ConnectionHandle>> {
        match self.shard(key).lock().get(&key) {
            Some(Slot::Alive(handle)) => Some(handle.clone()),
            _ => None,
        }
    }

    /// Looks a key up and reserves it if it is free.
    pub fn claim(self: &Arc<Self>, key: u128) -> Claim {
        let mut shard = self.shard(key).lock();
        match shard.get(&key) {
            Some(Slot::Alive(handle)) => return Claim::Alive(handle.clone()),
            Some(Slot::Reserved) => return Claim::Reserved,
            None => {}
        }
        if self.ended.lock().keys.contains(&key) {
            return Claim::Ended;
        }
        shard.insert(key, Slot::Reserved);
        Claim::Free(Reservation {
            registry: self.clone(),
            key,
            used: false,
        })
    }

    /// Takes a connection out; its key stays used until `until`.
    pub fn remove(&self, key: u128, until: Option<Timestamp>) {
        let mut shard = self.shard(key).lock();
        if let Some(until) = until {
            self.ended.lock().add(key, until);
        }
        if let Some(Slot::Alive(_)) = shard.remove(&key) {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether a key has had its connection.
    pub fn has_ended(&self, key: u128) -> bool {
        self.ended.lock().keys.contains(&key)
    }

    /// How many are connected.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Forgets ended keys whose tokens are too old to be used again.
    pub fn sweep(&self, now: Timestamp) {
        self.ended.lock().sweep(now);
    }

    /// The connections, a part at a time, each part as it is when it is looked at.
    pub fn parts(&self) -> impl Iterator<Item = Vec<Arc<ConnectionHandle>>> {
        self.shards.iter().map(|shard| {
            let shard = shard.lock();
            let alive = |slot: &Slot| match slot {
                Slot::Alive(handle) => Some(handle.clone()),
                Slot::Reserved => None,
            };
            shard.values().filter_map(alive).collect()
        })
    }

    fn shard(&self, key: u128) -> &Mutex<HashMap<u128, Slot>> {
        // Keys are random.
        &self.shards[key as usize % SHARDS]
    }
}

impl Ended {
    fn add(&mut self, key: u128, until: Timestamp) {
        if self.order.len() >= MOST_ENDED
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        if self.keys.insert(key) {
            self.order.push_back((until, key));
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        // Connections do not end in the order of their tokens, but tokens live equally long: what
        // lingers behind a younger one is gone a moment later.
        while let Some((until, key)) = self.order.front().copied()
            && until <= now
        {
            self.order.pop_front();
            self.keys.remove(&key);
        }
    }
}

impl Reservation {
    /// Puts a connection in.
    pub fn register(mut self, handle: Arc<ConnectionHandle>) {
        self.used = true;
        let mut shard = self.registry.shard(self.key).lock();
        shard.insert(self.key, Slot::Alive(handle));
        self.registry.count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.used {
            self.registry.shard(self.key).lock().remove(&self.key);
        }
    }
}
