//! What a server's owner learns from a connection.

use crate::error::CloseReason;
use crate::message::{Call, Encoding, Id, Outcome};
use crate::value::Raw;

/// What a client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerEvent {
    /// The handshake is done; its response is in `poll_transmit`. Messages may be sent after it.
    Handshaked {
        /// What to encode with.
        encoding: Encoding,
        /// Version of the hub protocol, 1 or 2.
        version: u32,
        /// Whether to keep a replay buffer: the connection survives its transport.
        stateful: bool,
    },
    /// Call a method; a completion is wanted if there is an id.
    Invocation {
        /// The id of the completion.
        invocation_id: Option<Id>,
        /// What to call. Its upload streams are running from here on.
        call: Call,
    },
    /// Call a streaming method. Its id is running until
    /// [`release`](super::ServerConnection::release).
    StreamInvocation {
        /// The id of the items and of the completion.
        invocation_id: Id,
        /// What to call. Its upload streams are running from here on.
        call: Call,
    },
    /// Answer with this error completion; the call is not made.
    Refused {
        /// The id of the completion.
        invocation_id: Id,
        /// The text.
        error: String,
    },
    /// An item of a running upload stream.
    StreamItem {
        /// The upload stream.
        stream_id: Id,
        /// The item.
        item: Raw,
    },
    /// An upload stream has ended; its id is free again.
    StreamEnded {
        /// The upload stream.
        stream_id: Id,
        /// Set if it failed on the client.
        error: Option<String>,
    },
    /// The client wants no more of a running stream. Its completion is still due.
    Cancel {
        /// The stream invocation.
        invocation_id: Id,
    },
    /// The answer to an invocation that the server made with an id of
    /// [`next_invocation_id`](super::ServerConnection::next_invocation_id). It may be late, repeated, or for an id never given.
    ClientResult {
        /// The id of the server's invocation.
        invocation_id: Id,
        /// What the client returned.
        outcome: Outcome,
    },
    /// Stateful: release from the replay buffer up to here.
    Acknowledged {
        /// Number of the last message that the client has processed.
        sequence_id: u64,
    },
    /// Stateful: the client has taken up a new transport.
    Resumed,
    /// The connection is over. Write what is left in `poll_transmit`, then end the transport. Last event.
    Closed(CloseReason),
}
