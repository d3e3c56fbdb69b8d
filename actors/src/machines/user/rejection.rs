//! Why a user's rules said no. Each has a stable code that clients may rely on.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::Sequence;
use crate::machines::repeat_key::KeyReused;
use crate::machines::terms::FieldError;

/// A rule said no; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum UserRejection {
    /// Nobody with this id has a profile.
    #[error("there is no such user")]
    UserNotFound,
    /// Only the user or an admin may do this, or admins alone.
    #[error("only the user or an admin may do this")]
    Forbidden,
    /// The role does not suffice to offer music.
    #[error("to offer music needs the role of a musician")]
    NotAMusician,
    /// Everything that is wrong with the input.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldError>),
    /// Somebody has changed it since.
    #[error("the version is {version} by now, not {expected}")]
    VersionConflict {
        /// The version that was named.
        expected: Sequence,
        /// The version there is.
        version: Sequence,
    },
    /// No busy time with this id.
    #[error("there is no busy time {0}")]
    BusyNotFound(Sequence),
    /// The idempotency key stands for another wish.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// Too much is to be done elsewhere already.
    #[error("the user is overloaded, retry after {retry_after_ms} ms")]
    Overloaded {
        /// When to try again.
        retry_after_ms: u64,
    },
}

impl UserRejection {
    /// The stable code in front of the text on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            UserRejection::UserNotFound => "user_not_found",
            UserRejection::Forbidden => "forbidden",
            UserRejection::NotAMusician => "not_a_musician",
            UserRejection::Invalid(_) => "invalid_argument",
            UserRejection::VersionConflict { .. } => "version_conflict",
            UserRejection::BusyNotFound(_) => "busy_not_found",
            UserRejection::KeyReused(_) => "idempotency_key_reused",
            UserRejection::Overloaded { .. } => "overloaded",
        }
    }
}

fn list(errors: &[FieldError]) -> String {
    let texts: Vec<String> = errors.iter().map(FieldError::to_string).collect();
    texts.join("; ")
}
