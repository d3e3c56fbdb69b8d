//! The state of a user as bytes: all facts as compact MessagePack behind a version byte. Each list in it has a bound.

use bytes::Bytes;

use super::User;
use super::state::Facts;
use crate::ids::EntityId;
use crate::machines::DecodeError;
use crate::machines::bricks::{open, seal};

const VERSION: u8 = 1;

pub(super) fn encode(user: &User) -> Bytes {
    seal(VERSION, &user.facts)
}

pub(super) fn decode(entity: &EntityId, bytes: &[u8]) -> Result<User, DecodeError> {
    let facts: Facts = open("a user's snapshot", VERSION, bytes)?;
    Ok(User::of(entity, facts))
}
