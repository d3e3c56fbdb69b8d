//! Errors over HTTP: `application/problem+json` (RFC 9457) with the hub's code.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::{ErrorCode, HubError};

/// In the extensions of an answer whose cause may be over soon.
#[derive(Debug, Clone, Copy)]
pub struct Passing;

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

impl From<actors::hub::HubError> for Problem {
    fn from(error: actors::hub::HubError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let HubError {
            code,
            text,
            fields,
            retry_after,
        } = self.0;
        let mut body = json!({
            "type": "about:blank",
            "title": code.status.canonical_reason().unwrap_or("Error"),
            "status": code.status.as_u16(),
            "code": code.code,
            "detail": text,
        });
        if !fields.is_empty() {
            let named = fields
                .iter()
                .map(|part| json!({ "field": part.field, "problem": part.problem }));
            body["errors"] = named.collect();
        }
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (
            code.status,
            [(header::CONTENT_TYPE, kind)],
            body.to_string(),
        )
            .into_response();
        if code.retry {
            response.extensions_mut().insert(Passing);
        }
        let headers = response.headers_mut();
        if code.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = retry_after {
            // The header counts in whole seconds.
            let seconds = wait.as_millis().div_ceil(1_000).max(1) as u64;
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
