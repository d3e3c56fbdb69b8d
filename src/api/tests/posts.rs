//! What operators write into inboxes: who may, once per key, shown as its type says.

use serde_json::{Value, json};

use super::Stage;
use super::requests::get;

const LINE: &str = "POST /api/admin/notifications";
const ROOT: &str = "root:admin";

fn note(kind: &str) -> Value {
    json!({
        "userId": "ana", "type": kind, "title": "Aviso", "message": "Mañana no hay servicio.",
        "data": { "from": "08:00" },
    })
}

#[tokio::test]
async fn an_admins_words_are_in_the_inbox_once_and_like_any_others() {
    let stage = Stage::new().await;
    let keyed = [("idempotency-key", "n1")];
    let posted = stage
        .ask_with(ROOT, LINE, &keyed, Some(note("system")))
        .await;
    assert_eq!(
        (posted.status, posted.json()),
        (201, json!({ "userId": "ana", "sequence": 1 })),
        "{posted:?}"
    );
    let again = stage
        .ask_with(ROOT, LINE, &keyed, Some(note("system")))
        .await;
    assert_eq!((again.status, &again.text), (201, &posted.text));
    // The inbox knows the key, too, when the answer is forgotten, and what it stands for.
    stage.clock.pass(std::time::Duration::from_secs(25 * 3_600));
    let again = stage
        .ask_with(ROOT, LINE, &keyed, Some(note("system")))
        .await;
    assert_eq!((again.status, &again.text), (201, &posted.text));
    assert_eq!(again.header("idempotency-replayed"), None);
    stage.clock.pass(std::time::Duration::from_secs(25 * 3_600));
    let other = stage
        .ask_with(ROOT, LINE, &keyed, Some(note("security")))
        .await;
    assert_eq!(other.problem().1, "idempotency_key_reused");

    for (kind, shown, priority) in [
        ("security", "security", "high"),
        ("critical", "system", "critical"),
        ("marketing", "marketing", "low"),
    ] {
        let posted = stage.ask(ROOT, LINE, Some(note(kind))).await;
        assert_eq!(posted.status, 201, "{posted:?}");
        let newest = get(&stage, "ana", "/api/inbox?limit=1").await["items"][0].clone();
        assert_eq!(
            (&newest["type"], &newest["priority"]),
            (&json!(shown), &json!(priority))
        );
        assert_eq!(
            (
                &newest["title"],
                &newest["message"],
                &newest["data"]["from"]
            ),
            (
                &json!("Aviso"),
                &json!("Mañana no hay servicio."),
                &json!("08:00")
            )
        );
    }
    assert_eq!(get(&stage, "ana", "/api/inbox").await["unread"], 4);
}

#[tokio::test]
async fn nobody_else_writes_into_an_inbox_and_all_that_is_wrong_is_told() {
    let stage = Stage::new().await;
    for who in ["ana", "mia:moderator", "olga:organizer"] {
        let refused = stage.ask(who, LINE, Some(note("system"))).await;
        assert_eq!(refused.problem().1, "forbidden", "{who}");
    }
    let mut wrong = note("chat");
    wrong["title"] = json!("");
    wrong["data"] = json!({ "from": 8 });
    wrong["userId"] = json!("");
    let (status, _, errors) = stage.ask(ROOT, LINE, Some(wrong)).await.problem();
    assert_eq!((status, errors.len()), (400, 4), "{errors:?}");
    let mut taken = note("system");
    taken["data"] = json!({ "title": "x" });
    let (_, _, errors) = stage.ask(ROOT, LINE, Some(taken)).await.problem();
    assert_eq!(errors, ["data.title: has a field of its own"]);
    // What only the inbox knows.
    let mut blank = note("system");
    blank["message"] = json!("  ");
    blank["data"] = json!({ "n".repeat(65): "x" });
    let (_, _, errors) = stage.ask(ROOT, LINE, Some(blank)).await.problem();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[1].starts_with("message: must be given"),
        "{errors:?}"
    );
    assert_eq!(get(&stage, "ana", "/api/inbox").await["unread"], 0);
}
