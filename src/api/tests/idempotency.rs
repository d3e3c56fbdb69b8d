//! The same key again gives the first answer, whatever happened meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actors::journal::memory::MemoryJournal;
use actors::journal::{AppendError, ReadError};
use actors::testing::front::Front;
use axum::body::Body;
use axum::extract::Request;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::requests::{ANA, OLGA, get, step, submitted, town, town_with};
use super::{Answer, Setting, Stage};
use crate::config::HttpConfig;

/// A journal that can be told to fail.
#[derive(Default)]
struct Moody {
    journal: MemoryJournal,
    no_rows: AtomicBool,
    no_reads: AtomicBool,
}

impl Front for Moody {
    type Behind = MemoryJournal;

    fn behind(&self) -> &MemoryJournal {
        &self.journal
    }

    fn reading<T: Send + 'static>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryJournal) -> BoxFuture<'static, Result<T, ReadError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, ReadError>> {
        if method == "get_rows" && self.no_reads.load(Ordering::Relaxed) {
            return async { Err(ReadError::Unavailable("moody".into())) }.boxed();
        }
        call(&self.journal)
    }

    fn writing<T: Send + 'static>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryJournal) -> BoxFuture<'static, Result<T, AppendError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, AppendError>> {
        if method == "put_rows" && self.no_rows.load(Ordering::Relaxed) {
            return async { Err(AppendError::Unavailable("moody".into())) }.boxed();
        }
        call(&self.journal)
    }
}

async fn with(stage: &Stage, who: &str, key: &str, line: &str, body: Value) -> Answer {
    let headers = [("idempotency-key", key)];
    stage.ask_with(who, line, &headers, Some(body)).await
}

fn group() -> Value {
    json!({ "kind": "group" })
}

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

const ROOMS: &str = "POST /api/rooms";
const SEND: &str = "POST /api/rooms/band/messages";

async fn band(stage: &Stage) {
    let room = json!({ "kind": "group", "roomId": "band" });
    assert_eq!(stage.ask("ana", ROOMS, Some(room)).await.status, 201);
}

async fn count(stage: &Stage) -> u64 {
    let room = stage.ask("ana", "GET /api/rooms/band", None).await.json();
    room["messageCount"].as_u64().expect("a count")
}

