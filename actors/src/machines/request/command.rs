//! Wishes addressed to a request, and their answers.

use serde::{Deserialize, Serialize};

use super::input::RequestInput;
use super::view::RequestView;
use super::{RequestState, Standing, Trigger};
use crate::ids::{Sequence, UserId};
use crate::machines::Wish;
use crate::machines::matching::Found;
use crate::machines::terms::{Caller, Cents, SlotFate, SlotRefusal};

/// A wish. `by` is the authenticated caller; `key` stands for the caller and the caller's idempotency key, if there is
/// one: the same key again is answered as the first time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RequestCommand {
    /// What a user wishes.
    Change {
        /// Who.
        by: Caller,
        /// Makes a repeat known for one.
        key: Option<u64>,
        /// What.
        change: Change,
    },
    /// Query: the request as the caller may see it.
    View {
        /// Who asks.
        by: Caller,
    },
    /// The hub's: the answer to an errand `Search`.
    CandidatesFound {
        /// The errand's number.
        number: u64,
        /// What was found.
        found: Box<Found>,
    },
    /// The hub's: the answer to an errand `Reserve`.
    SlotAnswered {
        /// Whose time.
        musician: UserId,
        /// The errand's number.
        number: u64,
        /// Whether it is held.
        answer: Result<(), SlotRefusal>,
    },
    /// The hub's, a query: is the time still wanted that a musician holds?
    Wants {
        /// Who holds it.
        musician: UserId,
        /// The number of the errand that asked for it.
        reserved_by: u64,
    },
    /// The hub's: look at the time.
    Wake,
}

/// What a user may wish of a request. Reasons are free texts, not yet trimmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// A new draft. The same again by the same caller is answered as the first time, whatever else it says.
    Create {
        /// The draft.
        input: Box<RequestInput>,
    },
    /// Another draft in place of the one that is there.
    Edit {
        /// The draft.
        input: Box<RequestInput>,
        /// The sequence that the caller has read, if the request must not have changed since.
        expected: Option<Sequence>,
    },
    /// The draft is ready: musicians are looked for, or a moderator is waited for.
    Submit {
        /// The sequence that the caller has read, if the request must not have changed since.
        expected: Option<Sequence>,
    },
    /// A moderator lets it pass.
    Approve,
    /// A moderator sends it back.
    Refuse {
        /// Why.
        reason: String,
    },
    /// First accept: the caller takes it.
    Accept,
    /// The caller does not want an offer.
    Decline {
        /// Why, if the caller says so.
        reason: Option<String>,
    },
    /// Organizer chooses: the caller would play.
    Apply {
        /// For how much, for the whole gig.
        rate: Cents,
        /// With these words.
        words: String,
    },
    /// The caller takes back an application or an accept.
    Withdraw {
        /// Why, if the caller says so.
        reason: Option<String>,
    },
    /// Organizer chooses: this musician.
    Choose {
        /// Whom.
        musician: UserId,
    },
    /// The organizer does not want this one.
    RejectApplication {
        /// Whose.
        musician: UserId,
        /// Why.
        reason: String,
    },
    /// The organizer looks at the applications; no more of them for now.
    Review,
    /// The organizer wants more applications.
    Reopen,
    /// The assigned musician gives it back.
    DropOut {
        /// Why.
        reason: String,
    },
    /// It is called off.
    Cancel {
        /// Why.
        reason: String,
    },
    /// The event begins.
    Start,
    /// The event is over.
    Complete,
    /// One side disagrees.
    Dispute {
        /// Why.
        reason: String,
    },
    /// A moderator decides a dispute.
    Resolve {
        /// How it ends.
        outcome: Outcome,
        /// Why.
        details: String,
    },
}

/// How a dispute ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// As played.
    Completed,
    /// As called off.
    Cancelled,
}

/// Answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RequestReply {
    /// To `Change`.
    Done(Done),
    /// To `View`.
    View(Box<RequestView>),
    /// To `Wants`.
    Wants(SlotFate),
    /// To the hub's own commands: the request's last sequence, whether or not anything changed.
    Noted {
        /// Sequence.
        sequence: Sequence,
    },
}

/// A wish took effect, now or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Sequence of the event; of a repeat, that of the first one as far as it is known, else the last one.
    pub sequence: Sequence,
    /// The state now.
    pub state: RequestState,
    /// How the caller stands now, if the caller is a musician with a part: `Reserving` and `Waiting` mean that the answer is
    /// still to come, as a notification.
    pub standing: Option<Standing>,
}

