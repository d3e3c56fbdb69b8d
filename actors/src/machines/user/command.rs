//! Wishes addressed to a user's entity, and their answers.

use serde::{Deserialize, Serialize};

use super::{AvailabilityInput, BusyInput, ProfileInput, UserView};
use crate::ids::{RequestId, Sequence};
use crate::machines::Wish;
use crate::machines::matching::Figures;
use crate::machines::terms::{Caller, Demand, SlotFate, SlotRefusal, Window};

/// A wish. Those of callers name who asks (`by`) and, if they change something, may bear an idempotency key (a digest of
/// user and key) and the version that they are based on; the others come from requests and from the runtime, never from
/// the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum UserCommand {
    /// Query: the user as `by` sees one; held and booked times for the user and admins only.
    View {
        /// Who asks.
        by: Caller,
    },
    /// A whole new profile. Only by the user or an admin, as all changes.
    SetProfile {
        /// Who.
        by: Caller,
        /// Idempotency key.
        key: Option<u64>,
        /// Refused unless this is the version there is.
        expected: Option<Sequence>,
        /// The profile.
        profile: ProfileInput,
    },
    /// New hours.
    SetAvailability {
        /// Who.
        by: Caller,
        /// Idempotency key.
        key: Option<u64>,
        /// Refused unless this is the version there is.
        expected: Option<Sequence>,
        /// The hours.
        availability: AvailabilityInput,
    },
    /// A busy time; the sequence in the answer is its id. What is held or booked already stays so.
    Block {
        /// Who.
        by: Caller,
        /// Idempotency key.
        key: Option<u64>,
        /// The time.
        busy: BusyInput,
    },
    /// A busy time is none any more.
    Unblock {
        /// Who.
        by: Caller,
        /// Idempotency key.
        key: Option<u64>,
        /// Its id.
        id: Sequence,
    },
    /// What others made of the user, brought from elsewhere; by admins only.
    SetFigures {
        /// Who.
        by: Caller,
        /// Idempotency key.
        key: Option<u64>,
        /// The figures.
        figures: Figures,
    },
    /// A request wants a time.
    Reserve {
        /// The request.
        request: RequestId,
        /// Number of its errand.
        number: u64,
        /// The time.
        window: Window,
        /// After so many milliseconds it is asked whether it still wants it, unless it has confirmed.
        hold_ms: u64,
        /// What it expects of the musician.
        #[serde(default)]
        demand: Option<Box<Demand>>,
    },
    /// The request has the time that it wanted.
    Confirm {
        /// The request.
        request: RequestId,
        /// Number of its errand.
        number: u64,
    },
    /// The request does not want the time any more.
    Release {
        /// The request.
        request: RequestId,
        /// Number of its errand.
        number: u64,
    },
    /// The musician gave back the time that the request had.
    GiveBack {
        /// The request.
        request: RequestId,
        /// Number of its errand.
        number: u64,
    },
    /// What the request said when it was asked.
    SlotSettled {
        /// The request.
        request: RequestId,
        /// Number of the errand by which it wanted the time that it was asked about.
        number: u64,
        /// What it said.
        fate: SlotFate,
    },
    /// Look at the time.
    Wake,
}

/// Answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum UserReply {
    /// To `View`.
    View(Box<UserView>),
    /// To all that change something but `Reserve`: the sequence of the event; of an earlier one if nothing had to change.
    /// To `SetProfile`, `SetAvailability`, `Block`, `Unblock` and `SetFigures` it is the version.
    Done {
        /// Sequence.
        sequence: Sequence,
    },
    /// To `Reserve`.
    Slot(Result<(), SlotRefusal>),
}

impl Wish for UserCommand {
    fn weight(&self) -> usize {
        128 + match self {
            UserCommand::SetProfile { profile, .. } => profile.weight(),
            UserCommand::SetAvailability { availability, .. } => availability.weight(),
            UserCommand::Block { busy, .. } => busy.note.len(),
            _ => 0,
        }
    }

    fn is_query(&self) -> bool {
        matches!(self, UserCommand::View { .. })
    }

    fn has_id(&self) -> bool {
        match self {
            UserCommand::View { .. } => true,
            UserCommand::SetProfile { key, .. }
            | UserCommand::SetAvailability { key, .. }
            | UserCommand::Block { key, .. }
            | UserCommand::Unblock { key, .. }
            | UserCommand::SetFigures { key, .. } => key.is_some(),
            UserCommand::Reserve { .. }
            | UserCommand::Confirm { .. }
            | UserCommand::Release { .. }
            | UserCommand::GiveBack { .. }
            | UserCommand::SlotSettled { .. }
            | UserCommand::Wake => true,
        }
    }
}
