//! The chat hub: maps wire methods to the hub's commands and replies to results. No rule lives here.

mod answers;
mod arguments;
pub mod methods;
mod requests;

use std::sync::Arc;

use actors::hub::{HistoryPage, Hub, HubSession as Session};
use actors::ids::{RoomId, Sequence};
use actors::machines::room::{RoomCommand, RoomReply};
use parking_lot::Mutex;

use crate::auth::Identity;
use crate::error::HubError;
use crate::gateway::app::{
    Call, ConnectRefused, HubApp, HubSession, InvokeError, Invoked, Method, Outcome,
};
use crate::gateway::handle::ConnectionHandle;
use crate::hubs::{argument, at_least_one, expect_arguments, invalid, optional, shown, told};
use answers::{Joined, Read, Rooms, SentAnswer};
use arguments::{parse_room, parse_user, room, target, user};
use requests::{
    CreateRoom, HistoryRequest, JoinRoom, MembersRequest, MyRooms, SendMessage, UpdateRoom,
};

/// The hub at `/hubs/chat`.
pub struct ChatHub {
    hub: Hub,
}

impl ChatHub {
    /// Serves a hub.
    pub fn new(hub: Hub) -> Arc<Self> {
        Arc::new(Self { hub })
    }
}

impl HubApp for ChatHub {
    fn methods(&self) -> &'static [Method] {
        methods::WIRE
    }

    fn connected(
        &self,
        connection: Arc<ConnectionHandle>,
        identity: Option<Identity>,
    ) -> Result<Arc<dyn HubSession>, ConnectRefused> {
        let Some(identity) = identity else {
            return Err(ConnectRefused("a token is needed here".into()));
        };
        let session = self.hub.connect(identity.user, connection.outlet());
        Ok(Arc::new(Chat(Mutex::new(Some(Arc::new(session))))))
    }
}

/// One client of the chat hub.
struct Chat(Mutex<Option<Arc<Session>>>);

impl HubSession for Chat {
    fn invoke(&self, call: Call) -> Invoked {
        let session = self.0.lock().clone();
        match session {
            Some(session) => Invoked::Future(Box::pin(dispatch(session, call))),
            None => Invoked::failed(InvokeError::Internal("the session is over".into())),
        }
    }

    fn disconnected(&self) {
        self.0.lock().take();
    }
}

type Answered = Result<Outcome, InvokeError>;

async fn dispatch(session: Arc<Session>, call: Call) -> Answered {
    match call.method {
        methods::SEND_MESSAGE => send(&session, &call).await,
        methods::JOIN_ROOM => join(&session, &call).await,
        methods::JOIN_ROOMS => join_many(&session, &call).await,
        methods::LEAVE_ROOM => {
            expect_arguments(&call, 1..=1)?;
            session.leave(&room(&call)?);
            Ok(Outcome::void())
        }
        methods::CREATE_ROOM => create(&session, &call).await,
        methods::TYPING => {
            expect_arguments(&call, 2..=2)?;
            let typing = argument(&call, 1)?;
            session.typing(&room(&call)?, typing).await.map_err(shown)?;
            Ok(Outcome::void())
        }
        methods::MARK_READ => mark_read(&session, &call).await,
        methods::HISTORY => history(&session, &call).await,
        methods::MEMBERS => members(&session, &call).await,
        methods::MY_ROOMS => my_rooms(&session, &call).await,
        _ => change(&session, &call).await,
    }
}

async fn send(session: &Session, call: &Call) -> Answered {
    expect_arguments(call, 2..=2)?;
    let room = room(call)?;
    let message: SendMessage = argument(call, 1)?;
    let command = message.command(session.user())?;
    match ask(session, &room, command).await? {
        RoomReply::Sent(sent) => Outcome::value(call.encoding, &SentAnswer::new(&sent)),
        other => out_of_turn(&other),
    }
}

