//! Profiles, hours, taken times, settings and the search, over HTTP.

use std::time::Duration;

use actors::hub::HubLimits;
use actors::ids::UserId;
use serde_json::{Value, json};

use super::requests::{OLGA, get, submitted, town_with, until};
use super::{Answer, Setting, Stage};
use crate::config::HttpConfig;

/// A musician's profile in Santo Domingo.
pub fn profile(name: &str, rate: f64) -> Value {
    json!({
        "name": name, "musician": true, "available": true,
        "instruments": [{ "name": "Piano", "years": 7 }], "genres": ["Jazz"], "hourlyRate": rate,
        "place": { "lat": 18.4861, "lng": -69.9312, "address": "Santo Domingo" }, "radiusKm": 80,
    })
}

async fn put(stage: &Stage, who: &str, headers: &[(&str, &str)], body: Value) -> Answer {
    stage
        .ask_with(who, "PUT /api/profile", headers, Some(body))
        .await
}

#[tokio::test]
async fn a_profile_has_a_version_that_reads_and_changes_name() {
    let stage = Stage::new().await;
    let empty = stage.ask("ana:musician", "GET /api/profile", None).await;
    assert_eq!((empty.status, empty.header("etag")), (200, Some("\"0\"")));

    let none = [("if-match", "\"0\"")];
    let first = put(&stage, "ana:musician", &none, profile("Ana", 45.5)).await;
    assert_eq!(
        (first.status, first.header("etag")),
        (200, Some("\"1\"")),
        "{first:?}"
    );
    let shown = first.json();
    assert_eq!(
        shown["instruments"],
        json!([{ "name": "piano", "years": 7 }])
    );
    assert_eq!(
        (&shown["hourlyRate"], &shown["version"]),
        (&json!(45.5), &json!(1))
    );

    let late = put(&stage, "ana:musician", &none, profile("Anna", 50.0)).await;
    assert_eq!(late.problem(), (412, "version_conflict".into(), vec![]));
    let wild = put(
        &stage,
        "ana:musician",
        &[("if-match", "1")],
        profile("Anna", 50.0),
    )
    .await;
    assert_eq!(wild.problem().0, 400);

    // Tags that name nothing that is there, and lists of which one does.
    for foreign in ["W/\"1\"", "\"x\"", "\"7\", \"8\"", "\"1-5\""] {
        let refused = put(
            &stage,
            "ana:musician",
            &[("if-match", foreign)],
            profile("A", 1.0),
        )
        .await;
        assert_eq!(
            refused.problem(),
            (412, "version_conflict".into(), vec![]),
            "{foreign}"
        );
    }
    let listed = [("if-match", "\"0\", \"1\"")];
    let same = put(&stage, "ana:musician", &listed, profile("Ana", 45.5)).await;
    assert_eq!((same.status, same.header("etag")), (200, Some("\"1\"")));
    let has = [("if-none-match", "\"1\"")];
    let same = stage
        .ask_with("ana:musician", "GET /api/profile", &has, None)
        .await;
    assert_eq!(
        (same.status, &same.text[..], same.header("etag")),
        (304, "", Some("\"1\""))
    );
    let second = put(
        &stage,
        "ana:musician",
        &[("if-match", "\"1\"")],
        profile("Anna", 50.0),
    )
    .await;
    assert_eq!(second.header("etag"), Some("\"2\""));
    let changed = stage
        .ask_with("ana:musician", "GET /api/profile", &has, None)
        .await;
    assert_eq!(changed.json()["name"], "Anna");

    let organizer = put(&stage, "olga:organizer", &[], profile("Olga", 1.0)).await;
    assert_eq!(organizer.problem().1, "not_a_musician");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_profile_is_told_by_gateway_and_user_alike() {
    let stage = Stage::new().await;
    let mut wrong = profile("", 1.234);
    wrong["place"]["lat"] = json!(91);
    wrong["radiusKm"] = json!("far");
    let (status, code, errors) = put(&stage, "ana:musician", &[], wrong).await.problem();
    assert_eq!((status, &code[..]), (400, "invalid_argument"));
    assert_eq!(
        errors,
        [
            "hourlyRate: must be a multiple of 0.01",
            "name: must not be empty",
            "place.lat: must not be above 90",
            "radiusKm: must be a number",
        ]
    );
    // What only the user knows.
    let bare = json!({ "name": "Ana", "musician": true, "available": true });
    let (_, _, errors) = put(&stage, "ana:musician", &[], bare).await.problem();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].starts_with("instruments:") && errors[1].starts_with("place:"));
}

