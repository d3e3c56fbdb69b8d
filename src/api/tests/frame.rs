//! What holds for every request: who may ask, how often, and how a refusal looks.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use serde_json::json;

use super::{Setting, Stage};
use crate::config::HttpConfig;

#[tokio::test]
async fn nobody_asks_without_a_valid_token_in_the_header() {
    let stage = Stage::new().await;
    for (token, line) in [
        ("", "GET /api/rooms"),
        ("nobody", "GET /api/rooms"),
        ("", "POST /api/rooms"),
        ("", "GET /api/rooms?access_token=ana"),
        ("", "GET /api/admin/nodes"),
    ] {
        let answer = stage.ask(token, line, None).await;
        assert_eq!(
            answer.problem(),
            (401, "unauthorized".into(), vec![]),
            "{line}"
        );
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(stage.ask("ana", "GET /api/rooms", None).await.status, 200);
}

#[tokio::test]
async fn every_refusal_is_a_problem_and_has_an_id_and_safe_headers() {
    let stage = Stage::new().await;
    let wrong_kind = [("content-type", "text/plain")];
    let room = json!({ "kind": "group" });
    let big = json!({ "kind": "group", "name": "x".repeat(70_000) });
    let answers = [
        (
            404,
            "not_found",
            stage.ask("ana", "GET /api/nothing", None).await,
        ),
        (
            405,
            "method_not_allowed",
            stage.ask("ana", "PATCH /api/rooms", None).await,
        ),
        (
            413,
            "too_large",
            stage.ask("ana", "POST /api/rooms", Some(big)).await,
        ),
        (
            415,
            "unsupported_media_type",
            stage
                .ask_with("ana", "POST /api/rooms", &wrong_kind, Some(room))
                .await,
        ),
        (
            404,
            "room_not_found",
            stage.ask("ana", "GET /api/rooms/none", None).await,
        ),
        (
            403,
            "forbidden",
            stage.ask("ana", "GET /api/admin/nodes", None).await,
        ),
    ];
    for (status, code, answer) in answers {
        let (found, word, _) = answer.problem();
        assert_eq!((found, &word[..]), (status, code));
        assert_eq!(answer.header("x-request-id").map(str::len), Some(36));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    // Nor does what is no text once decoded, or a page's file that is none, get by with plain words.
    for (line, status) in [
        ("GET /api/rooms/%ff", 400),
        ("GET /api/rooms/a/messages?before=%ff", 400),
        ("GET /swagger/%ff", 400),
        ("GET /swagger/none.js", 404),
        ("DELETE /swagger/index.html", 405),
        ("POST /health", 405),
        ("PUT /metrics", 405),
    ] {
        assert_eq!(
            stage.ask("ana", line, None).await.problem().0,
            status,
            "{line}"
        );
    }
    let allowed = stage.ask("ana", "PATCH /api/rooms", None).await;
    assert_eq!(allowed.header("allow"), Some("GET,HEAD,POST"));
}

#[tokio::test]
async fn all_that_is_wrong_with_an_input_is_told_at_once() {
    let stage = Stage::new().await;
    let body =
        json!({ "kind": "choir", "name": "", "members": ["bo", 7], "roomId": "a b", "more": 1 });
    let answer = stage.ask("ana", "POST /api/rooms", Some(body)).await;
    let (status, code, errors) = answer.problem();
    assert_eq!((status, &code[..]), (400, "invalid_argument"));
    assert_eq!(
        errors,
        [
            "kind: must be one of: direct, group, public",
            "members[1]: must be a text",
            "more: is not known",
            "name: must not be empty",
            "roomId: must not contain ' '",
        ]
    );
    for (line, expected) in [
        (
            "GET /api/rooms?limit=0&after=x&limit=2",
            vec![
                "after: is not a parameter of this address",
                "limit: must not be below 1",
            ],
        ),
        (
            "GET /api/rooms?cursor=AQ",
            vec!["cursor: is not from this list"],
        ),
        (
            "GET /api/rooms?cursor=!",
            vec!["cursor: must be what an earlier page gave as `next`"],
        ),
        (
            "GET /api/rooms/r/messages?before=1&after=2",
            vec![": before, after and cursor exclude each other"],
        ),
        (
            "GET /api/rooms/a%20b",
            vec!["id: is not valid: a room id must not contain ' '"],
        ),
    ] {
        let (status, code, errors) = stage.ask("ana", line, None).await.problem();
        assert_eq!((status, &code[..]), (400, "invalid_argument"), "{line}");
        let kept: Vec<&str> = errors.iter().map(String::as_str).collect();
        let twice = "limit: is given more than once";
        let kept: Vec<&str> = kept.into_iter().filter(|one| *one != twice).collect();
        assert_eq!(kept, expected, "{line}");
    }
    let broken = Request::post("/api/rooms")
        .header("authorization", "Bearer ana")
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::from("{\"kind\":"))
        .expect("a request");
    let (status, _, errors) = stage.send(broken).await.problem();
    assert_eq!(status, 400);
    assert!(
        errors[0].starts_with(": the body is no JSON: EOF"),
        "{errors:?}"
    );
}

#[tokio::test]
async fn a_user_who_asks_too_often_waits_and_others_do_not() {
    let http = HttpConfig {
        requests_per_second: 1,
        request_burst: 2,
        ..HttpConfig::default()
    };
    let stage = Stage::with(Setting {
        http,
        ..Setting::default()
    })
    .await;
    for _ in 0..2 {
        assert_eq!(stage.ask("ana", "GET /api/rooms", None).await.status, 200);
    }
    let refused = stage.ask("ana:admin", "GET /api/admin/nodes", None).await;
    assert_eq!(refused.problem().1, "rate_limited");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("1"))
    );
    assert_eq!(stage.ask("ben", "GET /api/rooms", None).await.status, 200);

    // Whoever says nothing credible is limited by address; so is the document, which is for everybody.
    let from = async |host: u8, token: &str, path: &str| {
        let mut request = Request::get(path).body(Body::empty()).expect("a request");
        let peer = SocketAddr::from(([192, 0, 2, host], 4_000));
        request.extensions_mut().insert(ConnectInfo(peer));
        if !token.is_empty() {
            let bearer = format!("Bearer {token}").parse().expect("a header");
            request.headers_mut().insert("authorization", bearer);
        }
        stage.send(request).await.status
    };
    assert_eq!(from(9, "", "/api/rooms").await, 401);
    assert_eq!(from(9, "nobody", "/api/rooms").await, 401);
    assert_eq!(from(9, "", "/api/rooms").await, 429);
    assert_eq!(from(9, "", "/swagger/v1/swagger.json").await, 429);
    // Before another token is looked at: a flood of bad ones costs no check of a signature each.
    assert_eq!(from(9, "cleo", "/api/rooms").await, 429);
    assert_eq!(from(8, "cleo", "/api/rooms").await, 200);
    assert_eq!(from(8, "", "/swagger/v1/swagger.json").await, 200);
}

