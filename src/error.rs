//! What a client is told when something fails: a stable code and a text, the same on every wire.

mod asked;

use std::fmt;
use std::time::Duration;

use actors::machines::terms::FieldError;
use axum::http::StatusCode;

/// One row of the table of errors.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// Stable code, the part of the text before the colon.
    pub code: &'static str,
    /// Status over HTTP.
    pub status: StatusCode,
    /// The same call may succeed later without any other change.
    pub retry: bool,
    /// When it happens.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $status:ident, $retry:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning]
        pub const $name: &ErrorCode = &ErrorCode {
            code: $code, status: StatusCode::$status, retry: $retry, meaning: $meaning,
        };)*

        /// Every error a client can meet, in the order of the table.
        pub const TABLE: &[&ErrorCode] = &[$($name),*];
    };
}

codes! {
    INVALID_ARGUMENT = "invalid_argument", BAD_REQUEST, false, "An argument is missing, malformed or out of bounds.";
    UNAUTHORIZED = "unauthorized", UNAUTHORIZED, false, "No token, or one that is expired or not valid.";
    FORBIDDEN = "forbidden", FORBIDDEN, false, "The role of the user does not allow this.";
    NOT_A_MEMBER = "not_a_member", FORBIDDEN, false, "Only members of the room may do this.";
    ROOM_NOT_FOUND = "room_not_found", NOT_FOUND, false, "There is no such room.";
    MESSAGE_NOT_FOUND = "message_not_found", NOT_FOUND, false, "There is no message at that sequence.";
    MEMBER_NOT_FOUND = "member_not_found", NOT_FOUND, false, "That user is not a member of the room.";
    REQUEST_NOT_FOUND = "request_not_found", NOT_FOUND, false, "There is no such request, or none that the caller may know of.";
    USER_NOT_FOUND = "user_not_found", NOT_FOUND, false, "That user has no profile.";
    NOTIFICATION_NOT_FOUND = "notification_not_found", NOT_FOUND, false, "There is no notification at that sequence.";
    APPLICATION_NOT_FOUND = "application_not_found", NOT_FOUND, false, "That musician has no application that waits.";
    BUSY_NOT_FOUND = "busy_not_found", NOT_FOUND, false, "There is no busy time with that id.";
    NOT_FOUND = "not_found", NOT_FOUND, false, "There is nothing at this address.";
    METHOD_NOT_ALLOWED = "method_not_allowed", METHOD_NOT_ALLOWED, false, "The address does not take this HTTP method.";
    ROOM_EXISTS = "room_exists", CONFLICT, false, "The room id belongs to another room.";
    ROOM_FULL = "room_full", CONFLICT, false, "The room has as many members as it may have.";
    MESSAGE_DELETED = "message_deleted", CONFLICT, false, "The message was deleted.";
    MESSAGE_ID_REUSED = "message_id_reused", CONFLICT, false, "The message id was used before with another content.";
    EDIT_WINDOW_CLOSED = "edit_window_closed", CONFLICT, false, "The time to edit the message is over.";
    REQUEST_EXISTS = "request_exists", CONFLICT, false, "The request id belongs to someone else's request.";
    WRONG_STATE = "wrong_state", CONFLICT, false, "The request is in a state that does not allow this.";
    WRONG_MODE = "wrong_mode", CONFLICT, false, "The request comes to its musician in another way.";
    ALREADY_ASSIGNED = "already_assigned", CONFLICT, false, "Another musician has the request.";
    RESERVATION_PENDING = "reservation_pending", CONFLICT, true, "A musician's time is being reserved: look again in a moment.";
    DEADLINE_OVER = "deadline_over", CONFLICT, false, "The request's deadline is over.";
    EVENT_BEGUN = "event_begun", CONFLICT, false, "The event has begun.";
    EVENT_OVER = "event_over", CONFLICT, false, "The event is over.";
    TOO_EARLY = "too_early", CONFLICT, false, "It is too early; the text says when it will be possible.";
    TOO_NEAR = "too_near", CONFLICT, false, "The event is too near.";
    DISPUTE_OVER = "dispute_over", CONFLICT, false, "The time to dispute is over.";
    OWN_REQUEST = "own_request", CONFLICT, false, "Nobody plays for oneself.";
    NO_OFFER = "no_offer", CONFLICT, false, "The musician has no offer that stands.";
    GAVE_BACK = "gave_back", CONFLICT, false, "The musician had the request and gave it back.";
    ALREADY_APPLIED = "already_applied", CONFLICT, false, "The musician has applied before.";
    APPLICATIONS_CLOSED = "applications_closed", CONFLICT, false, "The request takes no applications now.";
    APPLICATIONS_FULL = "applications_full", CONFLICT, false, "The request has as many applications as it may have.";
    WAITING_LIST_FULL = "waiting_list_full", CONFLICT, false, "As many musicians wait as may wait.";
    TOO_MANY_ACTIVE_REQUESTS = "too_many_active_requests", CONFLICT, false, "The organizer has as many requests that look for musicians as one may have.";
    TOO_MANY_NEW_REQUESTS = "too_many_new_requests", CONFLICT, false, "The organizer has created as many requests within a day as one may.";
    NO_APPLICATIONS = "no_applications", CONFLICT, false, "Nobody has applied yet.";
    NOTHING_TO_WITHDRAW = "nothing_to_withdraw", CONFLICT, false, "There is nothing to take back.";
    NOT_A_MUSICIAN = "not_a_musician", CONFLICT, false, "The profile is not that of a musician.";
    REQUEST_CHANGED = "request_changed", PRECONDITION_FAILED, false, "The request has changed since the caller read it.";
    VERSION_CONFLICT = "version_conflict", PRECONDITION_FAILED, false, "The profile has changed since the caller read it.";
    LIMIT_REACHED = "limit_reached", CONFLICT, false, "A bound of the connection or the node is reached; the text names it.";
    TOO_LARGE = "too_large", PAYLOAD_TOO_LARGE, false, "The request is larger than allowed.";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, false, "The body of a request must be `application/json`.";
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", UNPROCESSABLE_ENTITY, false, "The `Idempotency-Key` was used before with another request.";
    RATE_LIMITED = "rate_limited", TOO_MANY_REQUESTS, true, "Too many calls in too short a time; the text says when to retry.";
    OVERLOADED = "overloaded", SERVICE_UNAVAILABLE, true, "The hub has too much to do; the text says when to retry.";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, true, "The store or the node that owns the room does not answer, or this node is shutting down.";
    OUTCOME_UNKNOWN = "outcome_unknown", GATEWAY_TIMEOUT, true, "It may have happened: a message may be sent again with the same id, for anything else look first.";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, false, "A fault of the hub; the log has the details. On the hub protocol in production the text has no code.";
}

