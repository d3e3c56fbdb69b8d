//! The hub for notifications: maps wire methods to the commands of the caller's inbox, and replies to results. No rule
//! lives here.

mod answers;
mod guests;
pub mod methods;
mod requests;

use std::sync::Arc;

use actors::hub::{Hub, HubError as Refusal, HubSession as Session};
use actors::ids::{EntityId, RequestId, Sequence};
use actors::machines::inbox::{InboxCommand, InboxReply};
use actors::machines::terms::{Caller, PlatformRole};
use parking_lot::Mutex;

use crate::auth::Identity;
use crate::gateway::app::{
    Call, ConnectRefused, HubApp, HubSession, InvokeError, Invoked, Method, Outcome,
};
use crate::gateway::handle::ConnectionHandle;
use crate::gateway::notice_shapes::ShownSettings;
use crate::hubs::{argument, at_least_one, expect_arguments, invalid, optional, shown};
use answers::{Count, Done, Page, Watched};
use guests::{Ends, Guarded};
use requests::InboxRequest;
pub use requests::WireSettings;

/// Notifications in a page of whoever names no limit.
const PAGE: usize = 50;

/// The hub at `/hubs/notifications`.
pub struct NotificationsHub {
    hub: Hub,
}

impl NotificationsHub {
    /// Serves a hub.
    pub fn new(hub: Hub) -> Arc<Self> {
        Arc::new(Self { hub })
    }
}

impl HubApp for NotificationsHub {
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
        let caller = Caller {
            user: identity.user,
            role: PlatformRole::of_claim(&identity.role),
        };
        // Rooms are the chat hub's: whoever is added to one is told there.
        let guests = Guarded::new(connection.outlet());
        let session = self.hub.connect_apart(caller.user.clone(), guests.clone());
        let listener = Arc::new(Listener {
            session,
            caller,
            guests,
            watching: tokio::sync::Mutex::default(),
        });
        listener.guests.tell(Arc::downgrade(&listener));
        Ok(Arc::new(Client(Mutex::new(Some(listener)))))
    }
}

/// One client of the hub.
struct Client(Mutex<Option<Arc<Listener>>>);

/// Who it is, and what it listens to.
struct Listener {
    session: Session,
    caller: Caller,
    guests: Arc<Guarded<Listener>>,
    /// Held while a watch begins or ends, so that the end of one is not that of the next.
    watching: tokio::sync::Mutex<()>,
}

impl Ends for Listener {
    fn ended(self: Arc<Self>, request: EntityId) {
        // The subscription is held by whoever shows the step.
        tokio::spawn(async move {
            let _turn = self.watching.lock().await;
            if self.guests.has_ended(&request) {
                self.end(&request);
            }
        });
    }
}

impl HubSession for Client {
    fn invoke(&self, call: Call) -> Invoked {
        let listener = self.0.lock().clone();
        match listener {
            Some(listener) => Invoked::Future(Box::pin(dispatch(listener, call))),
            None => Invoked::failed(InvokeError::Internal("the session is over".into())),
        }
    }

    fn disconnected(&self) {
        self.0.lock().take();
    }
}

type Answered = Result<Outcome, InvokeError>;

async fn dispatch(listener: Arc<Listener>, call: Call) -> Answered {
    match call.method {
        methods::SUBSCRIBE => listener.subscribe(&call).await,
        methods::UNSUBSCRIBE => {
            expect_arguments(&call, 0..=0)?;
            listener.session.detach(&listener.inbox());
            Ok(Outcome::void())
        }
        methods::INBOX => listener.page(&call).await,
        methods::HEARTBEAT => {
            expect_arguments(&call, 0..=0)?;
            listener.hub().heartbeat(&listener.caller.user);
            Ok(Outcome::void())
        }
        methods::WATCH_REQUEST => listener.watch(&call).await,
        methods::UNWATCH_REQUEST => {
            expect_arguments(&call, 1..=1)?;
            let request = EntityId::request(&request(&call)?);
            let _turn = listener.watching.lock().await;
            listener.end(&request);
            Ok(Outcome::void())
        }
        _ => {
            let command = command(&call)?;
            let reply = listener.ask(command).await.map_err(shown)?;
            answer(&call, &reply)
        }
    }
}

impl Listener {
    fn hub(&self) -> &Hub {
        self.session.hub()
    }

    fn inbox(&self) -> EntityId {
        EntityId::inbox(&self.caller.user)
    }

    async fn ask(&self, command: InboxCommand) -> Result<InboxReply, Refusal> {
        self.hub().inbox(&self.caller.user, command).await
    }

