//! A room that is damaged, and its only member: who makes it, asks for it all the time, and looks whether it is back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::probe::{ANSWER, Said, connect as connected, send, until};
use crate::client::{Client, Settings};
use crate::history::{Event, History};
use crate::http;
use crate::member::now;
use crate::raw::{RawError, Response};
use crate::suite::error::SiteError;
use crate::suite::format::Check;
use crate::suite::site::Site;
use crate::suite::workload::Connect;

/// The member.
const USER: &str = "poisoner";
/// Messages of the room before it is damaged: too few for a snapshot, which would be read instead.
const MESSAGES: usize = 3;
/// Records of what the room's only member is told.
const RECORDS: usize = 10_000;
/// How long the room may take to be served when it is repaired: a hub looks at one that fails every 10 s.
const REPAIRED: Duration = Duration::from_secs(15);

/// The damaged room and its only member.
pub(super) struct Poisoned {
    room: String,
    settings: Settings,
    /// What the member sent and was told. It is judged here, for the readers of a run do not see the room.
    history: History,
}

impl Poisoned {
    /// Makes the room and says something in it.
    pub(super) async fn make(
        room: String,
        connect: &Connect,
        hub: usize,
    ) -> Result<Self, SiteError> {
        let poisoned = Self {
            settings: connect(USER, hub),
            history: History::new(RECORDS),
            room,
        };
        let room = &poisoned.room;
        let failed = |reason: String| SiteError::Refused {
            what: format!("making the room {room}"),
            reason,
        };
        let client = connected(&poisoned.settings).await.map_err(failed)?;
        let made = json!([{ "roomId": room, "kind": "public" }]);
        let made = timeout(ANSWER, client.invoke::<Value>("CreateRoom", made)).await;
        let made = made.map_err(|_| failed("no answer".to_owned()))?;
        made.map_err(|error| failed(error.to_string()))?;
        for _ in 0..MESSAGES {
            match poisoned.send().await {
                Said::Done => {}
                other => return Err(failed(format!("{other:?}"))),
            }
        }
        Ok(poisoned)
    }

    pub(super) fn room(&self) -> &str {
        &self.room
    }

    async fn send(&self) -> Said {
        send(&self.settings, USER, &self.room, &self.history, ANSWER).await
    }

    /// Asks to join and to send, on a new connection, and for the history; answers what was said.
    pub(super) async fn ask(&self, site: &Site<'_>, hub: usize) -> Vec<String> {
        let calls = match connected(&self.settings).await {
            Ok(client) => {
                let join = call(&client, "JoinRoom", json!([self.room])).await;
                let id = uuid::Uuid::new_v4().simple().to_string();
                let message = json!({ "id": id, "kind": "text", "text": "is anybody there" });
                let sent = call(&client, "SendMessage", json!([self.room, message])).await;
                client.stop().await;
                vec![join, sent]
            }
            Err(reason) => vec![Said::Nothing(reason)],
        };
        let page = match self.page(site, hub).await {
            Ok(answer) => format!("HTTP {}", answer.status),
            Err(error) => error.to_string(),
        };
        let calls = calls.iter().map(|said| format!("{said:?}"));
        calls.chain([page]).collect()
    }

    async fn page(&self, site: &Site<'_>, hub: usize) -> Result<Response, RawError> {
        let path = format!("/api/rooms/{}/messages?limit=50", self.room);
        http::get(site.address(hub), &path, self.settings.token.as_deref()).await
    }

    /// Whether the repaired room takes a message again, has all that it ever acknowledged where that was, and nothing else.
    pub(super) async fn is_back(&self, site: &Site<'_>, hub: usize) -> Check {
        let repaired = now();
        let served = until(REPAIRED, async || {
            (self.send().await == Said::Done).then(|| now().duration_since(repaired))
        });
        let served = served.await;
        let page = self.page(site, hub).await.map(|answer| answer.body);
        let page: Value = serde_json::from_slice(&page.unwrap_or_default()).unwrap_or_default();
        let wrong = wrong(&self.history, &page);
        let seen = match served {
            Some(time) => format!("it was after {} ms", time.as_millis()),
            None => "it was not".to_owned(),
        };
        let is_back = served.is_some() && wrong.is_empty();
        Check::new(
            format!(
                "the repaired room is served again within {} s and has all that it acknowledged and nothing that it refused while it was damaged",
                REPAIRED.as_secs()
            ),
            [vec![seen], wrong].concat().join("; "),
            is_back,
        )
    }
}

/// What a page of the whole room lacks of what was acknowledged, and has beside what was sent in good order.
fn wrong(history: &History, page: &Value) -> Vec<String> {
    let items = page["items"].as_array().into_iter().flatten();
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let mut shown: BTreeMap<String, u64> = items
        .map(|item| {
            let id = format!("{}/{}", text(item, "senderId"), text(item, "id"));
            (id, item["sequence"].as_u64().unwrap_or_default())
        })
        .collect();
    let (mut sent, mut wrong) = (BTreeSet::new(), Vec::new());
    for record in history.records() {
        match record.event {
            Event::Sent { id, .. } => _ = sent.insert(id),
            Event::Acknowledged { id, sequence } if shown.get(&id) != Some(&sequence) => {
                wrong.push(format!(
                    "{id} was acknowledged at {sequence} and is not there"
                ));
            }
            _ => {}
        }
    }
    shown.retain(|id, _| !sent.contains(id));
    wrong.extend(
        shown
            .into_keys()
            .map(|id| format!("{id} was refused and is there")),
    );
    wrong
}

async fn call(client: &Client, target: &str, arguments: Value) -> Said {
    match timeout(ANSWER, client.invoke::<Value>(target, arguments)).await {
        Ok(outcome) => Said::of(outcome),
        Err(_) => Said::Nothing("no answer in time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repaired_room_must_have_what_was_acknowledged_and_nothing_that_was_refused() {
        let history = History::new(10);
        let sent = |id: &str| {
            let (id, text) = (id.to_owned(), "is anybody there".to_owned());
            history.record("u", "r", Event::Sent { id, text });
        };
        let acknowledged = |id: &str, sequence| {
            let id = id.to_owned();
            history.record("u", "r", Event::Acknowledged { id, sequence });
        };
        sent("u/a");
        acknowledged("u/a", 2);
        // Nobody knows.
        sent("u/b");
        let found = |items: &[(&str, u64)]| {
            let items = items.iter();
            let items = items.map(|(id, at)| json!({ "senderId": "u", "id": id, "sequence": at }));
            wrong(&history, &json!({ "items": items.collect::<Vec<_>>() })).len()
        };
        assert_eq!(found(&[("a", 2)]), 0);
        assert_eq!(found(&[("a", 2), ("b", 3)]), 0);
        assert_eq!((found(&[]), found(&[("a", 3)])), (1, 1));
        assert_eq!(found(&[("a", 2), ("c", 3)]), 1);
        assert_eq!(wrong(&history, &Value::Null).len(), 1);
    }
}
