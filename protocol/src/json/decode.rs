//! Reads hub messages from JSON text.

use bytes::Bytes;

use super::members::{Members, check_utf8, read_headers};
use super::scan::Scanner;
use crate::error::ProtocolError;
use crate::message::{Call, Headers, HubMessage, Limits, Outcome};

/// Reads one record; `None` for a message type this version does not know, which is to be ignored.
pub(crate) fn decode(record: &Bytes, limits: &Limits) -> Result<Option<HubMessage>, ProtocolError> {
    let members = Members::read(record, limits)?;
    let headers = || match members.headers {
        Some(extent) => read_headers(record, extent, limits),
        None => Ok(Headers::default()),
    };
    let call = |headers| {
        Ok(Call {
            target: members.target.required_text("target")?,
            arguments: members.arguments.required("arguments")?,
            stream_ids: members
                .stream_ids
                .optional("streamIds")?
                .unwrap_or_default(),
            headers,
        })
    };
    let message = match members.kind.required("type")? {
        1 => HubMessage::Invocation {
            invocation_id: members
                .id
                .optional("invocationId")?
                .filter(|id| !id.is_empty()),
            call: call(headers()?)?,
        },
        2 => HubMessage::StreamItem {
            invocation_id: members.id.required_text("invocationId")?,
            item: members.item.ok_or(ProtocolError::Missing("item"))?,
            headers: headers()?,
        },
        3 => HubMessage::Completion {
            invocation_id: members.id.required_text("invocationId")?,
            outcome: match (members.result, members.error.optional("error")?) {
                (Some(_), Some(_)) => return Err(ProtocolError::ResultAndError),
                (Some(result), None) => Outcome::Result(result),
                (None, Some(error)) => Outcome::Error(error.into()),
                (None, None) => Outcome::Void,
            },
            headers: headers()?,
        },
        4 => HubMessage::StreamInvocation {
            invocation_id: members.id.required_text("invocationId")?,
            call: call(headers()?)?,
        },
        5 => HubMessage::CancelInvocation {
            invocation_id: members.id.required_text("invocationId")?,
            headers: headers()?,
        },
        6 => HubMessage::Ping,
        7 => HubMessage::Close {
            error: members.error.optional("error")?.map(String::from),
            allow_reconnect: members
                .allow_reconnect
                .optional("allowReconnect")?
                .unwrap_or(false),
        },
        8 => HubMessage::Ack {
            sequence_id: members.sequence_id.required("sequenceId")?,
        },
        9 => HubMessage::Sequence {
            sequence_id: members.sequence_id.required("sequenceId")?,
        },
        _ => return Ok(None),
    };
    Ok(Some(message))
}

/// Fails unless `bytes` hold exactly one value.
pub(crate) fn check_value(bytes: &[u8], limits: &Limits) -> Result<(), ProtocolError> {
    check_utf8(bytes)?;
    let mut scanner = Scanner::new(bytes, limits.depth());
    if scanner.value()? == (0..bytes.len()) {
        Ok(())
    } else {
        scanner.fail("white space or text around the value")
    }
}
