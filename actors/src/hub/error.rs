//! Why the hub did not do what was asked.

use thiserror::Error;

use crate::cluster::RouteError;
use crate::ids::Sequence;
use crate::journal::ReadError;
use crate::machines::inbox::InboxRejection;
use crate::machines::request::RequestRejection;
use crate::machines::room::RoomRejection;
use crate::machines::user::UserRejection;
use crate::runtime::AskError;

/// Why the hub did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HubError {
    /// A room's rules said no, or the room could not answer.
    #[error(transparent)]
    Room(#[from] AskError<RoomRejection>),
    /// The same of a user.
    #[error(transparent)]
    User(AskError<UserRejection>),
    /// The same of a matching request.
    #[error(transparent)]
    Request(AskError<RequestRejection>),
    /// The same of an inbox.
    #[error(transparent)]
    Inbox(AskError<InboxRejection>),
    /// The store could not be read.
    #[error("unavailable ({0}), retry after 250 ms")]
    Store(#[from] ReadError),
    /// Another node owns the room and this one is cut off from it: nothing was begun.
    #[error("this node is cut off from the owner, retry after {} ms", crate::journal::RETRY_AFTER.as_millis())]
    CutOff,
    /// A bound of the session or node is reached.
    #[error("{0}")]
    Limit(String),
    /// Something that cannot be, but for a mistake in the hub; the log has it.
    #[error("{0}")]
    Internal(&'static str),
    /// The awaited position was not reached in time.
    #[error("the room has not reached sequence {0} yet, retry after 250 ms")]
    NotReached(Sequence),
}

impl From<RouteError<RoomRejection>> for HubError {
    fn from(error: RouteError<RoomRejection>) -> Self {
        HubError::of(error, HubError::Room)
    }
}

impl HubError {
    pub(super) fn of<R: std::error::Error>(
        error: RouteError<R>,
        asked: impl FnOnce(AskError<R>) -> HubError,
    ) -> Self {
        match error {
            RouteError::Ask(error) => asked(error),
            RouteError::CutOff => HubError::CutOff,
        }
    }

    /// A mistake in the hub came to light.
    pub(crate) fn internal(what: &'static str) -> Self {
        tracing::error!("{what}");
        HubError::Internal(what)
    }

    /// A rule's refusal.
    pub fn rejected(rejection: RoomRejection) -> Self {
        HubError::Room(AskError::Rejected(rejection))
    }
}
