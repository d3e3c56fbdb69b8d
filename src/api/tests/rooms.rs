//! Rooms over HTTP: the same rooms that the hub serves.

use serde_json::{Value, json};

use super::{Setting, Stage};
use actors::hub::HubLimits;
use actors::machines::room::RoomLimits;

async fn band(stage: &Stage) {
    let room =
        json!({ "kind": "group", "roomId": "band", "name": " The Band ", "members": ["ben"] });
    let made = stage.ask("ana", "POST /api/rooms", Some(room)).await;
    assert_eq!(
        (made.status, made.header("location")),
        (201, Some("/api/rooms/band")),
        "{made:?}"
    );
    let room = made.json();
    assert_eq!(
        (&room["name"], &room["myRole"]),
        (&json!("The Band"), &json!("owner"))
    );
}

async fn say(stage: &Stage, who: &str, text: &str) -> Value {
    let message = json!({ "kind": "text", "text": text });
    let sent = stage
        .ask(who, "POST /api/rooms/band/messages", Some(message))
        .await;
    assert_eq!(sent.status, 201, "{sent:?}");
    sent.json()
}

#[tokio::test]
async fn a_room_is_made_written_to_read_and_listed() {
    let stage = Stage::new().await;
    band(&stage).await;
    let first = say(&stage, "ana", "Hello").await;
    assert_eq!(first["sentAt"], "2023-11-14T22:13:20.000Z");
    say(&stage, "ana", "Is anybody there?").await;

    let list = stage.ask("ben", "GET /api/rooms", None).await.json();
    let listed = &list["items"][0];
    assert_eq!(
        (
            &listed["roomId"],
            &listed["unread"],
            &listed["lastMessage"]["text"]
        ),
        (&json!("band"), &json!(2), &json!("Is anybody there?"))
    );
    assert_eq!(list.get("next"), None);

    let up_to = json!({ "upTo": listed["head"] });
    let read = stage
        .ask("ben", "PUT /api/rooms/band/read", Some(up_to))
        .await;
    assert_eq!(read.json()["number"], 2);
    let list = stage.ask("ben", "GET /api/rooms", None).await.json();
    assert_eq!(list["items"][0]["unread"], 0);
    let beyond = json!({ "upTo": 1_000 });
    let refused = stage
        .ask("ben", "PUT /api/rooms/band/read", Some(beyond))
        .await;
    let (status, code, errors) = refused.problem();
    assert_eq!((status, &code[..]), (400, "invalid_argument"));
    assert!(errors[0].starts_with("upTo: is beyond"), "{errors:?}");

    let look = stage.ask("ben", "GET /api/rooms/band", None).await.json();
    assert_eq!(
        (&look["memberCount"], &look["messageCount"]),
        (&json!(2), &json!(2))
    );
    for line in ["GET /api/rooms/band", "GET /api/rooms/band/messages"] {
        let stranger = stage.ask("eve", line, None).await;
        assert_eq!(stranger.problem().1, "not_a_member", "{line}");
    }
}

#[tokio::test]
async fn history_is_paged_in_both_directions_by_what_pages_give() {
    let stage = Stage::new().await;
    band(&stage).await;
    for number in 1..=7 {
        say(&stage, "ben", &number.to_string()).await;
    }
    let walk = async |begin: &str| {
        let mut texts = Vec::new();
        let mut query = begin.to_owned();
        loop {
            let line = format!("GET /api/rooms/band/messages?limit=3{query}");
            let page = stage.ask("ana", &line, None).await.json();
            let items = page["items"].as_array().expect("items").clone();
            let text = |message: &Value| message["text"].as_str().expect("a text").to_owned();
            texts.push(items.iter().map(text).collect::<Vec<_>>().join(""));
            match page["next"].as_str() {
                Some(next) => query = format!("&cursor={next}"),
                None => return texts,
            }
        }
    };
    assert_eq!(walk("").await, ["567", "234", "1"]);
    assert_eq!(walk("&after=0").await, ["123", "456", "7"]);
    // The room's creation and its two members are no messages.
    assert_eq!(walk("&before=7").await, ["123"]);
    let of_rooms = super::cursor::write(
        super::cursor::List::Rooms,
        actors::ids::RoomId::parse("band").expect("an id"),
    );
    let line = format!("GET /api/rooms/band/messages?cursor={of_rooms}");
    let (_, _, errors) = stage.ask("ana", &line, None).await.problem();
    assert_eq!(errors, ["cursor: is not from this list"]);
}

