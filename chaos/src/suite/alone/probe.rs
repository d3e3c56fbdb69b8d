//! What experiments ask a hub, as an operator or a client, while something is wrong with it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::attempts::Attempt;
use crate::client::{Client, InvokeError, Settings, code_of};
use crate::history::{Event, History};
use crate::http;
use crate::member::now;
use crate::suite::class::{TARGET, WINDOW};
use crate::suite::detect::Standing;
use crate::suite::format::Check;
use crate::suite::ground::Place;
use crate::suite::signer::Signer;
use crate::suite::site::Site;
use crate::suite::watch::look;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// How long one answer may take.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// How a hub says it is.
pub(super) async fn standing(site: &Site<'_>, hub: usize) -> Standing {
    look(hub, &Place::of(site.address(hub)), &Signer::own())
        .await
        .standing
}

/// The sum of a metric of a hub; none without an answer.
pub(super) async fn metric(site: &Site<'_>, hub: usize, name: &str) -> Option<f64> {
    let operator = Signer::own().operator();
    let answer = http::get(site.address(hub), "/metrics", operator.as_deref()).await;
    let answer = answer.ok().filter(|answer| answer.status == 200)?;
    Some(http::metric(&String::from_utf8_lossy(&answer.body), name))
}

/// Looks until there is something to be seen; none if there is nothing in time.
pub(super) async fn until<T>(
    within: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Option<T> {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            sleep(LOOK).await;
        }
    };
    timeout(within, looking).await.ok()
}

/// What a hub said to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It did it.
    Done,
    /// It refused, with this stable code.
    Refused(String),
    /// Nothing: no connection, no answer.
    Nothing(String),
}

impl Said {
    /// Of the outcome of a call.
    pub(super) fn of<T>(outcome: Result<T, InvokeError>) -> Self {
        match outcome {
            Ok(_) => Self::Done,
            Err(InvokeError::Refused(text)) => Self::Refused(code_of(&text).to_owned()),
            Err(other) => Self::Nothing(other.to_string()),
        }
    }
}

/// A connection of its own, or why there is none.
pub(super) async fn connect(settings: &Settings) -> Result<Client, String> {
    match timeout(ANSWER, Client::connect(settings)).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no connection in time".to_owned()),
    }
}

/// Sends one message under a new id and records what came of it, so that the judgement knows of it.
pub(super) async fn send(
    settings: &Settings,
    user: &str,
    room: &str,
    history: &History,
    within: Duration,
) -> Said {
    let client = match connect(settings).await {
        Ok(client) => client,
        Err(reason) => return Said::Nothing(reason),
    };
    let id = uuid::Uuid::new_v4().simple().to_string();
    let (known, text) = (format!("{user}/{id}"), "is anybody there".to_owned());
    let message = json!([room, { "id": id, "kind": "text", "text": text }]);
    let sent = Event::Sent {
        id: known.clone(),
        text,
    };
    history.record(user, room, sent);
    let asking = client.invoke::<Value>("SendMessage", message);
    let Ok(outcome) = timeout(within, asking).await else {
        return Said::Nothing("no answer in time".to_owned());
    };
    if let Ok(answer) = &outcome {
        let sequence = answer["sequence"].as_u64().unwrap_or_default();
        let id = known;
        history.record(user, room, Event::Acknowledged { id, sequence });
    }
    Said::of(outcome)
}

/// Whether messages of everybody went well between two moments, of all attempts that were under way then, those too that
/// were answered later: one that hangs counts again, as failed, for every second that it hangs in that time. Whoever asks
/// must have waited until everybody has an answer.
pub(in crate::suite) fn others_go_on(attempts: &[Attempt], from: Instant, to: Instant) -> Check {
    let then = attempts
        .iter()
        .filter(|attempt| attempt.begun < to && attempt.ended >= from);
    let (good, all) = then.fold((0_u64, 0_u64), |(good, all), attempt| {
        let (begun, ended) = (attempt.begun.max(from), attempt.ended.min(to));
        let hung = (ended - begun).as_nanos() / WINDOW.as_nanos();
        // An answer after the end is one in time if it did not take a second.
        let in_time = attempt.ended <= to || attempt.ended - begun < WINDOW;
        let is_good = attempt.acknowledged && in_time;
        (good + u64::from(is_good), all + 1 + hung as u64)
    });
    let share = good as f64 / all.max(1) as f64;
    Check::new(
        format!(
            "{:.1} % of the messages of all others are acknowledged",
            TARGET * 100.0
        ),
        format!("{good} of {all}, {:.3} %", share * 100.0),
        all > 0 && share >= TARGET,
    )
}

