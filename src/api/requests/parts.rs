//! What a request knows inside: who applied, who was asked with which score, who did what when.

use actors::ids::{RequestId, Sequence};
use actors::machines::request::{PartView, RequestView};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::rows::{ApplicationEntry, Applications, Audit, AuditLine, CandidateEntry, Candidates};
use super::shapes::SearchShape;
use super::wishes::AuditQuery;
use crate::api::caller::By;
use crate::api::cursor::{self, List};
use crate::api::input::{At, Params};
use crate::api::{Api, json, words};
use crate::http::problem::Problem;

/// Lines on a page if the client does not say how many.
const LINES: usize = 50;

/// Applications of a request
///
/// Who applied, for how much and with which words, for the organizer, moderators and admins. A musician sees an own application
/// only.
#[utoipa::path(
    get, path = "/api/requests/{id}/applications", operation_id = "listApplications", tag = "requests",
    params(("id" = words::RequestId, Path, description = "The request.")),
    responses((status = 200, description = "The applications, by musician.", body = Applications)),
)]
pub async fn applications(
    State(api): State<Api>,
    by: By,
    At(id): At<RequestId>,
) -> Result<Response, Problem> {
    let view = api.hub.request_view(&id, &by.0).await?;
    let items = seen(&view).filter_map(ApplicationEntry::new).collect();
    Ok(json(StatusCode::OK, &Applications { items }))
}

/// Candidates for a request
///
/// Who was offered the request, with score and how it came about, and where the search stands, for the organizer, moderators and
/// admins. A musician sees an own offer only.
#[utoipa::path(
    get, path = "/api/requests/{id}/candidates", operation_id = "listCandidates", tag = "requests",
    params(("id" = words::RequestId, Path, description = "The request.")),
    responses((status = 200, description = "The candidates, the best first.", body = Candidates)),
)]
pub async fn candidates(
    State(api): State<Api>,
    by: By,
    At(id): At<RequestId>,
) -> Result<Response, Problem> {
    let view = api.hub.request_view(&id, &by.0).await?;
    let mut items: Vec<CandidateEntry> = seen(&view).filter_map(CandidateEntry::new).collect();
    items.sort_by(CandidateEntry::better);
    let search = view
        .inside
        .as_ref()
        .and_then(|inside| inside.search.as_ref());
    let shown = Candidates {
        items,
        search: search.map(SearchShape::new),
    };
    Ok(json(StatusCode::OK, &shown))
}

/// Audit of a request
///
/// Every change of the request, oldest first: who, in which role, from, to, why, when. For its organizer, moderators and admins;
/// the musician who has it sees what happened to the request and to the own part, but not who else had one and why, so that a
/// page may have fewer lines than asked for.
#[utoipa::path(
    get, path = "/api/requests/{id}/audit", operation_id = "listAudit", tag = "requests",
    params(("id" = words::RequestId, Path, description = "The request."), AuditQuery),
    responses((status = 200, description = "A page of the audit.", body = Audit)),
)]
pub async fn audit(
    State(api): State<Api>,
    by: By,
    At(id): At<RequestId>,
    Params(query): Params<AuditQuery>,
) -> Result<Response, Problem> {
    let after = match &query.cursor {
        None => Sequence::ZERO,
        Some(text) => cursor::read(List::Audit, text).ok_or_else(cursor::foreign)?,
    };
    let limit = query.limit.unwrap_or(LINES);
    let page = api.hub.request_audit(&id, &by.0, after, limit).await?;
    let shown = Audit {
        items: page.entries.iter().map(AuditLine::new).collect(),
        next: page.next.map(|at| cursor::write(List::Audit, at)),
    };
    Ok(json(StatusCode::OK, &shown))
}

/// The parts that the caller may see.
fn seen(view: &RequestView) -> impl Iterator<Item = &PartView> {
    let all = view.inside.iter().flat_map(|inside| &inside.parts);
    let mine = view.mine.iter().filter(|_| view.inside.is_none());
    all.chain(mine)
}
