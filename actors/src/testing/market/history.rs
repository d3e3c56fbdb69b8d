//! What people of a market asked for and were told, and what the store holds in the end: the material that checks judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::ids::{EntityId, RequestId, RoomId, Sequence, Timestamp, UserId};
use crate::journal::{Row, Table, TableRow};
use crate::machines::request::Trigger;
use crate::testing::oracle::{Awaited, Outcome};

/// A history that many people write.
pub type SharedHistory = Arc<Mutex<History>>;

/// Everything observed in one run.
#[derive(Debug, Default)]
pub struct History {
    /// Commands, in the order in which they were begun.
    pub attempts: Vec<Attempt>,
    /// Every row that ever landed, also those trimmed since, in the order in which they landed, with their bodies.
    pub log: Vec<(EntityId, Row)>,
    /// What the tables hold in the end.
    pub rows: BTreeMap<(Table, Vec<u8>), TableRow>,
    /// Alarms in the store in the end.
    pub alarms: Vec<(EntityId, Timestamp)>,
    /// When the store was read, by the slowest clock of all nodes.
    pub ended: Timestamp,
    /// By how much clocks may differ, in milliseconds: an alarm that one node armed goes off by another one's clock.
    pub skew_ms: u64,
    /// When no node was up, from when to when, by the true time.
    pub nights: Vec<(Timestamp, Timestamp)>,
    /// What must lie between two requests' times of one musician, in milliseconds.
    pub travel_ms: u64,
    /// What had to come about within a time after all faults were healed.
    pub awaited: Vec<Awaited>,
    pub(super) moments: u64,
}

/// One command of one person.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who.
    pub user: UserId,
    /// On which node.
    pub node: usize,
    /// What was asked.
    pub wish: Wish,
    /// Moment at which it was begun.
    pub begun: u64,
    /// Moment and content of the answer.
    pub answer: Option<(u64, Outcome)>,
}

/// What a person asks for. Keys are the person's own, one for each wish however often it is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// A step of a request.
    Step {
        /// The request.
        request: RequestId,
        /// Which step.
        step: Trigger,
        /// Idempotency key.
        key: u64,
    },
    /// A change of the own profile, hours or busy times, each unlike all others.
    Profile {
        /// Idempotency key.
        key: u64,
    },
    /// A notification is read or put away.
    Mark {
        /// Which.
        target: Sequence,
        /// Put away.
        away: bool,
    },
    /// All notifications are read up to a sequence.
    MarkAll {
        /// Up to and with this one.
        up_to: Sequence,
    },
    /// Somebody who has no part in a request is to be in its room.
    Invite {
        /// The room.
        room: RoomId,
        /// Whom.
        guest: UserId,
    },
    /// A look that changes nothing.
    Look,
}

impl History {
    fn moment(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }

    /// A command is begun; answers its number.
    pub fn begin(&mut self, user: &UserId, node: usize, wish: Wish) -> usize {
        let begun = self.moment();
        self.attempts.push(Attempt {
            user: user.clone(),
            node,
            wish,
            begun,
            answer: None,
        });
        self.attempts.len() - 1
    }

    /// A command is answered, unless it was before.
    pub fn answer(&mut self, attempt: usize, outcome: Outcome) {
        let moment = self.moment();
        if let Some(attempt) = self.attempts.get_mut(attempt) {
            attempt.answer.get_or_insert((moment, outcome));
        }
    }

    /// A node's process is gone, and with it all answers that were waited for.
    pub fn cut_off(&mut self, node: usize) {
        for attempt in 0..self.attempts.len() {
            if self.attempts[attempt].node == node {
                self.answer(attempt, Outcome::Unknown);
            }
        }
    }
}

impl Attempt {
    /// What was told, unknown if nothing was.
    pub fn outcome(&self) -> &Outcome {
        self.answer.as_ref().map_or(&Outcome::Unknown, |(_, o)| o)
    }

    /// Whether it is certain that this attempt did not and will not take effect.
    pub fn is_refused(&self) -> bool {
        matches!(self.outcome(), Outcome::Refused(_))
    }

    /// Whether it took effect.
    pub fn is_done(&self) -> bool {
        matches!(self.outcome(), Outcome::Ok(_))
    }
}
