//! The steps of a request over HTTP: audit, applications, collisions, refusals, and what is counted.

use std::time::Duration;

use serde_json::{Value, json};

use super::Stage;
use super::requests::{ANA, BEN, OLGA, create, get, step, submitted, town, until};

/// The audit as somebody reads it, two lines at a time.
async fn audit_of(stage: &Stage, who: &str, id: &str) -> Vec<Value> {
    let (mut lines, mut query) = (Vec::new(), String::from("?limit=2"));
    loop {
        let page = get(stage, who, &format!("/api/requests/{id}/audit{query}")).await;
        lines.extend(page["items"].as_array().expect("items").clone());
        match page["next"].as_str() {
            Some(next) => query = format!("?limit=2&cursor={next}"),
            None => return lines,
        }
    }
}

#[tokio::test]
async fn every_change_is_in_the_audit_for_those_who_may_see_it() {
    let stage = town().await;
    let id = submitted(&stage, "firstAccept").await;
    until("offers", async || {
        let found = get(&stage, OLGA, &format!("/api/requests/{id}/candidates")).await;
        (found["items"].as_array()?.len() == 2).then_some(())
    })
    .await;
    let no = json!({ "reason": "A funeral" });
    let declined = step(&stage, BEN, &id, "decline", Some(no)).await;
    assert_eq!(declined.status, 200, "{declined:?}");
    let won = step(&stage, ANA, &id, "accept", None).await;
    assert_eq!(won.json()["outcome"], "assigned", "{won:?}");
    // The musician pages through it, too, and reads of nobody else.
    let seen = audit_of(&stage, ANA, &id).await;
    let actions: Vec<&Value> = seen.iter().map(|line| &line["action"]).collect();
    assert!(
        actions.contains(&&json!("accept")) && !actions.contains(&&json!("decline")),
        "{actions:?}"
    );
    let because = json!({ "reason": "It rains" });
    let off = step(&stage, OLGA, &id, "cancel", Some(because)).await;
    assert_eq!(
        (off.status, &off.json()["state"]),
        (200, &json!("cancelled"))
    );
    let lines = audit_of(&stage, OLGA, &id).await;
    let word = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let actions: Vec<String> = lines.iter().map(|line| word(line, "action")).collect();
    assert_eq!((&actions[0][..], &actions[1][..]), ("create", "submit"));
    let last = lines.last().expect("lines");
    assert_eq!(
        (
            word(last, "from"),
            word(last, "to"),
            word(last, "by"),
            word(last, "reason")
        ),
        (
            "assigned".into(),
            "cancelled".into(),
            "olga".into(),
            "It rains".into()
        )
    );
    let sequences: Vec<u64> = lines
        .iter()
        .filter_map(|line| line["sequence"].as_u64())
        .collect();
    assert_eq!(sequences, (1..=lines.len() as u64).collect::<Vec<_>>());
    let stranger = stage
        .ask(BEN, &format!("GET /api/requests/{id}/audit"), None)
        .await;
    assert_eq!(stranger.status, 403, "{stranger:?}");
}

