//! A request over HTTP, from draft to the end, both ways to assign it.

use std::time::Duration;

use serde_json::{Value, json};

use super::people::profile;
use super::{Answer, Setting, Stage};

pub const OLGA: &str = "olga:organizer";
pub const ANA: &str = "ana:musician";
pub const BEN: &str = "ben:musician";

fn draft(mode: &str) -> Value {
    json!({
        "title": "Wedding", "eventType": "boda", "instrument": "Piano", "mode": mode,
        "window": { "from": "2023-12-20T20:00:00Z", "to": "2023-12-20T23:00:00Z" },
        "place": { "lat": 18.47, "lng": -69.9, "address": "Zona Colonial, Santo Domingo" },
        "budget": { "min": 100, "max": 250.5 }, "description": "Three hours of quiet music",
    })
}

/// A hub with two pianists.
pub async fn town() -> Stage {
    town_with(Setting::default()).await
}

pub async fn town_with(setting: Setting) -> Stage {
    let stage = Stage::with(setting).await;
    for (who, name) in [(ANA, "Ana"), (BEN, "Ben")] {
        let set = stage
            .ask(who, "PUT /api/profile", Some(profile(name, 45.0)))
            .await;
        assert_eq!(set.status, 200, "{set:?}");
    }
    stage
}

pub async fn create(stage: &Stage, mode: &str) -> String {
    let made = stage
        .ask(OLGA, "POST /api/requests", Some(draft(mode)))
        .await;
    assert_eq!(
        (made.status, made.header("etag")),
        (201, Some("\"1\"")),
        "{made:?}"
    );
    let made = made.json();
    assert_eq!(
        (&made["state"], &made["gig"]["budget"]["max"]),
        (&json!("draft"), &json!(250.5))
    );
    made["requestId"].as_str().expect("an id").to_owned()
}

pub async fn step(stage: &Stage, who: &str, id: &str, name: &str, body: Option<Value>) -> Answer {
    let line = format!("POST /api/requests/{id}/{name}");
    stage.ask(who, &line, body).await
}

pub async fn submitted(stage: &Stage, mode: &str) -> String {
    let id = create(stage, mode).await;
    let done = step(stage, OLGA, &id, "submit", None).await;
    assert_eq!(
        (done.status, &done.json()["state"]),
        (200, &json!("active")),
        "{done:?}"
    );
    id
}

pub async fn get(stage: &Stage, who: &str, path: &str) -> Value {
    let answer = stage.ask(who, &format!("GET {path}"), None).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// Waits until something is so; errands are carried out meanwhile.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come about");
}

#[tokio::test]
async fn a_draft_is_written_edited_by_version_and_seen_by_nobody_else() {
    let stage = town().await;
    let id = create(&stage, "firstAccept").await;
    let path = format!("/api/requests/{id}");
    let hidden = stage.ask(ANA, &format!("GET {path}"), None).await;
    assert_eq!(hidden.problem().1, "request_not_found");
    let mut other = draft("organizerChooses");
    other["title"] = json!("Concert");
    let edit = async |tag: &str| {
        let based = [("if-match", tag)];
        stage
            .ask_with(OLGA, &format!("PUT {path}"), &based, Some(other.clone()))
            .await
    };
    let edited = edit("\"1\"").await;
    assert_eq!(
        (edited.status, edited.header("etag")),
        (200, Some("\"2\"")),
        "{edited:?}"
    );
    assert_eq!(edited.json()["title"], "Concert");
    assert_eq!(
        edit("\"1\"").await.problem(),
        (412, "request_changed".into(), vec![])
    );
    let has = [("if-none-match", "\"2\"")];
    let same = stage
        .ask_with(OLGA, &format!("GET {path}"), &has, None)
        .await;
    assert_eq!(same.status, 304);

    let mut wrong = draft("firstAccept");
    wrong["budget"] = json!({ "min": 20, "max": 10 });
    wrong["window"]["to"] = json!("2023-12-20T20:10:00Z");
    wrong["place"]["address"] = json!("x");
    let (status, code, errors) = stage
        .ask(OLGA, "POST /api/requests", Some(wrong))
        .await
        .problem();
    assert_eq!((status, &code[..]), (400, "invalid_argument"));
    let fields: Vec<&str> = errors
        .iter()
        .filter_map(|one| one.split(':').next())
        .collect();
    assert_eq!(
        fields,
        [
            "budget.max",
            "budget.max",
            "budget.min",
            "place.address",
            "window.to"
        ]
    );
    let musician = stage
        .ask(ANA, "POST /api/requests", Some(draft("firstAccept")))
        .await;
    assert_eq!(musician.problem().1, "forbidden");
}