/// Whether every room acknowledged something that was tried between two moments.
pub(super) fn every_room_goes_on(
    attempts: &[Attempt],
    rooms: &[String],
    from: Instant,
    to: Instant,
) -> Check {
    let silent: Vec<&str> = rooms
        .iter()
        .map(String::as_str)
        .filter(|room| {
            let mut here = attempts.iter().filter(|attempt| *attempt.room == **room);
            !here.any(|a| a.acknowledged && a.begun >= from && a.ended <= to)
        })
        .collect();
    let seen = match silent.is_empty() {
        true => "all did".to_owned(),
        false => format!("none in {}", silent.join(", ")),
    };
    Check::new(
        "every room acknowledges messages meanwhile",
        seen,
        silent.is_empty(),
    )
}

/// A time of so many milliseconds, from a moment on; nothing if it is over.
pub(super) async fn rest_of(millis: u64, since: Instant) {
    let left = Duration::from_millis(millis).saturating_sub(now().duration_since(since));
    sleep(left).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(start: Instant, room: &str, at: u64, acknowledged: bool) -> Attempt {
        let at = start + Duration::from_millis(at);
        Attempt {
            room: room.into(),
            wished: at,
            begun: at,
            ended: at + Duration::from_millis(5),
            acknowledged,
            refused: false,
        }
    }

    #[test]
    fn a_code_is_what_stands_after_the_name_of_the_exception() {
        let said = |text: &str| Said::of::<()>(Err(InvokeError::Refused(text.to_owned())));
        let text = "An unexpected error occurred. HubException: unavailable: the disk is full: now";
        assert_eq!(said(text), Said::Refused("unavailable".into()));
        assert_eq!(said("odd"), Said::Refused("odd".into()));
        assert_eq!(Said::of(Ok(())), Said::Done);
    }

    #[test]
    fn others_must_be_acknowledged_nearly_always_and_must_have_tried() {
        let start = now();
        let attempts = |failed: u64| -> Vec<Attempt> {
            let all = (0..1000).map(|n| attempt(start, "r", n, n >= failed));
            all.collect()
        };
        let end = start + Duration::from_secs(10);
        assert!(others_go_on(&attempts(1), start, end).kept);
        assert!(!others_go_on(&attempts(2), start, end).kept);
        assert!(!others_go_on(&[], start, end).kept);
        // Failures of another time.
        let later = start + Duration::from_millis(500);
        assert!(others_go_on(&attempts(400), later, end).kept);
    }

    #[test]
    fn a_hang_at_the_end_is_seen_though_it_is_answered_afterwards() {
        let start = now();
        let end = start + Duration::from_millis(1500);
        let mut attempts: Vec<Attempt> = (0..1000).map(|n| attempt(start, "r", n, true)).collect();
        assert!(others_go_on(&attempts, start, end).kept);
        // All that nine senders have under way then, which is answered when the trouble is over.
        let mut under_way = attempt(start, "r", 1001, true);
        under_way.ended = start + Duration::from_secs(9);
        let hung = vec![under_way.clone(); 9];
        let seen = others_go_on(&[&attempts[..], &hung].concat(), start, end);
        assert!(
            !seen.kept && seen.seen.starts_with("1000 of 1009"),
            "{seen:?}"
        );
        // The longer it is, the more it counts.
        let later = start + Duration::from_millis(4500);
        let seen = others_go_on(&[&attempts[..], &hung].concat(), start, later);
        assert!(seen.seen.starts_with("1000 of 1036"), "{seen:?}");
        // A hang that had begun before counts from the beginning on.
        let seen = others_go_on(
            &hung,
            start + Duration::from_secs(5),
            start + Duration::from_secs(6),
        );
        assert!(seen.seen.starts_with("0 of 18"), "{seen:?}");
        // What is merely under way at the end is no hang.
        under_way.ended = end + Duration::from_millis(2);
        under_way.begun = end - Duration::from_millis(2);
        attempts.push(under_way);
        assert!(others_go_on(&attempts, start, end).kept);
    }

    #[test]
    fn a_room_without_an_acknowledgement_is_named() {
        let start = now();
        let rooms = ["a", "b"].map(str::to_owned);
        let end = start + Duration::from_secs(1);
        let both = [attempt(start, "a", 0, true), attempt(start, "b", 0, true)];
        assert!(every_room_goes_on(&both, &rooms, start, end).kept);
        let one = [attempt(start, "a", 0, true), attempt(start, "b", 0, false)];
        let seen = every_room_goes_on(&one, &rooms, start, end);
        assert!(!seen.kept && seen.seen == "none in b", "{seen:?}");
    }
}