async fn join(session: &Session, call: &Call) -> Answered {
    expect_arguments(call, 1..=2)?;
    let room = room(call)?;
    let after: Option<u64> = optional(call, 1)?;
    let joined = session
        .join(&room, after.map(Sequence))
        .await
        .map_err(shown)?;
    let outcome = Outcome::value(call.encoding, &Joined::new(&joined))?;
    Ok(outcome.then(move || joined.starting.begin()))
}

/// All or none: every room is looked at before the first is joined, so that a refusal changes nothing. If there turn out to
/// be too many, those that are new are left again and those that were there before stay.
async fn join_many(session: &Session, call: &Call) -> Answered {
    expect_arguments(call, 1..=1)?;
    let requests: Vec<JoinRoom> = argument(call, 0)?;
    let mut rooms = Vec::with_capacity(requests.len());
    for request in requests {
        let room = parse_room(&request.room_id)?;
        let looked = session.look(&room, request.after_sequence.map(Sequence));
        rooms.push(looked.await.map_err(|error| refused_room(&room, error))?);
    }
    let (mut joined, mut fresh) = (Vec::new(), Vec::new());
    for looked in rooms {
        let room = looked.room().clone();
        let is_fresh = !session.is_subscribed(&room);
        match session.subscribe(looked) {
            Ok(one) => joined.push(one),
            Err(error) => {
                for room in &fresh {
                    session.leave(room);
                }
                joined.into_iter().for_each(|one| one.starting.begin());
                return Err(refused_room(&room, error));
            }
        }
        if is_fresh {
            fresh.push(room);
        }
    }
    let answers: Vec<Joined<'_>> = joined.iter().map(Joined::new).collect();
    let outcome = Outcome::value(call.encoding, &answers)?;
    Ok(outcome.then(move || joined.into_iter().for_each(|one| one.starting.begin())))
}

fn refused_room(room: &RoomId, error: actors::hub::HubError) -> InvokeError {
    let error = HubError::from(error);
    let text = format!("{} (room {room})", error.text);
    told(HubError::new(error.code, text))
}

async fn create(session: &Session, call: &Call) -> Answered {
    expect_arguments(call, 1..=1)?;
    let request: CreateRoom = argument(call, 0)?;
    let (room, command) = request.command(session.user())?;
    summary(call, ask(session, &room, command).await?)
}

async fn mark_read(session: &Session, call: &Call) -> Answered {
    expect_arguments(call, 2..=2)?;
    let (room, up_to) = (room(call)?, argument(call, 1)?);
    let marked = session
        .hub()
        .mark_read(&room, session.user(), Sequence(up_to))
        .await
        .map_err(shown)?;
    Outcome::value(call.encoding, &Read::new(&room, marked))
}

async fn history(session: &Session, call: &Call) -> Answered {
    expect_arguments(call, 1..=2)?;
    let room = room(call)?;
    let request: HistoryRequest = optional(call, 1)?.unwrap_or_default();
    let page = match (request.before, request.after) {
        (Some(_), Some(_)) => {
            return Err(invalid("before and after exclude each other"));
        }
        (before, None) => HistoryPage::Before(before.map(Sequence)),
        (None, Some(after)) => HistoryPage::After(Sequence(after)),
    };
    let limit = at_least_one(request.limit, 50)?;
    let history = session
        .hub()
        .history(
            &room,
            session.user(),
            page,
            limit,
            request.min_sequence.map(Sequence),
        )
        .await
        .map_err(shown)?;
    Outcome::value(call.encoding, &answers::Page::new(&room, &history))
}

async fn members(session: &Session, call: &Call) -> Answered {
    expect_arguments(call, 1..=2)?;
    let room = room(call)?;
    let request: MembersRequest = optional(call, 1)?.unwrap_or_default();
    let after = match &request.after {
        Some(after) => Some(parse_user("after", after)?),
        None => None,
    };
    let limit = at_least_one(request.limit, usize::MAX)?;
    let members = session
        .hub()
        .members(&room, session.user(), after, limit)
        .await
        .map_err(shown)?;
    let answer: Vec<answers::Member<'_>> = members.iter().map(answers::Member::new).collect();
    Outcome::value(call.encoding, &answer)
}

