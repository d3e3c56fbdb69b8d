//! Short names for what tests say again and again.

use std::time::Duration;

use crate::clock::Clock;
use crate::ids::{MessageId, RoomId, Timestamp, UserId};
use crate::machines::room::{Content, MessageKind, RoomCommand};

/// A room by its id.
///
/// # Panics
/// If it is none, as the others here do.
pub fn room(name: &str) -> RoomId {
    RoomId::parse(name).expect("a room id")
}

/// A user by its id.
pub fn user(name: &str) -> UserId {
    UserId::parse(name).expect("a user id")
}

/// A message id.
pub fn id(text: &str) -> MessageId {
    MessageId::parse(text).expect("a message id")
}

/// A text message; its text follows from its id.
pub fn message(by: &str, text: &str) -> RoomCommand {
    RoomCommand::Send {
        by: user(by),
        id: id(text),
        content: Content {
            kind: MessageKind::Text,
            text: format!("text of {text}"),
            metadata: None,
        },
        reply_to: None,
    }
}

/// Lets the time of the runtime pass.
pub async fn pass(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Wall time that goes with the paused runtime's.
pub struct Paused(tokio::time::Instant);

impl Default for Paused {
    fn default() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000 + self.0.elapsed().as_millis() as u64)
    }
}