impl Wish for RequestCommand {
    fn weight(&self) -> usize {
        64 + match self {
            RequestCommand::Change { by, change, .. } => by.user.as_str().len() + change.weight(),
            RequestCommand::View { by } => by.user.as_str().len(),
            RequestCommand::CandidatesFound { found, .. } => {
                let found = found.candidates.iter().chain(&found.alternatives);
                let found = found.map(|one| one.user.as_str().len() + 128);
                found.sum()
            }
            RequestCommand::SlotAnswered { musician, .. }
            | RequestCommand::Wants { musician, .. } => musician.as_str().len() + 128,
            RequestCommand::Wake => 0,
        }
    }

    fn is_query(&self) -> bool {
        match self {
            RequestCommand::View { .. } | RequestCommand::Wants { .. } => true,
            RequestCommand::Change { .. }
            | RequestCommand::CandidatesFound { .. }
            | RequestCommand::SlotAnswered { .. }
            | RequestCommand::Wake => false,
        }
    }

    fn has_id(&self) -> bool {
        match self {
            RequestCommand::Change { key, change, .. } => {
                key.is_some() || matches!(change, Change::Create { .. })
            }
            // Each names its errand, and waking is asking the time.
            RequestCommand::CandidatesFound { .. }
            | RequestCommand::SlotAnswered { .. }
            | RequestCommand::Wake => true,
            RequestCommand::View { .. } | RequestCommand::Wants { .. } => false,
        }
    }
}

impl Change {
    /// The reason in it, with its wire name. One that need not be given is empty then.
    pub(super) fn reason(&self) -> Option<(&'static str, &str)> {
        match self {
            Change::Refuse { reason }
            | Change::RejectApplication { reason, .. }
            | Change::DropOut { reason }
            | Change::Cancel { reason }
            | Change::Dispute { reason } => Some(("reason", reason)),
            Change::Resolve { details, .. } => Some(("details", details)),
            Change::Decline { reason } | Change::Withdraw { reason } => {
                Some(("reason", reason.as_deref().unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// Another one than the caller, whom it is about.
    pub(super) fn musician(&self) -> Option<&UserId> {
        match self {
            Change::Choose { musician } | Change::RejectApplication { musician, .. } => {
                Some(musician)
            }
            _ => None,
        }
    }

    /// What it brings about. Taking back is `Withdraw` here, also where it becomes `LetGo`.
    pub fn trigger(&self) -> Trigger {
        match self {
            Change::Create { .. } => Trigger::Create,
            Change::Edit { .. } => Trigger::Edit,
            Change::Submit { .. } => Trigger::Submit,
            Change::Approve => Trigger::Approve,
            Change::Refuse { .. } => Trigger::Refuse,
            Change::Accept => Trigger::Accept,
            Change::Decline { .. } => Trigger::Decline,
            Change::Apply { .. } => Trigger::Apply,
            Change::Withdraw { .. } => Trigger::Withdraw,
            Change::Choose { .. } => Trigger::Choose,
            Change::RejectApplication { .. } => Trigger::RejectApplication,
            Change::Review => Trigger::Review,
            Change::Reopen => Trigger::Reopen,
            Change::DropOut { .. } => Trigger::DropOut,
            Change::Cancel { .. } => Trigger::Cancel,
            Change::Start => Trigger::Start,
            Change::Complete => Trigger::Complete,
            Change::Dispute { .. } => Trigger::Dispute,
            Change::Resolve { .. } => Trigger::Resolve,
        }
    }

    fn weight(&self) -> usize {
        match self {
            Change::Create { input } | Change::Edit { input, .. } => input.weight(),
            Change::Refuse { reason }
            | Change::DropOut { reason }
            | Change::Cancel { reason }
            | Change::Dispute { reason }
            | Change::Resolve {
                details: reason, ..
            } => reason.len(),
            Change::Decline { reason } | Change::Withdraw { reason } => {
                reason.as_ref().map_or(0, String::len)
            }
            Change::Apply { words, .. } => words.len(),
            Change::Choose { musician } => musician.as_str().len(),
            Change::RejectApplication { musician, reason } => {
                musician.as_str().len() + reason.len()
            }
            Change::Submit { .. }
            | Change::Approve
            | Change::Accept
            | Change::Review
            | Change::Reopen
            | Change::Start
            | Change::Complete => 0,
        }
    }
}