#[tokio::test]
async fn hours_and_busy_times_come_back_as_they_were_written() {
    let stage = Stage::new().await;
    let who = "ana:musician";
    put(&stage, who, &[], profile("Ana", 45.0)).await;
    let hours = json!({
        "zone": "America/Santo_Domingo",
        "weekly": [{ "weekday": 5, "from": "18:00", "to": "02:00" }, { "weekday": 6, "from": "00:00", "to": "24:00" }],
        "dates": [{ "date": "2026-12-24", "hours": [] }],
    });
    let line = "PUT /api/profile/availability";
    let set = stage.ask(who, line, Some(hours.clone())).await;
    assert_eq!((set.status, set.json()), (200, hours.clone()), "{set:?}");
    let read = stage.ask(who, "GET /api/profile/availability", None).await;
    assert_eq!((read.json(), read.header("etag")), (hours, Some("\"2\"")));
    let wrong = json!({ "zone": "Mars/Olympus", "dates": [{ "date": "2026-02-30", "hours": [] }] });
    let (status, _, errors) = stage.ask(who, line, Some(wrong)).await.problem();
    assert_eq!((status, errors.len()), (400, 1), "{errors:?}");
    let wrong = json!({ "zone": "Mars/Olympus", "dates": [] });
    let (status, _, errors) = stage.ask(who, line, Some(wrong)).await.problem();
    assert_eq!(status, 400);
    assert!(
        errors[0].starts_with("zone: must be a time zone"),
        "{errors:?}"
    );

    let busy = json!({ "from": "2023-12-01T20:00:00Z", "to": "2023-12-01T23:00:00-04:00", "note": "at home" });
    let keyed = [("idempotency-key", "b1")];
    let line = "POST /api/profile/busy";
    let added = stage.ask_with(who, line, &keyed, Some(busy.clone())).await;
    assert_eq!(
        (added.status, added.header("location")),
        (201, Some("/api/profile/busy/3"))
    );
    let again = stage.ask_with(who, line, &keyed, Some(busy)).await;
    assert_eq!(again.text, added.text);
    let agenda = stage.ask(who, "GET /api/profile/busy", None).await.json();
    assert_eq!(
        agenda,
        json!({ "requests": [], "busy": [{ "id": 3, "note": "at home",
            "from": "2023-12-01T20:00:00.000Z", "to": "2023-12-02T03:00:00.000Z" }] })
    );
    let backwards = json!({ "from": "2023-12-02T20:00:00Z", "to": "2023-12-01T20:00:00Z" });
    assert_eq!(stage.ask(who, line, Some(backwards)).await.status, 400);
    assert_eq!(
        stage
            .ask(who, "DELETE /api/profile/busy/3", None)
            .await
            .status,
        204
    );
    let gone = stage.ask(who, "DELETE /api/profile/busy/3", None).await;
    assert_eq!(gone.problem().1, "busy_not_found");
}

