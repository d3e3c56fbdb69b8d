//! What can go wrong with a message: reading a record, writing one, reading a value out of one.
//!
//! No text here repeats what a peer sent: texts and tokens of users never reach a log by way of an error.

use thiserror::Error;

use crate::handshake::{HandshakeError, ResponseError};

/// A peer broke the protocol. The connection cannot go on: send Close, then end it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// A record is longer than [`Limits::max_message_bytes`](crate::Limits::max_message_bytes).
    #[error("message is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A MessagePack length prefix has more than five bytes or announces more than 2^31-1.
    #[error("malformed length prefix")]
    LengthPrefix,
    /// The record is not one well-formed value of its encoding.
    #[error("malformed message at byte {at}: {what}")]
    Malformed {
        /// Offset in the record.
        at: usize,
        /// What was found or expected there.
        what: &'static str,
    },
    /// A value nests deeper than [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("value nests deeper than {limit} levels")]
    TooDeep {
        /// The limit, in levels.
        limit: usize,
    },
    /// More arguments, streams or headers than their limit.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A member that this message type needs is absent or empty.
    #[error("'{0}' is missing")]
    Missing(&'static str),
    /// A member has another type than the protocol says.
    #[error("'{0}' has the wrong type")]
    WrongType(&'static str),
    /// A completion carries both a result and an error.
    #[error("'result' and 'error' exclude each other")]
    ResultAndError,
    /// A Sequence message skips messages that were never received.
    #[error("sequence id {got} is beyond the next expected one, {expected}")]
    SequenceAhead {
        /// The announced number.
        got: u64,
        /// The largest acceptable number.
        expected: u64,
    },
    /// A Sequence message with number 0: messages count from 1.
    #[error("sequence id 0")]
    SequenceZero,
}

/// A message could not be written. Nothing of it is left in the output.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The value refused to be serialized as JSON.
    #[error("value cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The value refused to be serialized as MessagePack.
    #[error("value cannot be written as MessagePack")]
    MessagePack(#[source] rmp_serde::encode::Error),
    /// A [`Raw`](crate::Raw) of one encoding was put into a message of the other.
    #[error("value of another encoding")]
    OtherEncoding,
    /// A member that must not be empty is (clients throw on it).
    #[error("'{0}' is empty")]
    Empty(&'static str),
    /// The record would be longer than the protocol can frame (2^31-1 bytes).
    #[error("message is too long to be framed")]
    TooLong,
}

/// A value does not have the shape that its reader wants.
///
/// The display text says nothing of the value; the source does, so do not log the source.
#[derive(Debug, Error)]
#[error("value does not have the expected shape")]
pub struct DecodeError(#[source] pub(crate) ValueError);

/// The reader's own words, which may quote the value.
#[derive(Debug, Error)]
pub(crate) enum ValueError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    MessagePack(#[from] rmp_serde::decode::Error),
}

/// Why a connection is over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The other side sent Close.
    #[error("closed by the other side")]
    Peer {
        /// What it gave as the reason.
        error: Option<String>,
        /// Whether a client may come back by itself.
        allow_reconnect: bool,
    },
    /// This side closed it.
    #[error("closed by this side")]
    Local,
    /// The transport ended cleanly (a WebSocket close frame), without a Close message.
    #[error("the transport was closed")]
    TransportClosed,
    /// The transport broke, and the connection is not one that can resume.
    #[error("the transport was lost")]
    TransportLost,
    /// Server: the handshake failed. The client has been told.
    #[error("handshake failed: {0}")]
    Handshake(HandshakeError),
    /// Client: the handshake failed.
    #[error("handshake failed: {0}")]
    Response(ResponseError),
    /// Client: no handshake response came in time.
    #[error("no handshake response in time")]
    HandshakeTimeout,
    /// The other side broke the protocol.
    #[error("protocol error: {0}")]
    Protocol(ProtocolError),
    /// The other side was silent for too long.
    #[error("nothing was received in time")]
    PeerTimeout,
    /// No new transport came in time, or no Sequence on it.
    #[error("not resumed in time")]
    ResumeTimeout,
}
