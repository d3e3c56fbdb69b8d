//! Wishes for rooms and their answers between nodes, as bytes.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::machines::room::{RoomCommand, RoomRejection, RoomReply};
use crate::runtime::AskError;

/// What an owner answers.
pub(super) type Answer = Result<RoomReply, AskError<RoomRejection>>;

#[derive(Serialize, Deserialize)]
enum Wire {
    Reply(RoomReply),
    Rejected(RoomRejection),
    Overloaded(u64),
    Unavailable(u64, String),
    Unknown,
}

/// The byte form of a wish.
pub(super) fn encode_command(command: &RoomCommand) -> Bytes {
    encode(command)
}

/// Reads a wish; `None` if this version does not know it.
pub(super) fn decode_command(bytes: &[u8]) -> Option<RoomCommand> {
    rmp_serde::from_slice(bytes).ok()
}

/// The byte form of an answer.
pub(super) fn encode_answer(answer: Answer) -> Bytes {
    let ms = |wait: Duration| wait.as_millis() as u64;
    encode(&match answer {
        Ok(reply) => Wire::Reply(reply),
        Err(AskError::Rejected(rejection)) => Wire::Rejected(rejection),
        Err(AskError::Overloaded { retry_after }) => Wire::Overloaded(ms(retry_after)),
        Err(AskError::Unavailable {
            retry_after,
            reason,
        }) => Wire::Unavailable(ms(retry_after), reason),
        Err(AskError::OutcomeUnknown) => Wire::Unknown,
    })
}

/// Reads an answer; one that cannot be read tells nothing of what happened.
pub(super) fn decode_answer(bytes: &[u8]) -> Answer {
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
    use crate::machines::room::{Content, MessageKind, Sent};

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
            assert_eq!(decode_answer(&encode_answer(answer.clone())), answer);
        }
        assert_eq!(decode_command(b"\xc1"), None);
        assert_eq!(decode_answer(b"\xc1"), Err(AskError::OutcomeUnknown));
    }
}
