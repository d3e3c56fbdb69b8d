//! Asking a hub, and what is made of its answers.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{GRANTED, Memory, Person};
use crate::hub::{Assignment, Hub, HubError, OpenQuery};
use crate::ids::{RequestId, RoomId, Sequence, UserId};
use crate::machines::inbox::{InboxCommand, InboxReply};
use crate::machines::request::{Change, RequestInput};
use crate::machines::room::{RoomCommand, RoomReply};
use crate::machines::terms::{Caller, Term};
use crate::machines::user::{UserCommand, UserReply};
use crate::runtime::AskError;
use crate::testing::market::checks::wishes_came_true::RULE;
use crate::testing::market::history::Wish;
use crate::testing::oracle::Outcome;
use crate::testing::workload::Site;

/// Something to be asked of a hub.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    /// A step of a request; some wait for what comes of a reservation.
    Step {
        request: RequestId,
        key: u64,
        change: Change,
        waits: bool,
    },
    User {
        key: u64,
        command: UserCommand,
    },
    Inbox(InboxCommand),
    Invite {
        room: RoomId,
        guest: UserId,
    },
    View(RequestId),
    /// The first page of the own inbox.
    Page,
    /// The own requests, and those that are open for this gig.
    Lists(RequestInput),
}

/// How long a wish to be assigned waits for its outcome.
const WAIT: Duration = Duration::from_millis(400);

impl Ask {
    fn wish(&self) -> Wish {
        match self {
            Ask::Step {
                request,
                key,
                change,
                ..
            } => Wish::Step {
                request: request.clone(),
                step: change.trigger(),
                key: *key,
            },
            Ask::User { key, .. } => Wish::Profile { key: *key },
            Ask::Inbox(InboxCommand::MarkRead { target }) => Wish::Mark {
                target: *target,
                away: false,
            },
            Ask::Inbox(InboxCommand::Dismiss { target }) => Wish::Mark {
                target: *target,
                away: true,
            },
            Ask::Inbox(InboxCommand::MarkAllRead { up_to }) => Wish::MarkAll { up_to: *up_to },
            Ask::Invite { room, guest } => Wish::Invite {
                room: room.clone(),
                guest: guest.clone(),
            },
            Ask::Inbox(_) | Ask::View(_) | Ask::Page | Ask::Lists(_) => Wish::Look,
        }
    }

    fn key(&self) -> Option<u64> {
        match self {
            Ask::Step { key, .. } | Ask::User { key, .. } => Some(*key),
            _ => None,
        }
    }
}

impl Person {
    pub(super) fn ask(&mut self, site: &Site<'_>, ask: Ask) {
        let wish = ask.wish();
        let attempt = self
            .history
            .lock()
            .begin(&self.caller.user, site.node, wish);
        let (hub, history) = (site.hub.clone(), self.history.clone());
        let (caller, memory) = (self.caller.clone(), self.memory.clone());
        memory.lock().under_way += 1;
        site.runtime.spawn(async move {
            // A runtime that dies with the wish in hand leaves no answer, but must free its place.
            let mut place = Place(memory.clone(), ask.key().map(|key| (key, ask.clone())));
            let outcome = carry(&hub, &caller, &ask, &memory).await;
            if let Some((key, ask)) = place.1.take() {
                let mut memory = memory.lock();
                match &outcome {
                    Outcome::Ok(_) => {
                        memory.granted.insert(key, ask);
                        while memory.granted.len() > GRANTED {
                            memory.granted.pop_first();
                        }
                    }
                    Outcome::Refused(why) if why.starts_with(RULE) => {}
                    Outcome::Refused(_) | Outcome::Unknown => drop(memory.unsure.insert(key, ask)),
                }
            }
            history.lock().answer(attempt, outcome);
        });
    }
}

/// A wish under way; if its node dies, it is to be wished again.
struct Place(Arc<Mutex<Memory>>, Option<(u64, Ask)>);

impl Drop for Place {
    fn drop(&mut self) {
        let mut memory = self.0.lock();
        memory.under_way -= 1;
        if let Some((key, ask)) = self.1.take() {
            memory.unsure.insert(key, ask);
        }
    }
}

