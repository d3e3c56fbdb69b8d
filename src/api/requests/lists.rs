//! Lists of requests, by cards: no request is woken for one.

use actors::hub::OpenQuery;
use actors::machines::request::{RequestCard, RequestState};
use actors::machines::terms::{Place, PlatformRole, Term};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::rows::{OpenRequest, OpenRequests, RequestEntry, Requests};
use super::wishes::{self, MyRequests, MyRole, PendingQuery};
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
    let after = behind(List::Requests, query.cursor.as_deref())?;
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
/// Requests that look for musicians of an instrument around a place, the nearest first. Distances are to what the list shows of
/// a place, which is good to about a kilometre.
#[utoipa::path(
    get, path = "/api/requests/open", operation_id = "listOpenRequests", tag = "requests",
    params(wishes::OpenQuery),
    responses((status = 200, description = "A page of requests.", body = OpenRequests)),
)]
pub async fn open(
    State(api): State<Api>,
    by: By,
    Params(query): Params<wishes::OpenQuery>,
) -> Result<Response, Problem> {
    let instrument = Term::parse(&query.instrument);
    let instrument = instrument
        .map_err(|error| HubError::invalid(vec![field_error("instrument", error.to_string())]))?;
    let place = Place {
        lat: query.lat,
        lng: query.lng,
        address: String::new(),
    };
    let query = OpenQuery {
        instrument,
        place,
        radius_km: query.radius_km.unwrap_or(RADIUS_KM),
        after: behind(List::OpenRequests, query.cursor.as_deref())?,
        limit: query.limit.unwrap_or(REQUESTS),
    };
    let page = api.hub.open_requests(&by.0, &query).await?;
    let shown = OpenRequests {
        items: page
            .requests
            .iter()
            .map(|(card, km)| OpenRequest::new(card, *km))
            .collect(),
        next: page.next.map(|at| cursor::write(List::OpenRequests, at)),
        complete: page.complete,
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
    let after = behind(List::PendingRequests, query.cursor.as_deref())?;
    let limit = query.limit.unwrap_or(REQUESTS);
    let page = api.hub.pending_requests(after.as_ref(), limit).await?;
    let shown = Requests {
        items: page.requests.iter().map(RequestEntry::new).collect(),
        next: page.next.map(|id| cursor::write(List::PendingRequests, id)),
    };
    Ok(json(StatusCode::OK, &shown))
}

fn behind<P: cursor::Place>(list: List, cursor: Option<&str>) -> Result<Option<P>, HubError> {
    let read = cursor.map(|text| cursor::read(list, text).ok_or_else(cursor::foreign));
    read.transpose()
}
