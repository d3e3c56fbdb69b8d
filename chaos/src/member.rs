//! Members of a room that survive whatever happens to the hub and record all of it: a reader that resumes where it was, a
//! sender that tries again with the same message id.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::attempts::Attempt;
use crate::client::{Callback, Client, InvokeError, Settings};
use crate::history::{Event, History};

/// Between two attempts of anything.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest wait for one answer; a connection that takes longer is given up.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);
/// Temporary refusals in a row after which a sender tries another hub.
const REFUSALS: usize = 25;
/// Callbacks that have a place in the journal.
const JOURNALED: [&str; 6] = [
    "ReceiveMessage",
    "MessageEdited",
    "MessageDeleted",
    "ReactionChanged",
    "MemberChanged",
    "RoomChanged",
];

/// What a reader is to do.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its name in the history.
    pub name: String,
    /// How to connect.
    pub settings: Settings,
    /// The room.
    pub room: String,
    /// The sequence that it has got, it says.
    pub after: u64,
    /// Holds how often it joined the room so far.
    pub joins: watch::Sender<usize>,
}

/// Reads a room through every loss of its connection, on any hub, until it has got the sequence that `goal` holds. Returns
/// how often it connected.
pub async fn read(
    reading: Reading,
    history: History,
    mut goal: watch::Receiver<Option<u64>>,
) -> usize {
    let Reading {
        name,
        mut settings,
        room,
        after,
        joins,
    } = reading;
    let mut last = after;
    let mut connections = 0;
    let label: Arc<str> = room.as_str().into();
    let mut lost = now();
    let reached = |last: u64, goal: Option<u64>| goal.is_some_and(|goal| last >= goal);
    while !reached(last, *goal.borrow_and_update()) {
        let Ok(mut client) = Client::connect(&settings).await else {
            settings.turn();
            sleep(PAUSE).await;
            continue;
        };
        connections += 1;
        if !enter(&client, &history, &name, &room, last).await {
            settings.turn();
            sleep(PAUSE).await;
            continue;
        }
        history.record(&name, &room, Event::Joined);
        joins.send_modify(|joins| *joins += 1);
        // However often it had to ask: a reader without its room waits, and that is one wait.
        history.joins.add(Attempt {
            room: label.clone(),
            wished: lost,
            begun: lost,
            ended: now(),
            acknowledged: true,
            refused: false,
        });
        while !reached(last, *goal.borrow_and_update()) {
            tokio::select! {
                callback = client.next() => match callback {
                    Some(callback) => record(&name, &room, &callback, &mut last, &history),
                    None => {
                        lost = now();
                        history.record(&name, &room, Event::Lost);
                        settings.turn();
                        break;
                    }
                },
                // The goal's owner is gone only when the test is over.
                changed = goal.changed() => if changed.is_err() { return connections },
            }
        }
    }
    connections
}

/// Asks for a room from behind a sequence on. False when the hub refuses or does not answer: its store may be in trouble.
pub(crate) async fn enter(
    client: &Client,
    history: &History,
    name: &str,
    room: &str,
    after: u64,
) -> bool {
    history.record(name, room, Event::Subscribed { after });
    let joining = client.invoke::<Value>("JoinRoom", json!([room, after]));
    matches!(timeout(ANSWER, joining).await, Ok(Ok(_)))
}

/// Records a callback of `room` that has a place.
pub(crate) fn record(
    name: &str,
    room: &str,
    callback: &Callback,
    last: &mut u64,
    history: &History,
) {
    let Some(object) = callback.object().filter(|object| object["roomId"] == room) else {
        return;
    };
    if callback.target == "StreamReset" {
        let from = object["from"].as_u64().unwrap_or_default();
        *last = from.saturating_sub(1);
        history.record(name, room, Event::Reset { from });
    } else if JOURNALED.contains(&callback.target.as_str()) {
        let sequence = object["sequence"].as_u64().unwrap_or_default();
        let id = match (object["senderId"].as_str(), object["id"].as_str()) {
            (Some(sender), Some(id)) => Some(format!("{sender}/{id}")),
            _ => None,
        };
        let text = object["text"].as_str().map(str::to_owned);
        // Members of the object are sorted, so equal entries have equal texts in both encodings.
        let entry = format!("{} {object}", callback.target);
        *last = sequence;
        history.record(
            name,
            room,
            Event::Received {
                sequence,
                text: id.is_some().then_some(text).flatten(),
                entry,
                id,
            },
        );
    }
}

/// What a sender is to do.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The user that its token names.
    pub user: String,
    /// How to connect.
    pub settings: Settings,
    /// The room.
    pub room: String,
    /// Between an answer and the next message.
    pub pause: Duration,
    /// Every so many-th message whose answer was lost is never tried again; 0 tries all of them again.
    pub give_up_every: usize,
}

