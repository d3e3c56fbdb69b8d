//! One of many users: in a room, saying something now and then, back by itself whenever its hub goes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use rand::Rng;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, sleep_until, timeout};

use crate::attempts::Attempt;
use crate::client::{Client, ConnectError, InvokeError, Settings, code_of};
use crate::history::{Event, History};
use crate::member::{ANSWER, is_for_good, now, record};

/// Between a loss or a refusal and the next attempt a user waits a part of this, as libraries have it.
const SPREAD: Duration = Duration::from_millis(1000);

/// What all users of a drill share.
pub(super) struct Common {
    pub history: History,
    /// Lets a few of them in at a time, at the start.
    pub door: Semaphore,
    /// Users that are in their rooms.
    pub joined: AtomicUsize,
    /// Users that wait for no answer, after the end of sending.
    pub quiet: AtomicUsize,
    /// True from the end of sending on.
    pub stop: watch::Sender<bool>,
}

/// A user.
pub(super) struct User {
    pub name: String,
    pub settings: Settings,
    pub room: Arc<str>,
    /// Between two messages.
    pub pace: Duration,
    /// Before the first one.
    pub first: Duration,
    /// Holds the room's last sequence once all is said.
    pub goal: watch::Receiver<Option<u64>>,
}

/// What a user went through.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    /// Messages that were acknowledged.
    pub acknowledged: usize,
    /// From the wish to send each to its acknowledgement.
    pub waits: Vec<Duration>,
    /// Attempts to send that were not acknowledged, by what was said.
    pub failed: BTreeMap<String, usize>,
    /// Attempts to connect or to join that failed, by what was said, after the first time in the room.
    pub knocks: BTreeMap<String, usize>,
    /// From each loss of a connection until the user was in the room again.
    pub away: Vec<Duration>,
}

/// A message on its way.
struct Message {
    id: String,
    body: Value,
    wished: Instant,
    begun: Instant,
}

type Answer = Result<Value, InvokeError>;

/// A user's state between two connections.
struct Living {
    user: User,
    common: Arc<Common>,
    stop: watch::Receiver<bool>,
    life: Life,
    last: u64,
    number: usize,
    due: tokio::time::Instant,
    message: Option<Message>,
    quiet: bool,
}

/// Lives until all is said and the user has read it.
pub(super) async fn live(user: User, common: Arc<Common>) -> Life {
    let mut living = Living {
        stop: common.stop.subscribe(),
        life: Life::default(),
        last: 0,
        number: 0,
        due: tokio::time::Instant::now() + user.first,
        message: None,
        quiet: false,
        user,
        common,
    };
    let mut lost_at = None;
    loop {
        let client = living.enter(lost_at.is_some()).await;
        if let Some(lost_at) = lost_at {
            living.life.away.push(now().duration_since(lost_at));
        }
        living.common.joined.fetch_add(1, Ordering::Relaxed);
        let done = living.stay(client).await;
        if done {
            return living.life;
        }
        living.common.joined.fetch_sub(1, Ordering::Relaxed);
        lost_at = Some(now());
        let User { name, room, .. } = &living.user;
        living.common.history.record(name, room, Event::Lost);
        living.user.settings.turn();
    }
}

impl Living {
    /// Connects and joins the room, at one hub or another, however long it takes.
    async fn enter(&mut self, again: bool) -> Client {
        loop {
            let refused = match self.knock(again).await {
                Ok(client) => return client,
                Err(refused) => refused,
            };
            if again {
                *self.life.knocks.entry(refused).or_default() += 1;
            }
            self.user.settings.turn();
            let pause = rand::rng().random_range(SPREAD / 20..SPREAD);
            sleep(pause).await;
        }
    }

    async fn knock(&mut self, again: bool) -> Result<Client, String> {
        let common = Arc::clone(&self.common);
        let _permit = match again {
            true => None,
            false => common.door.acquire().await.ok(),
        };
        let client = Client::connect(&self.user.settings).await;
        let client = client.map_err(|error| cause(&error).to_owned())?;
        let User { name, room, .. } = &self.user;
        let after = self.last;
        let history = &self.common.history;
        history.record(name, room, Event::Subscribed { after });
        let joining = client.invoke::<Value>("JoinRoom", json!([&**room, after]));
        match timeout(ANSWER, joining).await {
            Ok(Ok(_)) => {
                history.record(name, room, Event::Joined);
                Ok(client)
            }
            Ok(Err(error)) => Err(code(&error)),
            Err(_) => Err("late".to_owned()),
        }
    }

    /// In the room until the connection is lost; true once all is read.
    async fn stay(&mut self, mut client: Client) -> bool {
        let mut pending: Option<BoxFuture<'static, Answer>> = None;
        // What was under way when the last connection ended is tried again under its id.
        let mut retry = self.message.is_some().then(tokio::time::Instant::now);
        loop {
            if self.is_done() {
                return true;
            }
            let idle = pending.is_none();
            let speaking = idle && retry.is_none() && !*self.stop.borrow();
            tokio::select! {
                callback = client.next() => match callback {
                    Some(callback) => {
                        let User { name, room, .. } = &self.user;
                        record(name, room, &callback, &mut self.last, &self.common.history);
                    }
                    None => {
                        if !idle {
                            self.failed("lost");
                        }
                        return false;
                    }
                },
                answer = answered(&mut pending), if !idle => {
                    pending = None;
                    match self.take(answer) {
                        Taken::Done => {}
                        Taken::Again => retry = Some(tokio::time::Instant::now() + SPREAD / 10),
                        Taken::Lost => return false,
                    }
                }
                () = sleep_until(self.due), if speaking => {
                    self.compose();
                    pending = self.say(&client);
                }
                () = sleep_until(retry.unwrap_or(self.due)), if idle && retry.is_some() => {
                    retry = None;
                    pending = self.say(&client);
                }
                changed = self.stop.changed() => if changed.is_err() { return true },
                changed = self.user.goal.changed() => if changed.is_err() { return true },
            }
        }
    }

