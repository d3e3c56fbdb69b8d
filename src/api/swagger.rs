//! The document and Swagger UI, whose files are part of the binary: nothing is fetched from elsewhere.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui::Config;

use super::{Api, json};
use crate::error::{INTERNAL, NOT_FOUND};
use crate::http::path::PathParts;
use crate::http::problem::Problem;

/// Where the document is.
pub const DOCUMENT: &str = "/swagger/v1/swagger.json";
/// What the page may load: its own files and, for its icons, images within them. Nothing may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's settings: the document beside it, and no validator elsewhere.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::new(["./v1/swagger.json"]).validator_url("none");
    Arc::new(config)
});

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route(DOCUMENT, get(document))
        .route(
            "/swagger",
            get(|| async { Redirect::permanent("/swagger/index.html") }),
        )
        .route(
            "/swagger/",
            get(|| async { Redirect::permanent("/swagger/index.html") }),
        )
        .route("/swagger/{*file}", get(file))
}

async fn document(State(api): State<Api>) -> Response {
    json(StatusCode::OK, &**api.contract.document())
}

async fn file(path: PathParts) -> Result<Response, Problem> {
    let found = utoipa_swagger_ui::serve(path.get("file")?, CONFIG.clone());
    let found = found.map_err(|error| {
        tracing::error!(%error, "a file of Swagger UI cannot be made");
        Problem::new(INTERNAL)
    })?;
    let found = found.ok_or_else(|| Problem::new(NOT_FOUND))?;
    let mut response = found.bytes.into_owned().into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&found.content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    let policy = HeaderValue::from_static(POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    let hour = HeaderValue::from_static("public, max-age=3600");
    headers.insert(header::CACHE_CONTROL, hour);
    Ok(response)
}