    /// What the inbox says comes first and the position it was at second, so that nothing lies between them.
    async fn subscribe(&self, call: &Call) -> Answered {
        expect_arguments(call, 0..=1)?;
        let after: Option<u64> = optional(call, 0)?;
        let asked = self.ask(InboxCommand::UnreadCount).await.map_err(shown)?;
        let InboxReply::Unread { unread, head, .. } = asked else {
            return out_of_turn(&asked);
        };
        let after = after.map_or(head, Sequence);
        let starting = self.session.attach(&self.inbox(), Some(after)).await;
        let starting = starting.map_err(shown)?;
        let outcome = Outcome::value(call.encoding, &Count { unread, head })?;
        Ok(outcome.then(move || starting.begin()))
    }

    async fn page(&self, call: &Call) -> Answered {
        expect_arguments(call, 0..=1)?;
        let request: InboxRequest = optional(call, 0)?.unwrap_or_default();
        let limit = at_least_one(request.limit, PAGE)?;
        let before = request.before.map(Sequence);
        let page = self.hub().inbox_page(&self.caller.user, before, limit);
        let page = page.await.map_err(shown)?;
        Outcome::value(call.encoding, &Page::new(&page))
    }

    /// Ends a watch.
    fn end(&self, request: &EntityId) {
        self.session.detach(request);
        self.guests.forget(request);
    }

    /// Whoever may see a request when the watch begins sees its steps, as far as the right to see it reaches; what they are
    /// about is asked for again.
    async fn watch(&self, call: &Call) -> Answered {
        expect_arguments(call, 1..=2)?;
        let request = request(call)?;
        let after: Option<u64> = optional(call, 1)?;
        let view = self.hub().request_view(&request, &self.caller).await;
        let view = view.map_err(shown)?;
        let watch = self
            .hub()
            .watch(&request, &self.caller, &view, after.map(Sequence));
        let watch = watch.await.map_err(shown)?;
        let entity = EntityId::request(&request);
        let _turn = self.watching.lock().await;
        if self.guests.has_ended(&entity) {
            self.end(&entity);
        }
        match watch.while_open {
            true => self.guests.guard(&entity),
            false => self.guests.forget(&entity),
        }
        let starting = self.session.attach(&entity, Some(watch.after)).await;
        let starting = starting.map_err(shown)?;
        let outcome = Outcome::value(call.encoding, &Watched::new(&view))?;
        Ok(outcome.then(move || starting.begin()))
    }
}

/// The methods that are one question to the inbox.
fn command(call: &Call) -> Result<InboxCommand, InvokeError> {
    let sequence = || {
        expect_arguments(call, 1..=1)?;
        argument(call, 0).map(Sequence)
    };
    Ok(match call.method {
        methods::MARK_READ => InboxCommand::MarkRead {
            target: sequence()?,
        },
        methods::MARK_ALL_READ => InboxCommand::MarkAllRead { up_to: sequence()? },
        methods::DISMISS => InboxCommand::Dismiss {
            target: sequence()?,
        },
        methods::UNREAD_COUNT => {
            expect_arguments(call, 0..=0)?;
            InboxCommand::UnreadCount
        }
        methods::SETTINGS => {
            expect_arguments(call, 0..=0)?;
            InboxCommand::Settings
        }
        methods::SET_SETTINGS => {
            expect_arguments(call, 1..=1)?;
            let settings = argument::<WireSettings>(call, 0)?.into();
            InboxCommand::SetSettings { settings }
        }
        _ => return Err(InvokeError::UnknownMethod),
    })
}

fn answer(call: &Call, reply: &InboxReply) -> Answered {
    match reply {
        InboxReply::Done { sequence, unread } => {
            let (sequence, unread) = (*sequence, *unread);
            Outcome::value(call.encoding, &Done { sequence, unread })
        }
        InboxReply::Unread { unread, head, .. } => {
            let (unread, head) = (*unread, *head);
            Outcome::value(call.encoding, &Count { unread, head })
        }
        InboxReply::Settings { settings, .. } => {
            Outcome::value(call.encoding, &ShownSettings::new(settings))
        }
    }
}

fn out_of_turn(reply: &InboxReply) -> Answered {
    let text = format!("an inbox answered out of turn: {reply:?}");
    Err(InvokeError::Internal(text))
}

fn request(call: &Call) -> Result<RequestId, InvokeError> {
    let id: String = argument(call, 0)?;
    RequestId::parse(&id).map_err(|error| invalid(format!("requestId: {error}")))
}
