//! Writes hub messages as MessagePack arrays, without the length prefix.

use serde::Serialize;

use crate::error::EncodeError;
use crate::message::{Call, Encoding, Headers, HubMessage, Id, Outcome};
use crate::value::write_value;

const NIL: u8 = 0xc0;
const EMPTY_MAP: u8 = 0x80;

/// Appends a message.
pub(crate) fn encode(message: &HubMessage, out: &mut Vec<u8>) {
    match message {
        HubMessage::Invocation {
            invocation_id,
            call,
        } => {
            begin(6, 1, &call.headers, out);
            match invocation_id {
                Some(id) => write_text(id, out),
                None => out.push(NIL),
            }
            write_call(call, out);
        }
        HubMessage::StreamItem {
            invocation_id,
            item,
            headers,
        } => {
            begin(4, 2, headers, out);
            write_text(invocation_id, out);
            out.extend_from_slice(item.as_bytes());
        }
        HubMessage::Completion {
            invocation_id,
            outcome,
            headers,
        } => {
            write_outcome(invocation_id, outcome, headers, out);
        }
        HubMessage::StreamInvocation {
            invocation_id,
            call,
        } => {
            begin(6, 4, &call.headers, out);
            write_text(invocation_id, out);
            write_call(call, out);
        }
        HubMessage::CancelInvocation {
            invocation_id,
            headers,
        } => {
            begin(3, 5, headers, out);
            write_text(invocation_id, out);
        }
        HubMessage::Ping => out.extend_from_slice(&[0x91, 6]),
        HubMessage::Close {
            error,
            allow_reconnect,
        } => {
            out.extend_from_slice(&[0x93, 7]);
            match error {
                Some(error) => write_text(error, out),
                None => out.push(NIL),
            }
            out.push(if *allow_reconnect { 0xc3 } else { 0xc2 });
        }
        HubMessage::Ack { sequence_id } => {
            out.extend_from_slice(&[0x92, 8]);
            write_unsigned(*sequence_id, out);
        }
        HubMessage::Sequence { sequence_id } => {
            out.extend_from_slice(&[0x92, 9]);
            write_unsigned(*sequence_id, out);
        }
    }
}

/// Appends an invocation without id that has one argument, written straight from its value.
pub(crate) fn write_invocation<A: Serialize + ?Sized>(
    target: &str,
    argument: &A,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.extend_from_slice(&[0x96, 1, EMPTY_MAP, NIL]);
    write_text(target, out);
    write_array(1, out);
    write_value(Encoding::MessagePack, argument, out)?;
    write_array(0, out);
    Ok(())
}

/// Appends a completion with a result, written straight from its value.
pub(crate) fn write_completion<R: Serialize + ?Sized>(
    invocation_id: &str,
    result: &R,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.extend_from_slice(&[0x95, 3, EMPTY_MAP]);
    write_text(invocation_id, out);
    out.push(3);
    write_value(Encoding::MessagePack, result, out)
}

/// Appends a stream item, written straight from its value.
pub(crate) fn write_stream_item<I: Serialize + ?Sized>(
    invocation_id: &str,
    item: &I,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.extend_from_slice(&[0x94, 2, EMPTY_MAP]);
    write_text(invocation_id, out);
    write_value(Encoding::MessagePack, item, out)
}

/// Opens the array: its size, the type, and the headers, which clients want as a map even when empty.
fn begin(elements: usize, kind: u8, headers: &Headers, out: &mut Vec<u8>) {
    write_array(elements, out);
    out.push(kind);
    write_length(
        headers.0.len(),
        EMPTY_MAP,
        15,
        [None, Some(0xde), Some(0xdf)],
        out,
    );
    for (name, value) in &headers.0 {
        write_text(name, out);
        write_text(value, out);
    }
}

/// Target, arguments, streams. The streams are written even when there are none, as ASP.NET does.
fn write_call(call: &Call, out: &mut Vec<u8>) {
    write_text(&call.target, out);
    write_array(call.arguments.len(), out);
    for argument in &call.arguments {
        out.extend_from_slice(argument.as_bytes());
    }
    write_array(call.stream_ids.len(), out);
    for id in &call.stream_ids {
        write_text(id, out);
    }
}

fn write_outcome(invocation_id: &Id, outcome: &Outcome, headers: &Headers, out: &mut Vec<u8>) {
    begin(
        if *outcome == Outcome::Void { 4 } else { 5 },
        3,
        headers,
        out,
    );
    write_text(invocation_id, out);
    match outcome {
        Outcome::Error(error) => {
            out.push(1);
            write_text(error, out);
        }
        Outcome::Void => out.push(2),
        Outcome::Result(result) => {
            out.push(3);
            out.extend_from_slice(result.as_bytes());
        }
    }
}

fn write_array(length: usize, out: &mut Vec<u8>) {
    write_length(length, 0x90, 15, [None, Some(0xdc), Some(0xdd)], out);
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_length(
        text.len(),
        0xa0,
        31,
        [Some(0xd9), Some(0xda), Some(0xdb)],
        out,
    );
    out.extend_from_slice(text.as_bytes());
}

/// The shortest head for a length: in the marker itself, or after a marker in 1, 2 or 4 bytes.
fn write_length(
    length: usize,
    fixed: u8,
    fixed_max: usize,
    markers: [Option<u8>; 3],
    out: &mut Vec<u8>,
) {
    let [one, two, four] = markers;
    if length <= fixed_max {
        out.push(fixed | length as u8);
    } else if let (Some(marker), Ok(length)) = (one, u8::try_from(length)) {
        out.extend_from_slice(&[marker, length]);
    } else if let (Some(marker), Ok(length)) = (two, u16::try_from(length)) {
        out.push(marker);
        out.extend_from_slice(&length.to_be_bytes());
    } else if let Some(marker) = four {
        out.push(marker);
        out.extend_from_slice(&(length as u32).to_be_bytes());
    }
}

fn write_unsigned(number: u64, out: &mut Vec<u8>) {
    if number < 0x80 {
        out.push(number as u8);
    } else if let Ok(number) = u8::try_from(number) {
        out.extend_from_slice(&[0xcc, number]);
    } else if let Ok(number) = u16::try_from(number) {
        out.push(0xcd);
        out.extend_from_slice(&number.to_be_bytes());
    } else if let Ok(number) = u32::try_from(number) {
        out.push(0xce);
        out.extend_from_slice(&number.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend_from_slice(&number.to_be_bytes());
    }
}
