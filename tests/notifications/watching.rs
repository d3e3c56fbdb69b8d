//! Watching requests: who may, what is told, and from where on.

use actors::clock::{Clock, SystemClock};
use actors::ids::RequestId;
use actors::machines::request::{Change, Mode, RequestInput};
use actors::machines::terms::{Budget, Caller, Cents, Place as Where, PlatformRole, Window};
use protocol::Encoding;
use serde_json::json;

use crate::place::{Place, user};

fn input() -> RequestInput {
    let from = SystemClock.now().plus_millis(60 * 24 * 3_600_000);
    RequestInput {
        title: None,
        event_type: "wedding".into(),
        instrument: "violin".into(),
        more_instruments: Vec::new(),
        genre: None,
        window: Window {
            from,
            to: from.plus_millis(3 * 3_600_000),
        },
        place: Where {
            lat: 40.4168,
            lng: -3.7038,
            address: "Plaza Mayor 1, Madrid".into(),
        },
        budget: Budget {
            min: Cents(30_000),
            max: Cents(60_000),
            negotiable: false,
        },
        description: "Two sets of an hour each, something slow first and then for dancing.".into(),
        attendees: Some(80),
        dress_code: None,
        equipment: None,
        mode: Mode::OrganizerChooses,
        radius_km: None,
        deadline: None,
    }
}

/// What the organizer does to the request `gala`.
async fn change(place: &Place, change: Change) -> u64 {
    let org = Caller {
        user: user("org"),
        role: PlatformRole::Organizer,
    };
    let gala = RequestId::parse("gala").unwrap();
    let done = place.hub.change_request(&gala, &org, None, change).await;
    done.unwrap().sequence.0
}

async fn draft(place: &Place) -> u64 {
    let input = Box::new(input());
    change(place, Change::Create { input }).await
}

fn cancel() -> Change {
    let reason = "The hall burnt down.".to_owned();
    Change::Cancel { reason }
}

#[tokio::test]
async fn each_step_is_told_from_where_the_watch_begins() {
    let place = Place::start().await;
    let created = draft(&place).await;
    let mut ear = place
        .connect("organizer", "org", Encoding::MessagePack)
        .await;
    let watched = ear.call("WatchRequest", json!(["gala"])).await;
    let expected = json!({ "requestId": "gala", "sequence": created, "state": "draft" });
    assert_eq!(watched, expected);
    let cancelled = change(&place, cancel()).await;
    let (target, step) = ear.hears().await;
    assert_eq!(target, "RequestUpdated");
    assert_eq!(
        (&step["requestId"], &step["sequence"]),
        (&json!("gala"), &json!(cancelled))
    );
    assert_eq!(
        (&step["from"], &step["to"]),
        (&json!("draft"), &json!("cancelled"))
    );
    assert_eq!(step["at"].as_str().unwrap().len(), 24);

    let mut back = place.connect("organizer", "org", Encoding::Json).await;
    back.call("WatchRequest", json!(["gala", 0])).await;
    assert_eq!(
        back.hears().await.1["sequence"],
        1,
        "what was missed comes first"
    );
    while back.hears().await.1["sequence"] != cancelled {}
    back.call("WatchRequest", json!(["gala", 99])).await;
    let reset = json!({ "requestId": "gala", "from": 1, "reason": "beyond_head" });
    assert_eq!(back.hears().await, ("StreamReset".into(), reset));
}

#[tokio::test]
async fn whoever_may_not_see_a_request_may_not_watch_it() {
    let place = Place::start().await;
    draft(&place).await;
    let mut eve = place.connect("musician", "eve", Encoding::Json).await;
    let hidden = eve.refused("WatchRequest", json!(["gala"])).await;
    let unknown = eve.refused("WatchRequest", json!(["nowhere"])).await;
    assert!(hidden.starts_with("request_not_found: "), "{hidden}");
    assert_eq!(hidden, unknown, "which of the two it is must not be told");
    let wrong = eve.refused("WatchRequest", json!(["a b"])).await;
    assert!(
        wrong.starts_with("invalid_argument: requestId: "),
        "{wrong}"
    );
    change(&place, cancel()).await;
    eve.hears_nothing().await;
}

#[tokio::test]
async fn a_watch_ends_when_it_is_ended() {
    let place = Place::start().await;
    draft(&place).await;
    let mut ear = place.connect("organizer", "org", Encoding::Json).await;
    ear.call("WatchRequest", json!(["gala"])).await;
    ear.call("UnwatchRequest", json!(["gala"])).await;
    ear.call("UnwatchRequest", json!(["gala"])).await;
    change(&place, cancel()).await;
    ear.hears_nothing().await;
}