/// How a sender fared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fared {
    /// Messages that were acknowledged.
    pub acknowledged: usize,
    /// Attempts whose answer was lost.
    pub unanswered: usize,
}

/// Sends messages one after the other until `stop` is true. A message whose answer is lost is sent again under its id, on a
/// new connection, to another hub if there is one.
pub async fn send(sending: Sending, history: History, stop: watch::Receiver<bool>) -> Fared {
    let mut sender = Sender {
        label: sending.room.as_str().into(),
        sending,
        history,
        client: None,
        refusals: 0,
        fared: Fared::default(),
    };
    for number in 0.. {
        if *stop.borrow() {
            break;
        }
        sender.send(number).await;
        sleep(sender.sending.pause).await;
    }
    sender.fared
}

/// A sender at work.
struct Sender {
    sending: Sending,
    /// The room, shared by all records of attempts.
    label: Arc<str>,
    history: History,
    client: Option<Client>,
    /// Temporary refusals on this connection, one after the other.
    refusals: usize,
    fared: Fared,
}

impl Sender {
    /// Sends one message, as often as it takes.
    async fn send(&mut self, number: usize) {
        let id = number.to_string();
        let text = format!("message {number} of {}", self.sending.user);
        let known = format!("{}/{id}", self.sending.user);
        let begun = Event::Sent {
            id: known.clone(),
            text: text.clone(),
        };
        self.record(begun);
        let message = json!([self.sending.room, { "id": id, "kind": "text", "text": text }]);
        let wished = now();
        loop {
            let begun = now();
            let answer = self.attempt(&message).await;
            self.history.attempts.add(Attempt {
                room: self.label.clone(),
                wished,
                begun,
                ended: now(),
                acknowledged: matches!(answer, Answer::Acknowledged(_)),
                refused: matches!(answer, Answer::Later | Answer::Refused),
            });
            match answer {
                Answer::Acknowledged(sequence) => {
                    self.record(Event::Acknowledged {
                        id: known,
                        sequence,
                    });
                    self.fared.acknowledged += 1;
                    return;
                }
                Answer::Refused => return self.record(Event::Refused { id: known }),
                Answer::Later => {}
                Answer::Lost => {
                    self.fared.unanswered += 1;
                    let every = self.sending.give_up_every;
                    if every > 0 && self.fared.unanswered.is_multiple_of(every) {
                        return sleep(PAUSE).await;
                    }
                }
            }
            sleep(PAUSE).await;
        }
    }

    /// Sends it once. A connection that lost an answer is given up, and so is one on which nothing but temporary refusals
    /// came for a while, if there is another hub to go to.
    async fn attempt(&mut self, message: &Value) -> Answer {
        let client = match self.client.take() {
            Some(client) => client,
            None => connect(&mut self.sending.settings).await,
        };
        let asking = client.invoke::<Value>("SendMessage", message.clone());
        let answer = match timeout(ANSWER, asking).await {
            Ok(Ok(sent)) => Answer::Acknowledged(sent["sequence"].as_u64().unwrap_or_default()),
            Ok(Err(error)) if is_for_good(&error) => Answer::Refused,
            Ok(Err(InvokeError::Refused(_))) => Answer::Later,
            // Lost, or late: a new connection is next.
            _ => Answer::Lost,
        };
        self.refusals = match answer {
            Answer::Later => self.refusals + 1,
            _ => 0,
        };
        let settings = &mut self.sending.settings;
        let leaves = self.refusals >= REFUSALS && !settings.others.is_empty();
        if leaves || matches!(answer, Answer::Lost) {
            self.refusals = 0;
            settings.turn();
        } else {
            self.client = Some(client);
        }
        answer
    }

    fn record(&self, event: Event) {
        let Sending { user, room, .. } = &self.sending;
        self.history.record(user, room, event);
    }
}

/// What became of an attempt.
enum Answer {
    /// It is durable at this sequence.
    Acknowledged(u64),
    /// It will never be there.
    Refused,
    /// It is to be tried again.
    Later,
    /// Nobody knows.
    Lost,
}

/// Whether an error says that it is of no use to ask again, and that a message will never be there.
pub(crate) fn is_for_good(error: &InvokeError) -> bool {
    let temporary = [
        "overloaded",
        "rate_limited",
        "unavailable",
        "outcome_unknown",
    ];
    matches!(error, InvokeError::Refused(_)) && !temporary.iter().any(|code| error.is_code(code))
}

/// This moment, as attempts have it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A connection to one hub or another, however long it takes.
pub async fn connected(settings: &Settings) -> Client {
    connect(&mut settings.clone()).await
}

/// The same; the settings are those of the hub that let it in.
async fn connect(settings: &mut Settings) -> Client {
    loop {
        match Client::connect(settings).await {
            Ok(client) => return client,
            Err(_) => {
                settings.turn();
                sleep(PAUSE).await;
            }
        }
    }
}
