//! Requests with a key that are under way on this node: one at a time per key.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::MutexGuard;

use super::Digest;

/// All of them, no more than requests that are under way.
#[derive(Default, Clone)]
pub struct Flights(Arc<Mutex<HashMap<Digest, Arc<Flight>>>>);

/// One key.
struct Flight {
    print: Digest,
    turn: tokio::sync::Mutex<()>,
}

/// A request's part in a flight; the flight ends with the last one.
pub(super) struct Seat {
    flights: Flights,
    key: Digest,
    flight: Arc<Flight>,
}

impl Flights {
    /// Joins those with the same key; `None` if they are another request.
    pub(super) fn enter(&self, key: Digest, print: Digest) -> Option<Seat> {
        let mut under_way = self.0.lock();
        let flight = under_way.entry(key).or_insert_with(|| {
            Arc::new(Flight {
                print,
                turn: tokio::sync::Mutex::new(()),
            })
        });
        (flight.print == print).then(|| Seat {
            flights: self.clone(),
            key,
            flight: flight.clone(),
        })
    }

    /// How many keys are under way.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }
}

impl Seat {
    /// Waits until all that came before are over.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.flight.turn.lock().await
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut under_way = self.flights.0.lock();
        // The map's and this one: others can only come while the map is locked.
        if Arc::strong_count(&self.flight) == 2 {
            under_way.remove(&self.key);
        }
    }
}
