//! What a client's owner learns from a connection.

use crate::error::CloseReason;
use crate::message::{Call, Id, Outcome};
use crate::value::Raw;

/// What the server did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEvent {
    /// The handshake is done: invocations may be made.
    Handshaked {
        /// Whether the connection survives its transport.
        stateful: bool,
    },
    /// The server calls a method of the client; with an id it wants a completion.
    Invocation {
        /// The id for [`complete`](super::ClientConnection::complete).
        invocation_id: Option<Id>,
        /// What it calls.
        call: Call,
    },
    /// An item of a stream.
    StreamItem {
        /// The stream invocation.
        invocation_id: Id,
        /// The item.
        item: Raw,
    },
    /// An invocation or a stream is over.
    Completion {
        /// The invocation.
        invocation_id: Id,
        /// How it ended.
        outcome: Outcome,
    },
    /// Stateful: the server has taken up the new transport.
    Resumed,
    /// The connection is over. Write what is left in `poll_transmit`, then end the transport. Last event.
    Closed(CloseReason),
}
