//! The caller's own inbox over HTTP: lists, read marks, putting away.

use actors::hub::InboxItem;
use actors::ids::Sequence;
use actors::machines::inbox::{InboxCommand, InboxReply};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::By;
use super::cursor::{self, List};
use super::input::{At, Input, Params};
use super::{Api, json, words};
use crate::error::INTERNAL;
use crate::gateway::notice_shapes::ShownNotification;
use crate::http::problem::Problem;

/// Notifications on a page if the client does not say how many.
const NOTIFICATIONS: usize = 50;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(unread))
        .routes(routes!(read))
        .routes(routes!(read_all))
        .routes(routes!(dismiss))
}

type Answered = Result<Response, Problem>;

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct InboxQuery {
    /// `next` of the page before.
    #[param(value_type = words::Cursor, required = false)]
    cursor: Option<String>,
    /// Most notifications on the page.
    #[param(minimum = 1, maximum = 100, default = 50, nullable = false)]
    limit: Option<usize>,
}

/// My notifications
///
/// The newest first, each with whether it was read; those that were put away are not shown. A page may be short, and there
/// may be more all the same.
#[utoipa::path(
    get, path = "/api/inbox", operation_id = "listNotifications", tag = "inbox",
    params(InboxQuery),
    responses((status = 200, description = "A page of notifications.", body = Notifications)),
)]
async fn list(State(api): State<Api>, by: By, Params(query): Params<InboxQuery>) -> Answered {
    let before = match &query.cursor {
        None => None,
        Some(text) => Some(cursor::read(List::Inbox, text).ok_or_else(cursor::foreign)?),
    };
    let limit = query.limit.unwrap_or(NOTIFICATIONS);
    let page = api.hub.inbox_page(by.user(), before, limit).await?;
    let page = Notifications {
        items: page.items.iter().filter_map(shown).collect(),
        next: page.next.map(|at| cursor::write(List::Inbox, at)),
        unread: page.unread,
        head: page.head,
    };
    Ok(json(StatusCode::OK, &page))
}

/// How many are unread
///
/// Of all notifications, shown live or not.
#[utoipa::path(
    get, path = "/api/inbox/unread", operation_id = "countUnread", tag = "inbox",
    responses((status = 200, description = "The number.", body = Unread)),
)]
async fn unread(State(api): State<Api>, by: By) -> Answered {
    match api.hub.inbox(by.user(), InboxCommand::UnreadCount).await? {
        InboxReply::Unread { unread, head, .. } => {
            let sequence = head;
            Ok(json(StatusCode::OK, &Unread { sequence, unread }))
        }
        other => Err(out_of_turn(&other)),
    }
}

/// Mark one as read
///
/// Again changes nothing.
#[utoipa::path(
    post, path = "/api/inbox/{sequence}/read", operation_id = "markNotificationRead", tag = "inbox",
    params(("sequence" = words::Sequence, Path, description = "The notification.")),
    responses((status = 200, description = "How many are unread then.", body = Unread)),
)]
async fn read(State(api): State<Api>, by: By, At(target): At<Sequence>) -> Answered {
    done(&api, &by, InboxCommand::MarkRead { target }).await
}

/// Mark all as read
///
/// Those up to and with a sequence: what came after the client looked stays unread.
#[utoipa::path(
    post, path = "/api/inbox/read-all", operation_id = "markAllRead", tag = "inbox",
    request_body = ReadAll,
    responses((status = 200, description = "How many are unread then.", body = Unread)),
)]
async fn read_all(State(api): State<Api>, by: By, Input(wish): Input<ReadAll>) -> Answered {
    let up_to = Sequence(wish.up_to);
    done(&api, &by, InboxCommand::MarkAllRead { up_to }).await
}

/// Put one away
///
/// Its words are erased. Again changes nothing.
#[utoipa::path(
    delete, path = "/api/inbox/{sequence}", operation_id = "dismissNotification", tag = "inbox",
    params(("sequence" = words::Sequence, Path, description = "The notification.")),
    responses((status = 200, description = "How many are unread then.", body = Unread)),
)]
async fn dismiss(State(api): State<Api>, by: By, At(target): At<Sequence>) -> Answered {
    done(&api, &by, InboxCommand::Dismiss { target }).await
}

async fn done(api: &Api, by: &By, command: InboxCommand) -> Answered {
    match api.hub.inbox(by.user(), command).await? {
        InboxReply::Done { sequence, unread } => {
            Ok(json(StatusCode::OK, &Unread { sequence, unread }))
        }
        other => Err(out_of_turn(&other)),
    }
}

fn shown(item: &InboxItem) -> Option<ShownNotification<'_>> {
    ShownNotification::new(item.sequence, &item.notification, item.read)
}

pub(super) fn out_of_turn(reply: &InboxReply) -> Problem {
    tracing::error!(?reply, "an inbox answered out of turn");
    Problem::new(INTERNAL)
}

/// Up to where all are read.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReadAll {
    #[schema(value_type = words::Sequence)]
    up_to: u64,
}

/// How many notifications are unread at a sequence of the inbox.
#[derive(Serialize, ToSchema)]
struct Unread {
    #[schema(value_type = words::Sequence)]
    sequence: Sequence,
    unread: u64,
}

/// A page of notifications, the newest first.
#[derive(Serialize, ToSchema)]
struct Notifications<'a> {
    items: Vec<ShownNotification<'a>>,
    /// Give this as `cursor` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = words::Cursor, required = false)]
    next: Option<String>,
    /// How many are unread in all.
    unread: u64,
    /// The inbox's last sequence when the page was read.
    #[schema(value_type = words::Sequence)]
    head: Sequence,
}
