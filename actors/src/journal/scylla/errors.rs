//! What a failed request means: it may have been applied, or it certainly was not.

use scylla::errors::{DbError, ExecutionError, RequestAttemptError};

use crate::ids::{EntityId, Sequence};
use crate::journal::{AppendError, ReadError};

/// Whether a failed conditional write certainly was not and will not be applied.
///
/// `Unavailable` with a serial consistency is said before anything was proposed; with another one it comes
/// from the last phase, when the write is already decided. Everything that is not known to be said before
/// the proposal counts as doubt.
pub(super) fn refused(error: &ExecutionError) -> bool {
    let attempt = match error {
        ExecutionError::LastAttemptError(attempt) => attempt,
        ExecutionError::BadQuery(_)
        | ExecutionError::EmptyPlan
        | ExecutionError::PrepareError(_)
        | ExecutionError::ConnectionPoolError(_) => return true,
        _ => return false,
    };
    match attempt {
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_)
        | RequestAttemptError::UnableToAllocStreamId => true,
        RequestAttemptError::DbError(error, _) => match error {
            DbError::Unavailable { consistency, .. } => consistency.is_serial(),
            DbError::RateLimitReached {
                rejected_by_coordinator,
                ..
            } => *rejected_by_coordinator,
            DbError::SyntaxError
            | DbError::Invalid
            | DbError::AuthenticationError
            | DbError::Unauthorized
            | DbError::ConfigError
            | DbError::IsBootstrapping
            | DbError::ProtocolError
            | DbError::Unprepared { .. } => true,
            _ => false,
        },
        _ => false,
    }
}

/// A failed write as the port tells it.
pub(super) fn write(error: ExecutionError) -> AppendError {
    let reason = error.to_string();
    if refused(&error) {
        AppendError::Unavailable(reason)
    } else {
        AppendError::InDoubt(reason)
    }
}

/// A failed read.
pub(super) fn read(error: impl std::fmt::Display) -> ReadError {
    ReadError::Unavailable(error.to_string())
}

/// A read that a write needed first: nothing was written.
pub(super) fn unread(error: ReadError) -> AppendError {
    match error {
        ReadError::Unavailable(reason) => AppendError::Unavailable(reason),
        corrupt => AppendError::Broken(corrupt.to_string()),
    }
}

/// A failure after the row of an append was written.
pub(super) fn after_the_row(error: AppendError) -> AppendError {
    AppendError::InDoubt(format!("the row is stored, its side data is not: {error}"))
}

/// Something of an entity does not verify.
pub(super) fn corrupt(
    entity: &EntityId,
    sequence: Sequence,
    reason: impl Into<String>,
) -> ReadError {
    ReadError::Corrupt {
        entity: entity.clone(),
        sequence,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scylla::errors::WriteType;
    use scylla::statement::Consistency;

    use super::*;

    fn db(error: DbError) -> ExecutionError {
        RequestAttemptError::DbError(error, String::new()).into()
    }

    #[test]
    fn what_may_have_been_applied_is_in_doubt() {
        let timeout = |write_type| DbError::WriteTimeout {
            consistency: Consistency::LocalQuorum,
            received: 1,
            required: 2,
            write_type,
        };
        let failure = DbError::WriteFailure {
            consistency: Consistency::LocalSerial,
            received: 0,
            required: 2,
            numfailures: 1,
            write_type: WriteType::Cas,
        };
        let learn = DbError::Unavailable {
            consistency: Consistency::LocalQuorum,
            required: 2,
            alive: 1,
        };
        let doubts = [
            ExecutionError::RequestTimeout(Duration::from_secs(1)),
            db(timeout(WriteType::Cas)),
            db(timeout(WriteType::Simple)),
            db(failure),
            db(learn),
            db(DbError::Overloaded),
            db(DbError::ServerError),
        ];
        for error in doubts {
            let outcome = write(error);
            assert!(matches!(outcome, AppendError::InDoubt(_)), "{outcome:?}");
        }
    }

    #[test]
    fn what_was_refused_before_a_proposal_is_not_in_doubt() {
        let before = DbError::Unavailable {
            consistency: Consistency::LocalSerial,
            required: 2,
            alive: 1,
        };
        let refusals = [
            ExecutionError::EmptyPlan,
            db(before),
            db(DbError::Invalid),
            db(DbError::IsBootstrapping),
            RequestAttemptError::UnableToAllocStreamId.into(),
        ];
        for error in refusals {
            let outcome = write(error);
            assert!(
                matches!(outcome, AppendError::Unavailable(_)),
                "{outcome:?}"
            );
        }
    }
}
