//! Durable facts of a request, one per sequence.

use serde::{Deserialize, Serialize};

use super::input::Brief;
use super::{Actor, RequestState, Trigger};
use crate::ids::{Timestamp, UserId};
use crate::machines::matching::NoMatch;
use crate::machines::terms::{Candidate, Cents, SlotRefusal};

/// An entry of a request's journal: what happened, who did it, and what it did to the state. Of a new request, both states
/// are `Draft`.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestEntry {
    /// What happened.
    pub event: RequestEvent,
    /// The state before.
    pub from: RequestState,
    /// The state after.
    pub to: RequestState,
    /// When.
    pub at: Timestamp,
    /// Who did it; `None` for the hub itself.
    pub by: Option<UserId>,
    /// In which capacity.
    pub role: Actor,
    /// The idempotency key that it was wished with.
    pub key: Option<u64>,
}

/// A search that an event brings about.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Aim {
    /// Within so many kilometres of the place.
    pub radius_km: f64,
    /// For at most so many musicians.
    pub limit: usize,
    /// When it is made again if there was no answer.
    pub again_at: Timestamp,
}

/// Nobody was found: why, and who came nearest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Nobody {
    /// Why; empty if everybody who fits was asked.
    pub reasons: Vec<NoMatch>,
    /// The nearest misses, the best first.
    pub alternatives: Vec<Candidate>,
}

/// The next one whose time is to be held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// Who.
    pub musician: UserId,
    /// How long before the request is asked whether it still wants it, in milliseconds.
    pub hold_ms: u64,
    /// See [`RequestEvent::Accepted`].
    #[serde(default)]
    pub reach_km: Option<u32>,
}

/// A durable fact. A musician who acts is the entry's `by`. Texts are empty or `None` once their body is erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields that are named after what they hold")]
pub enum RequestEvent {
    /// Always sequence 1.
    Created { brief: Box<Brief> },
    /// Another draft.
    Edited { brief: Box<Brief> },
    /// The deadline in force, and the search if no moderator is waited for.
    Submitted {
        deadline: Timestamp,
        aim: Option<Aim>,
    },
    /// A moderator let it pass.
    Approved { aim: Aim },
    /// A moderator sent it back.
    Refused { reason: String },
    /// A further search.
    Searched { aim: Aim },
    /// A wave of offers, the best first, that hold until a time; the next wave is due at another. The first `top` of them
    /// are told that they are the best.
    Offered {
        candidates: Vec<Candidate>,
        top: usize,
        until: Timestamp,
        next_at: Timestamp,
    },
    /// Nobody is left to be asked. The organizer is told unless that was said before.
    RanOut {
        nobody: Nobody,
        told: bool,
        next_at: Timestamp,
    },
    /// The musician does not want the offer.
    Declined { reason: Option<String> },
    /// The musician would play.
    Applied { rate: Cents, words: String },
    /// The musician takes back an application, or waits no more.
    Withdrawn { reason: Option<String> },
    /// The musician takes back what was being reserved; the next one who waits is tried.
    LetGo {
        reason: Option<String>,
        next: Option<Next>,
    },
    /// The organizer does not want an application.
    ApplicationRejected { musician: UserId, reason: String },
    /// The musician accepted first: the time is to be held, if the musician plays what is wanted and lives within reach.
    Accepted {
        hold_ms: u64,
        #[serde(default)]
        reach_km: Option<u32>,
    },
    /// The musician accepted while another one's time was being held.
    StoodBy,
    /// The organizer took a musician: the time is to be held.
    Chosen { musician: UserId, hold_ms: u64 },
    /// The musician's time is held: the request is theirs. The reminder is due at a time, if there is to be one.
    Assigned {
        musician: UserId,
        remind_at: Option<Timestamp>,
    },
    /// The musician's time cannot be held; the next one who waits is tried.
    SlotRefused {
        musician: UserId,
        refusal: SlotRefusal,
        next: Option<Next>,
    },
    /// The organizer looks at the applications.
    Reviewed,
    /// The organizer wants more of them.
    Reopened { aim: Aim },
    /// The assigned musician gave it back; the deadline in force from now on.
    DroppedOut {
        reason: String,
        deadline: Timestamp,
        aim: Aim,
    },
    /// It was called off.
    Cancelled { reason: String },
    /// The event began.
    Started,
    /// The event is over.
    Completed,
    /// One side disagrees.
    Disputed { reason: String },
    /// A moderator decided: the state after says how.
    Resolved { details: String },
    /// The deadline passed.
    Expired,
    /// The event is near: both sides are told, unless it is over already.
    Reminded { told: bool },
}

