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
mod tests {
    use super::*;
    use crate::ids::{MessageId, Sequence, Timestamp, UserId};
    use crate::machines::room::{
        Content, MessageKind, Room, RoomCommand, RoomRejection, RoomReply, Sent,
    };

    #[test]
    fn wishes_and_every_sort_of_answer_survive_the_way() {
        let id = MessageId::parse("m1").expect("valid");
        let command = RoomCommand::Send {
            by: UserId::parse("ann").expect("valid"),
            id: id.clone(),
            content: Content {
                kind: MessageKind::Text,
                text: "hej".into(),
                metadata: None,
            },
            reply_to: Some(Sequence(4)),
        };
        assert_eq!(decode_command(&encode_command(&command)), Some(command));
        let sent = Sent {
            id,
            sequence: Sequence(9),
            sent_at: Timestamp(5),
        };
        let retry_after = Duration::from_millis(7);
        for answer in [
            Ok(RoomReply::Sent(sent)),
            Err(AskError::Rejected(RoomRejection::Forbidden("no"))),
            Err(AskError::Rejected(RoomRejection::Invalid {
                field: "text",
                problem: "is empty".into(),
            })),
            Err(AskError::Overloaded { retry_after }),
            Err(AskError::Unavailable {
                retry_after,
                reason: "why".into(),
            }),
            Err(AskError::OutcomeUnknown),
        ] {
            let bytes = encode_answer::<Room>(answer.clone());
            assert_eq!(decode_answer::<Room>(&bytes), answer);
        }
        assert_eq!(decode_command::<RoomCommand>(b"\xc1"), None);
        let unreadable = decode_answer::<Room>(b"\xc1");
        assert_eq!(unreadable, Err(AskError::OutcomeUnknown));
    }
}
