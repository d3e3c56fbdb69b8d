//! Errors over HTTP: `application/problem+json` (RFC 9457) with the hub's code.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::{ErrorCode, HubError};

/// An answer that says what went wrong.
#[derive(Debug, Clone)]
pub struct Problem(HubError);

impl Problem {
    /// A problem that needs no more words than its meaning.
    pub fn new(code: &'static ErrorCode) -> Self {
        Self(HubError::new(code, code.meaning))
    }
}

impl From<HubError> for Problem {
    fn from(error: HubError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let HubError { code, text } = self.0;
        let body = json!({
            "type": "about:blank",
            "title": code.status.canonical_reason().unwrap_or("Error"),
            "status": code.status.as_u16(),
            "code": code.code,
            "detail": text,
        });
        let kind = HeaderValue::from_static("application/problem+json");
        (
            code.status,
            [(header::CONTENT_TYPE, kind)],
            body.to_string(),
        )
            .into_response()
    }
}
