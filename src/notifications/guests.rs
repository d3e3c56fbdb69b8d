//! Watches of those who may see a request only while it is open: the step that leads out of the open states is the last they are
//! shown.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

use actors::delivery::{Block, Delivery, Outlet, Payload, Pushed, Shown};
use actors::ids::{EntityId, Sequence};
use parking_lot::Mutex;

/// Who is to be told that a watch has ended.
pub trait Ends: Send + Sync + 'static {
    /// Ends what is left of it. Called while a step is on its way: must not wait.
    fn ended(self: Arc<Self>, request: EntityId);
}

/// A connection's outlet that knows which of its watches are such ones.
pub struct Guarded<E> {
    outlet: Arc<dyn Outlet>,
    guests: Mutex<BTreeMap<EntityId, Guest>>,
    ends: OnceLock<Weak<E>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guest {
    Watches,
    /// It was shown the last step, and is shown no other.
    Ended,
}

impl<E: Ends> Guarded<E> {
    /// In front of a connection's own outlet.
    pub fn new(outlet: Arc<dyn Outlet>) -> Arc<Self> {
        Arc::new(Self {
            outlet,
            guests: Mutex::default(),
            ends: OnceLock::new(),
        })
    }

    /// Tells this one of watches that end; it is not kept alive.
    pub fn tell(&self, ends: Weak<E>) {
        // Once for each connection, right after it was made.
        let _ = self.ends.set(ends);
    }

    /// Watches a request only while it is open.
    pub fn guard(&self, request: &EntityId) {
        let mut guests = self.guests.lock();
        guests.insert(request.clone(), Guest::Watches);
    }

    /// Watches it without such a condition, or no more.
    pub fn forget(&self, request: &EntityId) {
        self.guests.lock().remove(request);
    }

    /// Whether a watch has ended and what is left of it has not.
    pub fn has_ended(&self, request: &EntityId) -> bool {
        self.guests.lock().get(request) == Some(&Guest::Ended)
    }

    fn push_last(&self, delivery: &Arc<Delivery>, block: &Block, last: Sequence) -> Pushed {
        let before = Sequence(block.first.0.saturating_sub(1));
        match block.between(before, last) {
            Some(shown) if last < block.last() => {
                let shown = Delivery::new(Payload::Events(shown));
                self.outlet.push(&shown)
            }
            _ => self.outlet.push(delivery),
        }
    }
}

/// Where a block leads out of the open states, if it does.
fn way_out(block: &Block) -> Option<Sequence> {
    let leaves = |shown: &Shown| matches!(shown, Shown::Step(step) if !step.to.is_open());
    let at = block.events.iter().position(leaves)?;
    Some(block.first.plus(at as u64))
}

impl<E: Ends> Outlet for Guarded<E> {
    fn push(&self, delivery: &Arc<Delivery>) -> Pushed {
        let entity = match &delivery.payload {
            Payload::Events(block) => &block.entity,
            Payload::Reset { entity, .. } => entity,
            _ => return self.outlet.push(delivery),
        };
        let mut guests = self.guests.lock();
        let Some(guest) = guests.get_mut(entity) else {
            drop(guests);
            return self.outlet.push(delivery);
        };
        // It counts as shown, so that nothing waits for it until the subscription has ended, too.
        if *guest == Guest::Ended {
            return Pushed::Accepted;
        }
        let Payload::Events(block) = &delivery.payload else {
            return self.outlet.push(delivery);
        };
        let Some(last) = way_out(block) else {
            return self.outlet.push(delivery);
        };
        let pushed = self.push_last(delivery, block, last);
        if pushed == Pushed::Accepted {
            *guest = Guest::Ended;
            drop(guests);
            if let Some(ends) = self.ends.get().and_then(Weak::upgrade) {
                ends.ended(entity.clone());
            }
        }
        pushed
    }

    fn on_drain(&self, wake: Box<dyn FnOnce() + Send>) {
        self.outlet.on_drain(wake);
    }
}

#[cfg(test)]
mod tests {
    use actors::ids::{RequestId, Timestamp};
    use actors::machines::request::codec::Peek;
    use actors::machines::request::{Actor, RequestState, Trigger};

    use super::*;

    /// Keeps the sequences that it is given.
    #[derive(Default)]
    struct Ear(Mutex<Vec<u64>>);

    impl Outlet for Ear {
        fn push(&self, delivery: &Arc<Delivery>) -> Pushed {
            if let Payload::Events(block) = &delivery.payload {
                self.0.lock().extend(block.first.0..=block.last().0);
            }
            Pushed::Accepted
        }

        fn on_drain(&self, _: Box<dyn FnOnce() + Send>) {}
    }

    #[derive(Default)]
    struct Told(Mutex<Vec<EntityId>>);

    impl Ends for Told {
        fn ended(self: Arc<Self>, request: EntityId) {
            self.0.lock().push(request);
        }
    }

    fn request(name: &str) -> EntityId {
        EntityId::request(&RequestId::parse(name).expect("an id"))
    }

    fn steps(name: &str, first: u64, states: &[RequestState]) -> Arc<Delivery> {
        let step = |to: &RequestState| {
            Shown::Step(Peek {
                trigger: Trigger::Edit,
                from: RequestState::Active,
                to: *to,
                role: Actor::System,
                at: Timestamp(1),
            })
        };
        Delivery::new(Payload::Events(Block {
            entity: request(name),
            first: Sequence(first),
            events: states.iter().map(step).collect(),
        }))
    }

    #[test]
    fn the_step_out_of_the_open_states_is_the_last_that_a_guest_is_shown() {
        use RequestState::{Active, Assigned, Cancelled, InReview};
        let (ear, told) = (Arc::new(Ear::default()), Arc::new(Told::default()));
        let guarded = Guarded::new(ear.clone());
        guarded.tell(Arc::downgrade(&told));
        guarded.guard(&request("a"));
        guarded.push(&steps("a", 1, &[Active, InReview]));
        guarded.push(&steps("a", 3, &[InReview, Assigned, Active, Cancelled]));
        guarded.push(&steps("a", 7, &[Active]));
        assert_eq!(*ear.0.lock(), [1, 2, 3, 4]);
        assert_eq!(*told.0.lock(), [request("a")]);
        assert!(guarded.has_ended(&request("a")));
        // Nobody else's watch is touched, nor one that begins anew.
        guarded.push(&steps("b", 20, &[Assigned, Active]));
        guarded.forget(&request("a"));
        guarded.push(&steps("a", 8, &[Cancelled, Active]));
        assert_eq!(*ear.0.lock(), [1, 2, 3, 4, 20, 21, 8, 9]);
    }
}
