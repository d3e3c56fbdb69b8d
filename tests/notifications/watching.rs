//! Watching requests: who may, what is told, and from where on.

use actors::clock::{Clock, SystemClock};
use actors::ids::RequestId;
use actors::machines::request::{Change, Mode, RequestInput};
use actors::machines::terms::{Budget, Caller, Cents, Place as Where, PlatformRole, Window};
use actors::machines::user::{ProfileInput, UserCommand};
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
    change_as(place, "org", PlatformRole::Organizer, change).await
}

async fn change_as(place: &Place, name: &str, role: PlatformRole, change: Change) -> u64 {
    let by = Caller {
        user: user(name),
        role,
    };
    let gala = RequestId::parse("gala").unwrap();
    let done = place.hub.change_request(&gala, &by, None, change).await;
    done.unwrap().sequence.0
}

fn apply() -> Change {
    let words = "With pleasure".to_owned();
    let rate = Cents(40_000);
    Change::Apply { rate, words }
}

/// Somebody offers music, so that the calendar says yes.
async fn play(place: &Place, name: &str) {
    let profile = ProfileInput {
        name: name.into(),
        musician: true,
        available: true,
        instruments: vec![("violin".into(), 5)],
        place: Some(input().place),
        radius_km: 50.0,
        ..ProfileInput::default()
    };
    let set = UserCommand::SetProfile {
        by: Caller {
            user: user(name),
            role: PlatformRole::Musician,
        },
        key: None,
        expected: None,
        profile,
    };
    place.hub.user(&user(name), set).await.unwrap();
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

/// The states that a watcher is told, each step with its sequence.
async fn told(ear: &mut crate::place::Ear, many: usize) -> Vec<(u64, String)> {
    let mut steps = Vec::new();
    for _ in 0..many {
        let (target, step) = ear.hears().await;
        assert_eq!(target, "RequestUpdated");
        let to = step["to"].as_str().unwrap().to_owned();
        steps.push((step["sequence"].as_u64().unwrap(), to));
    }
    steps
}

#[tokio::test]
async fn who_has_no_part_sees_nothing_from_before_it_was_open_nor_after() {
    let place = Place::start().await;
    let created = draft(&place).await;
    let input = Box::new(input());
    let expected = None;
    change(&place, Change::Edit { input, expected }).await;
    let opened = change(&place, Change::Submit { expected }).await;
    let reviewed = change_as(&place, "ann", PlatformRole::Musician, apply()).await;
    let mut uwe = place.connect("user", "uwe", Encoding::Json).await;
    let mut eve = place.connect("musician", "eve", Encoding::Json).await;
    // From the beginning, and from where it never was.
    for after in [0, 999] {
        for ear in [&mut uwe, &mut eve] {
            ear.call("WatchRequest", json!(["gala", after])).await;
            let first = told(ear, 1).await.remove(0);
            assert!(
                first.0 > opened && first.0 <= reviewed,
                "{first:?}: {created} {opened}"
            );
            ear.settles().await;
        }
    }
    // The organizer closes it: that is the last that whoever may see open requests only is told.
    let cancelled = change(&place, cancel()).await;
    for ear in [&mut uwe, &mut eve] {
        while told(ear, 1).await[0] != (cancelled, "cancelled".into()) {}
    }
    let hidden = uwe.refused("WatchRequest", json!(["gala", 0])).await;
    assert!(hidden.starts_with("request_not_found: "), "{hidden}");
}

#[tokio::test]
async fn a_watch_of_an_open_request_ends_when_it_is_assigned() {
    let place = Place::start().await;
    draft(&place).await;
    change(&place, Change::Submit { expected: None }).await;
    play(&place, "ann").await;
    change_as(&place, "ann", PlatformRole::Musician, apply()).await;
    let mut uwe = place.connect("user", "uwe", Encoding::Json).await;
    let mut eve = place.connect("musician", "eve", Encoding::Json).await;
    for ear in [&mut uwe, &mut eve] {
        ear.call("WatchRequest", json!(["gala"])).await;
    }
    let musician = user("ann");
    change(&place, Change::Choose { musician }).await;
    let until_assigned = async |ear: &mut crate::place::Ear| loop {
        let (_, step) = ear.hears().await;
        if step["to"] == "assigned" {
            return;
        }
    };
    until_assigned(&mut uwe).await;
    until_assigned(&mut eve).await;
    let reason = "Nothing was agreed upon.".to_owned();
    change(&place, Change::Dispute { reason }).await;
    assert_eq!(told(&mut eve, 1).await[0].1, "disputed", "musicians may");
    uwe.hears_nothing().await;
}