/// Finds a code in the table.
pub fn lookup(code: &str) -> Option<&'static ErrorCode> {
    TABLE.iter().copied().find(|e| e.code == code)
}

/// `problem` of a field, to be read after its name as it is on the wire; the empty name stands for the input as a whole.
pub fn field_error(field: impl Into<String>, problem: impl Into<String>) -> FieldError {
    FieldError {
        field: field.into(),
        problem: problem.into(),
    }
}

/// A failure as a client is told of it.
#[derive(Debug, Clone)]
pub struct HubError {
    /// What kind.
    pub code: &'static ErrorCode,
    /// For people; free of internals.
    pub text: String,
    /// All that is wrong with the input, part by part, if that is known.
    pub fields: Vec<FieldError>,
    /// When the same call may succeed, if that is known.
    pub retry_after: Option<Duration>,
}

impl HubError {
    /// An error of the given kind.
    pub fn new(code: &'static ErrorCode, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
            fields: Vec::new(),
            retry_after: None,
        }
    }

    /// An input with these problems.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let sentence = |part: &FieldError| match &part.field[..] {
            "" => part.problem.clone(),
            field => format!("{field} {}", part.problem),
        };
        let text: Vec<String> = fields.iter().map(sentence).collect();
        Self {
            fields,
            ..Self::new(INVALID_ARGUMENT, text.join("; "))
        }
    }

    /// An error of the given kind that may be over after a while.
    pub fn retry(code: &'static ErrorCode, wait: Duration) -> Self {
        // In whole milliseconds, and never less than it takes.
        let wait_ms = wait.as_micros().div_ceil(1_000);
        Self {
            retry_after: Some(wait),
            ..Self::new(code, format!("retry after {wait_ms} ms"))
        }
    }
}

impl fmt::Display for HubError {
    /// The form on the hub protocol: `code: text`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.code, self.text)
    }
}

impl std::error::Error for HubError {}