#[tokio::test]
async fn a_repeat_is_given_the_first_answer_on_every_node() {
    let journal = Arc::new(MemoryJournal::new());
    let node = async || {
        Stage::with(Setting {
            journal: journal.clone(),
            ..Setting::default()
        })
        .await
    };
    let (one, other) = (node().await, node().await);
    let first = with(&one, "ana", "k1", ROOMS, group()).await;
    assert!(first.status == 201 && !replayed(&first));
    for stage in [&one, &other] {
        let again = with(stage, "ana", "k1", ROOMS, group()).await;
        assert!(replayed(&again));
        assert_eq!((again.status, &again.text), (201, &first.text));
        for name in ["location", "content-type"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    }
    // Keys are each user's own, and refusals are answers too.
    let ben = with(&one, "ben", "k1", ROOMS, group()).await;
    assert!(!replayed(&ben) && ben.json()["roomId"] != first.json()["roomId"]);
    let nothing = json!({ "kind": "text", "text": "?" });
    let refused = with(
        &one,
        "ana",
        "k2",
        "POST /api/rooms/none/messages",
        nothing.clone(),
    )
    .await;
    let again = with(
        &other,
        "ana",
        "k2",
        "POST /api/rooms/none/messages",
        nothing,
    )
    .await;
    assert_eq!(
        (refused.status, again.status, replayed(&again)),
        (404, 404, true)
    );
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused() {
    let stage = Stage::new().await;
    band(&stage).await;
    let hello = json!({ "kind": "text", "text": "Hello" });
    assert_eq!(
        with(&stage, "ana", "k", SEND, hello.clone()).await.status,
        201
    );
    let bye = json!({ "kind": "text", "text": "Bye" });
    let reused = with(&stage, "ana", "k", SEND, bye).await;
    assert_eq!(
        reused.problem(),
        (422, "idempotency_key_reused".into(), vec![])
    );
    let elsewhere = with(&stage, "ana", "k", ROOMS, group()).await;
    assert_eq!(elsewhere.status, 422);
    assert_eq!(count(&stage).await, 1);
    assert!(replayed(&with(&stage, "ana", "k", SEND, hello).await));
    for wrong in ["", " ", "two words", "ñ", &"k".repeat(256)] {
        let request = Request::post("/api/rooms")
            .header("authorization", "Bearer ana")
            .header("idempotency-key", wrong.as_bytes())
            .body(Body::empty())
            .expect("a request");
        let (status, _, errors) = stage.send(request).await.problem();
        assert_eq!(status, 400);
        assert!(
            errors[0].starts_with("Idempotency-Key: must be given once"),
            "{wrong}"
        );
    }
    let long = "k".repeat(255);
    assert_eq!(with(&stage, "ana", &long, ROOMS, group()).await.status, 201);
}

#[tokio::test]
async fn a_key_whose_answer_was_not_kept_is_refused_for_another_request_all_the_same() {
    let journal = Arc::new(Moody::default());
    let setting = Setting {
        journal: journal.clone(),
        ..Setting::default()
    };
    let stage = town_with(setting).await;
    let id = submitted(&stage, "firstAccept").await;
    let keyed = [("idempotency-key", "k")];
    let accept = format!("POST /api/requests/{id}/accept");
    // As if it had been "not yet", which is no answer for ever, so that it is not kept.
    journal.no_rows.store(true, Ordering::Relaxed);
    let won = stage.ask_with(ANA, &accept, &keyed, None).await;
    journal.no_rows.store(false, Ordering::Relaxed);
    assert!(won.status == 200 || won.status == 202, "{won:?}");
    let withdraw = format!("POST /api/requests/{id}/withdraw");
    let reused = with(&stage, ANA, "k", &withdraw, json!({})).await;
    assert_eq!(
        reused.problem(),
        (422, "idempotency_key_reused".into(), vec![])
    );
    let path = format!("/api/requests/{id}");
    let standing = get(&stage, ANA, &path).await["mine"]["standing"].clone();
    assert!(
        standing == "reserving" || standing == "assigned",
        "{standing}"
    );
    let again = stage.ask_with(ANA, &accept, &keyed, None).await;
    assert!(again.status == 200 || again.status == 202, "{again:?}");
}

#[tokio::test]
async fn a_key_whose_answer_is_forgotten_is_refused_for_another_request_by_the_entity() {
    let stage = town().await;
    let id = submitted(&stage, "firstAccept").await;
    let cancel = format!("POST /api/requests/{id}/cancel");
    let because = |reason: &str| json!({ "reason": reason });
    let key = |key: &'static str, reason: &str| {
        let body = because(reason);
        let (stage, cancel) = (&stage, &cancel);
        async move { with(stage, OLGA, key, cancel, body).await }
    };
    let busy = |note: &str| json!({ "from": "2023-12-01T20:00:00Z", "to": "2023-12-01T23:00:00Z", "note": note });
    let line = "POST /api/profile/busy";
    assert_eq!(with(&stage, ANA, "b", line, busy("one")).await.status, 201);
    assert_eq!(key("k", "It rains").await.status, 200);
    stage.clock.pass(Duration::from_secs(25 * 3_600));
    let other = key("k", "It snows").await;
    assert_eq!(other.problem().1, "idempotency_key_reused");
    let other = with(&stage, ANA, "b", line, busy("two")).await;
    assert_eq!(
        (other.status, other.problem().1),
        (422, "idempotency_key_reused".into())
    );
    let agenda = get(&stage, ANA, "/api/profile/busy").await;
    assert_eq!(agenda["busy"].as_array().map(Vec::len), Some(1));
    // Refusals are kept too: of the first request there is only what the entity remembers, and that is the same.
    let late = step(&stage, OLGA, &id, "submit", None).await;
    assert_eq!(late.problem().1, "wrong_state");
}

#[tokio::test]
async fn a_forgotten_key_makes_no_room_pass_for_another() {
    let stage = Stage::new().await;
    let named = |name: &str| json!({ "kind": "group", "name": name });
    let first = with(&stage, "ana", "k", ROOMS, named("One")).await;
    stage.clock.pass(Duration::from_secs(25 * 3_600));
    let other = with(&stage, "ana", "k", ROOMS, named("Two")).await;
    assert_eq!(
        (other.status, &other.json()["name"]),
        (201, &json!("Two")),
        "{other:?}"
    );
    assert_ne!(first.json()["roomId"], other.json()["roomId"]);
}

#[tokio::test]
async fn repeats_at_the_same_time_do_it_once() {
    let stage = Stage::new().await;
    band(&stage).await;
    let hello = json!({ "kind": "text", "text": "Hello" });
    let at_once = (0..20).map(|_| with(&stage, "ana", "k", SEND, hello.clone()));
    let answers = futures_util::future::join_all(at_once).await;
    assert!(answers.iter().all(|answer| answer.text == answers[0].text));
    assert_eq!(answers.iter().filter(|answer| !replayed(answer)).count(), 1);
    assert_eq!(count(&stage).await, 1);
    assert_eq!(stage.shared.flights.len(), 0);
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_its_key_to_the_next() {
    let stage = Stage::new().await;
    band(&stage).await;
    let hello = json!({ "kind": "text", "text": "Hello" });
    {
        let mut first = Box::pin(with(&stage, "ana", "k", SEND, hello.clone()));
        let mut second = Box::pin(with(&stage, "ana", "k", SEND, hello.clone()));
        // Both have begun, one waits for the other; then the one is gone.
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(stage.shared.flights.len(), 1);
        drop(first);
        assert_eq!(second.await.status, 201);
    }
    assert_eq!(stage.shared.flights.len(), 0);
    assert_eq!(count(&stage).await, 1);
}

#[tokio::test]
async fn an_answer_that_could_not_be_kept_is_given_again_by_the_room() {
    let journal = Arc::new(Moody::default());
    let stage = Stage::with(Setting {
        journal: journal.clone(),
        ..Setting::default()
    })
    .await;
    band(&stage).await;
    let hello = json!({ "kind": "text", "text": "Hello" });
    journal.no_rows.store(true, Ordering::Relaxed);
    let first = with(&stage, "ana", "k", SEND, hello.clone()).await;
    let room = with(&stage, "ana", "r", ROOMS, group()).await;
    journal.no_rows.store(false, Ordering::Relaxed);
    let again = with(&stage, "ana", "k", SEND, hello).await;
    assert!(first.status == 201 && !replayed(&again));
    assert_eq!(again.text, first.text);
    assert_eq!(count(&stage).await, 1);
    let same = with(&stage, "ana", "r", ROOMS, group()).await;
    assert_eq!(same.text, room.text);
}

#[tokio::test]
async fn what_failed_for_now_is_tried_again() {
    let journal = Arc::new(Moody::default());
    let stage = Stage::with(Setting {
        journal: journal.clone(),
        ..Setting::default()
    })
    .await;
    journal.no_reads.store(true, Ordering::Relaxed);
    let unread = with(&stage, "ana", "k", ROOMS, group()).await;
    assert_eq!(unread.problem().1, "unavailable");
    assert_eq!(unread.header("retry-after"), Some("1"));
    journal.no_reads.store(false, Ordering::Relaxed);
    assert_eq!(with(&stage, "ana", "k", ROOMS, group()).await.status, 201);
}

#[tokio::test]
async fn answers_are_forgotten_after_their_time_and_when_their_place_is_taken() {
    let http = HttpConfig {
        idempotency_keys: 1,
        idempotency_hours: 2,
        ..HttpConfig::default()
    };
    let stage = Stage::with(Setting {
        http,
        ..Setting::default()
    })
    .await;
    let bad = || json!({ "kind": "direct" });
    let given = async |key: &str| replayed(&with(&stage, "ana", key, ROOMS, bad()).await);
    assert!(!given("a").await && given("a").await);
    stage.clock.pass(Duration::from_secs(2 * 3_600 - 1));
    assert!(given("a").await);
    stage.clock.pass(Duration::from_secs(1));
    assert!(!given("a").await && given("a").await);
    stage.clock.pass(Duration::from_millis(1));
    assert!(!given("b").await && given("b").await);
    assert!(!given("a").await, "the one place is taken");
}
