//! "Is typing": what others are told of it, and that it always ends.

use std::sync::Arc;

use actors::delivery::{Delivery, Outlet, Payload, Pushed};
use actors::hub::HubSession;
use parking_lot::Mutex;

use super::stage::{Stage, pass, room, user};

/// Keeps who began or ended typing, in order.
#[derive(Default)]
struct Ear(Mutex<Vec<(String, bool)>>);

impl Ear {
    fn heard(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Outlet for Ear {
    fn push(&self, delivery: &Arc<Delivery>) -> Pushed {
        if let Payload::Typing { user, typing, .. } = &delivery.payload {
            self.0.lock().push((user.to_string(), *typing));
        }
        Pushed::Accepted
    }

    fn on_drain(&self, wake: Box<dyn FnOnce() + Send>) {
        wake();
    }
}

async fn joined(stage: &Stage, name: &str) -> (HubSession, Arc<Ear>) {
    let ear = Arc::new(Ear::default());
    let session = stage.hub.connect(user(name), ear.clone());
    let joined = session.join(&room("band"), None).await.expect("joined");
    joined.starting.begin();
    (session, ear)
}

async fn bob_types() -> (Stage, HubSession, (HubSession, Arc<Ear>)) {
    let stage = Stage::new(|_| ()).await;
    stage.create("band", &["bob"]).await.expect("created");
    let ada = joined(&stage, "ada").await;
    let (bob, own) = joined(&stage, "bob").await;
    bob.typing(&room("band"), true).await.expect("a member");
    bob.typing(&room("band"), true).await.expect("renewed");
    assert_eq!(ada.1.heard(), [("bob".to_owned(), true)], "told once");
    assert_eq!(own.heard(), [], "not to oneself");
    (stage, bob, ada)
}

#[tokio::test(start_paused = true)]
async fn typing_that_is_not_renewed_ends_by_itself() {
    let (_stage, _bob, ada) = bob_types().await;
    pass(10_000).await;
    assert_eq!(ada.1.heard(), [("bob".to_owned(), false)]);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_or_disconnects_while_typing_is_told_to_have_stopped() {
    let (stage, bob, ada) = bob_types().await;
    assert!(bob.leave(&room("band")));
    assert_eq!(ada.1.heard(), [("bob".to_owned(), false)], "left");

    let (again, _) = joined(&stage, "bob").await;
    again.typing(&room("band"), true).await.expect("a member");
    drop(again);
    let told = [("bob".to_owned(), true), ("bob".to_owned(), false)];
    assert_eq!(ada.1.heard(), told, "disconnected");
}
