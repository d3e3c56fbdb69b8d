//! A user's devices: what each is shown, what each marks, and that all of them agree.

use actors::machines::notice::{NoticeKind, Priority};
use protocol::Encoding;
use serde_json::json;

use crate::place::Place;

#[tokio::test]
async fn a_notification_is_shown_live_in_both_encodings() {
    let place = Place::start().await;
    let mut all = Vec::new();
    for encoding in Encoding::ALL {
        let ear = place.connect("musician", "ann", encoding).await;
        let subscribed = ear.call("Subscribe", json!([])).await;
        assert_eq!(subscribed, json!({ "head": 0, "unread": 0 }));
        all.push(ear);
    }
    place.tell(1, NoticeKind::TopMatch, Priority::High).await;
    for mut ear in all {
        let (target, mut shown) = ear.hears().await;
        assert_eq!(target, "ReceiveNotification");
        let created_at = shown.as_object_mut().unwrap().remove("createdAt").unwrap();
        assert_eq!(created_at.as_str().unwrap().len(), 24);
        let expected = json!({
            "sequence": 1, "type": "topMatch", "priority": "high", "read": false,
            "title": "Una solicitud para ti: violin",
            "message": "Estás entre los mejores para ella: violin.",
            "data": { "instrument": "violin" },
        });
        assert_eq!(shown, expected);
        assert_eq!(
            ear.hears().await,
            ("UnreadChanged".into(), json!({ "unread": 1 }))
        );
    }
}

#[tokio::test]
async fn whoever_comes_back_sees_what_was_missed_once_and_in_order() {
    let place = Place::start().await;
    let mut ear = place.ann().await;
    place.tell_usual(1).await;
    ear.call("Subscribe", json!([0])).await;
    assert_eq!(
        ear.hears_all(2).await,
        ["ReceiveNotification sequence=1", "UnreadChanged unread=1"]
    );
    drop(ear);
    for number in 2..=4 {
        place.tell_usual(number).await;
        // A repeat of an errand is no second notification.
        place.tell_usual(number).await;
    }
    let mut back = place.ann().await;
    let subscribed = back.call("Subscribe", json!([1])).await;
    assert_eq!(subscribed, json!({ "head": 4, "unread": 4 }));
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let (target, argument) = back.hears().await;
        if target == "ReceiveNotification" {
            seen.push(argument["sequence"].as_u64().unwrap());
        }
    }
    assert_eq!(seen, [2, 3, 4]);
    let mut new = place.ann().await;
    new.call("Subscribe", json!([])).await;
    place.tell_usual(5).await;
    assert_eq!(
        new.hears_all(2).await,
        ["ReceiveNotification sequence=5", "UnreadChanged unread=5"]
    );
}

#[tokio::test]
async fn a_position_that_never_was_is_reset() {
    let place = Place::start().await;
    place.tell_usual(1).await;
    let mut ear = place.ann().await;
    ear.call("Subscribe", json!([99])).await;
    let expected = json!({ "from": 1, "reason": "beyond_head" });
    assert_eq!(ear.hears().await, ("StreamReset".into(), expected));
    assert_eq!(ear.hears_all(1).await, ["ReceiveNotification sequence=1"]);
}

#[tokio::test]
async fn all_devices_agree_on_what_is_read_and_put_away() {
    let place = Place::start().await;
    for number in 1..=4 {
        place.tell_usual(number).await;
    }
    let phone = place
        .connect("musician", "ann", Encoding::MessagePack)
        .await;
    let mut laptop = place.ann().await;
    laptop.call("Subscribe", json!([])).await;
    let done = |sequence, unread| json!({ "sequence": sequence, "unread": unread });
    assert_eq!(phone.call("MarkRead", json!([2])).await, done(5, 3));
    assert_eq!(
        phone.call("MarkRead", json!([2])).await,
        done(5, 3),
        "a repeat"
    );
    assert_eq!(phone.call("Dismiss", json!([3])).await, done(6, 2));
    assert_eq!(phone.call("MarkAllRead", json!([6])).await, done(7, 0));
    // How many callbacks say what is unread depends on how the events were gathered.
    let mut marks = Vec::new();
    while marks.len() < 3 {
        let heard = laptop.hears_all(1).await.remove(0);
        if heard.starts_with("NotificationRead") {
            marks.push(heard);
        }
    }
    let expected = [
        "NotificationRead sequence=5 target=2",
        "NotificationRead sequence=6 target=3",
        "NotificationRead sequence=7 upTo=6",
    ];
    assert_eq!(marks, expected);
    let mut late = place
        .connect("musician", "ann", Encoding::MessagePack)
        .await;
    late.call("Subscribe", json!([0])).await;
    let mut shown = Vec::new();
    while shown
        .last()
        .is_none_or(|last: &String| !last.contains("sequence=7"))
    {
        shown.extend(late.hears_all(1).await);
    }
    let journaled: Vec<_> = shown
        .into_iter()
        .filter(|heard| heard.contains("sequence"))
        .collect();
    assert_eq!(journaled[0], "ReceiveNotification sequence=1");
    assert_eq!(
        journaled[2], "UnreadChanged sequence=3 unread=3",
        "put away since"
    );
    assert_eq!(journaled.len(), 7, "each sequence once: {journaled:?}");
}

