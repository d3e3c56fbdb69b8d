//! The way to other nodes that the configuration asks for.

use actors::bus::frame::Beat;
use actors::bus::{NatsBus, NatsError};
use actors::clock::Clock;
use actors::cluster::PeerParts;
use actors::ids::{NodeId, Timestamp};
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

/// A node by its sign of life, as operators are shown it.
pub fn shown(beat: &Beat) -> Value {
    json!({
        "node": beat.node.as_str(),
        "startedAt": Rfc3339(Timestamp(beat.incarnation)),
        "draining": beat.draining,
        "entitiesAwake": beat.awake,
        "writesFormat": beat.writes,
        "readsFormat": beat.reads,
    })
}
