//! A room that fails whenever it is asked: its newest stored row is damaged while the hub is down.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::log::damage;
use super::probe::{ANSWER, Said, connect, metric, send, until};
use super::{Carried, Scene};
use crate::client::{Client, Settings};
use crate::history::History;
use crate::http;
use crate::member::now;
use crate::suite::error::SiteError;
use crate::suite::format::Check;
use crate::suite::measure::served_again;
use crate::suite::site::Site;

/// Messages of the room before it is damaged: too few for a snapshot, which would be read instead.
const MESSAGES: usize = 3;
/// How long the other rooms may take to be served after the start.
const SERVED: Duration = Duration::from_secs(30);
/// Between two questions about the damaged room.
const PAUSE: Duration = Duration::from_millis(50);
const COUNTED: [&str; 2] = [
    "mussikon_corrupt_entities_total",
    "mussikon_entity_failures_total",
];

/// Makes a room, damages it, and asks for it all the time while the others go on.
pub(super) async fn poison(
    site: &mut Site<'_>,
    scene: &Scene<'_>,
    hub: usize,
    number: usize,
    millis: u64,
) -> Result<Carried, SiteError> {
    let (room, user) = (format!("poisoned-{number}"), "poisoner");
    let settings = (site.connect())(user, hub);
    make(&settings, user, &room).await?;
    site.process_mut(hub).kill();
    damage(&site.process(hub).folder().join("data"), &room)?;
    site.process_mut(hub).restart().await?;
    let started = now();
    let served = async || {
        let attempts = scene.history.attempts.since(started);
        served_again(&attempts, scene.rooms, started)
    };
    let served = until(SERVED, served).await;
    let in_force = now();
    let counted = async || {
        let mut sum = 0.0;
        for name in COUNTED {
            sum += metric(site, hub, name).await?;
        }
        Some(sum)
    };
    let before = counted().await.unwrap_or_default();
    let path = format!("/api/rooms/{room}/messages?limit=5");
    let mut answers = BTreeMap::new();
    while now().duration_since(in_force) < Duration::from_millis(millis) {
        for said in ask(&settings, user, &room).await {
            *answers.entry(format!("{said:?}")).or_insert(0) += 1;
        }
        let status = http::get(site.address(hub), &path, settings.token.as_deref()).await;
        let status = status.map_or_else(|e| e.to_string(), |a| format!("HTTP {}", a.status));
        *answers.entry(status).or_insert(0) += 1;
        sleep(PAUSE).await;
    }
    let end = now();
    let after = counted().await.unwrap_or_default();
    let checks = vec![
        Check::new(
            "the other rooms are served again after the start",
            served.map_or("not all were", |_| "they were"),
            served.is_some(),
        ),
        judge(&answers),
        Check::new(
            format!("{} or {} counts it", COUNTED[0], COUNTED[1]),
            format!("{before} before, {after} after"),
            after > before,
        ),
    ];
    // The other rooms are all that senders send to.
    Ok(Carried::seen(in_force, checks).while_others_go_on(in_force, end))
}

/// Every answer must be an error, and none may be missing.
fn judge(answers: &BTreeMap<String, usize>) -> Check {
    let is_error = |answer: &String| {
        answer.starts_with("Refused")
            || answer.starts_with("HTTP 4")
            || answer.starts_with("HTTP 5")
    };
    let told: Vec<String> = answers
        .iter()
        .map(|(answer, count)| format!("{count} times {answer}"))
        .collect();
    Check::new(
        "whoever asks for the damaged room is answered with an error, every time",
        told.join(", "),
        !answers.is_empty() && answers.keys().all(is_error),
    )
}

async fn make(settings: &Settings, user: &str, room: &str) -> Result<(), SiteError> {
    let failed = |reason: String| SiteError::Refused {
        what: format!("making the room {room}"),
        reason,
    };
    let client = connect(settings).await.map_err(failed)?;
    let made = json!([{ "roomId": room, "kind": "public" }]);
    let made = timeout(ANSWER, client.invoke::<Value>("CreateRoom", made)).await;
    let made = made.map_err(|_| failed("no answer".to_owned()))?;
    made.map_err(|error| failed(error.to_string()))?;
    for _ in 0..MESSAGES {
        // Of no history that is judged: readers will not see the room again.
        match send(settings, user, room, &History::new(MESSAGES), ANSWER).await {
            Said::Done => {}
            other => return Err(failed(format!("{other:?}"))),
        }
    }
    Ok(())
}

/// Asks to join and to send, on a new connection.
async fn ask(settings: &Settings, user: &str, room: &str) -> Vec<Said> {
    let client = match connect(settings).await {
        Ok(client) => client,
        Err(reason) => return vec![Said::Nothing(reason)],
    };
    let join = call(&client, "JoinRoom", json!([room])).await;
    let id = uuid::Uuid::new_v4().simple().to_string();
    let message = json!([room, { "id": id, "kind": "text", "text": format!("of {user}") }]);
    let sent = call(&client, "SendMessage", message).await;
    client.stop().await;
    vec![join, sent]
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
    fn an_answer_that_is_no_error_or_is_missing_is_not_accepted() {
        let judged = |answers: &[&str]| {
            let answers = answers.iter().map(|answer| ((*answer).to_owned(), 1));
            judge(&answers.collect()).kept
        };
        assert!(judged(&["Refused(\"internal\")", "HTTP 500", "HTTP 404"]));
        assert!(!judged(&["Refused(\"internal\")", "HTTP 200"]));
        assert!(!judged(&["Done"]) && !judged(&["Nothing(\"late\")"]) && !judged(&[]));
    }
}
