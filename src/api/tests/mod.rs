//! The API as a client meets it: the whole router in this process, over a hub that keeps its journal in memory.

mod document;
mod frame;
mod idempotency;
mod open;
mod people;
mod posts;
mod requests;
mod rooms;
mod steps;
mod swagger;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actors::clock::Clock;
use actors::hub::{Hub, HubParts};
use actors::ids::{Timestamp, UserId};
use actors::journal::Journal;
use actors::journal::memory::MemoryJournal;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use axum::response::Response;
use parking_lot::Mutex;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::auth::{AuthRefused, Identity};
use crate::config::{CorsConfig, HealthConfig};
use crate::http::health::Health;
use crate::http::{Edge, router as whole};

/// Takes `NAME` and `NAME:ROLE` for tokens.
struct Names;

impl Authenticate for Names {
    fn authenticate(&self, token: &str) -> Result<Identity, AuthRefused> {
        let (name, role) = token.split_once(':').unwrap_or((token, "user"));
        let user = UserId::parse(name).map_err(|_| AuthRefused::Malformed)?;
        match name {
            "nobody" => Err(AuthRefused::Expired),
            _ => Ok(Identity {
                user,
                role: role.into(),
                expires_at: None,
            }),
        }
    }
}

/// A clock that a test moves.
#[derive(Default)]
pub struct Hands(Mutex<u64>);

impl Hands {
    pub fn pass(&self, by: Duration) {
        *self.0.lock() += by.as_millis() as u64;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000 + *self.0.lock())
    }
}

/// One node.
#[derive(Clone)]
pub struct Stage {
    router: Router,
    pub clock: Arc<Hands>,
    pub hub: Hub,
    pub journal: Arc<dyn Journal>,
    shared: Arc<Shared>,
}

/// What stages are made with.
pub struct Setting {
    pub journal: Arc<dyn Journal>,
    pub http: HttpConfig,
    pub limits: HubLimits,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            journal: Arc::new(MemoryJournal::new()),
            http: HttpConfig::default(),
            limits: HubLimits::default(),
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Status, code, and every field with what is wrong with it.
    pub fn problem(&self) -> (u16, String, Vec<String>) {
        let kind = self.header("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status);
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        let word = |value: &Value| value.as_str().expect("a text").to_owned();
        let error = |one: &Value| format!("{}: {}", word(&one["field"]), word(&one["problem"]));
        let mut errors: Vec<String> = errors.iter().map(error).collect();
        errors.sort();
        (self.status, word(&body["code"]), errors)
    }
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(Setting::default()).await
    }

    pub async fn with(setting: Setting) -> Self {
        let alarms = Arc::new(MemoryJournal::new());
        let clock = Arc::new(Hands::default());
        let hub = Hub::start(HubParts {
            journal: setting.journal.clone(),
            wakeups: alarms.clone(),
            clock: clock.clone(),
            limits: setting.limits.clone(),
            salt: 7,
        });
        let hub = hub.await.expect("started");
        let parts = ApiParts {
            hub: hub.clone(),
            authenticate: Arc::new(Names),
            journal: setting.journal.clone(),
            clock: clock.clone(),
            http: setting.http.clone(),
            limits: setting.limits,
            trust_proxy: false,
        };
        let (api, shared) = routed(parts);
        let (signal, watch) = crate::drain::channel();
        // Dropped, it would begin the drain.
        std::mem::forget(signal);
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let health = HealthConfig::default();
        let edge = Edge {
            http: setting.http,
            cors: CorsConfig::default(),
            health: Arc::new(Health::new(
                setting.journal.clone(),
                alarms,
                None,
                health,
                watch,
            )),
            metrics: recorder.handle(),
            admin: None,
            api,
        };
        Self {
            router: whole(edge, Router::new()),
            clock,
            hub,
            journal: setting.journal,
            shared: shared.0,
        }
    }

    /// A request by whoever has this token.
    pub async fn ask(&self, token: &str, line: &str, body: Option<Value>) -> Answer {
        self.ask_with(token, line, &[], body).await
    }

    pub async fn ask_with(
        &self,
        token: &str,
        line: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let (method, path) = line.split_once(' ').expect("METHOD path");
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            None => Body::empty(),
            Some(body) => {
                if headers.iter().all(|(name, _)| *name != "content-type") {
                    request = request.header("content-type", "application/json");
                }
                Body::from(body.to_string())
            }
        };
        self.send(request.body(body).expect("a request")).await
    }

    pub async fn send(&self, mut request: Request) -> Answer {
        let peer = SocketAddr::from(([192, 0, 2, 1], 4_000));
        if request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .is_none()
        {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        let response: Response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await;
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&body.expect("a body")).into_owned(),
        }
    }
}