#[cfg(test)]
mod tests {
    use super::*;
    use actors::ids::Sequence;
    use actors::journal::ReadError;
    use actors::machines::room::RoomRejection;
    use actors::runtime::AskError;

    fn every_rejection() -> Vec<RoomRejection> {
        vec![
            RoomRejection::RoomNotFound,
            RoomRejection::RoomExists,
            RoomRejection::NotAMember,
            RoomRejection::Forbidden("owners only"),
            RoomRejection::MessageNotFound(Sequence(7)),
            RoomRejection::MessageDeleted(Sequence(7)),
            RoomRejection::EditWindowClosed { minutes: 15 },
            RoomRejection::IdReused,
            RoomRejection::Invalid {
                field: "text",
                problem: "is empty".into(),
            },
            RoomRejection::RoomFull(1_000),
            RoomRejection::MemberNotFound,
            RoomRejection::RateLimited { retry_after_ms: 5 },
            RoomRejection::Overloaded { retry_after_ms: 5 },
        ]
    }

    #[test]
    fn every_rejection_of_a_room_has_a_row_and_keeps_its_code_and_text() {
        for rejection in every_rejection() {
            let (code, text) = (rejection.code(), rejection.to_string());
            let error = HubError::from(rejection);
            assert_eq!(error.code.code, code, "{text}");
            assert_eq!(error.to_string(), format!("{code}: {text}"));
        }
    }

    #[test]
    fn an_input_is_told_all_that_is_wrong_with_it_and_a_wait_how_long_it_is() {
        let error = HubError::invalid(vec![
            field_error("place.lat", "is missing"),
            field_error("", "the body is empty"),
        ]);
        assert_eq!(
            error.to_string(),
            "invalid_argument: place.lat is missing; the body is empty"
        );
        let rejected = HubError::from(RoomRejection::Invalid {
            field: "text",
            problem: "is empty".into(),
        });
        assert_eq!(rejected.fields, [field_error("text", "is empty")]);
        let wait = HubError::retry(RATE_LIMITED, Duration::from_micros(1_001));
        assert_eq!(wait.text, "retry after 2 ms");
        let slow = HubError::from(RoomRejection::RateLimited { retry_after_ms: 5 });
        assert_eq!(slow.retry_after, Some(Duration::from_millis(5)));
    }

    #[test]
    fn failures_of_the_store_keep_their_details_to_themselves() {
        use actors::hub::HubError as Inner;
        use std::time::Duration;
        let unavailable = Inner::Room(AskError::Unavailable {
            retry_after: Duration::from_millis(40),
            reason: "/srv/data: no space".into(),
        });
        let shown = HubError::from(unavailable).to_string();
        assert_eq!(shown, "unavailable: retry after 40 ms");
        let corrupt = Inner::Store(ReadError::Corrupt {
            entity: actors::ids::EntityId::new(actors::ids::EntityKind::Room, "r").expect("valid"),
            sequence: Sequence(3),
            reason: "bad digest".into(),
        });
        assert_eq!(HubError::from(corrupt).code, INTERNAL);
        let unknown = HubError::from(Inner::Room(AskError::OutcomeUnknown));
        assert_eq!(unknown.code, OUTCOME_UNKNOWN);
        let rejected = HubError::from(Inner::rejected(RoomRejection::RoomNotFound));
        assert_eq!(rejected.code, ROOM_NOT_FOUND);
    }

    #[test]
    fn codes_are_unique_snake_case_and_their_status_is_an_error() {
        for (i, row) in TABLE.iter().enumerate() {
            assert!(row.status.is_client_error() || row.status.is_server_error());
            assert!(
                row.code
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_')
            );
            assert!(TABLE[i + 1..].iter().all(|other| other.code != row.code));
            assert_eq!(lookup(row.code), Some(*row));
        }
        assert_eq!(lookup("no_such_code"), None);
    }

    #[test]
    fn what_may_be_retried_is_said_by_status_too() {
        let retry: Vec<_> = TABLE.iter().filter(|e| e.retry).map(|e| e.code).collect();
        assert_eq!(
            retry,
            [
                "reservation_pending",
                "rate_limited",
                "overloaded",
                "unavailable",
                "outcome_unknown"
            ]
        );
        for row in TABLE.iter().filter(|e| e.retry) {
            assert!(matches!(row.status.as_u16(), 409 | 429 | 503 | 504));
        }
    }
}
