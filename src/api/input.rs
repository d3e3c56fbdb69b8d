//! What handlers are given of a request: its body, its query, the ids in its path. Whatever is wrong with one of them is
//! answered by a problem with all its errors.

use actors::ids::{RequestId, RoomId, Sequence, UserId};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Api;
use crate::error::{HubError, INTERNAL, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, field_error};
use crate::http::path::PathParts;
use crate::http::problem::Problem;

/// The body of a request, as the document describes it.
#[derive(Debug)]
pub struct Input<T>(pub T);

/// The query of a request, as the document describes it.
#[derive(Debug)]
pub struct Params<T>(pub T);

/// The id in the path.
#[derive(Debug)]
pub struct At<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(UNSUPPORTED_MEDIA_TYPE));
        }
        let method = request.method().to_string();
        let path = template(request.extensions())?;
        let bytes = read_body(request).await?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| whole(format!("the body is no JSON: {error}")))?;
        let problems = api.contract.check_body(&method, &path, &value);
        if !problems.is_empty() {
            return Err(HubError::invalid(problems).into());
        }
        decoded(value).map(Input)
    }
}

impl<T: DeserializeOwned> FromRequestParts<Api> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let path = template(&parts.extensions)?;
        let pairs = pairs(&parts.uri)?;
        let read = api
            .contract
            .read_query(parts.method.as_str(), &path, &pairs);
        let read = read.map_err(HubError::invalid)?;
        decoded(Value::Object(read)).map(Params)
    }
}

impl<T: InPath> FromRequestParts<Api> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let path = PathParts::from_request_parts(parts, api).await?;
        let parsed = T::parse(path.get(T::NAME)?);
        parsed
            .map(At)
            .map_err(|problem| HubError::invalid(vec![field_error(T::NAME, problem)]).into())
    }
}

/// Something that stands in a path by a fixed name.
pub trait InPath: Sized {
    /// The name in the template.
    const NAME: &'static str;
    /// Reads it, or tells what is wrong with it.
    fn parse(text: &str) -> Result<Self, String>;
}

impl InPath for RoomId {
    const NAME: &'static str = "id";

    fn parse(text: &str) -> Result<Self, String> {
        RoomId::parse(text).map_err(|error| format!("is not valid: {error}"))
    }
}

impl InPath for UserId {
    const NAME: &'static str = "id";

    fn parse(text: &str) -> Result<Self, String> {
        UserId::parse(text).map_err(|error| format!("is not valid: {error}"))
    }
}

impl InPath for RequestId {
    const NAME: &'static str = "id";

    fn parse(text: &str) -> Result<Self, String> {
        RequestId::parse(text).map_err(|error| format!("is not valid: {error}"))
    }
}

impl InPath for Sequence {
    const NAME: &'static str = "sequence";

    fn parse(text: &str) -> Result<Self, String> {
        let number = text.parse().map(Sequence);
        number.map_err(|_| "must be a whole number".into())
    }
}

/// Reads a body whole, up to the bound that the edge has put on it.
pub(super) async fn read_body(request: Request) -> Result<Bytes, Problem> {
    let bytes = Bytes::from_request(request, &()).await;
    bytes.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(TOO_LARGE),
        _ => whole("the body did not come whole".into()),
    })
}

fn whole(problem: String) -> Problem {
    HubError::invalid(vec![field_error("", problem)]).into()
}

/// What the document allows is what the type reads; a test compares them, so this fails only by a mistake.
fn decoded<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(|error| whole(error.to_string()))
}

fn template(extensions: &axum::http::Extensions) -> Result<String, Problem> {
    let path = extensions.get::<MatchedPath>();
    let path = path.map(|path| path.as_str().to_owned());
    path.ok_or_else(|| Problem::new(INTERNAL))
}

fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    pairs
        .map(|Query(pairs)| pairs)
        .map_err(|error| whole(format!("the query is not valid: {error}")))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}
