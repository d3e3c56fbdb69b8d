//! A gateway with the echo hubs on a free port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actors::clock::{Clock, SystemClock};
use actors::ids::UserId;
use chaos::client::{Client, Settings};
use mussikon_hub::auth::{AuthRefused, Authenticate, Identity};
use mussikon_hub::echo::{EchoHub, EchoLimits};
use mussikon_hub::gateway::{Gateway, GatewayParts, HubRoute, accept};
use mussikon_hub::limits::GatewayLimits;
use protocol::Encoding;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longest wait for anything.
pub const SOON: Duration = Duration::from_secs(10);

/// Takes `USER` and `USER:MILLIS` (an expiry from now on) for tokens.
struct Names;

impl Authenticate for Names {
    fn authenticate(&self, token: &str) -> Result<Identity, AuthRefused> {
        let (name, life) = match token.split_once(':') {
            Some((name, life)) => (name, Some(life)),
            None => (token, None),
        };
        let refused = |_| AuthRefused::Malformed;
        let life = life
            .map(|life| life.parse().map_err(|_| AuthRefused::Malformed))
            .transpose()?;
        Ok(Identity {
            user: UserId::parse(name).map_err(refused)?,
            role: "user".into(),
            expires_at: life.map(|life| SystemClock.now().plus_millis(life)),
        })
    }
}

/// A server; ends with the test.
pub struct Server {
    pub address: SocketAddr,
    pub gateway: Arc<Gateway>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Server {
    /// With limits for quick tests.
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// The same, changed.
    pub fn start_with(change: impl FnOnce(&mut GatewayLimits)) -> Self {
        Self::start_as(EchoLimits::default(), change)
    }

    /// The same with these bounds on what may be asked for.
    pub fn start_as(echo: EchoLimits, change: impl FnOnce(&mut GatewayLimits)) -> Self {
        let mut limits = GatewayLimits {
            sweep_ms: 20,
            close_wait_ms: 200,
            ..GatewayLimits::default()
        };
        change(&mut limits);
        assert_eq!(limits.problems(), Vec::<String>::new());
        let hub = |path, auth_required| HubRoute {
            path,
            app: Arc::new(EchoHub::new(echo)),
            auth_required,
        };
        let gateway = Gateway::new(GatewayParts {
            limits: limits.clone(),
            authenticate: Arc::new(Names),
            hubs: vec![hub("/hubs/echo", false), hub("/hubs/echo-auth", true)],
            clock: Arc::new(SystemClock),
            detailed_errors: false,
            token_key: [7; 32],
        });
        let listener = accept::bind(([127, 0, 0, 1], 0).into(), 64).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = gateway.router();
        let serving = tokio::spawn(async move {
            let stop = async { drop(stopped.await) };
            accept::serve(listener, router, &limits, stop).await;
        });
        Server {
            address,
            gateway,
            stop: Some(stop),
            serving,
        }
    }

    /// Stops accepting and waits until the HTTP side is at its end.
    pub async fn stop_accepting(&mut self) {
        drop(self.stop.take());
        let serving = &mut self.serving;
        tokio::time::timeout(SOON, serving).await.unwrap().unwrap();
    }

    pub fn settings(&self, encoding: Encoding) -> Settings {
        Settings::new(format!("http://{}/hubs/echo", self.address), encoding, None)
    }

    pub async fn client(&self, encoding: Encoding) -> Client {
        Client::connect(&self.settings(encoding)).await.unwrap()
    }

    /// Waits until the gateway has this many connections.
    pub async fn wait_for_connections(&self, count: usize) {
        let counted = async {
            while self.gateway.connections() != count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(SOON, counted).await.unwrap();
    }
}
