//! The parts of an address that stand for something, as texts.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use super::problem::Problem;
use crate::error::{HubError, INTERNAL, field_error};

/// The parts of the path by their names in the template. One that is no text once it is decoded is answered by a problem, like
/// all that is wrong with a request.
pub struct PathParts(RawPathParams);

impl<S: Send + Sync> FromRequestParts<S> for PathParts {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        // Fails only for what is no UTF-8 once decoded.
        params
            .map(Self)
            .map_err(|error| HubError::invalid(vec![field_error("", error.to_string())]).into())
    }
}

impl PathParts {
    /// The part with a name.
    pub fn get(&self, name: &str) -> Result<&str, Problem> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        let (_, text) = found.ok_or_else(|| Problem::new(INTERNAL))?;
        Ok(text)
    }
}
