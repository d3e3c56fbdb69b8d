//! Every step of a request: one address each, and each the wish that it is.

use actors::hub::Assignment;
use actors::ids::{RequestId, UserId};
use actors::machines::request::Change;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{Assigned, Step};
use super::drafts::expected;
use super::wishes::{Because, Chosen, NewApplication, Reason, Rejected, Resolution};
use crate::api::caller::By;
use crate::api::etag::Conditions;
use crate::api::idempotency::Key;
use crate::api::input::{At, Input};
use crate::api::{Api, json, words};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(submit))
        .routes(routes!(approve))
        .routes(routes!(refuse))
        .routes(routes!(accept))
        .routes(routes!(decline))
        .routes(routes!(apply))
        .routes(routes!(withdraw))
        .routes(routes!(choose))
        .routes(routes!(reject))
        .routes(routes!(review))
        .routes(routes!(reopen))
        .routes(routes!(drop_out))
        .routes(routes!(start))
        .routes(routes!(complete))
        .routes(routes!(cancel))
        .routes(routes!(dispute))
        .routes(routes!(resolve))
}

type Answered = Result<Response, Problem>;

/// A step without words, or with some, as an operation of the document.
macro_rules! step {
    ($(#[$doc:meta])* $name:ident, $path:literal, $id:literal, $change:expr) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path, operation_id = $id, tag = "requests",
            params(("id" = words::RequestId, Path, description = "The request.")),
            responses((status = 200, description = "The step is made.", body = Step)),
        )]
        async fn $name(State(api): State<Api>, by: By, key: Key, At(id): At<RequestId>) -> Answered {
            step(&api, &by, &key, &id, $change).await
        }
    };
    ($(#[$doc:meta])* $name:ident, $path:literal, $id:literal, $wish:ident => $change:expr) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path, operation_id = $id, tag = "requests",
            params(("id" = words::RequestId, Path, description = "The request.")),
            request_body = $wish,
            responses((status = 200, description = "The step is made.", body = Step)),
        )]
        async fn $name(
            State(api): State<Api>,
            by: By,
            key: Key,
            At(id): At<RequestId>,
            Input(wish): Input<$wish>,
        ) -> Answered {
            let change: fn($wish) -> Change = $change;
            step(&api, &by, &key, &id, change(wish)).await
        }
    };
}

/// Submit a draft
///
/// Musicians are looked for from now on, or a moderator is waited for.
#[utoipa::path(
    post, path = "/api/requests/{id}/submit", operation_id = "submitRequest", tag = "requests",
    params(
        ("id" = words::RequestId, Path, description = "The request."),
        ("If-Match" = Option<String>, Header, description = "ETag of the draft that is meant; if it has changed since, the answer is `request_changed`."),
    ),
    responses((status = 200, description = "The step is made.", body = Step)),
)]
async fn submit(
    State(api): State<Api>,
    by: By,
    key: Key,
    conditions: Conditions,
    At(id): At<RequestId>,
) -> Answered {
    let expected = expected(&api, &by, &id, &conditions).await?;
    step(&api, &by, &key, &id, Change::Submit { expected }).await
}

step! {
    /// Approve a request
    ///
    /// A moderator lets it pass.
    approve, "/api/requests/{id}/approve", "approveRequest", Change::Approve
}

step! {
    /// Refuse a request
    ///
    /// A moderator sends it back to its organizer.
    refuse, "/api/requests/{id}/refuse", "refuseRequest",
    Because => |wish| Change::Refuse { reason: wish.reason }
}

step! {
    /// Decline an offer
    ///
    /// The musician does not want it.
    decline, "/api/requests/{id}/decline", "declineRequest",
    Reason => |wish| Change::Decline { reason: wish.reason }
}

step! {
    /// Apply to a request
    ///
    /// The musician would play, for a rate: where the organizer chooses.
    apply, "/api/requests/{id}/apply", "applyToRequest",
    NewApplication => |wish| Change::Apply {
        rate: wish.rate.0,
        words: wish.words.unwrap_or_default(),
    }
}

step! {
    /// Withdraw from a request
    ///
    /// The musician takes back an application or an accept.
    withdraw, "/api/requests/{id}/withdraw", "withdrawFromRequest",
    Reason => |wish| Change::Withdraw { reason: wish.reason }
}