#[tokio::test]
async fn where_the_organizer_chooses_musicians_apply_and_one_is_taken() {
    let stage = town().await;
    let id = submitted(&stage, "organizerChooses").await;
    for (who, rate) in [(ANA, json!(150)), (BEN, json!(180.25))] {
        let apply = json!({ "rate": rate, "words": "With pleasure" });
        let applied = step(&stage, who, &id, "apply", Some(apply)).await;
        assert_eq!(applied.json()["standing"], "applied", "{applied:?}");
    }
    let all = get(&stage, OLGA, &format!("/api/requests/{id}/applications")).await;
    assert_eq!(all["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(all["items"][1]["application"]["rate"], 180.25);
    let own = get(&stage, BEN, &format!("/api/requests/{id}/applications")).await;
    assert_eq!(own["items"].as_array().map(Vec::len), Some(1));
    let wrong = json!({ "musicianId": "zoe" });
    let unknown = step(&stage, OLGA, &id, "choose", Some(wrong)).await;
    assert_eq!(unknown.problem().1, "application_not_found");
    let ben = json!({ "musicianId": "ben" });
    let chosen = step(&stage, OLGA, &id, "choose", Some(ben)).await;
    assert_eq!(
        (
            chosen.status,
            &chosen.json()["outcome"],
            &chosen.json()["step"]["standing"]
        ),
        (200, &json!("assigned"), &json!("assigned")),
        "{chosen:?}"
    );
    let gone = json!({ "reason": "Ill" });
    let dropped = step(&stage, BEN, &id, "drop-out", Some(gone)).await;
    assert_eq!(dropped.json()["state"], "active", "{dropped:?}");
}

#[tokio::test]
async fn a_musician_whose_time_is_taken_is_told_so() {
    let stage = town().await;
    let first = submitted(&stage, "firstAccept").await;
    let second = submitted(&stage, "firstAccept").await;
    let won = step(&stage, ANA, &first, "accept", None).await;
    assert_eq!(won.json()["outcome"], "assigned");
    let taken = step(&stage, ANA, &second, "accept", None).await;
    assert_eq!(
        (taken.status, &taken.json()["outcome"]),
        (200, &json!("conflicted")),
        "{taken:?}"
    );
}

#[tokio::test]
async fn steps_that_are_not_to_be_are_refused_by_the_request_with_its_codes() {
    let stage = town().await;
    let id = create(&stage, "firstAccept").await;
    for (who, name, body, status, code) in [
        (OLGA, "start", None, 409, "wrong_state"),
        (BEN, "submit", None, 404, "request_not_found"),
        (OLGA, "cancel", Some(json!({})), 400, "invalid_argument"),
        (
            OLGA,
            "resolve",
            Some(json!({ "outcome": "won", "details": "" })),
            400,
            "invalid_argument",
        ),
        ("mia:moderator", "approve", None, 404, "request_not_found"),
    ] {
        let answer = step(&stage, who, &id, name, body).await;
        let (found, word, _) = answer.problem();
        assert_eq!((found, &word[..]), (status, code), "{who} {name}");
    }
    assert_eq!(
        stage
            .ask(ANA, "GET /api/requests/pending", None)
            .await
            .status,
        403
    );
    assert_eq!(
        stage
            .ask("mia:moderator", "GET /api/requests/pending", None)
            .await
            .json()["items"],
        json!([])
    );
    let none = step(&stage, OLGA, "none", "submit", None).await;
    assert_eq!(none.problem().1, "request_not_found");
}

#[test]
fn an_assignment_is_counted_once_by_instrument_and_region() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let stage = town().await;
            crate::telemetry::matches::count(&stage.hub, stage.journal.clone());
            let id = submitted(&stage, "firstAccept").await;
            stage.clock.pass(Duration::from_secs(90));
            let won = step(&stage, ANA, &id, "accept", None).await;
            assert_eq!(won.json()["outcome"], "assigned", "{won:?}");
            assert_eq!(step(&stage, BEN, &id, "accept", None).await.status, 409);
            let counted = async || handle.render().contains("matches_total").then_some(());
            until("a count", counted).await;
        });
    });
    let text = handle.render();
    let counted = text
        .lines()
        .filter(|line| line.starts_with("musical_matching_matches_total"));
    let counted: Vec<&str> = counted.collect();
    assert_eq!(counted.len(), 1, "{text}");
    assert!(
        counted[0].contains("instrument=\"piano\"") && counted[0].ends_with(" 1"),
        "{counted:?}"
    );
    assert!(
        !counted[0].contains("Zona") && !counted[0].contains("other"),
        "{counted:?}"
    );
    assert!(
        text.contains("musical_matching_matching_duration_seconds_sum 90\n"),
        "{text}"
    );
}