#[tokio::test]
async fn musicians_are_found_with_scores_and_seen_by_others() {
    let stage = Stage::new().await;
    put(&stage, "ana:musician", &[], profile("Ana", 45.0)).await;
    put(&stage, "ben:musician", &[], profile("Ben", 400.0)).await;
    let line = "GET /api/musicians?instrument=PIANO&lat=18.5&lng=-69.9&radiusKm=30\
        &from=2023-12-01T20:00:00Z&to=2023-12-01T23:00:00Z&budgetMin=50&budgetMax=200";
    let found = stage.ask("olga:organizer", line, None).await.json();
    let items = found["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{found}");
    assert_eq!(
        (&items[0]["musicianId"], &items[0]["cost"]),
        (&json!("ana"), &json!(135))
    );
    assert!(
        items[0]["score"]
            .as_f64()
            .is_some_and(|score| score > 0.3 && score <= 1.0)
    );
    assert_eq!(items[0]["breakdown"]["instrument"], 1.0);

    let nobody = "GET /api/musicians?instrument=harp&lat=18.5&lng=-69.9";
    let nobody = stage.ask("olga:organizer", nobody, None).await.json();
    assert_eq!(
        (&nobody["items"], &nobody["reasons"]),
        (&json!([]), &json!(["instrument"]))
    );

    let seen = stage
        .ask("olga:organizer", "GET /api/musicians/ana", None)
        .await;
    assert_eq!((seen.status, seen.header("etag")), (200, Some("\"1\"")));
    let seen = seen.json();
    assert_eq!(
        (&seen["profile"]["name"], &seen["availability"]["zone"]),
        (&json!("Ana"), &json!("UTC"))
    );
    let about = json!({ "lat": 18.49, "lng": -69.93, "address": "" });
    assert_eq!(seen["profile"]["place"], about);
    let unknown = stage.ask("olga", "GET /api/musicians/zoe", None).await;
    assert_eq!(unknown.problem().1, "user_not_found");

    let wrong = "GET /api/musicians?instrument=%20&lat=91&from=2023-12-01T20:00:00Z&limit=1000";
    let (_, _, errors) = stage.ask("olga", wrong, None).await.problem();
    assert_eq!(errors.len(), 4, "{errors:?}");
    let half = "GET /api/musicians?instrument=piano&lat=1&lng=1&from=2023-12-01T20:00:00Z&budgetMin=3&budgetMax=2";
    let (_, _, errors) = stage.ask("olga", half, None).await.problem();
    assert_eq!(
        errors,
        [
            "budgetMax: must not be below budgetMin",
            "to: is missing: from is given"
        ]
    );
}

#[tokio::test]
async fn settings_stay_as_they_are_where_nothing_is_said() {
    let stage = Stage::new().await;
    let before = stage.ask("ana", "GET /api/settings", None).await.json();
    assert_eq!(
        (&before["language"], &before["muted"]),
        (&json!("es"), &json!(["marketing"]))
    );
    let change = json!({ "language": "en-GB", "timeZone": "Europe/Madrid", "quietHours": { "from": "22:00", "to": "08:00" } });
    let after = stage.ask("ana", "PUT /api/settings", Some(change)).await;
    assert_eq!(after.status, 200, "{after:?}");
    let after = after.json();
    assert_eq!(
        after["quietHours"],
        json!({ "from": "22:00", "to": "08:00" })
    );
    assert_eq!(
        (&after["language"], &after["muted"]),
        (&json!("en"), &json!(["marketing"]))
    );
    let nothing = stage
        .ask("ana", "PUT /api/settings", Some(json!({})))
        .await
        .json();
    assert_eq!(nothing, after);
    let off = json!({ "quietHours": null, "muted": [] });
    let off = stage
        .ask("ana", "PUT /api/settings", Some(off))
        .await
        .json();
    assert_eq!(
        (&off["quietHours"], &off["muted"]),
        (&json!(null), &json!([]))
    );
    let wrong =
        json!({ "timeZone": "Mars/Olympus", "muted": ["everything"], "quietDays": ["Caturday"] });
    let (status, _, errors) = stage
        .ask("ana", "PUT /api/settings", Some(wrong))
        .await
        .problem();
    assert_eq!((status, errors.len()), (400, 3), "{errors:?}");
}

