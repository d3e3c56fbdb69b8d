//! The way to other nodes that the configuration asks for.

use actors::bus::frame::Beat;
use actors::bus::{NatsBus, NatsError};
use actors::clock::Clock;
use actors::cluster::{PeerParts, Report, RoomReport};
use actors::ids::{NodeId, Sequence, Timestamp};
use serde_json::{Value, json};
use thiserror::Error;

use crate::config::{BusKind, Config};
use crate::rfc3339::Rfc3339;

/// Why there is no way to other nodes.
#[derive(Debug, Error)]
pub enum BusError {
    /// The connection cannot be set up. A server that does not answer is no such reason.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// The name of this node is none.
    #[error("node_id cannot be used: {0}")]
    Name(String),
}

/// What this node needs to live with others; `None` for a node that lives alone.
pub async fn peers(config: &Config, clock: &dyn Clock) -> Result<Option<PeerParts>, BusError> {
    if config.bus == BusKind::Local {
        return Ok(None);
    }
    let node = NodeId::parse(&config.node_id).map_err(|error| BusError::Name(error.to_string()))?;
    let url = config.nats_url.as_ref().map_or("", |url| url.reveal());
    let connecting = NatsBus::connect(url, node.clone(), &config.nats, &config.peers);
    let bus = Box::pin(connecting).await?;
    Ok(Some(PeerParts {
        bus,
        node,
        incarnation: clock.now().0,
        limits: config.peers.clone(),
    }))
}

/// A node by its sign of life and its own account, as operators are shown it.
pub fn shown(beat: &Beat, report: Option<&Report>) -> Value {
    let mut shown = reported(report);
    shown["node"] = beat.node.as_str().into();
    shown["startedAt"] = json!(Rfc3339(Timestamp(beat.incarnation)));
    shown["draining"] = beat.draining.into();
    shown["entitiesAwake"] = beat.awake.into();
    shown["writesFormat"] = beat.writes.into();
    shown["readsFormat"] = beat.reads.into();
    shown
}

/// A node's own account; every count is `null` if it gave none.
pub fn reported(report: Option<&Report>) -> Value {
    json!({
        "entitiesAwake": report.map(|r| r.entities_awake),
        "roomsSubscribed": report.map(|r| r.rooms_subscribed),
        "inboxesSubscribed": report.map(|r| r.inboxes_subscribed),
        "requestsSubscribed": report.map(|r| r.requests_subscribed),
        "lag": report.map(|r| r.lag),
        "readersBehind": report.map(|r| r.readers_behind),
        "conflicts": report.map(|r| r.conflicts),
        "inDoubt": report.map(|r| r.in_doubt),
        "gapFills": report.map(|r| r.gap_fills),
    })
}

/// A node's account of one room, with how far its readers are behind; all `null` if it gave none.
pub fn room_reported(
    node: &NodeId,
    room: Option<&RoomReport>,
    lag: &dyn Fn(Option<Sequence>) -> Option<u64>,
) -> Value {
    let position = room.and_then(|r| r.position);
    json!({
        "node": node.as_str(),
        "awake": room.map(|r| r.awake),
        "position": position.map(|at| at.0),
        "lag": lag(position),
        "usersSubscribed": room.map(|r| r.users_subscribed),
        "readersBehind": room.map(|r| r.readers_behind),
        "conflicts": room.map(|r| r.conflicts),
        "inDoubt": room.map(|r| r.in_doubt),
        "gapFills": room.map(|r| r.gap_fills),
    })
}
