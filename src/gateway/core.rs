//! What all connections of a gateway share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use actors::clock::Clock;
use protocol::Timing;
use protocol::server::ServerSettings;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::clock::CoarseClock;
use super::flusher::Flusher;
use super::metrics::GatewayMetrics;
use super::rate::{AddressRates, Rate};
use super::registry::Registry;
use super::send_queue::QueueBounds;
use super::token::TokenKey;
use crate::auth::Authenticate;
use crate::limits::GatewayLimits;

/// Shared by all connections.
pub(super) struct Core {
    pub limits: GatewayLimits,
    pub protocol: Arc<ServerSettings>,
    pub authenticate: Arc<dyn Authenticate>,
    pub wall: Arc<dyn Clock>,
    pub clock: Arc<CoarseClock>,
    pub started: Instant,
    pub detailed_errors: bool,
    pub tokens: TokenKey,
    pub registry: Arc<Registry>,
    pub metrics: GatewayMetrics,
    pub permits: Arc<Semaphore>,
    pub handshakes: AddressRates,
    pub invocations: Rate,
    pub draining: AtomicBool,
    flushers: Vec<Arc<Flusher>>,
    next_flusher: AtomicUsize,
}

impl Core {
    pub fn new(
        limits: GatewayLimits,
        authenticate: Arc<dyn Authenticate>,
        wall: Arc<dyn Clock>,
        detailed_errors: bool,
        token_key: [u8; 32],
        flushers: usize,
    ) -> Self {
        let clock = Arc::new(CoarseClock::start());
        let metrics = GatewayMetrics::new();
        let bounds = QueueBounds {
            soft: limits.send_queue_bytes,
            hard: limits.send_queue_max_bytes,
            low: limits.send_queue_low_bytes,
            unacknowledged: limits.stateful_buffer_bytes,
        };
        let flushers = (0..flushers.max(1))
            .map(|_| Flusher::new(bounds, clock.clone(), metrics.clone()))
            .collect();
        let most = match limits.max_connections {
            0 => Semaphore::MAX_PERMITS,
            some => some.min(Semaphore::MAX_PERMITS),
        };
        Core {
            protocol: Arc::new(protocol_settings(&limits)),
            authenticate,
            wall,
            clock,
            started: Instant::now(),
            detailed_errors,
            tokens: TokenKey::new(token_key),
            registry: Registry::new(),
            metrics,
            permits: Arc::new(Semaphore::new(most)),
            handshakes: AddressRates::new(Rate::new(
                limits.handshakes_per_second,
                limits.handshake_burst,
            )),
            invocations: Rate::new(limits.invocations_per_second, limits.invocation_burst),
            draining: AtomicBool::new(false),
            flushers,
            next_flusher: AtomicUsize::new(0),
            limits,
        }
    }

    /// Coarse time since the start, for the protocol's time-outs.
    pub fn now(&self) -> Duration {
        Duration::from_millis(self.clock.now_ms())
    }

    /// Precise time since the start, for rates and durations.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The home of the next connection.
    pub fn flusher(&self) -> Arc<Flusher> {
        let next = self.next_flusher.fetch_add(1, Ordering::Relaxed);
        self.flushers[next % self.flushers.len()].clone()
    }

    /// All of them, to be run.
    pub fn flushers(&self) -> &[Arc<Flusher>] {
        &self.flushers
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

fn protocol_settings(limits: &GatewayLimits) -> ServerSettings {
    ServerSettings {
        limits: protocol::Limits {
            max_message_bytes: limits.max_message_bytes,
            max_depth: limits.max_depth,
            ..protocol::Limits::default()
        },
        timing: Timing {
            handshake_timeout: Duration::from_millis(limits.handshake_ms),
            keep_alive: Duration::from_millis(limits.keep_alive_ms),
            peer_timeout: Duration::from_millis(limits.client_timeout_ms),
            resume_window: Duration::from_millis(limits.stateful_grace_ms),
            ..Timing::default()
        },
        max_streams: limits.parallel_streams,
    }
}