#[tokio::test]
async fn whoever_gave_a_sign_of_life_lately_is_online_in_searches_and_in_the_profile() {
    let stage = Stage::new().await;
    put(&stage, "ana:musician", &[], profile("Ana", 45.0)).await;
    put(&stage, "ben:musician", &[], profile("Ben", 45.0)).await;
    let look = async |path: &str| {
        stage
            .ask("olga", &format!("GET /api/musicians{path}"), None)
            .await
    };
    let list = "?instrument=piano&lat=18.5&lng=-69.9";
    let online = format!("{list}&onlineOnly=true&limit=1");
    let nobody = look(&online).await.json();
    assert_eq!(
        (&nobody["items"], &nobody["reasons"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(nobody["alternatives"].as_array().map(Vec::len), Some(2));
    assert_eq!(look("/ben").await.json()["online"], false);

    stage.hub.heartbeat(&UserId::parse("ben").expect("an id"));
    let seen = until("a sign of life", async || {
        let found = look(&online).await.json();
        found["items"][0]
            .is_object()
            .then(|| found["items"].clone())
    })
    .await;
    let at = "2023-11-14T22:13:20.000Z";
    assert_eq!(
        (seen.as_array().map(Vec::len), &seen[0]["musicianId"]),
        (Some(1), &json!("ben"))
    );
    assert_eq!(
        (&seen[0]["online"], &seen[0]["lastSeenAt"]),
        (&json!(true), &json!(at))
    );
    let ben = look("/ben").await;
    let tag = ben.header("etag").expect("a tag").to_owned();
    assert_eq!(
        (&ben.json()["online"], &ben.json()["lastSeenAt"]),
        (&json!(true), &json!(at))
    );
    let has = [("if-none-match", &tag[..])];
    let same = stage
        .ask_with("olga", "GET /api/musicians/ben", &has, None)
        .await;
    assert_eq!(same.status, 304);

    stage.clock.pass(Duration::from_secs(601));
    let all = look(list).await.json();
    let both = all["items"].as_array().expect("items");
    assert!(both.len() == 2 && both.iter().all(|one| one["online"] == false));
    assert!(both.iter().any(|one| one["lastSeenAt"] == at));
    assert_eq!(look(&online).await.json()["items"], json!([]));
}

#[tokio::test]
async fn whoever_searches_too_often_in_a_day_waits_and_others_do_not() {
    let http = HttpConfig {
        searches_per_day: 2,
        ..HttpConfig::default()
    };
    let stage = Stage::with(Setting {
        http,
        ..Setting::default()
    })
    .await;
    let line = "GET /api/musicians?instrument=piano&lat=18.5&lng=-69.9";
    let wrong = stage
        .ask("olga", "GET /api/musicians?instrument=piano", None)
        .await;
    assert_eq!(wrong.status, 400, "what is no search is not counted");
    for _ in 0..2 {
        assert_eq!(stage.ask("olga", line, None).await.status, 200);
    }
    let refused = stage.ask("olga", line, None).await;
    assert_eq!(refused.problem().1, "rate_limited");
    let wait = refused
        .header("retry-after")
        .and_then(|text| text.parse().ok());
    assert!(
        wait.is_some_and(|wait: u64| (43_000..=43_200).contains(&wait)),
        "{wait:?}"
    );
    assert_eq!(stage.ask("otto", line, None).await.status, 200);
    assert_eq!(stage.ask("olga", "GET /api/rooms", None).await.status, 200);
}

#[tokio::test]
async fn if_so_settled_requests_are_offered_only_to_those_who_are_online() {
    let mut limits = HubLimits::default();
    limits.matching.online_only = true;
    let setting = Setting {
        limits,
        ..Setting::default()
    };
    let stage = town_with(setting).await;
    stage.hub.heartbeat(&UserId::parse("ben").expect("an id"));
    let list = "/api/musicians?instrument=piano&lat=18.5&lng=-69.9&onlineOnly=true";
    until("a sign of life", async || {
        let found = get(&stage, OLGA, list).await;
        found["items"][0].is_object().then_some(())
    })
    .await;
    let id = submitted(&stage, "firstAccept").await;
    let path = format!("/api/requests/{id}/candidates");
    let offered = until("offers", async || {
        let found = get(&stage, OLGA, &path).await;
        found["items"][0]
            .is_object()
            .then(|| found["items"].clone())
    })
    .await;
    let names: Vec<&Value> = offered
        .as_array()
        .expect("items")
        .iter()
        .map(|one| &one["musicianId"])
        .collect();
    assert_eq!(names, ["ben"]);
}
