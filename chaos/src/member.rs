//! Members of a room that survive whatever happens to the hub and record all of it: a reader that resumes where it was, a
//! sender that tries again with the same message id.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::client::{Callback, Client, InvokeError, Settings};
use crate::history::{Event, History};

/// Between two attempts of anything.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest wait for one answer; a connection that takes longer is given up.
const ANSWER: Duration = Duration::from_secs(10);
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

/// Reads a room through every loss of its connection, until it has got the sequence that `goal` holds. Returns how often it
/// connected.
pub async fn read(
    reading: Reading,
    history: History,
    mut goal: watch::Receiver<Option<u64>>,
) -> usize {
    let Reading {
        name,
        settings,
        room,
        after,
        joins,
    } = &reading;
    let mut last = *after;
    let mut connections = 0;
    let reached = |last: u64, goal: Option<u64>| goal.is_some_and(|goal| last >= goal);
    while !reached(last, *goal.borrow_and_update()) {
        let Ok(mut client) = Client::connect(settings).await else {
            sleep(PAUSE).await;
            continue;
        };
        connections += 1;
        history.record(name, room, Event::Subscribed { after: last });
        let joining = client.invoke::<Value>("JoinRoom", json!([room, last]));
        if !matches!(timeout(ANSWER, joining).await, Ok(Ok(_))) {
            sleep(PAUSE).await;
            continue;
        }
        joins.send_modify(|joins| *joins += 1);
        while !reached(last, *goal.borrow_and_update()) {
            tokio::select! {
                callback = client.next() => match callback {
                    Some(callback) => record(name, room, &callback, &mut last, &history),
                    None => break,
                },
                // The goal's owner is gone only when the test is over.
                changed = goal.changed() => if changed.is_err() { return connections },
            }
        }
    }
    connections
}

/// Records a callback of `room` that has a place.
fn record(name: &str, room: &str, callback: &Callback, last: &mut u64, history: &History) {
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
/// new connection.
pub async fn send(sending: Sending, history: History, stop: watch::Receiver<bool>) -> Fared {
    let Sending {
        user,
        settings,
        room,
        ..
    } = &sending;
    let mut client: Option<Client> = None;
    let mut fared = Fared::default();
    for number in 0.. {
        if *stop.borrow() {
            break;
        }
        let id = format!("{number}");
        let known = format!("{user}/{id}");
        let text = format!("message {number} of {user}");
        let begun = Event::Sent {
            id: known.clone(),
            text: text.clone(),
        };
        history.record(user, room, begun);
        loop {
            let connected = match client.take() {
                Some(client) => client,
                None => connected(settings).await,
            };
            let message = json!([room, { "id": id, "kind": "text", "text": text }]);
            match timeout(ANSWER, connected.invoke::<Value>("SendMessage", message)).await {
                Ok(Ok(sent)) => {
                    let sequence = sent["sequence"].as_u64().unwrap_or_default();
                    history.record(
                        user,
                        room,
                        Event::Acknowledged {
                            id: known,
                            sequence,
                        },
                    );
                    fared.acknowledged += 1;
                    client = Some(connected);
                    break;
                }
                Ok(Err(error)) if is_for_good(&error) => {
                    history.record(user, room, Event::Refused { id: known });
                    client = Some(connected);
                    break;
                }
                Ok(Err(InvokeError::Refused(_))) => client = Some(connected),
                // Lost, or late: a new connection is next.
                _ => {
                    fared.unanswered += 1;
                    let every = sending.give_up_every;
                    if every > 0 && fared.unanswered % every == 0 {
                        break;
                    }
                }
            }
            sleep(PAUSE).await;
        }
        sleep(sending.pause).await;
    }
    fared
}

/// Whether an error says that the message will never be there.
fn is_for_good(error: &InvokeError) -> bool {
    let temporary = [
        "overloaded",
        "rate_limited",
        "unavailable",
        "outcome_unknown",
    ];
    matches!(error, InvokeError::Refused(_)) && !temporary.iter().any(|code| error.is_code(code))
}

/// A connection, however long it takes.
pub async fn connected(settings: &Settings) -> Client {
    loop {
        match Client::connect(settings).await {
            Ok(client) => return client,
            Err(_) => sleep(PAUSE).await,
        }
    }
}
