//! The nine hub messages, neutral between the encodings, and the limits on reading them.

use std::fmt;

use smol_str::SmolStr;

use crate::error::ProtocolError;
use crate::value::Raw;

/// Identifies an invocation or a stream; chosen by its sender, opaque to the other side.
pub type Id = SmolStr;

/// How messages are written on the wire; settled by the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encoding {
    /// One JSON object per record, ended by `0x1E`; travels in text frames.
    Json,
    /// One MessagePack array per record, after its length as a varint; travels in binary frames.
    MessagePack,
}

impl Encoding {
    /// Both encodings.
    pub const ALL: [Encoding; 2] = [Encoding::Json, Encoding::MessagePack];

    /// The name used in the handshake.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Json => "json",
            Encoding::MessagePack => "messagepack",
        }
    }

    /// Whether records of this encoding belong into binary frames (else text).
    pub fn is_binary(self) -> bool {
        self == Encoding::MessagePack
    }
}

/// One message of the hub protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubMessage {
    /// Type 1: call a method; with an id the caller wants a completion.
    Invocation {
        /// Absent: no answer wanted, not even an error.
        invocation_id: Option<Id>,
        /// What to call with what.
        call: Call,
    },
    /// Type 2: one item of a stream.
    StreamItem {
        /// The stream invocation or upload stream it belongs to.
        invocation_id: Id,
        /// The item.
        item: Raw,
        /// Sender's headers.
        headers: Headers,
    },
    /// Type 3: an invocation or a stream is over.
    Completion {
        /// The invocation or upload stream that is over.
        invocation_id: Id,
        /// How it ended.
        outcome: Outcome,
        /// Sender's headers.
        headers: Headers,
    },
    /// Type 4: call a method that answers with a stream of items and then a completion.
    StreamInvocation {
        /// Also the id of the stream.
        invocation_id: Id,
        /// What to call with what.
        call: Call,
    },
    /// Type 5: the caller wants no more items of a stream.
    CancelInvocation {
        /// The stream to stop.
        invocation_id: Id,
        /// Sender's headers.
        headers: Headers,
    },
    /// Type 6: a sign of life.
    Ping,
    /// Type 7: the last message; the transport ends after it.
    Close {
        /// Why, when it was not wanted.
        error: Option<String>,
        /// Whether a client that reconnects by itself may do so.
        allow_reconnect: bool,
    },
    /// Type 8: every counted message up to this one has been processed.
    Ack {
        /// Number of the last processed message, counted from 1.
        sequence_id: u64,
    },
    /// Type 9: opens a resumed transport.
    Sequence {
        /// Number of the first counted message that follows.
        sequence_id: u64,
    },
}

impl HubMessage {
    /// Whether stateful reconnect numbers, keeps and acknowledges this message (types 1 to 5).
    pub fn is_counted(&self) -> bool {
        match self {
            HubMessage::Invocation { .. }
            | HubMessage::StreamItem { .. }
            | HubMessage::Completion { .. }
            | HubMessage::StreamInvocation { .. }
            | HubMessage::CancelInvocation { .. } => true,
            HubMessage::Ping
            | HubMessage::Close { .. }
            | HubMessage::Ack { .. }
            | HubMessage::Sequence { .. } => false,
        }
    }
}

/// What an invocation calls: a method by name, its arguments, and the streams that feed it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// Method name as its sender spelled it; not empty.
    pub target: SmolStr,
    /// Arguments in order, without the streams.
    pub arguments: Vec<Raw>,
    /// Upload streams that the caller opens with this call.
    pub stream_ids: Vec<Id>,
    /// Sender's headers.
    pub headers: Headers,
}

impl Call {
    /// A call without streams and headers.
    pub fn new(target: impl Into<SmolStr>, arguments: Vec<Raw>) -> Self {
        Call {
            target: target.into(),
            arguments,
            ..Call::default()
        }
    }
}

/// How an invocation or a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Well, without a result.
    Void,
    /// Well, with this result (which may be null).
    Result(Raw),
    /// Badly; the text is shown to people. Not empty.
    Error(String),
}

/// Headers of a message. Some clients put their HTTP headers there, token included:
/// `Debug` shows only how many there are.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(pub Vec<(SmolStr, SmolStr)>);

impl Headers {
    /// Whether there are none, which is the usual case.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Headers({})", self.0.len())
    }
}

/// Bounds on what is read from a peer. A message beyond one of them is a protocol error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest record, in bytes, without separator or length prefix.
    pub max_message_bytes: usize,
    /// Deepest nesting of one value; at most [`Limits::DEPTH_CEILING`] whatever is set.
    pub max_depth: usize,
    /// Most arguments of a call.
    pub max_arguments: usize,
    /// Most streams that a call may open.
    pub max_stream_ids: usize,
    /// Most headers of a message.
    pub max_headers: usize,
    /// Longest id of an invocation or a stream, in bytes: ids of running streams are kept.
    pub max_id_bytes: usize,
}

impl Limits {
    /// Deepest nesting that can be allowed: what recursive readers of values bear on a small stack.
    pub const DEPTH_CEILING: usize = 127;

    /// Fails if an id is too long.
    pub(crate) fn check_id(&self, id: &str) -> Result<(), ProtocolError> {
        let limit = self.max_id_bytes;
        if id.len() > limit {
            return Err(ProtocolError::TooMany {
                what: "bytes of an id",
                limit,
            });
        }
        Ok(())
    }

    /// The depth limit in force.
    pub(crate) fn depth(&self) -> usize {
        self.max_depth.min(Self::DEPTH_CEILING)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_message_bytes: 32 * 1024,
            max_depth: 64,
            max_arguments: 64,
            max_stream_ids: 16,
            max_headers: 128,
            max_id_bytes: 128,
        }
    }
}
