//! What the platform itself tells a user: notifications in an operator's words.

use std::collections::BTreeMap;

use actors::hub::HubError as Refusal;
use actors::ids::UserId;
use actors::machines::inbox::facts::{MESSAGE, TITLE};
use actors::machines::inbox::{InboxCommand, InboxRejection, InboxReply};
use actors::machines::notice::{Notice, NoticeKind, Priority};
use actors::machines::terms::FieldError;
use actors::runtime::AskError;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::By;
use super::idempotency::Key;
use super::inbox::out_of_turn;
use super::input::Input;
use super::{Api, json, words};
use crate::error::{HubError, field_error};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(post))
}

/// A notification in words of one's own.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewNotification {
    /// Whose inbox.
    #[schema(value_type = words::UserId)]
    user_id: UserId,
    #[serde(rename = "type")]
    kind: PostKind,
    /// What it is called.
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    /// What it says.
    #[schema(min_length = 1, max_length = 500)]
    message: String,
    /// Facts by name, for the client; `title` and `message` are no such names.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    data: BTreeMap<String, String>,
}

/// The types of such notifications: `security` and `critical` are always shown live, `marketing` and `system` as the user has
/// settled.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum PostKind {
    System,
    Security,
    Critical,
    Marketing,
}

impl PostKind {
    /// As inboxes know it: critical is what the platform itself says, and more urgently.
    fn of_inbox(self) -> (NoticeKind, Priority) {
        match self {
            Self::System => (NoticeKind::System, Priority::Normal),
            Self::Security => (NoticeKind::Security, Priority::High),
            Self::Critical => (NoticeKind::System, Priority::Critical),
            Self::Marketing => (NoticeKind::Marketing, Priority::Low),
        }
    }
}

/// Where a notification stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Posted<'a> {
    #[schema(value_type = words::UserId)]
    user_id: &'a UserId,
    /// Of the notification in the user's inbox; for a repeat that of the first one.
    #[schema(value_type = words::Sequence)]
    sequence: u64,
}

/// Notify a user
///
/// Puts a notification of the platform into somebody's inbox; for admins. It is shown live like any other one of its type.
#[utoipa::path(
    post, path = "/api/admin/notifications", operation_id = "postNotification", tag = "admin",
    request_body = NewNotification,
    responses((status = 201, description = "It is in the inbox.", body = Posted)),
)]
async fn post(
    State(api): State<Api>,
    by: By,
    key: Key,
    Input(wish): Input<NewNotification>,
) -> Result<Response, Problem> {
    by.operator()?;
    let user_id = wish.user_id.clone();
    let command = InboxCommand::Post {
        by: by.0,
        notice: wish.notice()?,
        key: key.number(),
    };
    match api.hub.inbox(&user_id, command).await.map_err(told)? {
        InboxReply::Done { sequence, .. } => {
            let (user_id, sequence) = (&user_id, sequence.0);
            Ok(json(StatusCode::CREATED, &Posted { user_id, sequence }))
        }
        other => Err(out_of_turn(&other)),
    }
}

impl NewNotification {
    fn notice(self) -> Result<Notice, HubError> {
        let mut data = self.data;
        let own = [(TITLE, self.title), (MESSAGE, self.message)];
        let taken = own.iter().filter(|(name, _)| data.contains_key(*name));
        let taken: Vec<FieldError> = taken
            .map(|(name, _)| field_error(format!("data.{name}"), "has a field of its own"))
            .collect();
        if !taken.is_empty() {
            return Err(HubError::invalid(taken));
        }
        data.extend(own.map(|(name, text)| (name.to_owned(), text)));
        let (kind, priority) = self.kind.of_inbox();
        Ok(Notice {
            kind,
            priority,
            data,
        })
    }
}

/// Title and message are facts to the inbox, and fields to whoever wrote them.
fn told(refusal: Refusal) -> Problem {
    let Refusal::Inbox(AskError::Rejected(InboxRejection::Invalid(mut wrong))) = refusal else {
        return refusal.into();
    };
    for one in &mut wrong {
        for name in [TITLE, MESSAGE] {
            if one.field.strip_prefix("data.") == Some(name) {
                one.field = name.to_owned();
            }
        }
    }
    HubError::invalid(wrong).into()
}