    /// Whether nothing is to be said and all was read. Tells, once, that nothing is to be said any more.
    fn is_done(&mut self) -> bool {
        let silent = *self.stop.borrow() && self.message.is_none();
        if silent && !self.quiet {
            self.quiet = true;
            self.common.quiet.fetch_add(1, Ordering::Relaxed);
        }
        let goal = *self.user.goal.borrow();
        silent && goal.is_some_and(|goal| self.last >= goal)
    }

    fn compose(&mut self) {
        let id = self.number.to_string();
        self.number += 1;
        self.due = tokio::time::Instant::now() + self.user.pace;
        let User { name, room, .. } = &self.user;
        let text = format!("message {id} of {name}");
        let body = json!([&**room, { "id": id, "kind": "text", "text": text }]);
        let id = format!("{name}/{id}");
        let sent = Event::Sent {
            id: id.clone(),
            text,
        };
        self.common.history.record(name, room, sent);
        self.message = Some(Message {
            id,
            body,
            wished: now(),
            begun: now(),
        });
    }

    /// Sends the message that is on its way, and waits for its answer.
    fn say(&mut self, client: &Client) -> Option<BoxFuture<'static, Answer>> {
        let message = self.message.as_mut()?;
        message.begun = now();
        let (caller, body) = (client.caller(), message.body.clone());
        let asking = async move {
            let asking = caller.invoke::<Value>("SendMessage", body);
            timeout(ANSWER, asking)
                .await
                .unwrap_or(Err(InvokeError::Lost))
        };
        Some(asking.boxed())
    }

    fn take(&mut self, answer: Answer) -> Taken {
        match answer {
            Ok(sent) => {
                let sequence = sent["sequence"].as_u64().unwrap_or_default();
                self.attempted(true, false);
                if let Some(message) = self.message.take() {
                    let User { name, room, .. } = &self.user;
                    let id = message.id;
                    let told = Event::Acknowledged { id, sequence };
                    self.common.history.record(name, room, told);
                    self.life.waits.push(now().duration_since(message.wished));
                    self.life.acknowledged += 1;
                }
                Taken::Done
            }
            Err(error) => {
                let refused = matches!(error, InvokeError::Refused(_));
                self.attempted(false, refused);
                *self.life.failed.entry(code(&error)).or_default() += 1;
                if is_for_good(&error) {
                    if let Some(Message { id, .. }) = self.message.take() {
                        let User { name, room, .. } = &self.user;
                        self.common
                            .history
                            .record(name, room, Event::Refused { id });
                    }
                    return Taken::Done;
                }
                if refused { Taken::Again } else { Taken::Lost }
            }
        }
    }

    fn failed(&mut self, why: &str) {
        self.attempted(false, false);
        *self.life.failed.entry(why.to_owned()).or_default() += 1;
    }

    fn attempted(&self, acknowledged: bool, refused: bool) {
        if let Some(message) = &self.message {
            self.common.history.attempts.add(Attempt {
                room: Arc::clone(&self.user.room),
                wished: message.wished,
                begun: message.begun,
                ended: now(),
                acknowledged,
                refused,
            });
        }
    }
}

/// What follows from an answer.
enum Taken {
    /// The message is settled.
    Done,
    /// It is to be sent again here.
    Again,
    /// The connection is of no use any more.
    Lost,
}

async fn answered(pending: &mut Option<BoxFuture<'static, Answer>>) -> Answer {
    match pending {
        Some(pending) => pending.await,
        None => std::future::pending().await,
    }
}

/// The stable code of an error, or a word for what it is.
fn code(error: &InvokeError) -> String {
    match error {
        InvokeError::Refused(text) => code_of(text).to_owned(),
        InvokeError::Lost => "lost".to_owned(),
        InvokeError::Value(_) => "unreadable".to_owned(),
    }
}

/// A word for why there is no connection.
fn cause(error: &ConnectError) -> &'static str {
    match error {
        ConnectError::Status(503) => "503",
        ConnectError::Status(429) => "429",
        ConnectError::Status(_) => "other status",
        ConnectError::Socket(_) | ConnectError::Http(_) => "not reached",
        ConnectError::WebSocket(_) => "no WebSocket",
        ConnectError::Handshake(_) => "no handshake",
        ConnectError::Late(_) => "late",
        ConnectError::Address(_) | ConnectError::Negotiation(_) => "led nowhere",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_counted_under_its_code() {
        let refused = |text: &str| code(&InvokeError::Refused(text.to_owned()));
        let said = "An unexpected error occurred invoking 'SendMessage' on the server. HubException: overloaded: try again";
        assert_eq!(refused(said), "overloaded");
        assert_eq!(refused("something else"), "something else");
        assert_eq!(code(&InvokeError::Lost), "lost");
    }
}
