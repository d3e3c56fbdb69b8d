//! Who is present is true on every node soon after one of them died, and messages reach all devices of a user.

use std::time::Duration;

use chaos::client::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::place::{Place, get_as};

const SOON: Duration = Duration::from_secs(20);

/// The next callback of that name whose object satisfies `is_it`.
async fn heard(client: &mut Client, target: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let waiting = async {
        loop {
            let callback = client.next().await.expect("a connection");
            if callback.target == target
                && let Some(object) = callback.object().filter(&is_it)
            {
                return object;
            }
        }
    };
    let heard = timeout(SOON, waiting).await;
    heard.unwrap_or_else(|_| panic!("no {target}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_on_a_dead_hub_is_gone_within_five_seconds_and_other_devices_go_on() {
    let mut place = Place::start("presence", 3, &[]).await;
    place.until_others(2).await;
    let mut ada = place.client(0, "ada").await;
    let mut bob_here = place.client(1, "bob").await;
    let mut cid = place.client(1, "cid").await;
    let mut bob_there = place.client(2, "bob").await;
    let made = json!([{ "roomId": "studio", "kind": "group", "name": "Studio", "members": ["bob", "cid"] }]);
    ada.invoke::<Value>("CreateRoom", made).await.unwrap();
    for client in [&mut bob_here, &mut bob_there, &mut cid] {
        heard(client, "RoomAdded", |added| {
            added["room"]["roomId"] == "studio"
        })
        .await;
    }
    for client in [&ada, &bob_here, &bob_there, &cid] {
        client
            .invoke::<Value>("JoinRoom", json!(["studio"]))
            .await
            .unwrap();
    }
    for user in ["bob", "cid"] {
        heard(&mut ada, "PresenceChanged", |it| {
            it["userId"] == user && it["online"] == true
        })
        .await;
    }
    let message = json!(["studio", { "kind": "text", "text": "for all devices" }]);
    ada.invoke::<Value>("SendMessage", message).await.unwrap();
    for client in [&mut ada, &mut bob_here, &mut bob_there, &mut cid] {
        heard(client, "ReceiveMessage", |it| {
            it["text"] == "for all devices"
        })
        .await;
    }
    ask_as_operator(&place).await;
    let typing = json!(["studio", true]);
    cid.invoke::<Value>("Typing", typing).await.unwrap();
    heard(&mut ada, "UserTyping", |it| {
        it["userId"] == "cid" && it["isTyping"] == true
    })
    .await;

    place.hubs[1].kill();
    let killed = Instant::now();
    let gone = heard(&mut ada, "PresenceChanged", |it| it["online"] == false).await;
    let took = killed.elapsed();
    println!("the death of a hub was told after {took:?}");
    assert_eq!(
        (gone["userId"].as_str(), gone["count"].as_u64()),
        (Some("cid"), Some(2))
    );
    assert!(took < Duration::from_secs(5), "{took:?}");
    // Bob is still there, by his other device, and is told everything.
    let members = ada
        .invoke::<Vec<Value>>("Members", json!(["studio"]))
        .await
        .unwrap();
    let online = |user: &str| {
        members
            .iter()
            .any(|m| m["userId"] == user && m["online"] == true)
    };
    assert!(
        online("ada") && online("bob") && !online("cid"),
        "{members:?}"
    );
    let read = json!(["studio", 5]);
    bob_there.invoke::<Value>("MarkRead", read).await.unwrap();
    heard(&mut ada, "MessagesRead", |it| {
        it["userId"] == "bob" && it["upTo"] == 5
    })
    .await;
    // A third device, on another hub again, sees the same cursor, and cannot move it back.
    let bob_anew = place.client(0, "bob").await;
    let rooms = bob_anew.invoke::<Vec<Value>>("MyRooms", json!([])).await;
    let rooms = rooms.unwrap();
    assert_eq!(
        (rooms[0]["readUpTo"].as_u64(), rooms[0]["unread"].as_u64()),
        (Some(5), Some(0)),
        "{rooms:?}"
    );
    let back = json!(["studio", 3]);
    let stands = bob_anew.invoke::<Value>("MarkRead", back).await.unwrap();
    assert_eq!(stands["upTo"], 5, "{stands}");
}

/// The three nodes as the command and each of them sees them, and a room.
async fn ask_as_operator(place: &Place) {
    let listed = place.run("nodes");
    let nodes = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let nodes: Vec<String> = nodes
        .map(|node| {
            for count in [
                "roomsSubscribed",
                "inboxesSubscribed",
                "requestsSubscribed",
                "lag",
                "conflicts",
                "inDoubt",
                "gapFills",
            ] {
                assert!(node[count].is_u64(), "{count} of {node}");
            }
            node["node"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(nodes, ["hub-0", "hub-1", "hub-2"]);
    let mut owners = Vec::new();
    for hub in &place.hubs {
        let seen = get_as(hub, "/admin/nodes", "admin").await;
        let seen: Value = serde_json::from_str(&seen).unwrap();
        assert_eq!(seen["others"].as_array().map(Vec::len), Some(2), "{seen}");
        assert_eq!(seen["connected"], true);
        for other in seen["others"].as_array().unwrap() {
            assert!(
                other["conflicts"].is_u64() && other["lag"].is_u64(),
                "{other}"
            );
        }
        let room = get_as(hub, "/admin/rooms/studio", "admin").await;
        let room: Value = serde_json::from_str(&room).unwrap();
        assert_eq!(
            (room["head"].as_u64(), room["lag"].as_u64()),
            (Some(5), Some(0)),
            "{room}"
        );
        // Each node's readers are at the head.
        let lags: Vec<_> = room["nodes"].as_array().unwrap().iter().collect();
        assert_eq!(lags.len(), 3, "{room}");
        for node in lags {
            assert_eq!(
                (node["lag"].as_u64(), node["position"].as_u64()),
                (Some(0), Some(5))
            );
            assert!(
                node["gapFills"].is_u64() && node["inDoubt"].is_u64(),
                "{node}"
            );
        }
        owners.push(room["owner"].as_str().unwrap().to_owned());
    }
    let listed = place.run("nodes --room studio");
    let room: Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    assert_eq!(
        (room["head"].as_u64(), room["owner"].as_str()),
        (Some(5), Some(&*owners[0]))
    );
    let awake = room["nodes"].as_array().unwrap().iter();
    let awake: Vec<_> = awake.filter(|node| node["awake"] == true).collect();
    assert_eq!(awake.len(), 1, "{room}");
    assert_eq!(awake[0]["node"], *owners[0]);
    assert!(
        nodes.contains(&owners[0]) && owners.iter().all(|owner| *owner == owners[0]),
        "{owners:?}"
    );
    let refused = get_as(&place.hubs[0], "/admin/nodes", "user").await;
    assert!(refused.contains("forbidden"), "{refused}");
}
