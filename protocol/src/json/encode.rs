//! Writes hub messages as JSON text, without the record separator.

use serde::Serialize;
use smol_str::SmolStr;

use crate::error::EncodeError;
use crate::message::{Call, Headers, HubMessage, Id, Outcome};
use crate::value::Raw;

/// Appends a message.
pub(crate) fn encode(message: &HubMessage, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match message {
        HubMessage::Invocation {
            invocation_id,
            call,
        } => {
            begin(1, &call.headers, invocation_id.as_ref(), out)?;
            write_call(call, out)?;
        }
        HubMessage::StreamItem {
            invocation_id,
            item,
            headers,
        } => {
            begin(2, headers, Some(invocation_id), out)?;
            write_raw(",\"item\":", item, out);
        }
        HubMessage::Completion {
            invocation_id,
            outcome,
            headers,
        } => {
            begin(3, headers, Some(invocation_id), out)?;
            match outcome {
                Outcome::Void => {}
                Outcome::Result(result) => write_raw(",\"result\":", result, out),
                Outcome::Error(error) => write_member(",\"error\":", error, out)?,
            }
        }
        HubMessage::StreamInvocation {
            invocation_id,
            call,
        } => {
            begin(4, &call.headers, Some(invocation_id), out)?;
            write_call(call, out)?;
        }
        HubMessage::CancelInvocation {
            invocation_id,
            headers,
        } => {
            begin(5, headers, Some(invocation_id), out)?;
        }
        HubMessage::Ping => put("{\"type\":6", out),
        HubMessage::Close {
            error,
            allow_reconnect,
        } => {
            put("{\"type\":7", out);
            if let Some(error) = error {
                write_member(",\"error\":", error, out)?;
            }
            if *allow_reconnect {
                put(",\"allowReconnect\":true", out);
            }
        }
        HubMessage::Ack { sequence_id } => {
            write_member("{\"type\":8,\"sequenceId\":", sequence_id, out)?;
        }
        HubMessage::Sequence { sequence_id } => {
            write_member("{\"type\":9,\"sequenceId\":", sequence_id, out)?;
        }
    }
    out.push(b'}');
    Ok(())
}

/// Appends an invocation without id that has one argument, written straight from its value.
pub(crate) fn write_invocation<A: Serialize + ?Sized>(
    target: &str,
    argument: &A,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    write_member("{\"type\":1,\"target\":", target, out)?;
    write_member(",\"arguments\":[", argument, out)?;
    put("]}", out);
    Ok(())
}

/// Appends a completion with a result, written straight from its value.
pub(crate) fn write_completion<R: Serialize + ?Sized>(
    invocation_id: &str,
    result: &R,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    write_member("{\"type\":3,\"invocationId\":", invocation_id, out)?;
    write_member(",\"result\":", result, out)?;
    out.push(b'}');
    Ok(())
}

/// Appends a stream item, written straight from its value.
pub(crate) fn write_stream_item<I: Serialize + ?Sized>(
    invocation_id: &str,
    item: &I,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    write_member("{\"type\":2,\"invocationId\":", invocation_id, out)?;
    write_member(",\"item\":", item, out)?;
    out.push(b'}');
    Ok(())
}

/// Opens the object: type, headers if there are any, id if there is one.
fn begin(
    kind: u8,
    headers: &Headers,
    invocation_id: Option<&Id>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    put("{\"type\":", out);
    out.push(b'0' + kind);
    if !headers.is_empty() {
        put(",\"headers\":{", out);
        write_list(&headers.0, out, |(name, value), out| {
            write_member("", name, out)?;
            write_member(":", value, out)
        })?;
        out.push(b'}');
    }
    match invocation_id {
        Some(id) => write_member(",\"invocationId\":", id, out),
        None => Ok(()),
    }
}

fn write_call(call: &Call, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    write_member(",\"target\":", &call.target, out)?;
    put(",\"arguments\":[", out);
    write_list(&call.arguments, out, |argument, out| {
        write_raw("", argument, out);
        Ok(())
    })?;
    out.push(b']');
    if !call.stream_ids.is_empty() {
        put(",\"streamIds\":[", out);
        write_list(&call.stream_ids, out, |id: &SmolStr, out| {
            write_member("", id, out)
        })?;
        out.push(b']');
    }
    Ok(())
}

fn write_list<T>(
    list: &[T],
    out: &mut Vec<u8>,
    mut write: impl FnMut(&T, &mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    for (index, element) in list.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(element, out)?;
    }
    Ok(())
}

fn write_member<T: Serialize + ?Sized>(
    prefix: &str,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    put(prefix, out);
    serde_json::to_writer(out, value).map_err(EncodeError::Json)
}

fn write_raw(prefix: &str, value: &Raw, out: &mut Vec<u8>) {
    put(prefix, out);
    out.extend_from_slice(value.as_bytes());
}

fn put(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}
