//! What the methods of the chat hub are given: names of rooms and users, places of messages.

use actors::ids::{RoomId, Sequence, UserId};

use crate::gateway::app::{Call, InvokeError};
use crate::hubs::{argument, expect_arguments, invalid};

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
