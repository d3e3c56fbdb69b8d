//! A request by itself: made, looked at, written anew while it is a draft.

use actors::ids::{RequestId, Sequence};
use actors::machines::request::Change;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use uuid::Uuid;

use super::shapes::RequestShape;
use super::wishes::NewRequest;
use crate::api::caller::By;
use crate::api::etag::{Conditions, tagged};
use crate::api::idempotency::Key;
use crate::api::input::{At, Input};
use crate::api::{Api, json, words};
use crate::error::{INTERNAL, REQUEST_CHANGED};
use crate::http::problem::Problem;

/// Create a request
///
/// A draft, which only its organizer sees until it is submitted.
#[utoipa::path(
    post, path = "/api/requests", operation_id = "createRequest", tag = "requests",
    request_body = NewRequest,
    responses((status = 201, description = "The draft; its sequence is the ETag.", body = RequestShape)),
)]
pub async fn create(
    State(api): State<Api>,
    by: By,
    key: Key,
    Input(wish): Input<NewRequest>,
) -> Result<Response, Problem> {
    let id = key.id("request");
    let id = id.unwrap_or_else(|| Uuid::now_v7().to_string());
    let id = RequestId::parse(&id).map_err(|_| Problem::new(INTERNAL))?;
    let input = Box::new(wish.into());
    api.hub
        .change_request(&id, &by.0, key.number(), Change::Create { input })
        .await?;
    let view = api.hub.request_view(&id, &by.0).await?;
    let mut answer = json(StatusCode::CREATED, &RequestShape::new(&view));
    if let Ok(place) = HeaderValue::from_str(&format!("/api/requests/{id}")) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(tagged(answer, view.sequence))
}

/// Look at a request
///
/// As the caller may see it: an open one everybody, of the rest more or less by the part in it. Whoever has no part in it sees
/// the place rounded to about a kilometre, without its address.
#[utoipa::path(
    get, path = "/api/requests/{id}", operation_id = "getRequest", tag = "requests",
    params(
        ("id" = words::RequestId, Path, description = "The request."),
        ("If-None-Match" = Option<String>, Header, description = "ETag of what the client has."),
    ),
    responses(
        (status = 200, description = "The request; its sequence is the ETag.", body = RequestShape),
        (status = 304, description = "The client has it."),
    ),
)]
pub async fn look(
    State(api): State<Api>,
    by: By,
    conditions: Conditions,
    At(id): At<RequestId>,
) -> Result<Response, Problem> {
    let view = api.hub.request_view(&id, &by.0).await?;
    Ok(conditions.answer(view.sequence, &RequestShape::new(&view)))
}

/// Edit a draft
///
/// Another draft in place of the one there is.
#[utoipa::path(
    put, path = "/api/requests/{id}", operation_id = "editRequest", tag = "requests",
    params(
        ("id" = words::RequestId, Path, description = "The request."),
        ("If-Match" = Option<String>, Header, description = "ETag of what this is based on; if it has changed since, the answer is `request_changed`."),
    ),
    request_body = NewRequest,
    responses((status = 200, description = "The draft as it is now.", body = RequestShape)),
)]
pub async fn edit(
    State(api): State<Api>,
    by: By,
    conditions: Conditions,
    At(id): At<RequestId>,
    Input(wish): Input<NewRequest>,
) -> Result<Response, Problem> {
    let change = Change::Edit {
        input: Box::new(wish.into()),
        expected: expected(&api, &by, &id, &conditions).await?,
    };
    api.hub.change_request(&id, &by.0, None, change).await?;
    let view = api.hub.request_view(&id, &by.0).await?;
    let answer = json(StatusCode::OK, &RequestShape::new(&view));
    Ok(tagged(answer, view.sequence))
}

/// The sequence of the draft that a change is based on.
pub async fn expected(
    api: &Api,
    by: &By,
    id: &RequestId,
    conditions: &Conditions,
) -> Result<Option<Sequence>, Problem> {
    let now = async { Ok(api.hub.request_view(id, &by.0).await?.sequence) };
    conditions.base()?.expected(now, REQUEST_CHANGED).await
}
