//! What operators may ask a hub: who is in the cluster, and where a room is. For tokens with the role `admin`.

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::cluster::nodes::Part;
use actors::cluster::{PeerOutlook, Report};
use actors::hub::{Hub, Whereabouts};
use actors::ids::{EntityId, NodeId, RoomId, Sequence, Timestamp};
use actors::machines::terms::PlatformRole;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::path::PathParts;
use super::problem::Problem;
use crate::auth::{Authenticate, bearer_token};
use crate::error::{FORBIDDEN, HubError, INVALID_ARGUMENT, UNAUTHORIZED};
use crate::rfc3339::Rfc3339;

/// What the answers are made of.
#[derive(Clone)]
pub struct Admin {
    /// The hub.
    pub hub: Hub,
    /// Who asks.
    pub authenticate: Arc<dyn Authenticate>,
}

/// The routes below `/admin`.
pub fn routes(admin: Admin) -> Router {
    let only_operators = axum::middleware::from_fn_with_state(admin.clone(), only_operators);
    Router::new()
        .route("/admin/nodes", get(nodes))
        .route("/admin/rooms/{id}", get(room))
        .with_state(admin)
        .layer(only_operators)
}

async fn only_operators(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let token = bearer_token(request.headers(), request.uri());
    let identity = token.map(|token| admin.authenticate.authenticate(&token));
    match identity {
        Some(Ok(identity)) if identity.platform_role() == PlatformRole::Admin => {
            next.run(request).await
        }
        Some(Ok(_)) => Problem::new(FORBIDDEN).into_response(),
        Some(Err(refused)) => {
            Problem::from(HubError::new(UNAUTHORIZED, refused.to_string())).into_response()
        }
        None => Problem::new(UNAUTHORIZED).into_response(),
    }
}

async fn nodes(State(admin): State<Admin>) -> Json<Value> {
    Json(nodes_of(&admin.hub).await)
}

/// This node and the others as it sees them, each with its own account. A node that lives alone has no others.
pub async fn nodes_of(hub: &Hub) -> Value {
    let mut shown = crate::bus::reported(Some(&hub.report(None)));
    shown["others"] = json!([]);
    if let Some(peers) = hub.peers() {
        let reports: BTreeMap<NodeId, Option<Report>> =
            peers.reports(None).await.into_iter().collect();
        let outlook = peers.outlook();
        shown["node"] = outlook.node.as_str().into();
        shown["startedAt"] = json!(Rfc3339(Timestamp(outlook.incarnation)));
        shown["draining"] = (outlook.part == Part::Draining).into();
        shown["joining"] = (outlook.part == Part::Joining).into();
        shown["connected"] = outlook.connected.into();
        let other = |peer: &PeerOutlook| {
            let report = reports.get(&peer.beat.node).and_then(Option::as_ref);
            let mut shown = crate::bus::shown(&peer.beat, report);
            shown["suspected"] = peer.suspected.into();
            shown["heardMsAgo"] = peer.heard_ms_ago.into();
            shown
        };
        shown["others"] = outlook.others.iter().map(other).collect();
    }
    shown
}

async fn room(State(admin): State<Admin>, path: PathParts) -> Result<Json<Value>, Problem> {
    let room = RoomId::parse(path.get("id")?);
    let room = room.map_err(|error| HubError::new(INVALID_ARGUMENT, error.to_string()))?;
    Ok(Json(room_of(&admin.hub, &room).await?))
}

/// Who owns a room, how far it reaches in the store, and how far each node's subscribers are behind.
pub async fn room_of(hub: &Hub, room: &RoomId) -> Result<Value, HubError> {
    let found = hub.whereabouts(room).await?;
    let lag = |position| lag_of(&found, position);
    let mut nodes = Vec::new();
    if let Some(peers) = hub.peers() {
        let me = peers.outlook().node;
        let mut reports = peers.reports(Some(room)).await;
        reports.push((me, Some(hub.report(Some(room)))));
        reports.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (node, report) in reports {
            let room = report.and_then(|report| report.room);
            nodes.push(crate::bus::room_reported(&node, room.as_ref(), &lag));
        }
    }
    let mut shown = found_at(&found);
    shown["roomId"] = room.as_str().into();
    shown["nodes"] = nodes.into();
    Ok(shown)
}

/// The same of any entity, but for what other nodes have to say: they tell that of rooms only.
pub async fn entity_of(hub: &Hub, entity: &EntityId) -> Result<Value, HubError> {
    match entity.as_room() {
        Some(room) => room_of(hub, &room).await,
        None => Ok(found_at(&hub.whereabouts_of(entity).await?)),
    }
}

fn found_at(found: &Whereabouts) -> Value {
    json!({
        "owner": found.owner.as_ref().map(|owner| owner.as_str()),
        "head": found.head.0,
        "position": found.position.map(|position| position.0),
        "lag": lag_of(found, found.position),
        "usersSubscribed": found.subscribed,
    })
}

/// How many events of what there are a position lacks.
fn lag_of(found: &Whereabouts, position: Option<Sequence>) -> Option<u64> {
    position.map(|at| found.head.0.saturating_sub(at.0))
}
