//! What operators may ask a hub: who is in the cluster, and where a room is. For tokens with the role `admin`.

use std::sync::Arc;

use actors::cluster::PeerOutlook;
use actors::cluster::nodes::Part;
use actors::hub::Hub;
use actors::ids::{RoomId, Timestamp};
use axum::extract::{Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::problem::Problem;
use crate::auth::{Authenticate, bearer_token};
use crate::error::{FORBIDDEN, HubError, INVALID_ARGUMENT, UNAUTHORIZED};
use crate::rfc3339::Rfc3339;

/// The role that a token must name.
const ROLE: &str = "admin";

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
        Some(Ok(identity)) if identity.role == ROLE => next.run(request).await,
        Some(Ok(_)) => Problem::new(FORBIDDEN).into_response(),
        Some(Err(refused)) => {
            Problem::from(HubError::new(UNAUTHORIZED, refused.to_string())).into_response()
        }
        None => Problem::new(UNAUTHORIZED).into_response(),
    }
}

/// This node and the others as it sees them. A node that lives alone has no others.
async fn nodes(State(admin): State<Admin>) -> Json<Value> {
    let (awake, subscribed, _) = admin.hub.load();
    let mut shown = json!({ "entitiesAwake": awake, "roomsSubscribed": subscribed, "others": [] });
    if let Some(peers) = admin.hub.peers() {
        let outlook = peers.outlook();
        shown["node"] = outlook.node.as_str().into();
        shown["startedAt"] = json!(Rfc3339(Timestamp(outlook.incarnation)));
        shown["draining"] = (outlook.part == Part::Draining).into();
        shown["joining"] = (outlook.part == Part::Joining).into();
        shown["connected"] = outlook.connected.into();
        shown["others"] = outlook.others.iter().map(other).collect();
    }
    Json(shown)
}

fn other(peer: &PeerOutlook) -> Value {
    let mut shown = crate::bus::shown(&peer.beat);
    shown["suspected"] = peer.suspected.into();
    shown["heardMsAgo"] = peer.heard_ms_ago.into();
    shown
}

/// Who owns a room, how far it reaches in the store, and how far this node's subscribers are behind.
async fn room(State(admin): State<Admin>, Path(id): Path<String>) -> Response {
    let room = match RoomId::parse(&id) {
        Ok(room) => room,
        Err(error) => {
            let error = HubError::new(INVALID_ARGUMENT, error.to_string());
            return Problem::from(error).into_response();
        }
    };
    match admin.hub.whereabouts(&room).await {
        Ok(found) => Json(json!({
            "roomId": id,
            "owner": found.owner.as_ref().map(|owner| owner.as_str()),
            "head": found.head.0,
            "position": found.position.map(|position| position.0),
            "lag": found.position.map(|position| found.head.0.saturating_sub(position.0)),
            "usersSubscribed": found.subscribed,
        }))
        .into_response(),
        Err(error) => Problem::from(HubError::from(error)).into_response(),
    }
}