async fn carry(hub: &Hub, by: &Caller, ask: &Ask, memory: &Mutex<Memory>) -> Outcome {
    let answer = match ask {
        Ask::Step {
            request,
            key,
            change,
            waits,
        } => step(hub, by, request, (*key, change), *waits, memory).await,
        Ask::User { command, .. } => {
            let answer = hub.user(&by.user, command.clone()).await;
            answer.map(|reply| learn_of_self(command, &reply, memory))
        }
        Ask::Inbox(command) => match hub.inbox(&by.user, command.clone()).await {
            Ok(InboxReply::Done { sequence, .. }) => Ok(sequence),
            Ok(_) => Ok(Sequence::ZERO),
            Err(error) => Err(error),
        },
        Ask::Invite { room, guest } => {
            let invite = RoomCommand::Invite {
                by: by.user.clone(),
                user: guest.clone(),
            };
            match hub.room(room, invite).await {
                Ok(RoomReply::Done { sequence }) => Ok(sequence),
                Ok(_) => Ok(Sequence::ZERO),
                Err(error) => Err(error),
            }
        }
        Ask::View(request) => hub.request_view(request, by).await.map(|view| {
            let sequence = view.sequence;
            memory.lock().views.insert(request.clone(), view);
            sequence
        }),
        Ask::Page => hub.inbox_page(&by.user, None, 10).await.map(|page| {
            let mut memory = memory.lock();
            let unread = page.items.iter().filter(|item| !item.read);
            memory.unread = unread.map(|item| item.sequence).collect();
            memory.inbox_head = page.head;
            page.head
        }),
        Ask::Lists(input) => lists(hub, by, input).await,
    };
    match answer {
        Ok(sequence) => Outcome::Ok(sequence),
        Err(error) => refusal(error),
    }
}

async fn step(
    hub: &Hub,
    by: &Caller,
    request: &RequestId,
    (key, change): (u64, &Change),
    waits: bool,
    memory: &Mutex<Memory>,
) -> Result<Sequence, HubError> {
    let reserves = matches!(change, Change::Accept | Change::Choose { .. });
    if !(waits && reserves) {
        let done = hub.change_request(request, by, Some(key), change.clone());
        return done.await.map(|done| done.sequence);
    }
    let assigned = hub.assign(request, by, Some(key), change.clone(), WAIT);
    match assigned.await? {
        Assignment::Settled(view) => {
            let sequence = view.sequence;
            memory.lock().views.insert(request.clone(), *view);
            Ok(sequence)
        }
        Assignment::Pending(done) => Ok(done.sequence),
    }
}

async fn lists(hub: &Hub, by: &Caller, input: &RequestInput) -> Result<Sequence, HubError> {
    hub.heartbeat(&by.user);
    hub.requests_of(&by.user, None, 10).await?;
    if let Ok(instrument) = Term::parse(&input.instrument) {
        let query = OpenQuery {
            instrument,
            place: input.place.clone(),
            radius_km: 20.0,
            after: None,
            limit: 10,
        };
        hub.open_requests(by, &query).await?;
    }
    Ok(Sequence::ZERO)
}

fn learn_of_self(command: &UserCommand, reply: &UserReply, memory: &Mutex<Memory>) -> Sequence {
    let UserReply::Done { sequence } = reply else {
        return Sequence::ZERO;
    };
    let mut memory = memory.lock();
    match command {
        UserCommand::SetProfile { .. } => memory.known = true,
        UserCommand::Block { .. } => memory.busy.push(*sequence),
        _ => {}
    }
    *sequence
}

fn refusal(error: HubError) -> Outcome {
    let rule = |code: &str| Outcome::Refused(format!("{RULE}{code}"));
    match error {
        HubError::Request(AskError::OutcomeUnknown)
        | HubError::User(AskError::OutcomeUnknown)
        | HubError::Inbox(AskError::OutcomeUnknown)
        | HubError::Room(AskError::OutcomeUnknown) => Outcome::Unknown,
        HubError::Request(AskError::Rejected(why)) => rule(why.code()),
        HubError::User(AskError::Rejected(why)) => rule(why.code()),
        HubError::Inbox(AskError::Rejected(why)) => rule(why.code()),
        HubError::Room(AskError::Rejected(why)) => rule(why.code()),
        other => Outcome::Refused(other.to_string()),
    }
}
