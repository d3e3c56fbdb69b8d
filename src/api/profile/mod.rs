//! The caller's own profile: what music the caller offers, when, and which times are taken.

pub(super) mod shapes;
mod wishes;

use actors::ids::Sequence;
use actors::machines::user::{UserCommand, UserReply, UserView};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::By;
use super::etag::{Conditions, tagged};
use super::idempotency::Key;
use super::input::{At, Input};
use super::{Api, json, words};
use crate::error::{INTERNAL, VERSION_CONFLICT};
use crate::http::problem::Problem;
use shapes::{AgendaShape, AvailabilityShape, BusyAdded, ProfileShape};
use wishes::{NewAvailability, NewBusy, NewProfile};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(look, change))
        .routes(routes!(hours, change_hours))
        .routes(routes!(agenda, block))
        .routes(routes!(unblock))
}

type Answered = Result<Response, Problem>;

/// My profile
///
/// Whoever has never written one gets an empty one of version 0.
#[utoipa::path(
    get, path = "/api/profile", operation_id = "getProfile", tag = "profile",
    params(("If-None-Match" = Option<String>, Header, description = "ETag of what the client has.")),
    responses(
        (status = 200, description = "The profile; its version is the ETag.", body = ProfileShape),
        (status = 304, description = "The client has it."),
    ),
)]
async fn look(State(api): State<Api>, by: By, conditions: Conditions) -> Answered {
    let view = view(&api, &by).await?;
    Ok(conditions.answer(view.version, &ProfileShape::new(&view)))
}

/// Change my profile
///
/// The whole profile in place of the one there is. Offering music needs the role of a musician.
#[utoipa::path(
    put, path = "/api/profile", operation_id = "putProfile", tag = "profile",
    params(("If-Match" = Option<String>, Header, description = "ETag of the version that this is based on; another one there is `version_conflict`.")),
    request_body = NewProfile,
    responses((status = 200, description = "The profile as it is now.", body = ProfileShape)),
)]
async fn change(
    State(api): State<Api>,
    by: By,
    conditions: Conditions,
    Input(wish): Input<NewProfile>,
) -> Answered {
    let command = UserCommand::SetProfile {
        by: by.0.clone(),
        key: None,
        expected: expected(&api, &by, &conditions).await?,
        profile: wish.into(),
    };
    done(&api, &by, command).await?;
    let view = view(&api, &by).await?;
    let answer = json(StatusCode::OK, &ProfileShape::new(&view));
    Ok(tagged(answer, view.version))
}

/// My hours
///
/// When the caller plays, by weekday and by date.
#[utoipa::path(
    get, path = "/api/profile/availability", operation_id = "getAvailability", tag = "profile",
    params(("If-None-Match" = Option<String>, Header, description = "ETag of what the client has.")),
    responses(
        (status = 200, description = "The hours; the profile's version is the ETag.", body = AvailabilityShape),
        (status = 304, description = "The client has them."),
    ),
)]
async fn hours(State(api): State<Api>, by: By, conditions: Conditions) -> Answered {
    let view = view(&api, &by).await?;
    Ok(conditions.answer(view.version, &AvailabilityShape::new(&view.availability)))
}

/// Change my hours
///
/// All hours in place of those there are. What is booked already stays so.
#[utoipa::path(
    put, path = "/api/profile/availability", operation_id = "putAvailability", tag = "profile",
    params(("If-Match" = Option<String>, Header, description = "ETag of the version that this is based on; another one there is `version_conflict`.")),
    request_body = NewAvailability,
    responses((status = 200, description = "The hours as they are now.", body = AvailabilityShape)),
)]
async fn change_hours(
    State(api): State<Api>,
    by: By,
    conditions: Conditions,
    Input(wish): Input<NewAvailability>,
) -> Answered {
    let command = UserCommand::SetAvailability {
        by: by.0.clone(),
        key: None,
        expected: expected(&api, &by, &conditions).await?,
        availability: wish.into(),
    };
    done(&api, &by, command).await?;
    let view = view(&api, &by).await?;
    let answer = json(StatusCode::OK, &AvailabilityShape::new(&view.availability));
    Ok(tagged(answer, view.version))
}

/// My taken times
///
/// Busy times, and those that requests hold or have booked.
#[utoipa::path(
    get, path = "/api/profile/busy", operation_id = "listBusy", tag = "profile",
    responses((status = 200, description = "The times, by their beginnings.", body = AgendaShape)),
)]
async fn agenda(State(api): State<Api>, by: By) -> Answered {
    let view = view(&api, &by).await?;
    let agenda = view.agenda.unwrap_or_default();
    Ok(json(StatusCode::OK, &AgendaShape::new(&agenda)))
}

/// Block a time
///
/// The caller plays for nobody then. What is held or booked already stays so.
#[utoipa::path(
    post, path = "/api/profile/busy", operation_id = "addBusy", tag = "profile",
    request_body = NewBusy,
    responses((status = 201, description = "The id of the busy time.", body = BusyAdded)),
)]
async fn block(State(api): State<Api>, by: By, key: Key, Input(wish): Input<NewBusy>) -> Answered {
    let command = UserCommand::Block {
        by: by.0.clone(),
        key: key.number(),
        busy: wish.into(),
    };
    let id = done(&api, &by, command).await?;
    let mut answer = json(StatusCode::CREATED, &BusyAdded { id });
    if let Ok(place) = HeaderValue::from_str(&format!("/api/profile/busy/{id}")) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(answer)
}

/// Free a time
///
/// A busy time is none any more.
#[utoipa::path(
    delete, path = "/api/profile/busy/{sequence}", operation_id = "removeBusy", tag = "profile",
    params(("sequence" = words::Sequence, Path, description = "The id of the busy time.")),
    responses((status = 204, description = "It is gone.")),
)]
async fn unblock(State(api): State<Api>, by: By, At(id): At<Sequence>) -> Answered {
    let command = UserCommand::Unblock {
        by: by.0.clone(),
        key: None,
        id,
    };
    done(&api, &by, command).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn view(api: &Api, by: &By) -> Result<Box<UserView>, Problem> {
    let command = UserCommand::View { by: by.0.clone() };
    match api.hub.user(by.user(), command).await? {
        UserReply::View(view) => Ok(view),
        other => Err(out_of_turn(&other)),
    }
}

/// The version that a change is based on.
async fn expected(
    api: &Api,
    by: &By,
    conditions: &Conditions,
) -> Result<Option<Sequence>, Problem> {
    let now = async { Ok(view(api, by).await?.version) };
    conditions.base()?.expected(now, VERSION_CONFLICT).await
}

async fn done(api: &Api, by: &By, command: UserCommand) -> Result<Sequence, Problem> {
    match api.hub.user(by.user(), command).await? {
        UserReply::Done { sequence } => Ok(sequence),
        other => Err(out_of_turn(&other)),
    }
}

pub(super) fn out_of_turn(reply: &UserReply) -> Problem {
    tracing::error!(?reply, "a user answered out of turn");
    Problem::new(INTERNAL)
}
