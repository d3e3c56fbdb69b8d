//! Organizers who write and submit matching requests over HTTP, each step under an `Idempotency-Key` of its own and tried
//! until its answer comes. Whatever was acknowledged must be there afterwards, once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Common, ORGANIZERS, lock, pace};
use crate::http;
use crate::member::now;
use crate::raw::Response;
use crate::suite::class::Class;

/// Requests of one organizer: no more than a hub takes of one in a day.
const EACH: usize = 5;
/// The role of those who submit requests.
pub(super) const ORGANIZER: &str = "organizer";
/// Between two looks at lists that are written after the event.
const LOOK: Duration = Duration::from_millis(100);
/// Days ahead of the event.
const AHEAD: i64 = 14;

/// Submits one request after the other until the traffic ends.
pub(super) async fn submit(common: Common, number: usize, requests: Arc<Mutex<Requests>>) {
    let mut pace = pace(ORGANIZERS.1);
    let label: Arc<str> = "requests".into();
    let mut hub = number;
    for count in 0.. {
        let organizer = format!("{}organizer-{number}-{}", common.newcomers, count / EACH);
        let token = common.signer.sign(&organizer, ORGANIZER);
        let mut request = Request::new(organizer, token, count % EACH);
        while request.progress != Progress::Submitted {
            pace.tick().await;
            // A request that was begun is finished; what was not is not begun any more.
            if common.stopped() && request.tries == 0 {
                return;
            }
            let begun = now();
            let stepped = request.step_on(common.hubs[hub % common.hubs.len()]).await;
            common.tried(Class::Submit, &label, (begun, now()), stepped.is_ok());
            if stepped.is_err() {
                hub += 1;
            }
            if let Some(refusal) = request.refused.take() {
                lock(&requests).refusals.push(refusal);
                break;
            }
        }
        lock(&requests).add(request);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Wished,
    Draft,
    Submitted,
}

/// One request on its way.
#[derive(Debug)]
struct Request {
    organizer: String,
    token: Option<String>,
    title: String,
    /// The same whenever it is tried: a key stands for one body.
    draft: Value,
    id: String,
    progress: Progress,
    tries: usize,
    refused: Option<String>,
}

/// No answer, or one that says "later".
struct Later;

impl Request {
    fn new(organizer: String, token: Option<String>, number: usize) -> Self {
        let title = format!("Event {number} of {organizer}");
        Self {
            token,
            draft: draft(&title),
            title,
            organizer,
            id: String::new(),
            progress: Progress::Wished,
            tries: 0,
            refused: None,
        }
    }

    /// Writes it and submits it, as far as that is still to be done. Under the keys of the attempt before.
    async fn step_on(&mut self, hub: SocketAddr) -> Result<(), Later> {
        self.tries += 1;
        if self.progress == Progress::Wished {
            let draft = self.draft.clone();
            let key = format!("{} draft", self.title).replace(' ', "-");
            let made = self.post(hub, "/api/requests", &key, Some(&draft)).await?;
            let made: Value = serde_json::from_slice(&made.body).map_err(|_| Later)?;
            self.id = made["requestId"].as_str().ok_or(Later)?.to_owned();
            self.progress = Progress::Draft;
        }
        let path = format!("/api/requests/{}/submit", self.id);
        let key = format!("{} submit", self.title).replace(' ', "-");
        self.post(hub, &path, &key, None).await?;
        self.progress = Progress::Submitted;
        Ok(())
    }

    async fn post(
        &mut self,
        hub: SocketAddr,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> Result<Response, Later> {
        let answer = http::post(hub, path, self.token.as_deref(), key, body).await;
        let answer = answer.map_err(|_| Later)?;
        match answer.status {
            200 | 201 => Ok(answer),
            408 | 425 | 429 | 500.. => Err(Later),
            status => {
                let said = String::from_utf8_lossy(&answer.body).into_owned();
                self.refused = Some(format!("{path} of {}: {status} {said}", self.title));
                Err(Later)
            }
        }
    }
}

fn draft(title: &str) -> Value {
    let day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * AHEAD);
    let until = day + jiff::SignedDuration::from_hours(2);
    json!({
        "title": title, "eventType": "wedding", "instrument": "theremin", "genre": "jazz", "mode": "firstAccept",
        "window": { "from": day.to_string(), "to": until.to_string() },
        "place": { "lat": 52.52, "lng": 13.4, "address": "1 Long Street" },
        "budget": { "min": 100, "max": 200 }, "description": "Two sets of an hour each.", "attendees": 20,
    })
}

/// Requests that were begun.
#[derive(Debug, Default)]
pub(super) struct Requests {
    list: Vec<Request>,
    refusals: Vec<String>,
}

/// What a hub shows of an organizer's requests: titles, each with ids and states.
type Found = BTreeMap<String, Vec<(String, String)>>;

impl Requests {
    fn add(&mut self, request: Request) {
        self.list.push(request);
    }

    /// How many were acknowledged.
    pub(super) fn submitted(&self) -> usize {
        let done = self.list.iter();
        done.filter(|request| request.progress == Progress::Submitted)
            .count()
    }

    /// What is wrong with them. Lists may lag behind the requests, and are looked at again for as long as that.
    pub(super) async fn judge(&self, common: &Common, within: Duration) -> Vec<String> {
        let deadline = Instant::now() + within;
        let mut violations = self.refusals.clone();
        let organizers: BTreeSet<&str> = self.list.iter().map(|r| r.organizer.as_str()).collect();
        for organizer in organizers {
            let own: Vec<&Request> = self
                .list
                .iter()
                .filter(|request| request.organizer == organizer)
                .collect();
            loop {
                let wrong = match look(common, &own).await {
                    Some(found) => wrong(&own, &found),
                    None => vec![format!("{organizer} was not shown any requests")],
                };
                if wrong.is_empty() {
                    break;
                }
                if Instant::now() >= deadline {
                    violations.extend(wrong);
                    break;
                }
                sleep(LOOK).await;
            }
        }
        violations
    }
}

/// The list of an organizer and the state of each request on it, as any hub shows them.
async fn look(common: &Common, own: &[&Request]) -> Option<Found> {
    let (hub, token) = (*common.hubs.first()?, own.first()?.token.as_deref());
    let ask = async |path: String| -> Option<Value> {
        let answer = http::get(hub, &path, token).await.ok()?;
        let answer = Some(answer).filter(|answer| answer.status == 200)?;
        serde_json::from_slice(&answer.body).ok()
    };
    let list = ask("/api/requests?limit=50".to_owned()).await?;
    let mut found = Found::new();
    for item in list["items"].as_array()? {
        let id = item["requestId"].as_str()?.to_owned();
        let request = ask(format!("/api/requests/{id}")).await?;
        let title = item["title"].as_str()?.to_owned();
        let state = request["state"].as_str()?.to_owned();
        found.entry(title).or_default().push((id, state));
    }
    Some(found)
}

/// What is not as it was acknowledged.
fn wrong(own: &[&Request], found: &Found) -> Vec<String> {
    let mut wrong = Vec::new();
    for request in own {
        let Request { title, id, .. } = request;
        let there = found.get(title).map(Vec::as_slice).unwrap_or_default();
        let is_acknowledged = request.progress == Progress::Submitted;
        if there.len() > 1 {
            wrong.push(format!("{title} is there {} times: {there:?}", there.len()));
        }
        match there.iter().find(|(known, _)| known == id) {
            None if is_acknowledged => wrong.push(format!(
                "{title} was acknowledged as submitted as {id} and is not there"
            )),
            Some((_, state)) if is_acknowledged && state == "draft" => wrong.push(format!(
                "{title} was acknowledged as submitted and is a draft"
            )),
            _ => {}
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(progress: Progress) -> Request {
        Request {
            id: "7".into(),
            progress,
            ..Request::new("o".into(), None, 0)
        }
    }

    fn found(requests: &[(&str, &str)]) -> Found {
        let there = requests.iter();
        let there = there.map(|(id, state)| ((*id).to_owned(), (*state).to_owned()));
        Found::from([("Event 0 of o".to_owned(), there.collect())])
    }

    #[test]
    fn what_was_acknowledged_is_there_once_and_submitted() {
        let acknowledged = request(Progress::Submitted);
        let judged = |there: &[(&str, &str)]| wrong(&[&acknowledged], &found(there)).join("\n");
        assert_eq!(judged(&[("7", "active")]), "");
        assert!(judged(&[]).contains("is not there"));
        assert!(judged(&[("8", "active")]).contains("is not there"));
        assert!(judged(&[("7", "draft")]).contains("is a draft"));
        assert!(judged(&[("7", "active"), ("8", "draft")]).contains("2 times"));
    }

    #[test]
    fn what_was_not_answered_may_be_there_or_not_but_not_twice() {
        let doubtful = request(Progress::Wished);
        let judged = |there: &[(&str, &str)]| wrong(&[&doubtful], &found(there));
        assert!(judged(&[]).is_empty() && judged(&[("7", "draft")]).is_empty());
        assert_eq!(judged(&[("7", "draft"), ("8", "draft")]).len(), 1);
    }
}
