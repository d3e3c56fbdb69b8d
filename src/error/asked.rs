//! Rejections of entities as clients are told of them: one mapping for all kinds, by the code that each rejection has.

use std::time::Duration;

use actors::journal::{RETRY_AFTER, ReadError};
use actors::machines::inbox::InboxRejection;
use actors::machines::request::RequestRejection;
use actors::machines::room::RoomRejection;
use actors::machines::terms::FieldError;
use actors::machines::user::UserRejection;
use actors::runtime::AskError;

use super::{
    HubError, INTERNAL, LIMIT_REACHED, OUTCOME_UNKNOWN, OVERLOADED, UNAVAILABLE, field_error,
    lookup,
};

/// What an entity's rejection tells beside its text.
trait Rejection: std::error::Error {
    fn code(&self) -> &'static str;

    /// What is wrong with each field, if that is it.
    fn fields(&self) -> Vec<FieldError> {
        Vec::new()
    }

    fn retry_after_ms(&self) -> Option<u64> {
        None
    }
}

impl Rejection for RoomRejection {
    fn code(&self) -> &'static str {
        self.code()
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            RoomRejection::Invalid { field, problem } => {
                vec![field_error(*field, problem.clone())]
            }
            _ => Vec::new(),
        }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        match self {
            RoomRejection::RateLimited { retry_after_ms }
            | RoomRejection::Overloaded { retry_after_ms } => Some(*retry_after_ms),
            _ => None,
        }
    }
}

/// Kinds whose inputs are looked at as a whole.
macro_rules! rejections {
    ($($kind:ident, $invalid:pat => $fields:expr, $retry:pat => $wait:expr;)*) => {$(
        impl Rejection for $kind {
            fn code(&self) -> &'static str {
                self.code()
            }

            fn fields(&self) -> Vec<FieldError> {
                match self {
                    $invalid => $fields.clone(),
                    _ => Vec::new(),
                }
            }

            fn retry_after_ms(&self) -> Option<u64> {
                #[allow(unreachable_patterns, reason = "a kind may have no other rejection")]
                match self {
                    $retry => $wait,
                    _ => None,
                }
            }
        }
    )*};
}

rejections! {
    UserRejection, UserRejection::Invalid(fields) => fields,
        UserRejection::Overloaded { retry_after_ms } => Some(*retry_after_ms);
    RequestRejection, RequestRejection::Invalid(fields) => fields,
        RequestRejection::Overloaded { retry_after_ms } => Some(*retry_after_ms);
    InboxRejection, InboxRejection::Invalid(fields) => fields, _ => None;
}

fn rejected(rejection: &impl Rejection) -> HubError {
    // Tests walk through the rejections, so none of them is left without a row.
    let code = lookup(rejection.code()).unwrap_or(INTERNAL);
    let mut error = HubError::new(code, rejection.to_string());
    error.fields = rejection.fields();
    error.retry_after = rejection.retry_after_ms().map(Duration::from_millis);
    error
}

impl From<RoomRejection> for HubError {
    fn from(rejection: RoomRejection) -> Self {
        rejected(&rejection)
    }
}

fn asked<R: Rejection>(error: AskError<R>) -> HubError {
    match error {
        AskError::Rejected(rejection) => rejected(&rejection),
        AskError::Overloaded { retry_after } => HubError::retry(OVERLOADED, retry_after),
        // The reason is for operators and stands in the log.
        AskError::Unavailable { retry_after, .. } => HubError::retry(UNAVAILABLE, retry_after),
        AskError::OutcomeUnknown => HubError::new(
            OUTCOME_UNKNOWN,
            "it may have happened; it may be sent again with the same id or key",
        ),
    }
}

impl From<actors::hub::HubError> for HubError {
    fn from(error: actors::hub::HubError) -> Self {
        use actors::hub::HubError as Inner;
        match error {
            Inner::Room(error) => asked(error),
            Inner::User(error) => asked(error),
            Inner::Request(error) => asked(error),
            Inner::Inbox(error) => asked(error),
            Inner::Store(ReadError::Unavailable(_)) | Inner::CutOff => {
                Self::retry(UNAVAILABLE, RETRY_AFTER)
            }
            Inner::Store(ReadError::Corrupt { .. } | ReadError::CorruptRow { .. }) => {
                Self::new(INTERNAL, "what is stored is damaged")
            }
            Inner::Limit(text) => Self::new(LIMIT_REACHED, text),
            Inner::Internal(what) => Self::new(INTERNAL, what),
            Inner::NotReached(_) => Self::new(UNAVAILABLE, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::read;

    #[test]
    fn every_code_that_a_rejection_may_have_has_a_row() {
        let mut seen = 0;
        for kind in ["room", "user", "request", "inbox"] {
            let text = read(format!("actors/src/machines/{kind}/rejection.rs"));
            for line in text.lines().filter(|line| line.contains("=> \"")) {
                let code = line.split('"').nth(1).unwrap_or_default();
                assert!(lookup(code).is_some(), "{kind}: {code}");
                seen += 1;
            }
        }
        assert!(seen > 40, "{seen}");
    }

    #[test]
    fn a_mistake_of_the_hub_is_no_bound_that_was_reached() {
        use actors::hub::HubError as Inner;
        let error = HubError::from(Inner::Internal("a request answered out of turn"));
        // As a fault of the server it is kept under no idempotency key either.
        assert_eq!((error.code, error.code.status.as_u16()), (INTERNAL, 500));
        let bound = HubError::from(Inner::Limit("too many rooms".into()));
        assert_eq!(bound.code, LIMIT_REACHED);
    }

    #[test]
    fn all_that_is_wrong_with_an_input_comes_through_whichever_kind_says_it() {
        let wrong = || vec![field_error("a", "is b"), field_error("c[1]", "is d")];
        let errors: [HubError; 3] = [
            rejected(&UserRejection::Invalid(wrong())),
            rejected(&RequestRejection::Invalid(wrong())),
            rejected(&InboxRejection::Invalid(wrong())),
        ];
        for error in errors {
            assert_eq!(error.code.code, "invalid_argument");
            assert_eq!(
                (error.fields, &error.text[..]),
                (wrong(), "a is b; c[1] is d")
            );
        }
        let busy = rejected(&RequestRejection::Overloaded { retry_after_ms: 7 });
        assert_eq!(busy.retry_after, Some(Duration::from_millis(7)));
    }
}