#[tokio::test]
async fn rooms_are_paged_by_id() {
    let stage = Stage::new().await;
    for id in ["a", "b", "c", "d", "e"] {
        let room = json!({ "kind": "public", "roomId": id });
        let made = stage.ask("ana", "POST /api/rooms", Some(room)).await;
        assert_eq!(made.status, 201);
    }
    let mut seen = Vec::new();
    let mut query = String::new();
    loop {
        let line = format!("GET /api/rooms?limit=2{query}");
        let page = stage.ask("ana", &line, None).await.json();
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|room| room["roomId"].clone()));
        match page["next"].as_str() {
            Some(next) => query = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(Value::from(seen), json!(["a", "b", "c", "d", "e"]));
}

#[tokio::test]
async fn a_direct_room_has_one_other_member_and_a_derived_id() {
    let stage = Stage::new().await;
    let direct = json!({ "kind": "direct", "members": ["ben"] });
    let made = stage
        .ask("ana", "POST /api/rooms", Some(direct))
        .await
        .json();
    assert_eq!(made["peer"], "ben");
    let again = json!({ "kind": "direct", "members": ["ana"] });
    let again = stage
        .ask("ben", "POST /api/rooms", Some(again))
        .await
        .json();
    assert_eq!(made["roomId"], again["roomId"]);
    let chosen = json!({ "kind": "direct", "roomId": "x", "members": ["ben", "cleo"] });
    let (_, _, errors) = stage
        .ask("ana", "POST /api/rooms", Some(chosen))
        .await
        .problem();
    assert_eq!(
        errors,
        ["roomId: must be left out: the id of a direct room is derived"]
    );
    let alone = json!({ "kind": "direct" });
    let (_, _, errors) = stage
        .ask("ana", "POST /api/rooms", Some(alone))
        .await
        .problem();
    assert_eq!(
        errors,
        ["members: must have exactly the one other member of a direct room"]
    );
    let taken = json!({ "kind": "group", "roomId": "direct-1" });
    let (_, _, errors) = stage
        .ask("ana", "POST /api/rooms", Some(taken))
        .await
        .problem();
    assert!(
        errors[0].starts_with("roomId: must not begin with"),
        "{errors:?}"
    );
}

#[tokio::test]
async fn metadata_must_fit_the_kind_of_message() {
    let stage = Stage::new().await;
    band(&stage).await;
    let send = async |message: Value| {
        stage
            .ask("ana", "POST /api/rooms/band/messages", Some(message))
            .await
    };
    let place = json!({ "kind": "location", "metadata": { "lat": 18.47, "lng": -69.9, "address": "Zona Colonial" } });
    assert_eq!(send(place).await.status, 201);
    let image = json!({ "kind": "image", "metadata": { "fileUrl": "https://files.example/1.png", "fileSize": 10 } });
    assert_eq!(send(image).await.status, 201);
    let mixed =
        json!({ "kind": "location", "metadata": { "fileUrl": "https://x.example", "lat": 1 } });
    assert_eq!(
        send(mixed).await.problem().2,
        [
            "metadata.fileUrl: does not belong to a location",
            "metadata.lng: is missing"
        ]
    );
    let bare = json!({ "kind": "file", "metadata": { "lng": 1, "fileName": "x" } });
    assert_eq!(
        send(bare).await.problem().2,
        [
            "metadata.fileUrl: is missing",
            "metadata.lng: belongs to a location"
        ]
    );
    // What only the room knows, it says itself.
    let blank = json!({ "kind": "text", "text": "  " });
    let (status, code, errors) = send(blank).await.problem();
    assert_eq!(
        (status, &code[..], errors.len()),
        (400, "invalid_argument", 1)
    );
    let reply = json!({ "kind": "text", "text": "?", "replyTo": 99 });
    assert_eq!(send(reply).await.problem().1, "message_not_found");
}

#[tokio::test]
async fn a_room_that_is_written_to_too_fast_says_when_to_come_back() {
    let limits = HubLimits {
        room: RoomLimits {
            sends_per_second: 1,
            send_burst: 1,
            ..RoomLimits::default()
        },
        ..HubLimits::default()
    };
    let stage = Stage::with(Setting {
        limits,
        ..Setting::default()
    })
    .await;
    band(&stage).await;
    say(&stage, "ana", "one").await;
    let message = json!({ "kind": "text", "text": "two" });
    let refused = stage
        .ask("ana", "POST /api/rooms/band/messages", Some(message))
        .await;
    assert_eq!(refused.problem().1, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
}
