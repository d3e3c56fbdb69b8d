//! What every request passes through: an id, a log line, a count, safe headers, a bound on its body.
//!
//! Log lines name the route template, never the address as it came: its query may hold a token.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http_body_util::Limited;
use tokio::time::Instant;
use tracing::Instrument;

use super::REQUEST_ID;
use super::problem::Problem;
use crate::config::HttpConfig;
use crate::error;
use crate::telemetry::metrics::record_request;

/// Longest id of a request that is taken from a client.
const ID_BYTES: usize = 64;

/// The id of a request, in its extensions.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Gives the request an id, runs it, and tells of it: log, metrics, headers of the answer.
pub async fn observe(
    State(limits): State<Arc<HttpConfig>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = given_id(request.headers()).unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    request.extensions_mut().insert(RequestId(id.clone()));

    let span = tracing::info_span!("request", request_id = %id);
    let begun = Instant::now();
    let answer = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let took = begun.elapsed();
    let _entered = span.enter();
    let mut response = answer.unwrap_or_else(|_| {
        tracing::error!(method, route, "a request handler panicked");
        Problem::new(error::INTERNAL).into_response()
    });

    let status = response.status().as_u16();
    let elapsed_ms = took.as_millis() as u64;
    if elapsed_ms >= limits.slow_request_ms {
        metrics::counter!("mussikon_slow_requests_total").increment(1);
        tracing::warn!(method, route, status, elapsed_ms, "slow request");
    } else if status >= 500 && status != 503 {
        tracing::error!(method, route, status, elapsed_ms, "request failed");
    } else if is_frequent(route) {
        tracing::debug!(method, route, status, elapsed_ms, "request");
    } else {
        tracing::info!(method, route, status, elapsed_ms, "request");
    }
    record_request(route, method, status, took);
    if matches!(status, 429 | 503) {
        let soon = HeaderValue::from_static("1");
        response
            .headers_mut()
            .entry(header::RETRY_AFTER)
            .or_insert(soon);
    }
    protect(response.headers_mut(), &id);
    response
}

/// Probes, scrapes and hub handshakes come too often for a line each.
fn is_frequent(route: &str) -> bool {
    route.starts_with("/health") || route.starts_with("/hubs/") || route == "/metrics"
}

/// Methods as label values: a bounded set.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

/// An id that a client or proxy gave, if it is harmless in logs and headers.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let valid = !id.is_empty() && id.len() <= ID_BYTES && id.bytes().all(harmless);
    valid.then(|| id.to_owned())
}

fn protect(headers: &mut HeaderMap, id: &str) {
    const FIXED: [(HeaderName, &str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in FIXED {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Refuses a body that announces too much, and stops reading one that turns out to be too much.
pub async fn body_limit(
    State(limits): State<Arc<HttpConfig>>,
    request: Request,
    next: Next,
) -> Response {
    if request.body().size_hint().lower() > limits.body_bytes as u64 {
        return Problem::new(error::TOO_LARGE).into_response();
    }
    let request = request.map(|body| Body::new(Limited::new(body, limits.body_bytes)));
    next.run(request).await
}