#[tokio::test]
async fn the_first_accept_wins_and_everybody_sees_it() {
    let stage = town().await;
    let id = submitted(&stage, "firstAccept").await;
    let path = format!("/api/requests/{id}");
    let open = "/api/requests/open?instrument=piano&lat=18.5&lng=-69.9&radiusKm=20";
    let listed = get(&stage, ANA, open).await;
    assert_eq!(listed["items"][0]["request"]["requestId"], json!(id));
    let candidates = until("offers", async || {
        let found = get(&stage, OLGA, &format!("{path}/candidates")).await;
        (found["items"].as_array()?.len() == 2).then_some(found)
    })
    .await;
    assert_eq!(candidates["items"][0]["standing"], "offered");
    assert!(candidates["items"][0]["offer"]["breakdown"]["location"].is_number());
    assert_eq!(candidates["search"]["waves"], 1);
    // A musician sees the own offer only.
    let own = get(&stage, ANA, &format!("{path}/candidates")).await;
    assert_eq!(
        (own["items"].as_array().map(Vec::len), own.get("search")),
        (Some(1), None)
    );

    let keyed = [("idempotency-key", "a1")];
    let line = format!("POST {path}/accept");
    let won = stage.ask_with(ANA, &line, &keyed, None).await;
    assert_eq!(
        (won.status, &won.json()["outcome"]),
        (200, &json!("assigned")),
        "{won:?}"
    );
    let again = stage.ask_with(ANA, &line, &keyed, None).await;
    assert_eq!(again.text, won.text);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    // When the answer is forgotten, the request still knows the key.
    stage.clock.pass(Duration::from_secs(25 * 3_600));
    let known = stage.ask_with(ANA, &line, &keyed, None).await;
    assert_eq!(known.header("idempotency-replayed"), None);
    assert_eq!(known.json()["outcome"], "assigned");
    let late = step(&stage, BEN, &id, "accept", None).await;
    assert_eq!(late.problem().1, "already_assigned");

    let seen = get(&stage, OLGA, &path).await;
    assert_eq!(
        (&seen["state"], &seen["inside"]["assignedId"]),
        (&json!("assigned"), &json!("ana"))
    );
    assert_eq!(get(&stage, ANA, open).await["items"], json!([]));
    let mine = get(&stage, ANA, "/api/requests?role=musician&state=assigned").await;
    assert_eq!(mine["items"][0]["standing"], "assigned");
    assert_eq!(
        get(&stage, ANA, "/api/requests?role=organizer").await["items"],
        json!([])
    );
    let agenda = get(&stage, ANA, "/api/profile/busy").await;
    assert_eq!(agenda["requests"][0]["requestId"], json!(id));

    // Both talk in the request's room.
    let room = seen["inside"]["roomId"]
        .as_str()
        .expect("a room")
        .to_owned();
    until("the room", async || {
        let looked = stage
            .ask(ANA, &format!("GET /api/rooms/{room}"), None)
            .await;
        (looked.status == 200).then_some(())
    })
    .await;
    let hello = json!({ "kind": "text", "text": "Which songs?" });
    let said = stage
        .ask(
            ANA,
            &format!("POST /api/rooms/{room}/messages"),
            Some(hello),
        )
        .await;
    assert_eq!(said.status, 201);
}

#[tokio::test]
async fn a_repeat_with_the_same_key_makes_one_request_even_if_no_answer_was_kept() {
    let stage = town().await;
    let keyed = [("idempotency-key", "r1")];
    let make = async || {
        stage
            .ask_with(
                OLGA,
                "POST /api/requests",
                &keyed,
                Some(draft("firstAccept")),
            )
            .await
    };
    let first = make().await;
    // The answer is forgotten after its time; the id follows from the key all the same.
    stage.clock.pass(Duration::from_secs(25 * 3_600));
    let again = make().await;
    assert_eq!((first.status, again.status), (201, 201), "{again:?}");
    assert_eq!(again.header("idempotency-replayed"), None);
    assert_eq!(first.json()["requestId"], again.json()["requestId"]);
    assert_eq!(
        get(&stage, OLGA, "/api/requests").await["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn what_happens_to_a_request_is_in_the_inboxes() {
    let stage = town().await;
    let id = submitted(&stage, "firstAccept").await;
    let told = until("a notification", async || {
        let page = get(&stage, ANA, "/api/inbox").await;
        (page["unread"] == 1).then_some(page)
    })
    .await;
    let note = &told["items"][0];
    assert_eq!(
        (&note["type"], &note["data"]["requestId"], &note["read"]),
        (&json!("topMatch"), &json!(id), &json!(false))
    );
    let sequence = note["sequence"].as_u64().expect("a sequence");
    let read = stage
        .ask(ANA, &format!("POST /api/inbox/{sequence}/read"), None)
        .await;
    assert_eq!((read.status, &read.json()["unread"]), (200, &json!(0)));
    assert_eq!(
        get(&stage, ANA, "/api/inbox").await["items"][0]["read"],
        true
    );
    assert_eq!(get(&stage, ANA, "/api/inbox/unread").await["unread"], 0);
    let gone = stage
        .ask(ANA, &format!("DELETE /api/inbox/{sequence}"), None)
        .await;
    assert_eq!(gone.status, 200);
    assert_eq!(get(&stage, ANA, "/api/inbox").await["items"], json!([]));
    let none = stage.ask(ANA, "POST /api/inbox/99/read", None).await;
    assert_eq!(none.problem().1, "notification_not_found");
    assert_eq!(
        stage.ask(ANA, "POST /api/inbox/x/read", None).await.status,
        400
    );

    let won = step(&stage, BEN, &id, "accept", None).await;
    assert_eq!(won.json()["outcome"], "assigned");
    let page = until("news for the organizer", async || {
        let page = get(&stage, OLGA, "/api/inbox?limit=1").await;
        (page["unread"].as_u64()? > 0).then_some(page)
    })
    .await;
    let all = json!({ "upTo": page["head"] });
    let read = stage.ask(OLGA, "POST /api/inbox/read-all", Some(all)).await;
    assert_eq!(
        (read.status, &read.json()["unread"]),
        (200, &json!(0)),
        "{read:?}"
    );
}
