//! Rooms over HTTP: lists, history, sending, read marks. Live events are the hub's business.

mod shapes;
mod wishes;

use actors::hub::HistoryPage;
use actors::ids::{RoomId, Sequence};
use actors::machines::room::RoomReply;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::By;
use super::cursor::{self, List};
use super::idempotency::Key;
use super::input::{At, Input, Params};
use super::{Api, json, words};
use crate::error::INTERNAL;
use crate::gateway::shapes::RoomSummary;
use crate::http::problem::Problem;
use shapes::{Messages, ReadMark, RoomEntry, Rooms, SentMessage};
use wishes::{MessagesQuery, NewMessage, NewRoom, Read, RoomsQuery};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(look))
        .routes(routes!(messages, send))
        .routes(routes!(read))
}

type Answered = Result<Response, Problem>;

/// My rooms
///
/// The rooms of the caller by id, with unread counts and the last message.
#[utoipa::path(
    get, path = "/api/rooms", operation_id = "listRooms", tag = "rooms",
    params(RoomsQuery),
    responses((status = 200, description = "A page of rooms.", body = Rooms)),
)]
async fn list(State(api): State<Api>, by: By, Params(query): Params<RoomsQuery>) -> Answered {
    let after = match &query.cursor {
        None => None,
        Some(cursor) => Some(cursor::read(List::Rooms, cursor).ok_or_else(cursor::foreign)?),
    };
    let limit = query.limit.unwrap_or(usize::MAX);
    let page = api.hub.my_rooms(by.user(), after.as_ref(), limit).await?;
    let page = Rooms {
        items: page.rooms.iter().map(RoomEntry::new).collect(),
        next: page.next.map(|room| cursor::write(List::Rooms, room)),
    };
    Ok(json(StatusCode::OK, &page))
}

/// Create a room
///
/// The caller owns it. The same id again from the same creator gives the same room; a direct room has exactly one other
/// member and an id that is derived from the two.
#[utoipa::path(
    post, path = "/api/rooms", operation_id = "createRoom", tag = "rooms",
    request_body = NewRoom,
    responses((status = 201, description = "The room.", body = RoomSummary)),
)]
async fn create(State(api): State<Api>, by: By, key: Key, Input(wish): Input<NewRoom>) -> Answered {
    let (room, command) = wish.command(by.user(), &key)?;
    match api.hub.room(&room, command).await? {
        RoomReply::Room(view) => {
            let answer = json(StatusCode::CREATED, &RoomSummary::new(&view));
            // An id needs no escaping in a path.
            Ok(located(answer, &format!("/api/rooms/{room}")))
        }
        other => Err(out_of_turn(&other)),
    }
}

/// Look at a room
///
/// For its members; a public room for everybody.
#[utoipa::path(
    get, path = "/api/rooms/{id}", operation_id = "getRoom", tag = "rooms",
    params(("id" = words::RoomId, Path, description = "The room.")),
    responses((status = 200, description = "The room.", body = RoomSummary)),
)]
async fn look(State(api): State<Api>, by: By, At(room): At<RoomId>) -> Answered {
    let view = api.hub.view(&room, by.user()).await?;
    Ok(json(StatusCode::OK, &RoomSummary::new(&view)))
}

/// Messages of a room
///
/// A page of messages, oldest first, each in its latest state: the newest ones, those before or those after a sequence.
/// `next` goes on in the same direction.
#[utoipa::path(
    get, path = "/api/rooms/{id}/messages", operation_id = "listMessages", tag = "rooms",
    params(("id" = words::RoomId, Path, description = "The room."), MessagesQuery),
    responses((status = 200, description = "A page of messages.", body = Messages)),
)]
async fn messages(
    State(api): State<Api>,
    by: By,
    At(room): At<RoomId>,
    Params(query): Params<MessagesQuery>,
) -> Answered {
    let page = query.page()?;
    let limit = query.limit.unwrap_or(wishes::MESSAGES);
    let history = api.hub.history(&room, by.user(), page, limit, None).await?;
    let list = match page {
        HistoryPage::Before(_) => List::MessagesBefore,
        HistoryPage::After(_) => List::MessagesAfter,
    };
    let shown = |entry| shapes::message(&room, entry);
    let page = Messages {
        items: history.messages.iter().map(shown).collect(),
        next: history.next.map(|at| cursor::write(list, at)),
        head: history.head,
    };
    Ok(json(StatusCode::OK, &page))
}

/// Send a message
///
/// The answer comes when the message is durable. The same `id` again gives the first answer; without one it is derived from
/// the `Idempotency-Key`, or made up.
#[utoipa::path(
    post, path = "/api/rooms/{id}/messages", operation_id = "sendMessage", tag = "rooms",
    params(("id" = words::RoomId, Path, description = "The room.")),
    request_body = NewMessage,
    responses((status = 201, description = "The message is in the room.", body = SentMessage)),
)]
async fn send(
    State(api): State<Api>,
    by: By,
    key: Key,
    At(room): At<RoomId>,
    Input(wish): Input<NewMessage>,
) -> Answered {
    match api.hub.room(&room, wish.command(by.user(), &key)?).await? {
        RoomReply::Sent(sent) => Ok(json(StatusCode::CREATED, &SentMessage::new(&sent))),
        other => Err(out_of_turn(&other)),
    }
}

/// Mark as read
///
/// Moves the caller's read mark forward and answers where it stands; it never goes back.
#[utoipa::path(
    put, path = "/api/rooms/{id}/read", operation_id = "markRoomRead", tag = "rooms",
    params(("id" = words::RoomId, Path, description = "The room.")),
    request_body = Read,
    responses((status = 200, description = "Where the mark stands.", body = ReadMark)),
)]
async fn read(
    State(api): State<Api>,
    by: By,
    At(room): At<RoomId>,
    Input(wish): Input<Read>,
) -> Answered {
    let up_to = Sequence(wish.up_to);
    let mark = api.hub.mark_read(&room, by.user(), up_to).await?;
    Ok(json(StatusCode::OK, &ReadMark::new(&room, mark)))
}

pub(super) fn located(mut answer: Response, path: &str) -> Response {
    if let Ok(path) = HeaderValue::from_str(path) {
        answer.headers_mut().insert(header::LOCATION, path);
    }
    answer
}

fn out_of_turn(reply: &RoomReply) -> Problem {
    tracing::error!(?reply, "a room answered out of turn");
    Problem::new(INTERNAL)
}
