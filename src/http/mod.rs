//! HTTP beside the hubs: health, metrics, and what every request passes through.

pub mod admin;
pub mod health;
mod middleware;
pub mod path;
pub mod problem;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use crate::config::{CorsConfig, HttpConfig};
use admin::Admin;
use health::{Health, Status};
pub use middleware::RequestId;
use problem::Problem;

/// Name of the header that carries the id of a request, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the edge is made of.
pub struct Edge {
    /// Bounds of requests.
    pub http: HttpConfig,
    /// Which pages may use it.
    pub cors: CorsConfig,
    /// Answers to "are you well".
    pub health: Arc<Health>,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Answers to operators.
    pub admin: Option<Admin>,
    /// The JSON API with its document.
    pub api: Router,
}

/// The whole HTTP surface: the given hub routes, the API, health, metrics and what operators ask, wrapped in what every request
/// passes through. Anything else is answered by a problem in JSON.
pub fn router(edge: Edge, hubs: Router) -> Router {
    let limits = Arc::new(edge.http);
    let admin = edge.admin.map(admin::routes).unwrap_or_default();
    Router::new()
        .route("/health", get(health::live))
        .route("/health/ready", get(ready).with_state(edge.health))
        .route("/metrics", get(render).with_state(edge.metrics))
        .merge(admin)
        .merge(edge.api)
        .merge(hubs)
        .fallback(|| async { Problem::new(crate::error::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { Problem::new(crate::error::METHOD_NOT_ALLOWED) })
        .layer(axum::middleware::from_fn_with_state(
            limits.clone(),
            middleware::body_limit,
        ))
        .layer(cors(&edge.cors))
        .layer(axum::middleware::from_fn_with_state(
            limits,
            middleware::observe,
        ))
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    let report = health.report().await;
    let status = match report.status {
        Status::Healthy | Status::Degraded => axum::http::StatusCode::OK,
        Status::Unhealthy | Status::Draining => axum::http::StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, axum::Json(report)).into_response()
}

async fn render(State(metrics): State<PrometheusHandle>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    crate::telemetry::process::record();
    ([(header::CONTENT_TYPE, kind)], metrics.render()).into_response()
}

fn cors(config: &CorsConfig) -> CorsLayer {
    let layer = CorsLayer::new()
        .max_age(Duration::from_secs(config.max_age_seconds))
        .expose_headers(
            crate::api::EXPOSED
                .into_iter()
                .chain([REQUEST_ID])
                .collect::<Vec<_>>(),
        );
    if config.origins.iter().any(|o| o == "*") {
        return layer
            .allow_origin(AllowOrigin::any())
            .allow_methods(AllowMethods::any())
            .allow_headers(AllowHeaders::any());
    }
    // With credentials a browser takes no wildcard: what it asks for is named in the answer.
    let origins = config.origins.iter().filter_map(|o| o.parse().ok());
    layer
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers(AllowHeaders::mirror_request())
        .allow_credentials(config.credentials)
}
