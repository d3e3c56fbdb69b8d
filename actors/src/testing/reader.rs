//! A connection's end: an outlet with a bounded queue, read at whatever speed its owner reads it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use super::mistake;
use super::oracle::{Seen, SharedHistory, fact, text};
use crate::delivery::{Delivery, Outlet, Payload, Pushed};
use crate::ids::{RoomId, Sequence};

/// What the reader knows of each room: the last sequence read.
pub type Positions = Arc<Mutex<BTreeMap<RoomId, Sequence>>>;

/// An outlet that is read by hand.
pub struct Reader {
    history: SharedHistory,
    positions: Positions,
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Item>,
    /// Pushed items only; answers to joins are not bounded by the queue.
    pushed: usize,
    /// The view that a room's events belong to, as far as read.
    views: BTreeMap<RoomId, usize>,
    wake: Option<Box<dyn FnOnce() + Send>>,
    closed: bool,
}

enum Item {
    Delivery(Arc<Delivery>),
    Joined(RoomId, usize, Option<Sequence>),
}

impl Reader {
    /// A reader whose queue holds so many deliveries.
    pub fn new(history: SharedHistory, positions: Positions, capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            history,
            positions,
            capacity,
            state: Mutex::default(),
        })
    }

    /// The answer to a join takes its place in the queue: what follows belongs to that view.
    /// Reading begins at `from`, if that is not where it was.
    pub fn joined(&self, room: RoomId, view: usize, from: Option<Sequence>) {
        let mut state = self.state.lock();
        state.queue.push_back(Item::Joined(room, view, from));
    }

    /// Reads at most `count` items. Needs a runtime around it, for the hub may be woken.
    pub fn read(&self, count: usize) {
        let mut state = self.state.lock();
        for _ in 0..count {
            let Some(item) = state.queue.pop_front() else {
                break;
            };
            match item {
                Item::Joined(room, view, from) => {
                    if let Some(from) = from {
                        self.positions.lock().insert(room.clone(), from);
                    }
                    state.views.insert(room, view);
                }
                Item::Delivery(delivery) => {
                    state.pushed -= 1;
                    self.record(&state, &delivery.payload);
                }
            }
        }
        let wake = (state.pushed <= self.capacity / 2).then(|| state.wake.take());
        drop(state);
        if let Some(wake) = wake.flatten() {
            wake();
        }
    }

    fn record(&self, state: &State, payload: &Payload) {
        let (entity, seen) = match payload {
            Payload::Events(block) => {
                let numbered = (block.first.0..).map(Sequence).zip(&block.events);
                let seen = numbered.map(|(sequence, shown)| Seen::Event {
                    sequence,
                    fact: fact(shown),
                    text: mistake::shown(text(shown)),
                });
                if let Some(room) = block.entity.as_room() {
                    self.positions.lock().insert(room, block.last());
                }
                (&block.entity, seen.collect::<Vec<_>>())
            }
            Payload::Reset { entity, from, .. } => (entity, vec![Seen::Reset { from: *from }]),
            _ => return,
        };
        let room = entity.as_room();
        if let Some(view) = room.and_then(|room| state.views.get(&room)) {
            self.history.lock().views[*view].seen.extend(seen);
        }
    }

    /// The connection is gone: nothing more can be pushed.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let wake = state.wake.take();
        drop(state);
        if let Some(wake) = wake {
            wake();
        }
    }

    /// Nothing is waiting to be read.
    pub fn is_empty(&self) -> bool {
        self.state.lock().queue.is_empty()
    }
}

impl Outlet for Reader {
    fn push(&self, delivery: &Arc<Delivery>) -> Pushed {
        let mut state = self.state.lock();
        if state.closed {
            return Pushed::Closed;
        }
        if state.pushed >= self.capacity {
            return Pushed::Full;
        }
        state.pushed += 1;
        let delivery = mistake::pushed(delivery);
        state.queue.push_back(Item::Delivery(delivery));
        let pushed = state.pushed;
        drop(state);
        let mut history = self.history.lock();
        history.gauge("deliveries in a send queue", pushed, self.capacity);
        Pushed::Accepted
    }

    fn on_drain(&self, wake: Box<dyn FnOnce() + Send>) {
        let mut state = self.state.lock();
        if state.closed || state.pushed <= self.capacity / 2 {
            drop(state);
            return wake();
        }
        state.wake = Some(wake);
    }
}
