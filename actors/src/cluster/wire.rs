//! Wishes for entities and their answers between nodes, as bytes.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::directories::Hosted;
use crate::machines::{Machine, Wish};
use crate::runtime::AskError;

/// What an owner answers.
pub(super) type Answer<M> = Result<<M as Machine>::Reply, AskError<<M as Machine>::Rejection>>;

#[derive(Serialize, Deserialize)]
enum Wire<P, R> {
    Reply(P),
    Rejected(R),
    Overloaded(u64),
    Unavailable(u64, String),
    Unknown,
}

/// The byte form of a wish.
pub(super) fn encode_command(command: &impl Wish) -> Bytes {
    encode(command)
}

/// Reads a wish; `None` if this version does not know it.
pub(super) fn decode_command<C: Wish>(bytes: &[u8]) -> Option<C> {
    rmp_serde::from_slice(bytes).ok()
}

/// The byte form of an answer.
pub(super) fn encode_answer<M: Hosted>(answer: Answer<M>) -> Bytes {
    encode(&match answer {
        Ok(reply) => Wire::Reply(reply),
        Err(AskError::Rejected(rejection)) => Wire::Rejected(rejection),
        Err(AskError::Overloaded { retry_after }) => return overloaded(retry_after),
        Err(AskError::Unavailable {
            retry_after,
            reason,
        }) => Wire::Unavailable(ms(retry_after), reason),
        Err(AskError::OutcomeUnknown) => Wire::Unknown,
    })
}

/// The answer that too much is waiting already, of whatever kind the entity is.
pub(super) fn overloaded(retry_after: Duration) -> Bytes {
    encode(&Wire::<(), ()>::Overloaded(ms(retry_after)))
}

/// Reads an answer; one that cannot be read tells nothing of what happened.
pub(super) fn decode_answer<M: Hosted>(bytes: &[u8]) -> Answer<M> {
    let retry = Duration::from_millis;
    match rmp_serde::from_slice(bytes) {
        Ok(Wire::Reply(reply)) => Ok(reply),
        Ok(Wire::Rejected(rejection)) => Err(AskError::Rejected(rejection)),
        Ok(Wire::Overloaded(ms)) => Err(AskError::Overloaded {
            retry_after: retry(ms),
        }),
        Ok(Wire::Unavailable(ms, reason)) => Err(AskError::Unavailable {
            retry_after: retry(ms),
            reason,
        }),
        Ok(Wire::Unknown) | Err(_) => Err(AskError::OutcomeUnknown),
    }
}

fn ms(wait: Duration) -> u64 {
    wait.as_millis() as u64
}

fn encode(fields: &impl Serialize) -> Bytes {
    let bytes = rmp_serde::to_vec_named(fields);
    bytes
        .expect("writing to memory cannot fail, and all lengths are known")
        .into()
}

#[cfg(test)]
mod tests;
