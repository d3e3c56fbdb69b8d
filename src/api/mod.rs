//! The HTTP gateway: a JSON API under `/api` with its document and Swagger UI. The same commands reach the same entities as
//! over the hubs; no rule lives here.
//!
//! The way of a request: `caller` (who, how often) → `idempotency` (once per key) → `input` (checked against the document,
//! `contract`) → a handler (`rooms`, `admin`) → the hub. Every answer that is no success is a problem in JSON.

mod admin;
mod bounds;
mod caller;
mod check;
mod contract;
mod cursor;
mod document;
mod etag;
mod formats;
mod gig;
mod idempotency;
mod inbox;
mod input;
mod musicians;
mod posts;
mod profile;
mod requests;
mod rooms;
mod settings;
mod swagger;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use std::sync::Arc;
use std::time::Duration;

use actors::clock::Clock;
use actors::hub::{Hub, HubLimits};
use actors::journal::Journal;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::Authenticate;
use crate::config::HttpConfig;
use caller::{Admission, guard, in_public};
use contract::Contract;
use idempotency::{FirstAnswers, Flights, once};

/// Headers of answers that pages may read.
pub const EXPOSED: [HeaderName; 4] = [
    header::ETAG,
    header::LOCATION,
    header::RETRY_AFTER,
    idempotency::REPLAYED,
];

/// What the API is made of.
pub struct ApiParts {
    /// The hub.
    pub hub: Hub,
    /// Who asks.
    pub authenticate: Arc<dyn Authenticate>,
    /// Where first answers are kept.
    pub journal: Arc<dyn Journal>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Bounds of requests.
    pub http: HttpConfig,
    /// Rules of entities: the document says what they allow.
    pub limits: HubLimits,
    /// Take the client's address from the proxy in front.
    pub trust_proxy: bool,
}

/// What handlers share.
#[derive(Clone)]
struct Api(Arc<Shared>);

struct Shared {
    hub: Hub,
    authenticate: Arc<dyn Authenticate>,
    admission: Admission,
    flights: Flights,
    answers: FirstAnswers,
    contract: Contract,
    /// How long an assignment is waited for.
    assign_wait: Duration,
}

impl std::ops::Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// All routes of the API with their document.
fn operations() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(document::head())
        .merge(profile::routes())
        .merge(settings::routes())
        .merge(musicians::routes())
        .merge(requests::routes())
        .merge(inbox::routes())
        .merge(rooms::routes())
        .merge(admin::routes())
        .merge(posts::routes())
}

/// The API, its document and Swagger UI, to be merged into a server's router.
pub fn router(parts: ApiParts) -> Router {
    routed(parts).0
}

fn routed(parts: ApiParts) -> (Router, Api) {
    let (operations, open_api) = operations().split_for_parts();
    let api = Api(Arc::new(Shared {
        admission: Admission::new(&parts.http, parts.trust_proxy),
        answers: FirstAnswers::new(parts.journal, parts.clock, &parts.http),
        contract: Contract::new(document::finished(open_api, &parts.limits)),
        flights: Flights::default(),
        assign_wait: Duration::from_millis(parts.http.assign_wait_ms),
        authenticate: parts.authenticate,
        hub: parts.hub,
    }));
    let guarded = operations
        .route_layer(from_fn_with_state(api.clone(), once))
        .route_layer(from_fn_with_state(api.clone(), guard))
        // The edge has put its own bound on bodies.
        .layer(DefaultBodyLimit::disable());
    let public = swagger::routes().route_layer(from_fn_with_state(api.clone(), in_public));
    (guarded.merge(public).with_state(api.clone()), api)
}

/// The document with the default settings.
#[cfg(test)]
pub(crate) fn document() -> serde_json::Value {
    document::finished(operations().into_openapi(), &HubLimits::default())
}

/// An answer in JSON.
fn json(status: StatusCode, value: &impl Serialize) -> Response {
    (status, axum::Json(value)).into_response()
}