async fn my_rooms(session: &Session, call: &Call) -> Answered {
    expect_arguments(call, 0..=1)?;
    let request: MyRooms = optional(call, 0)?.unwrap_or_default();
    let mut after = match &request.after {
        Some(after) => Some(parse_room(after)?),
        None => None,
    };
    let limit = at_least_one(request.limit, usize::MAX)?;
    // An answer without rooms says that there are no more.
    let page = loop {
        let rooms = session
            .hub()
            .my_rooms(session.user(), after.as_ref(), limit);
        let page = rooms.await.map_err(shown)?;
        match page.next {
            Some(next) if page.rooms.is_empty() => after = Some(next),
            _ => break page,
        }
    };
    Outcome::value(call.encoding, &Rooms(&page.rooms))
}

/// The methods that name a room, change it and answer with where that happened.
async fn change(session: &Session, call: &Call) -> Answered {
    let by = session.user().clone();
    let (room, command) = match call.method {
        methods::EDIT_MESSAGE => {
            expect_arguments(call, 3..=3)?;
            let (target, text) = (target(call)?, argument(call, 2)?);
            (room(call)?, RoomCommand::Edit { by, target, text })
        }
        methods::DELETE_MESSAGE => {
            expect_arguments(call, 2..=2)?;
            let target = target(call)?;
            (room(call)?, RoomCommand::Delete { by, target })
        }
        methods::ADD_REACTION | methods::REMOVE_REACTION => {
            expect_arguments(call, 3..=3)?;
            let command = RoomCommand::React {
                by,
                target: target(call)?,
                emoji: argument(call, 2)?,
                add: call.method == methods::ADD_REACTION,
            };
            (room(call)?, command)
        }
        methods::INVITE => (
            room(call)?,
            RoomCommand::Invite {
                by,
                user: user(call)?,
            },
        ),
        methods::REMOVE_MEMBER => (
            room(call)?,
            RoomCommand::Remove {
                by,
                user: user(call)?,
            },
        ),
        methods::QUIT_ROOM => {
            expect_arguments(call, 1..=1)?;
            (room(call)?, RoomCommand::Quit { by })
        }
        methods::SET_ROLE => {
            expect_arguments(call, 3..=3)?;
            let role: requests::WireRole = argument(call, 2)?;
            let user = parse_user("userId", &argument::<String>(call, 1)?)?;
            let role = role.into();
            (room(call)?, RoomCommand::SetRole { by, user, role })
        }
        methods::UPDATE_ROOM => {
            expect_arguments(call, 2..=2)?;
            let update: UpdateRoom = argument(call, 1)?;
            let name = update.name;
            (room(call)?, RoomCommand::Rename { by, name })
        }
        _ => return Err(InvokeError::UnknownMethod),
    };
    match ask(session, &room, command).await? {
        RoomReply::Done { sequence } => Outcome::value(call.encoding, &answers::Done { sequence }),
        other => summary(call, other),
    }
}

fn summary(call: &Call, reply: RoomReply) -> Answered {
    match reply {
        RoomReply::Room(view) => {
            let summary = crate::gateway::shapes::RoomSummary::new(&view);
            Outcome::value(call.encoding, &summary)
        }
        other => out_of_turn(&other),
    }
}

fn out_of_turn(reply: &RoomReply) -> Answered {
    let text = format!("a room answered out of turn: {reply:?}");
    Err(InvokeError::Internal(text))
}

async fn ask(
    session: &Session,
    room: &RoomId,
    command: RoomCommand,
) -> Result<RoomReply, InvokeError> {
    session.hub().room(room, command).await.map_err(shown)
}