#[tokio::test]
async fn the_inbox_is_read_page_by_page() {
    let place = Place::start().await;
    for number in 1..=5 {
        place.tell_usual(number).await;
    }
    let ear = place.ann().await;
    ear.call("MarkRead", json!([4])).await;
    ear.call("Dismiss", json!([3])).await;
    let page = ear.call("Inbox", json!([{ "limit": 3 }])).await;
    let listed = |page: &serde_json::Value| -> Vec<(u64, bool)> {
        let all = page["notifications"].as_array().unwrap().iter();
        all.map(|one| {
            (
                one["sequence"].as_u64().unwrap(),
                one["read"].as_bool().unwrap(),
            )
        })
        .collect()
    };
    assert_eq!(listed(&page), [(5, false), (4, true), (2, false)]);
    assert_eq!(
        (&page["next"], &page["unread"], &page["head"]),
        (&json!(2), &json!(3), &json!(7))
    );
    let rest = ear.call("Inbox", json!([{ "before": 2 }])).await;
    assert_eq!((listed(&rest), rest.get("next")), (vec![(1, false)], None));
    let all = ear.call("Inbox", json!([])).await;
    assert_eq!(listed(&all).len(), 4);
    let count = ear.call("UnreadCount", json!([])).await;
    assert_eq!(count, json!({ "unread": 3, "head": 7 }));
}

#[tokio::test]
async fn nobody_hears_of_another_ones_inbox_and_silence_follows_unsubscribe() {
    let place = Place::start().await;
    let mut bob = place.connect("musician", "bob", Encoding::Json).await;
    let mut ann = place.ann().await;
    for ear in [&bob, &ann] {
        ear.call("Subscribe", json!([])).await;
    }
    place.tell_usual(1).await;
    assert_eq!(ann.hears_all(2).await[0], "ReceiveNotification sequence=1");
    ann.call("Unsubscribe", json!([])).await;
    ann.call("Unsubscribe", json!([])).await;
    place.tell_usual(2).await;
    ann.hears_nothing().await;
    bob.hears_nothing().await;
    assert_eq!(
        bob.call("UnreadCount", json!([])).await,
        json!({ "unread": 0, "head": 0 })
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_code() {
    let place = Place::start().await;
    place.tell_usual(1).await;
    let ear = place.ann().await;
    for (method, arguments, code) in [
        ("MarkRead", json!([9]), "notification_not_found: "),
        ("Dismiss", json!([0]), "notification_not_found: "),
        ("MarkAllRead", json!([2]), "invalid_argument: upTo "),
        ("MarkRead", json!([]), "invalid_argument: "),
        ("MarkRead", json!(["one"]), "invalid_argument: argument 1"),
        ("MarkRead", json!([-1]), "invalid_argument: argument 1"),
        ("Subscribe", json!([1, 2]), "invalid_argument: "),
        ("Unsubscribe", json!([1]), "invalid_argument: "),
        ("Inbox", json!([{ "limit": 0 }]), "invalid_argument: limit"),
        (
            "Inbox",
            json!([{ "after": 1 }]),
            "invalid_argument: argument 1",
        ),
        ("Heartbeat", json!([1]), "invalid_argument: "),
        ("UnreadCount", json!([1]), "invalid_argument: "),
    ] {
        let text = ear.refused(method, arguments.clone()).await;
        assert!(text.starts_with(code), "{method} {arguments}: {text}");
    }
    let heartbeat = ear.call("Heartbeat", json!([])).await;
    assert!(heartbeat.is_null());
}
