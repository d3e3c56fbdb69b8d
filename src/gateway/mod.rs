//! The gateway: SignalR clients over WebSockets, from the listening socket to the methods of a hub.
//!
//! The way in: `accept` → `negotiate`, `upgrade` → `connection` (reads, `websocket`, the protocol) → `lane`
//! → a hub ([`app`]) → `reply`. The way out, for answers and fan-out alike: [`deliver`] or `handle` →
//! [`send_queue`] → [`flusher`] → socket.

pub mod accept;
pub mod app;
pub mod callbacks;
pub mod calls;
mod clock;
mod connection;
mod core;
pub mod deliver;
pub mod flusher;
mod frames;
pub mod handle;
mod hub;
mod input;
mod lane;
mod metrics;
mod negotiate;
pub mod notice_shapes;
pub mod notices;
mod parked;
mod pressure;
pub(crate) mod rate;
mod registry;
mod reply;
pub mod send_queue;
pub mod shapes;
mod stall;
mod sweep;
mod token;
mod upgrade;
pub mod upload;
pub mod websocket;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::actors::clock::Clock;
use axum::Router;
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub use self::clock::CoarseClock;
pub use self::hub::HubRoute;
pub use self::metrics::GatewayMetrics;
pub(crate) use self::negotiate::client_address;

use self::core::Core;
use self::handle::signal;
use self::hub::Hub;
use self::negotiate::Endpoint;
use crate::auth::Authenticate;
use crate::limits::GatewayLimits;

/// How often a drain looks whether there is more to do.
const DRAIN_STEP: Duration = Duration::from_millis(10);

/// What a gateway is made of.
pub struct GatewayParts {
    /// Bounds.
    pub limits: GatewayLimits,
    /// Checks bearer tokens.
    pub authenticate: Arc<dyn Authenticate>,
    /// The hubs to serve.
    pub hubs: Vec<HubRoute>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Show internal errors to clients.
    pub detailed_errors: bool,
    /// Signs connection tokens; the same on all nodes.
    pub token_key: [u8; 32],
}

/// Serves hubs to SignalR clients.
pub struct Gateway {
    core: Arc<Core>,
    hubs: Vec<Arc<Hub>>,
    tasks: Vec<AbortHandle>,
}

impl Gateway {
    /// Starts the flushers (one per worker of the runtime) and the sweep. Must be called in a tokio
    /// runtime, after the metrics recorder is installed.
    pub fn new(parts: GatewayParts) -> Arc<Self> {
        let workers = tokio::runtime::Handle::current().metrics().num_workers();
        let core = Arc::new(Core::new(
            parts.limits,
            parts.authenticate,
            parts.clock,
            parts.detailed_errors,
            parts.token_key,
            workers,
        ));
        let mut tasks: Vec<_> = core
            .flushers()
            .iter()
            .map(|flusher| tokio::spawn(flusher.clone().run()).abort_handle())
            .collect();
        tasks.push(tokio::spawn(sweep::run(core.clone())).abort_handle());
        Arc::new(Gateway {
            core,
            hubs: parts.hubs.into_iter().map(Hub::new).collect(),
            tasks,
        })
    }

    /// The routes of all hubs, to be merged into a server's router.
    pub fn router(&self) -> Router {
        let endpoints = self.hubs.iter().map(|hub| Endpoint {
            core: self.core.clone(),
            hub: hub.clone(),
        });
        endpoints.fold(Router::new(), |router, endpoint| {
            router.merge(negotiate::router(endpoint))
        })
    }

    /// How many clients are connected.
    pub fn connections(&self) -> usize {
        self.core.registry.len()
    }

    /// Refuses new clients and closes the present ones, evenly over `spread`, so that they do not all come
    /// back at once elsewhere. Each may first finish the calls it has begun. Returns when all are gone.
    pub async fn drain(&self, spread: Duration) {
        self.core.draining.store(true, Ordering::Relaxed);
        let begun = Instant::now();
        let finish = Duration::from_millis(self.core.limits.drain_finish_ms);
        let handles: Vec<_> = self.core.registry.parts().flatten().collect();
        let mut asked = 0;
        let mut closed = 0;
        while self.connections() > 0 {
            let elapsed = begun.elapsed();
            let now_asked = due(handles.len(), elapsed, spread);
            for handle in &handles[asked..now_asked] {
                handle.signal(signal::DRAIN);
            }
            let now_closed = elapsed
                .checked_sub(finish)
                .map_or(0, |elapsed| due(handles.len(), elapsed, spread));
            for handle in &handles[closed..now_closed] {
                handle.close(None, true);
            }
            if elapsed >= spread + finish {
                // Those whose upgrade was under way when this began.
                for handle in self.core.registry.parts().flatten() {
                    handle.close(None, true);
                }
            }
            (asked, closed) = (now_asked, now_closed);
            tokio::time::sleep(DRAIN_STEP).await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// How many of `all` have had their turn after `elapsed` of `spread`.
fn due(all: usize, elapsed: Duration, spread: Duration) -> usize {
    if elapsed >= spread {
        return all;
    }
    let share = elapsed.as_secs_f64() / spread.as_secs_f64();
    (all as f64 * share) as usize
}
