//! Whole records: messages to framed bytes, bytes to messages.

use bytes::Bytes;
use serde::Serialize;

use crate::error::{EncodeError, ProtocolError};
use crate::framing::{Framer, write_record};
use crate::message::{Encoding, HubMessage, Limits, Outcome};
use crate::value::Raw;
use crate::{json, msgpack};

/// Appends one message as a whole record (with separator or length prefix).
pub fn encode(
    encoding: Encoding,
    message: &HubMessage,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    check(encoding, message)?;
    write_record(encoding, out, |out| match encoding {
        Encoding::Json => json::encode(message, out),
        Encoding::MessagePack => {
            msgpack::encode(message, out);
            Ok(())
        }
    })
}

/// One message as a whole record of its own.
pub fn to_bytes(encoding: Encoding, message: &HubMessage) -> Result<Bytes, EncodeError> {
    let mut out = Vec::with_capacity(64);
    encode(encoding, message, &mut out)?;
    Ok(out.into())
}

/// Appends an invocation without id and with exactly one argument, written straight from its value:
/// the fast path of fan-out.
pub fn encode_invocation<A: Serialize + ?Sized>(
    encoding: Encoding,
    target: &str,
    argument: &A,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    check_text("target", target)?;
    write_record(encoding, out, |out| match encoding {
        Encoding::Json => json::write_invocation(target, argument, out),
        Encoding::MessagePack => msgpack::write_invocation(target, argument, out),
    })
}

/// Appends a completion with a result, written straight from its value. For a completion without result
/// or with an error see [`encode`].
pub fn encode_completion<R: Serialize + ?Sized>(
    encoding: Encoding,
    invocation_id: &str,
    result: &R,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    check_text("invocationId", invocation_id)?;
    write_record(encoding, out, |out| match encoding {
        Encoding::Json => json::write_completion(invocation_id, result, out),
        Encoding::MessagePack => msgpack::write_completion(invocation_id, result, out),
    })
}

/// Appends a stream item, written straight from its value.
pub fn encode_stream_item<I: Serialize + ?Sized>(
    encoding: Encoding,
    invocation_id: &str,
    item: &I,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    check_text("invocationId", invocation_id)?;
    write_record(encoding, out, |out| match encoding {
        Encoding::Json => json::write_stream_item(invocation_id, item, out),
        Encoding::MessagePack => msgpack::write_stream_item(invocation_id, item, out),
    })
}

/// Refuses what the other side would choke on: values of another encoding, empty ids, targets, errors.
fn check(encoding: Encoding, message: &HubMessage) -> Result<(), EncodeError> {
    let raw = |value: &Raw| match value.encoding() == encoding {
        true => Ok(()),
        false => Err(EncodeError::OtherEncoding),
    };
    let (id, call) = match message {
        HubMessage::Invocation {
            invocation_id,
            call,
        } => (invocation_id.as_ref(), Some(call)),
        HubMessage::StreamInvocation {
            invocation_id,
            call,
        } => (Some(invocation_id), Some(call)),
        HubMessage::StreamItem {
            invocation_id,
            item,
            ..
        } => {
            raw(item)?;
            (Some(invocation_id), None)
        }
        HubMessage::Completion {
            invocation_id,
            outcome,
            ..
        } => {
            match outcome {
                Outcome::Void => {}
                Outcome::Result(result) => raw(result)?,
                Outcome::Error(error) => check_text("error", error)?,
            }
            (Some(invocation_id), None)
        }
        HubMessage::CancelInvocation { invocation_id, .. } => (Some(invocation_id), None),
        HubMessage::Close {
            error: Some(error), ..
        } => return check_text("error", error),
        HubMessage::Ping
        | HubMessage::Close { error: None, .. }
        | HubMessage::Ack { .. }
        | HubMessage::Sequence { .. } => (None, None),
    };
    if let Some(id) = id {
        check_text("invocationId", id)?;
    }
    if let Some(call) = call {
        check_text("target", &call.target)?;
        call.arguments.iter().try_for_each(raw)?;
        call.stream_ids
            .iter()
            .try_for_each(|id| check_text("streamIds", id))?;
    }
    Ok(())
}

fn check_text(name: &'static str, text: &str) -> Result<(), EncodeError> {
    if text.is_empty() {
        Err(EncodeError::Empty(name))
    } else {
        Ok(())
    }
}

/// Reads messages from a byte stream, however it is cut into frames.
///
/// ```
/// use protocol::{Decoder, Encoding, HubMessage, Limits};
///
/// let mut decoder = Decoder::new(Encoding::Json, Limits::default());
/// decoder.push(&b"{\"type\":6}\x1e{\"type\":8,\"seq"[..]);
/// assert_eq!(decoder.next()?, Some(HubMessage::Ping));
/// assert_eq!(decoder.next()?, None);
/// decoder.push(&b"uenceId\":3}\x1e"[..]);
/// assert_eq!(decoder.next()?, Some(HubMessage::Ack { sequence_id: 3 }));
/// # Ok::<(), protocol::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    framer: Framer,
    encoding: Encoding,
    limits: Limits,
}

impl Decoder {
    /// A decoder that has received nothing.
    pub fn new(encoding: Encoding, limits: Limits) -> Self {
        Decoder {
            framer: Framer::default(),
            encoding,
            limits,
        }
    }

    /// Adds received bytes. Take all messages out before adding more: the rest of a frame is copied
    /// otherwise. Arguments of messages that lie in one frame are slices of it.
    pub fn push(&mut self, bytes: impl Into<Bytes>) {
        self.framer.push(bytes.into());
    }

    /// The next message; `None` when more bytes are needed. Messages of unknown type are skipped.
    /// After an error the stream cannot be read any further.
    #[allow(clippy::should_implement_trait)] // An iterator would end; this goes on after `None`.
    pub fn next(&mut self) -> Result<Option<HubMessage>, ProtocolError> {
        next_message(&mut self.framer, self.encoding, &self.limits)
    }

    /// Bytes received but not read yet, half a message included.
    pub fn buffered(&self) -> usize {
        self.framer.buffered()
    }

    /// Forgets what was received but not read: the transport has changed.
    pub fn clear(&mut self) {
        self.framer.clear();
    }
}

/// The next message of a known type.
pub(crate) fn next_message(
    framer: &mut Framer,
    encoding: Encoding,
    limits: &Limits,
) -> Result<Option<HubMessage>, ProtocolError> {
    while let Some(record) = framer.next(encoding, limits.max_message_bytes)? {
        let message = match encoding {
            Encoding::Json => json::decode(&record, limits)?,
            Encoding::MessagePack => msgpack::decode(&record, limits)?,
        };
        if message.is_some() {
            return Ok(message);
        }
    }
    Ok(None)
}
