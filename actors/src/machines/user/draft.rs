//! A decision in the making: the events that follow the user's head.

use super::{User, UserEvent, UserRejection, UserReply};
use crate::ids::Sequence;
use crate::machines::Decision;

/// What a rule answers.
pub(super) type Outcome = Result<Decision<User>, UserRejection>;

/// Events so far.
pub(super) struct Draft {
    head: Sequence,
    events: Vec<UserEvent>,
}

impl Draft {
    pub fn new(user: &User) -> Self {
        Self {
            head: user.facts.head,
            events: Vec::new(),
        }
    }

    /// Adds an event and answers its sequence.
    pub fn push(&mut self, event: UserEvent) -> Sequence {
        self.head = self.head.next();
        self.events.push(event);
        self.head
    }

    pub fn reply(self, reply: UserReply) -> Outcome {
        Ok(Decision {
            events: self.events,
            reply,
        })
    }

    /// Answers with the sequence of the last event; of the user's last one if there is none here.
    pub fn done(self) -> Outcome {
        let sequence = self.head;
        self.done_at(sequence)
    }

    pub fn done_at(self, sequence: Sequence) -> Outcome {
        self.reply(UserReply::Done { sequence })
    }
}
