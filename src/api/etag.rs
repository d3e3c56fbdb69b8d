//! Versions over HTTP: `ETag` of answers, `If-Match` of changes, `If-None-Match` of reads.

use std::convert::Infallible;

use actors::ids::Sequence;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::json;
use crate::error::{HubError, field_error};
use crate::http::problem::Problem;

/// What a request says of versions.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    matches: Vec<String>,
    none_matches: Vec<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self {
            matches: tags(&parts.headers, header::IF_MATCH),
            none_matches: tags(&parts.headers, header::IF_NONE_MATCH),
        })
    }
}

impl Conditions {
    /// The version that a change is based on, if the client named one. `*` names whatever is there.
    pub fn expected(&self) -> Result<Option<Sequence>, Problem> {
        match &self.matches[..] {
            [] => Ok(None),
            [any] if any == "*" => Ok(None),
            [tag] => match version_of(tag) {
                Some(version) => Ok(Some(version)),
                None => Err(wrong("is no ETag that was given for this")),
            },
            _ => Err(wrong("must name one version")),
        }
    }

    /// Whether the client has this version already. Weak tags count: they name the same version.
    pub fn has(&self, version: Sequence) -> bool {
        let tag = tag_of(version);
        let named = |one: &String| one == "*" || one.trim_start_matches("W/") == tag;
        self.none_matches.iter().any(named)
    }

    /// A representation with its version, or that the client has it.
    pub fn answer(&self, version: Sequence, value: &impl Serialize) -> Response {
        match self.has(version) {
            true => tagged(StatusCode::NOT_MODIFIED.into_response(), version),
            false => tagged(json(StatusCode::OK, value), version),
        }
    }
}

/// An answer with the version of what it shows.
pub fn tagged(mut answer: Response, version: Sequence) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&tag_of(version)) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

fn tag_of(version: Sequence) -> String {
    format!("\"{version}\"")
}

fn version_of(tag: &str) -> Option<Sequence> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok().map(Sequence)).flatten()
}

/// All tags of a header. The hub's own contain no comma.
fn tags(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let tags = texts.flat_map(|text| text.split(',')).map(str::trim);
    tags.filter(|tag| !tag.is_empty()).map(Into::into).collect()
}

fn wrong(problem: &str) -> Problem {
    HubError::invalid(vec![field_error("If-Match", problem)]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(matches: &str, none_matches: &str) -> Conditions {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::IF_MATCH, matches),
            (header::IF_NONE_MATCH, none_matches),
        ] {
            if !value.is_empty() {
                headers.insert(name, value.parse().expect("a header"));
            }
        }
        Conditions {
            matches: tags(&headers, header::IF_MATCH),
            none_matches: tags(&headers, header::IF_NONE_MATCH),
        }
    }

    #[test]
    fn a_change_names_one_version_or_none() {
        let expected = |text| conditions(text, "").expected().ok();
        assert_eq!(expected(""), Some(None));
        assert_eq!(expected("*"), Some(None));
        assert_eq!(expected("\"7\""), Some(Some(Sequence(7))));
        for wrong in ["7", "\"\"", "\"x\"", "W/\"7\"", "\"7\", \"8\"", "\"+7\""] {
            assert_eq!(expected(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn whoever_has_the_version_is_told_so() {
        let has = |text| conditions("", text).has(Sequence(7));
        assert!(has("\"7\"") && has("W/\"7\"") && has("\"6\" , \"7\"") && has("*"));
        assert!(!has("") && !has("\"70\"") && !has("7"));
        let answer = conditions("", "\"7\"").answer(Sequence(7), &1);
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answer.headers()[header::ETAG], "\"7\"");
        let answer = conditions("", "\"6\"").answer(Sequence(7), &1);
        assert_eq!(answer.status(), StatusCode::OK);
    }
}
