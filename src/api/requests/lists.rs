//! Lists of requests, by cards: no request is woken for one.

use actors::ids::RequestId;
use actors::machines::request::{RequestCard, RequestState};
use actors::machines::terms::{Place, PlatformRole, Term};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::rows::{OpenRequest, OpenRequests, RequestEntry, Requests};
use super::wishes::{MyRequests, MyRole, OpenQuery, PendingQuery};
use crate::api::caller::By;
use crate::api::cursor::{self, List};
use crate::api::input::Params;
use crate::api::{Api, json};
use crate::error::{FORBIDDEN, HubError, field_error};
use crate::http::problem::Problem;

/// Requests on a page if the client does not say how many.
const REQUESTS: usize = 50;
/// Kilometres around the place if the client does not say how many.
const RADIUS_KM: f64 = 50.0;

/// My requests
///
/// Those that the caller has a part in, by id. With a filter a page may have fewer entries than asked for, and there may be
/// more all the same.
#[utoipa::path(
    get, path = "/api/requests", operation_id = "listRequests", tag = "requests",
    params(MyRequests),
    responses((status = 200, description = "A page of requests.", body = Requests)),
)]
pub async fn mine(
    State(api): State<Api>,
    by: By,
    Params(query): Params<MyRequests>,
) -> Result<Response, Problem> {
    let after = place(List::Requests, query.cursor.as_deref())?;
    let limit = query.limit.unwrap_or(REQUESTS);
    let page = api
        .hub
        .requests_of(by.user(), after.as_ref(), limit)
        .await?;
    let wanted = |card: &&RequestCard| {
        let role = match query.role {
            None => true,
            Some(MyRole::Organizer) => card.organizer == *by.user(),
            Some(MyRole::Musician) => card.organizer != *by.user(),
        };
        role && query
            .state
            .is_none_or(|state| card.state == RequestState::from(state))
    };
    let shown = Requests {
        items: page
            .requests
            .iter()
            .filter(wanted)
            .map(RequestEntry::new)
            .collect(),
        next: page.next.map(|id| cursor::write(List::Requests, id)),
    };
    Ok(json(StatusCode::OK, &shown))
}

/// Open requests
///
/// Requests that look for musicians of an instrument around a place, the nearest first.
#[utoipa::path(
    get, path = "/api/requests/open", operation_id = "listOpenRequests", tag = "requests",
    params(OpenQuery),
    responses((status = 200, description = "The requests.", body = OpenRequests)),
)]
pub async fn open(
    State(api): State<Api>,
    _by: By,
    Params(query): Params<OpenQuery>,
) -> Result<Response, Problem> {
    let instrument = Term::parse(&query.instrument);
    let instrument = instrument
        .map_err(|error| HubError::invalid(vec![field_error("instrument", error.to_string())]))?;
    let place = Place {
        lat: query.lat,
        lng: query.lng,
        address: String::new(),
    };
    let radius_km = query.radius_km.unwrap_or(RADIUS_KM);
    let limit = query.limit.unwrap_or(REQUESTS);
    let found = api
        .hub
        .open_requests(&instrument, &place, radius_km, limit)
        .await?;
    let shown = OpenRequests {
        items: found
            .iter()
            .map(|(card, km)| OpenRequest::new(card, *km))
            .collect(),
    };
    Ok(json(StatusCode::OK, &shown))
}

/// Requests to be approved
///
/// Those that wait for a moderator, by id; for moderators and admins.
#[utoipa::path(
    get, path = "/api/requests/pending", operation_id = "listPendingRequests", tag = "requests",
    params(PendingQuery),
    responses((status = 200, description = "A page of requests.", body = Requests)),
)]
pub async fn pending(
    State(api): State<Api>,
    by: By,
    Params(query): Params<PendingQuery>,
) -> Result<Response, Problem> {
    // A list over all requests has no entity that could say so.
    if !matches!(by.0.role, PlatformRole::Moderator | PlatformRole::Admin) {
        return Err(Problem::new(FORBIDDEN));
    }
    let after = place(List::PendingRequests, query.cursor.as_deref())?;
    let limit = query.limit.unwrap_or(REQUESTS);
    let page = api.hub.pending_requests(after.as_ref(), limit).await?;
    let shown = Requests {
        items: page.requests.iter().map(RequestEntry::new).collect(),
        next: page.next.map(|id| cursor::write(List::PendingRequests, id)),
    };
    Ok(json(StatusCode::OK, &shown))
}

fn place(list: List, cursor: Option<&str>) -> Result<Option<RequestId>, HubError> {
    let read = cursor.map(|text| cursor::read(list, text).ok_or_else(cursor::foreign));
    read.transpose()
}
