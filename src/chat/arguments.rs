//! What the methods of the chat hub are given: how many arguments, of which shape, and what is said when they are not.

use std::ops::RangeInclusive;

use actors::ids::{RoomId, Sequence, UserId};

use super::hub;
use crate::error::{HubError, INVALID_ARGUMENT};
use crate::gateway::app::{Call, InvokeError};

pub(super) fn invalid(text: impl Into<String>) -> InvokeError {
    hub(HubError::new(INVALID_ARGUMENT, text))
}

pub(super) fn expect_arguments(
    call: &Call,
    range: RangeInclusive<usize>,
) -> Result<(), InvokeError> {
    let given = call.arguments.len();
    if range.contains(&given) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    let wanted = match most - least {
        0 => least.to_string(),
        _ => format!("{least} to {most}"),
    };
    Err(invalid(format!(
        "{wanted} arguments are wanted, {given} were given"
    )))
}

/// An argument of the wrong shape is told to the client with what is wrong.
pub(super) fn argument<T: serde::de::DeserializeOwned>(
    call: &Call,
    index: usize,
) -> Result<T, InvokeError> {
    let missing = || invalid(format!("argument {} is missing", index + 1));
    let raw = call.arguments.get(index).ok_or_else(missing)?;
    raw.decode()
        .map_err(|error| invalid(format!("argument {}: {error}", index + 1)))
}

pub(super) fn optional<T: serde::de::DeserializeOwned>(
    call: &Call,
    index: usize,
) -> Result<Option<T>, InvokeError> {
    match call.arguments.get(index) {
        None => Ok(None),
        Some(raw) if raw.is_null() => Ok(None),
        Some(_) => argument(call, index).map(Some),
    }
}

pub(super) fn room(call: &Call) -> Result<RoomId, InvokeError> {
    parse_room(&argument::<String>(call, 0)?)
}

pub(super) fn target(call: &Call) -> Result<Sequence, InvokeError> {
    Ok(Sequence(argument(call, 1)?))
}

pub(super) fn user(call: &Call) -> Result<UserId, InvokeError> {
    expect_arguments(call, 2..=2)?;
    parse_user("userId", &argument::<String>(call, 1)?)
}

pub(super) fn parse_room(text: &str) -> Result<RoomId, InvokeError> {
    RoomId::parse(text).map_err(|error| invalid(format!("roomId: {error}")))
}

pub(super) fn parse_user(field: &str, text: &str) -> Result<UserId, InvokeError> {
    UserId::parse(text).map_err(|error| invalid(format!("{field}: {error}")))
}

pub(super) fn at_least_one(limit: Option<u64>, default: usize) -> Result<usize, InvokeError> {
    match limit {
        None => Ok(default),
        Some(0) => Err(invalid("limit must be at least 1")),
        Some(limit) => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
    }
}