impl RequestEvent {
    /// What brought it about: its place in the table of transitions.
    pub fn trigger(&self) -> Trigger {
        match self {
            RequestEvent::Created { .. } => Trigger::Create,
            RequestEvent::Edited { .. } => Trigger::Edit,
            RequestEvent::Submitted { .. } => Trigger::Submit,
            RequestEvent::Approved { .. } => Trigger::Approve,
            RequestEvent::Refused { .. } => Trigger::Refuse,
            RequestEvent::Searched { .. } => Trigger::Search,
            RequestEvent::Offered { .. } => Trigger::Offer,
            RequestEvent::RanOut { .. } => Trigger::RunOut,
            RequestEvent::Declined { .. } => Trigger::Decline,
            RequestEvent::Applied { .. } => Trigger::Apply,
            RequestEvent::Withdrawn { .. } => Trigger::Withdraw,
            RequestEvent::LetGo { .. } => Trigger::LetGo,
            RequestEvent::ApplicationRejected { .. } => Trigger::RejectApplication,
            RequestEvent::Accepted { .. } | RequestEvent::StoodBy => Trigger::Accept,
            RequestEvent::Chosen { .. } => Trigger::Choose,
            RequestEvent::Assigned { .. } => Trigger::SlotGranted,
            RequestEvent::SlotRefused { .. } => Trigger::SlotRefused,
            RequestEvent::Reviewed => Trigger::Review,
            RequestEvent::Reopened { .. } => Trigger::Reopen,
            RequestEvent::DroppedOut { .. } => Trigger::DropOut,
            RequestEvent::Cancelled { .. } => Trigger::Cancel,
            RequestEvent::Started => Trigger::Start,
            RequestEvent::Completed => Trigger::Complete,
            RequestEvent::Disputed { .. } => Trigger::Dispute,
            RequestEvent::Resolved { .. } => Trigger::Resolve,
            RequestEvent::Expired => Trigger::Expire,
            RequestEvent::Reminded { .. } => Trigger::Remind,
        }
    }

    /// The search that it brings about.
    pub fn aim(&self) -> Option<&Aim> {
        match self {
            RequestEvent::Submitted { aim, .. } => aim.as_ref(),
            RequestEvent::Approved { aim }
            | RequestEvent::Searched { aim }
            | RequestEvent::Reopened { aim }
            | RequestEvent::DroppedOut { aim, .. } => Some(aim),
            _ => None,
        }
    }

    /// The words that were given with it: a reason or details, whatever is no part of the request itself.
    pub fn reason(&self) -> Option<&str> {
        match self {
            RequestEvent::Refused { reason }
            | RequestEvent::ApplicationRejected { reason, .. }
            | RequestEvent::DroppedOut { reason, .. }
            | RequestEvent::Cancelled { reason }
            | RequestEvent::Disputed { reason }
            | RequestEvent::Resolved { details: reason } => Some(reason),
            RequestEvent::Declined { reason }
            | RequestEvent::Withdrawn { reason }
            | RequestEvent::LetGo { reason, .. } => reason.as_deref(),
            RequestEvent::SlotRefused { refusal, .. } => Some(refusal.code()),
            _ => None,
        }
    }

    /// Another one than who did it, whom it is about.
    pub fn musician(&self) -> Option<&UserId> {
        match self {
            RequestEvent::ApplicationRejected { musician, .. }
            | RequestEvent::Chosen { musician, .. }
            | RequestEvent::Assigned { musician, .. }
            | RequestEvent::SlotRefused { musician, .. } => Some(musician),
            _ => None,
        }
    }
}
