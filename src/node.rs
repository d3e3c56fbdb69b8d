//! One hub process: chooses store and bus, starts everything, and ends it in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actors::clock::{Clock, SystemClock};
use actors::hub::{Hub, HubLimits, HubParts};
use actors::ids::EntityKind;
use metrics_exporter_prometheus::PrometheusHandle;
use rand::RngCore;
use thiserror::Error;
use tokio::task::JoinHandle;

use crate::api::{self, ApiParts};
use crate::auth::issuer::{IssuerError, IssuerKeys};
use crate::auth::{Authenticate, JwtAuthenticator, SecretFileError, signing_secret};
use crate::bus::BusError;
use crate::chat::ChatHub;
use crate::config::{Config, DrainConfig};
use crate::drain::{self, Phase};
use crate::echo::EchoHub;
use crate::gateway::app::HubApp;
use crate::gateway::{Gateway, GatewayParts, HubRoute, accept};
use crate::http::{self, Edge, admin::Admin, health::Health};
use crate::notifications::NotificationsHub;
use crate::store::{self, Store, StoreError};
use crate::telemetry::matches;
use crate::telemetry::metrics::UPKEEP;

/// What connection tokens are signed with is derived from the secret under this name.
const TOKEN_KEY_CONTEXT: &str = "mussikon-hub 2026 connection tokens";
/// The part of the grace that is kept free for what comes after the connections are closed: one in so many.
const RESERVE: u32 = 4;

/// Why a hub did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// No secret to check tokens with.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The keys of the outside issuer cannot be had the way it is configured.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The journal cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Other nodes cannot be reached the way it is configured.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The address cannot be served on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What happened.
        source: std::io::Error,
    },
    /// The supervisor of the rooms did not start.
    #[error("the hub's actors did not start: {0}")]
    Actors(String),
}

/// A running hub.
pub struct Node {
    address: SocketAddr,
    signal: drain::Signal,
    limits: DrainConfig,
    gateway: Arc<Gateway>,
    hub: Hub,
    store: Store,
    server: JoinHandle<()>,
    gauges: JoinHandle<()>,
}

impl Node {
    /// Starts a hub; it serves when this returns.
    pub async fn start(config: &Config, metrics: PrometheusHandle) -> Result<Self, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let secret = signing_secret(config)?;
        // Before the store: what is wrong here is mended in the configuration.
        let issuer = IssuerKeys::start(&config.auth).await?.map(Arc::new);
        let store = store::open(config).await?;
        let peers = crate::bus::peers(config, &*clock).await?;
        let parts = HubParts {
            journal: store.journal.clone(),
            wakeups: store.wakeups.clone(),
            clock: clock.clone(),
            limits: limits(config),
            salt: rand::rng().next_u64(),
        };
        let hub = match peers {
            Some(peers) => Hub::start_among(parts, peers).await,
            None => Hub::start(parts).await,
        };
        let hub = hub.map_err(|error| StartError::Actors(error.to_string()))?;
        matches::count(&hub, store.journal.clone());
        let mut authenticate = JwtAuthenticator::new(&secret, &config.auth, clock.clone());
        if let Some(keys) = issuer.clone() {
            authenticate = authenticate.with_issuer(keys, &config.auth);
        }
        let authenticate: Arc<dyn Authenticate> = Arc::new(authenticate);
        let api = api::router(ApiParts {
            hub: hub.clone(),
            authenticate: authenticate.clone(),
            journal: store.journal.clone(),
            clock: clock.clone(),
            http: config.http.clone(),
            limits: limits(config),
            trust_proxy: config.gateway.trust_forwarded_for,
        });
        let gateway = Gateway::new(GatewayParts {
            limits: config.gateway.clone(),
            authenticate: authenticate.clone(),
            hubs: hubs(config, &hub),
            clock,
            detailed_errors: config.detailed_errors(),
            token_key: blake3::derive_key(TOKEN_KEY_CONTEXT, secret.reveal().as_bytes()),
        });

