//! What operators ask: the nodes of the cluster, and where an entity is.

use actors::ids::{EntityId, EntityKind};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::By;
use super::{Api, json, words};
use crate::error::{HubError, field_error};
use crate::http::admin;
use crate::http::path::PathParts;
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(nodes))
        .routes(routes!(entity))
}

/// Nodes of the cluster
///
/// This node and the others as it sees them, each with its own account.
#[utoipa::path(
    get, path = "/api/admin/nodes", operation_id = "listNodes", tag = "admin",
    responses((status = 200, description = "The nodes.", body = words::Account)),
)]
async fn nodes(State(api): State<Api>, by: By) -> Result<Json<Value>, Problem> {
    by.operator()?;
    Ok(Json(admin::nodes_of(&api.hub).await))
}

/// Where an entity is
///
/// Who owns it, how far it reaches in the store, and how far subscribers are behind: of a room those of each node, of anything
/// else this node's.
#[utoipa::path(
    get, path = "/api/admin/entities/{kind}/{id}", operation_id = "findEntity", tag = "admin",
    params(
        ("kind" = words::EntityKind, Path, description = "What it is."),
        ("id" = words::EntityId, Path, description = "Which one."),
    ),
    responses((status = 200, description = "Where it is.", body = words::Account)),
)]
async fn entity(State(api): State<Api>, by: By, path: PathParts) -> Result<Response, Problem> {
    by.operator()?;
    let (kind, id) = (path.get("kind")?, path.get("id")?);
    let entity = named(kind, id)?;
    let mut found = admin::entity_of(&api.hub, &entity).await?;
    found["kind"] = kind.into();
    found["id"] = id.into();
    Ok(json(StatusCode::OK, &found))
}

fn named(kind: &str, id: &str) -> Result<EntityId, HubError> {
    let mut problems = Vec::new();
    let found = words::ENTITY_KINDS.iter().find(|(word, _)| *word == kind);
    if found.is_none() {
        problems.push(field_error("kind", "is none that the hub knows"));
    }
    let kind = found.map_or(EntityKind::Room, |(_, kind)| *kind);
    match EntityId::new(kind, id) {
        Ok(entity) if problems.is_empty() => return Ok(entity),
        Ok(_) => {}
        Err(error) => problems.push(field_error("id", format!("is not valid: {error}"))),
    }
    Err(HubError::invalid(problems))
}
