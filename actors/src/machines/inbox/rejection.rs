//! Why an inbox's rules said no. Each has a stable code that clients may rely on.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::Sequence;
use crate::machines::repeat_key::KeyReused;
use crate::machines::terms::FieldError;

/// A rule said no; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum InboxRejection {
    /// Nothing stands there, or no notification does.
    #[error("there is no notification at sequence {0}")]
    NotificationNotFound(Sequence),
    /// Only admins write into other people's inboxes.
    #[error("only admins may do this")]
    Forbidden,
    /// Parts of the input are out of bounds: all that are.
    #[error("{}", All(.0))]
    Invalid(Vec<FieldError>),
    /// The idempotency key stands for another notification.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
}

impl InboxRejection {
    /// The stable code in front of the text on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            InboxRejection::NotificationNotFound(_) => "notification_not_found",
            InboxRejection::Forbidden => "forbidden",
            InboxRejection::Invalid(_) => "invalid_argument",
            InboxRejection::KeyReused(_) => "idempotency_key_reused",
        }
    }
}

struct All<'a>(&'a [FieldError]);

impl fmt::Display for All<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            let between = if at == 0 { "" } else { "; " };
            write!(f, "{between}{error}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named_in_the_text() {
        let wrong = |field: &str, problem: &str| FieldError {
            field: field.into(),
            problem: problem.into(),
        };
        let rejection = InboxRejection::Invalid(vec![
            wrong("timeZone", "is unknown"),
            wrong("muted[1]", "is no type"),
        ]);
        assert_eq!(rejection.code(), "invalid_argument");
        assert_eq!(
            rejection.to_string(),
            "timeZone is unknown; muted[1] is no type"
        );
    }
}