step! {
    /// Reject an application
    ///
    /// The organizer does not want this musician.
    reject, "/api/requests/{id}/reject", "rejectApplication",
    Rejected => |wish| Change::RejectApplication {
        musician: wish.musician_id,
        reason: wish.reason,
    }
}

step! {
    /// Review applications
    ///
    /// The organizer looks at them; no more are taken for now.
    review, "/api/requests/{id}/review", "reviewRequest", Change::Review
}

step! {
    /// Reopen a request
    ///
    /// The organizer wants more applications.
    reopen, "/api/requests/{id}/reopen", "reopenRequest", Change::Reopen
}

step! {
    /// Drop out of a request
    ///
    /// The assigned musician gives the request back, and others are looked for.
    drop_out, "/api/requests/{id}/drop-out", "dropOutOfRequest",
    Because => |wish| Change::DropOut { reason: wish.reason }
}

step! {
    /// Start the event
    ///
    /// The event begins.
    start, "/api/requests/{id}/start", "startRequest", Change::Start
}

step! {
    /// Complete the event
    ///
    /// The event is over.
    complete, "/api/requests/{id}/complete", "completeRequest", Change::Complete
}

step! {
    /// Cancel a request
    ///
    /// The event is called off.
    cancel, "/api/requests/{id}/cancel", "cancelRequest",
    Because => |wish| Change::Cancel { reason: wish.reason }
}

step! {
    /// Dispute a request
    ///
    /// One side disagrees; a moderator decides.
    dispute, "/api/requests/{id}/dispute", "disputeRequest",
    Because => |wish| Change::Dispute { reason: wish.reason }
}

step! {
    /// Resolve a dispute
    ///
    /// A moderator decides how it ends.
    resolve, "/api/requests/{id}/resolve", "resolveRequest",
    Resolution => |wish| Change::Resolve {
        outcome: wish.outcome.into(),
        details: wish.details,
    }
}

/// Accept a request
///
/// The musician takes the request; the first valid accept wins. Waits a moment for the musician's calendar.
#[utoipa::path(
    post, path = "/api/requests/{id}/accept", operation_id = "acceptRequest", tag = "requests",
    params(("id" = words::RequestId, Path, description = "The request.")),
    responses(
        (status = 200, description = "How it ended: `assigned`, `taken` or `conflicted`.", body = Assigned),
        (status = 202, description = "Not yet: `waiting`. A notification will tell.", body = Assigned),
    ),
)]
async fn accept(State(api): State<Api>, by: By, key: Key, At(id): At<RequestId>) -> Answered {
    let musician = by.user().clone();
    assign(&api, &by, &key, &id, Change::Accept, &musician).await
}

/// Choose a musician
///
/// The organizer takes one of those who applied. Waits a moment for the musician's calendar.
#[utoipa::path(
    post, path = "/api/requests/{id}/choose", operation_id = "chooseMusician", tag = "requests",
    params(("id" = words::RequestId, Path, description = "The request.")),
    request_body = Chosen,
    responses(
        (status = 200, description = "How it ended: `assigned`, `taken` or `conflicted`.", body = Assigned),
        (status = 202, description = "Not yet: `waiting`. A notification will tell.", body = Assigned),
    ),
)]
async fn choose(
    State(api): State<Api>,
    by: By,
    key: Key,
    At(id): At<RequestId>,
    Input(wish): Input<Chosen>,
) -> Answered {
    let musician = wish.musician_id.clone();
    let change = Change::Choose {
        musician: wish.musician_id,
    };
    assign(&api, &by, &key, &id, change, &musician).await
}

async fn step(api: &Api, by: &By, key: &Key, id: &RequestId, change: Change) -> Answered {
    let hub = &api.hub;
    let done = hub.change_request(id, &by.0, key.number(), change).await?;
    Ok(json(StatusCode::OK, &Step::new(id, &done)))
}

async fn assign(
    api: &Api,
    by: &By,
    key: &Key,
    id: &RequestId,
    change: Change,
    musician: &UserId,
) -> Answered {
    let assigning = api
        .hub
        .assign(id, &by.0, key.number(), change, api.assign_wait);
    Ok(match assigning.await? {
        Assignment::Settled(view) => json(StatusCode::OK, &Assigned::settled(&view, musician)),
        Assignment::Pending(done) => {
            let outcome = "waiting";
            let step = Step::new(id, &done);
            json(StatusCode::ACCEPTED, &Assigned { step, outcome })
        }
    })
}
