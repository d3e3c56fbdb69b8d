//! Durable facts of a user, one per sequence.

use serde::{Deserialize, Serialize};

use super::Profile;
use crate::ids::{RequestId, Sequence, Timestamp, UserId};
use crate::machines::hours::Availability;
use crate::machines::matching::Figures;
use crate::machines::terms::Window;

/// Who changed something, when, and under which idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Who.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// The key, if there was one.
    pub key: Option<UsedKey>,
}

/// An idempotency key that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedKey {
    /// The key.
    pub key: u64,
    /// How many keys are remembered from here on, this one included: whoever replays forgets what was forgotten.
    pub keep: usize,
}

/// A durable fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum UserEvent {
    /// A new profile; an empty one if its text was erased.
    ProfileSet {
        /// The profile.
        profile: Box<Profile>,
        /// Who and when.
        change: Change,
    },
    /// New hours.
    AvailabilitySet {
        /// The hours.
        availability: Box<Availability>,
        /// Who and when.
        change: Change,
    },
    /// A busy time; its id is the sequence of this.
    BusyAdded {
        /// When.
        window: Window,
        /// Why; empty if it was erased.
        note: String,
        /// Who and when.
        change: Change,
    },
    /// A busy time is none any more.
    BusyRemoved {
        /// Its id.
        id: Sequence,
        /// Who and when.
        change: Change,
    },
    /// Figures.
    FiguresSet {
        /// The figures.
        figures: Figures,
        /// Who and when.
        change: Change,
    },
    /// A time is held for a request, in place of any other that the same request had.
    SlotHeld {
        /// The request.
        request: RequestId,
        /// Number of the errand by which it wanted it.
        number: u64,
        /// The time.
        window: Window,
        /// What must lie between it and another request's time, in milliseconds.
        travel_ms: u64,
        /// When the request is asked whether it still wants it.
        ask_at: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// The time that was held is booked.
    SlotBooked {
        /// The request.
        request: RequestId,
        /// Number of its last errand that was heeded.
        number: u64,
        /// When.
        at: Timestamp,
    },
    /// The time that was held or booked is free.
    SlotReleased {
        /// The request.
        request: RequestId,
        /// Number of its last errand that was heeded.
        number: u64,
        /// When.
        at: Timestamp,
    },
    /// The musician gave the time back: it is free, and there is one cancellation more.
    SlotGivenBack {
        /// The request.
        request: RequestId,
        /// Number of its last errand that was heeded.
        number: u64,
        /// When.
        at: Timestamp,
    },
    /// The request is asked whether it still wants the time that is held.
    SlotAsked {
        /// The request.
        request: RequestId,
        /// Whether it is asked now; if not, an earlier question is still on its way.
        ask: bool,
        /// When it is asked again unless it has answered.
        ask_at: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// What is long over, or was released long ago, is forgotten.
    Forgotten {
        /// Times of these requests.
        requests: Vec<RequestId>,
        /// Busy times.
        busy: Vec<Sequence>,
        /// When.
        at: Timestamp,
    },
}

impl UserEvent {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            UserEvent::ProfileSet { change, .. }
            | UserEvent::AvailabilitySet { change, .. }
            | UserEvent::BusyAdded { change, .. }
            | UserEvent::BusyRemoved { change, .. }
            | UserEvent::FiguresSet { change, .. } => change.at,
            UserEvent::SlotHeld { at, .. }
            | UserEvent::SlotBooked { at, .. }
            | UserEvent::SlotReleased { at, .. }
            | UserEvent::SlotGivenBack { at, .. }
            | UserEvent::SlotAsked { at, .. }
            | UserEvent::Forgotten { at, .. } => *at,
        }
    }

    /// Who changed what the user or an admin may change; none for what requests bring about.
    pub fn change(&self) -> Option<&Change> {
        match self {
            UserEvent::ProfileSet { change, .. }
            | UserEvent::AvailabilitySet { change, .. }
            | UserEvent::BusyAdded { change, .. }
            | UserEvent::BusyRemoved { change, .. }
            | UserEvent::FiguresSet { change, .. } => Some(change),
            _ => None,
        }
    }
}