        let (signal, watch) = drain::channel();
        let health = Health::new(
            store.journal.clone(),
            store.wakeups.clone(),
            hub.peers().cloned(),
            config.health.clone(),
            watch.clone(),
        );
        let health = Arc::new(health.with_issuer(issuer));
        let edge = Edge {
            http: config.http.clone(),
            cors: config.cors.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
            admin: Some(Admin {
                hub: hub.clone(),
                authenticate,
            }),
            api,
        };
        let router = http::router(edge, gateway.router());
        let failed = |source| StartError::Listen {
            address: config.listen,
            source,
        };
        let listener =
            accept::bind(config.listen, config.gateway.accept_backlog).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let limits = config.gateway.clone();
        let mut stop = watch;
        let server = tokio::spawn(async move {
            let stop = async move { stop.draining().await };
            accept::serve(listener, router, &limits, stop).await;
        });
        let gauges = tokio::spawn(keep_gauges(hub.clone(), health, metrics));
        tracing::info!(%address, node = config.node_id, env = ?config.env, version = env!("CARGO_PKG_VERSION"), "serving");
        Ok(Self {
            address,
            signal,
            limits: config.drain.clone(),
            gateway,
            hub,
            store,
            server,
            gauges,
        })
    }

    /// The address served on, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the hub: not ready, no new connections, present ones closed one after the other, everything
    /// written, store closed. Tells whether all of that was done within the grace.
    pub async fn drain(self) -> bool {
        let grace = Duration::from_millis(self.limits.grace_ms);
        self.signal.advance(Phase::NotReady);
        let gauges = self.gauges.abort_handle();
        let done = tokio::time::timeout(grace, self.wind_down(grace)).await;
        gauges.abort();
        done.is_ok()
    }

    async fn wind_down(self, grace: Duration) {
        let notice = Duration::from_millis(self.limits.notice_ms);
        tokio::time::sleep(notice).await;
        self.signal.advance(Phase::Draining);
        let connections = self.gateway.connections();
        let left = grace.saturating_sub(notice).saturating_sub(grace / RESERVE);
        let spread = spread(&self.limits, connections).min(left);
        tracing::info!(
            connections,
            spread_ms = spread.as_millis() as u64,
            "closing connections"
        );
        // Calls of clients that wait for an entity which another node writes already must not hold up their end.
        self.hub.leave();
        self.gateway.drain(spread).await;
        if let Err(error) = self.server.await {
            tracing::error!(%error, "the accept loop failed");
        }
        self.hub.drain().await;
        self.store.close().await;
    }
}

/// Few connections are closed at once, many at a pace, but never over more than the longest time.
fn spread(limits: &DrainConfig, connections: usize) -> Duration {
    let paced = (connections as u64).saturating_mul(1_000) / limits.closes_per_second.max(1);
    Duration::from_millis(paced.min(limits.spread_ms))
}

/// The bounds of the hub without its wire.
fn limits(config: &Config) -> HubLimits {
    HubLimits {
        room: config.room.clone(),
        runtime: config.runtime.clone(),
        fanout: config.fanout.clone(),
        user: config.user.clone(),
        request: config.request.clone(),
        inbox: config.inbox.clone(),
        matching: config.matching.clone(),
    }
}

/// The hubs that are served, by path.
fn hubs(config: &Config, hub: &Hub) -> Vec<HubRoute> {
    let platform: [(_, Arc<dyn HubApp>); 2] = [
        ("/hubs/chat", ChatHub::new(hub.clone())),
        ("/hubs/notifications", NotificationsHub::new(hub.clone())),
    ];
    let mut hubs: Vec<HubRoute> = platform
        .into_iter()
        .map(|(path, app)| HubRoute {
            path,
            app,
            auth_required: true,
        })
        .collect();
    if config.echo_hub {
        for (path, auth_required) in [("/hubs/echo", false), ("/hubs/echo-auth", true)] {
            hubs.push(HubRoute {
                path,
                app: Arc::new(EchoHub::new(config.echo)),
                auth_required,
            });
        }
    }
    hubs
}

/// What has to be looked at to be measured.
async fn keep_gauges(hub: Hub, health: Arc<Health>, metrics: PrometheusHandle) {
    let mut interval = tokio::time::interval(UPKEEP);
    loop {
        interval.tick().await;
        let (awake, rooms, waiting) = hub.load();
        metrics::gauge!("mussikon_entities_awake").set(awake as f64);
        metrics::gauge!("mussikon_rooms_subscribed").set(rooms as f64);
        let inboxes = hub.subscribed(EntityKind::Inbox);
        metrics::gauge!("mussikon_inboxes_subscribed").set(inboxes as f64);
        let requests = hub.subscribed(EntityKind::Request);
        metrics::gauge!("mussikon_requests_subscribed").set(requests as f64);
        metrics::gauge!("mussikon_commands_waiting_bytes").set(waiting as f64);
        // So that the gauge of readiness is true even where nobody asks.
        health.report().await;
        metrics.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_connections_close_at_once_and_many_over_a_bounded_time() {
        let limits = DrainConfig::default();
        let ms = |connections| spread(&limits, connections).as_millis() as u64;
        assert_eq!(ms(0), 0);
        assert_eq!(ms(10), 10 * 1_000 / limits.closes_per_second);
        assert_eq!(ms(10_000_000), limits.spread_ms);
    }
}
