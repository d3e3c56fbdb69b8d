//! Settings over the wire: read, changed in part, told to all devices, refused as a whole.

use actors::machines::notice::{NoticeKind, Priority};
use protocol::Encoding;
use serde_json::json;

use crate::place::Place;

#[tokio::test]
async fn settings_are_changed_in_part_and_all_devices_hear_of_it() {
    let place = Place::start().await;
    let phone = place
        .connect("musician", "ann", Encoding::MessagePack)
        .await;
    let mut laptop = place.ann().await;
    laptop.call("Subscribe", json!([])).await;
    let mut expected = phone.call("Settings", json!([])).await;
    let unsettled = json!({
        "language": "es", "timeZone": "UTC", "quietHours": null, "quietDays": [],
        "muted": ["marketing"], "livePerDay": 50,
    });
    assert_eq!(expected, unsettled);
    let change =
        json!([{ "timeZone": "europe/madrid", "quietHours": { "from": "22:00", "to": "08:00" } }]);
    let settled = phone.call("SetSettings", change).await;
    expected["timeZone"] = "Europe/Madrid".into();
    expected["quietHours"] = json!({ "from": "22:00", "to": "08:00" });
    assert_eq!(settled, expected);
    let heard = json!({ "sequence": 1, "settings": expected });
    assert_eq!(laptop.hears().await, ("SettingsChanged".into(), heard));
    // What was read can be written, and null takes the quiet hours away.
    assert_eq!(
        laptop.call("SetSettings", json!([expected])).await,
        expected
    );
    let open = laptop
        .call("SetSettings", json!([{ "quietHours": null }]))
        .await;
    assert_eq!(open["quietHours"], json!(null));
    assert_eq!(open["timeZone"], "Europe/Madrid");
    assert_eq!(
        laptop.hears().await.1["sequence"],
        2,
        "the same again was no event"
    );
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let place = Place::start().await;
    let ear = place.ann().await;
    let wrong = json!([{
        "language": "fr", "timeZone": "Mars", "quietHours": { "from": "9", "to": "08:00" },
        "quietDays": ["someday"], "muted": ["security"], "livePerDay": 5_000,
    }]);
    let text = ear.refused("SetSettings", wrong).await;
    assert!(text.starts_with("invalid_argument: "), "{text}");
    for field in [
        "language",
        "timeZone",
        "quietHours.from",
        "quietDays[0]",
        "muted[0]",
        "livePerDay",
    ] {
        assert!(text.contains(field), "{field}: {text}");
    }
    let text = ear
        .refused("SetSettings", json!([{ "colour": "red" }]))
        .await;
    assert!(text.starts_with("invalid_argument: argument 1"), "{text}");
}

#[tokio::test]
async fn what_is_muted_waits_in_the_inbox_and_only_the_number_changes() {
    let place = Place::start().await;
    let mut ear = place.ann().await;
    ear.call(
        "SetSettings",
        json!([{ "muted": ["newRequest"], "livePerDay": 1 }]),
    )
    .await;
    ear.call("Subscribe", json!([])).await;
    place.tell_usual(1).await;
    assert_eq!(
        ear.hears_all(1).await,
        ["UnreadChanged sequence=2 unread=1"]
    );
    place.tell(2, NoticeKind::System, Priority::Normal).await;
    assert_eq!(ear.hears_all(2).await[0], "ReceiveNotification sequence=3");
    place.tell(3, NoticeKind::System, Priority::Normal).await;
    assert_eq!(
        ear.hears_all(1).await,
        ["UnreadChanged sequence=4 unread=3"]
    );
    place.tell(4, NoticeKind::Security, Priority::Low).await;
    assert_eq!(ear.hears_all(2).await[0], "ReceiveNotification sequence=5");
    let page = ear.call("Inbox", json!([])).await;
    assert_eq!(
        page["notifications"].as_array().unwrap().len(),
        4,
        "the inbox keeps all"
    );
}
