//! Why a request's rules said no. Each has a stable code that clients may rely on.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Mode, RequestState, Trigger};
use crate::ids::{Sequence, Timestamp};
use crate::machines::terms::FieldError;

/// A rule said no; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum RequestRejection {
    /// No such request, or none that the caller may know of.
    #[error("there is no such request")]
    NotFound,
    /// The id belongs to someone else's request.
    #[error("a request with this id exists already")]
    Exists,
    /// The caller may see the request, but not this of it.
    #[error("only the two sides of a request see this")]
    Hidden,
    /// Nobody in the caller's capacities may ever do this.
    #[error("your part in the request does not allow to {}", .0.as_str())]
    Forbidden(Trigger),
    /// Not in this state.
    #[error("a request that is {} does not allow to {}", .state.as_str(), .trigger.as_str())]
    WrongState {
        /// What was wished.
        trigger: Trigger,
        /// The state.
        state: RequestState,
    },
    /// Another musician has it.
    #[error("another musician has the request")]
    AlreadyAssigned,
    /// Not with this way to assign.
    #[error("a request of mode {} does not allow this", .0.as_str())]
    WrongMode(Mode),
    /// Something in the input is out of bounds: all of it.
    #[error("{}", listed(.0))]
    Invalid(Vec<FieldError>),
    /// The draft was changed since the caller read it.
    #[error("the request has changed since sequence {expected}: it is at {actual}")]
    Changed {
        /// What the caller knew.
        expected: Sequence,
        /// What is there.
        actual: Sequence,
    },
    /// The deadline is over.
    #[error("the request's deadline is over")]
    DeadlineOver,
    /// The event has begun.
    #[error("the event has begun")]
    EventBegun,
    /// The event is over.
    #[error("the event is over")]
    EventOver,
    /// It is too early.
    #[error("this is possible from {} ms after 1970 on", .from.0)]
    TooEarly {
        /// When it will be possible.
        from: Timestamp,
    },
    /// It is too late for a moderator to let it pass.
    #[error("the event is too near")]
    TooNear,
    /// One does not answer one's own request.
    #[error("this is your own request")]
    OwnRequest,
    /// There is no offer to the caller that still holds.
    #[error("there is no offer to you that still holds")]
    NoOffer,
    /// The caller gave the request back.
    #[error("you gave this request back")]
    GaveBack,
    /// The caller applied before.
    #[error("you applied before")]
    AlreadyApplied,
    /// The organizer takes no more applications for now.
    #[error("no applications are taken for now")]
    ApplicationsClosed,
    /// As many musicians have applied as may.
    #[error("no more musicians can apply")]
    ApplicationsFull,
    /// As many musicians wait as may.
    #[error("no more musicians can wait")]
    WaitingListFull,
    /// That musician has no application that waits for a decision.
    #[error("that musician has no application that waits")]
    ApplicationNotFound,
    /// Nobody has applied.
    #[error("nobody has applied")]
    NoApplications,
    /// A musician's time is being held: its answer is waited for.
    #[error("a musician's time is being held, retry in a moment")]
    ReservationPending,
    /// The caller has nothing to take back.
    #[error("you have nothing to take back")]
    NothingToWithdraw,
    /// It is too late for a dispute.
    #[error("the time for a dispute is over")]
    DisputeOver,
    /// As many of the organizer's requests wait for a moderator or look for musicians as may.
    #[error("you have {most} requests that look for musicians already")]
    TooManyActive {
        /// So many.
        most: usize,
    },
    /// The organizer has created as many requests within a day as may be.
    #[error("you have created {most} requests within a day already")]
    TooManyNew {
        /// So many.
        most: usize,
    },
    /// Too much waits to be done for this request.
    #[error("the request is overloaded, retry after {retry_after_ms} ms")]
    Overloaded {
        /// When to try again.
        retry_after_ms: u64,
    },
}

impl RequestRejection {
    /// The stable code in front of the text on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "request_not_found",
            Self::Exists => "request_exists",
            Self::Forbidden(_) | Self::Hidden => "forbidden",
            Self::WrongState { .. } => "wrong_state",
            Self::AlreadyAssigned => "already_assigned",
            Self::WrongMode(_) => "wrong_mode",
            Self::Invalid(_) => "invalid_argument",
            Self::Changed { .. } => "request_changed",
            Self::DeadlineOver => "deadline_over",
            Self::EventBegun => "event_begun",
            Self::EventOver => "event_over",
            Self::TooEarly { .. } => "too_early",
            Self::TooNear => "too_near",
            Self::OwnRequest => "own_request",
            Self::NoOffer => "no_offer",
            Self::GaveBack => "gave_back",
            Self::AlreadyApplied => "already_applied",
            Self::ApplicationsClosed => "applications_closed",
            Self::ApplicationsFull => "applications_full",
            Self::WaitingListFull => "waiting_list_full",
            Self::ApplicationNotFound => "application_not_found",
            Self::NoApplications => "no_applications",
            Self::ReservationPending => "reservation_pending",
            Self::NothingToWithdraw => "nothing_to_withdraw",
            Self::DisputeOver => "dispute_over",
            Self::TooManyActive { .. } => "too_many_active_requests",
            Self::TooManyNew { .. } => "too_many_new_requests",
            Self::Overloaded { .. } => "overloaded",
        }
    }
}

fn listed(errors: &[FieldError]) -> String {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    errors.join("; ")
}