#[tokio::test]
async fn operators_find_nodes_and_entities() {
    let stage = Stage::new().await;
    let nodes = stage.ask("root:admin", "GET /api/admin/nodes", None).await;
    assert_eq!((nodes.status, &nodes.json()["others"]), (200, &json!([])));
    let room = json!({ "kind": "group", "roomId": "band" });
    assert_eq!(
        stage.ask("ana", "POST /api/rooms", Some(room)).await.status,
        201
    );
    let path = "GET /api/admin/entities/room/band";
    let found = stage.ask("root:admin", path, None).await.json();
    assert_eq!(
        (&found["kind"], &found["id"], &found["head"]),
        (&json!("room"), &json!("band"), &json!(2))
    );
    let user = "GET /api/admin/entities/user/ana%20b";
    let found = stage.ask("root:admin", user, None).await.json();
    assert_eq!((&found["id"], &found["head"]), (&json!("ana b"), &json!(0)));
    // Whatever it is: who owns it, how far it is, and who listens.
    for kind in ["room", "user", "request", "inbox"] {
        let path = format!("GET /api/admin/entities/{kind}/none");
        let found = stage.ask("root:admin", &path, None).await.json();
        for name in ["owner", "head", "position", "lag", "usersSubscribed"] {
            assert!(found.get(name).is_some(), "{kind} {name}: {found}");
        }
    }
    let garbled = "GET /api/admin/entities/room/%ff";
    let (status, code, _) = stage.ask("root:admin", garbled, None).await.problem();
    assert_eq!((status, &code[..]), (400, "invalid_argument"));
    let wrong = "GET /api/admin/entities/choir/%00";
    let (status, _, errors) = stage.ask("root:admin", wrong, None).await.problem();
    assert_eq!((status, errors.len()), (400, 2), "{errors:?}");
    for token in ["ana", "ana:moderator", "ana:Admin"] {
        assert_eq!(stage.ask(token, path, None).await.status, 403, "{token}");
    }
}
