//! What a client asks of a connection, and why it may not send.

use thiserror::Error;

use crate::error::EncodeError;
use crate::link::Timing;
use crate::message::{Encoding, Limits};
use crate::session::ReplayFull;

/// What a client wants of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSettings {
    /// What to speak.
    pub encoding: Encoding,
    /// Whether the negotiation settled on stateful reconnect.
    pub stateful: bool,
    /// Bounds on what the server sends.
    pub limits: Limits,
    /// Times.
    pub timing: Timing,
    /// Stateful: bytes that may be unacknowledged before [`SendError::Unacknowledged`].
    pub replay_bytes: usize,
    /// Bytes that may wait in `poll_transmit` before [`SendError::Queued`].
    pub queue_bytes: usize,
}

impl ClientSettings {
    /// The defaults of the official clients. Servers send longer messages than clients may: up to 1 MiB here.
    pub fn new(encoding: Encoding, stateful: bool) -> Self {
        ClientSettings {
            encoding,
            stateful,
            limits: Limits {
                max_message_bytes: 1024 * 1024,
                ..Limits::default()
            },
            timing: Timing::default(),
            replay_bytes: 100_000,
            queue_bytes: 4 * 1024 * 1024,
        }
    }
}

/// Why something was not sent.
#[derive(Debug, Error)]
pub enum SendError {
    /// The handshake is not done, or the connection is over.
    #[error("the connection is not open")]
    NotOpen,
    /// Stateful: the server must acknowledge first.
    #[error(transparent)]
    Unacknowledged(#[from] ReplayFull),
    /// What was sent before must be written first.
    #[error("{0} bytes wait to be written")]
    Queued(usize),
    /// The message cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
