//! Lost hints heal: by the next one, by repeats of the last position, and by looking.

use std::sync::Arc;

use actors::hub::HubSession;

use super::ear::Ear;
use super::town::{Town, pass};
use super::wire::Switches;

/// The room `band` on its owner, and `bob` who hears it on another node.
struct Scene {
    town: Town,
    owner: usize,
    ear: Arc<Ear>,
    _session: HubSession,
}

impl Scene {
    async fn new() -> Self {
        let town = Town::new(2).await;
        town.create(0, "band", &["bob"]).await;
        let owner = town.owner("band");
        let (session, ear) = town.join(1 - owner, "bob", "band").await;
        Self {
            town,
            owner,
            ear,
            _session: session,
        }
    }

    fn lose_hints(&self, lost: bool) {
        Switches::set(&self.town.switches(self.owner).no_hints, lost);
    }

    async fn send(&self, id: &str) -> u64 {
        let sent = self.town.send(self.owner, "band", "ada", id).await;
        sent.expect("sent").0
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_hint_is_healed_by_the_next_one() {
    let scene = Scene::new().await;
    scene.lose_hints(true);
    let lost = scene.send("m1").await;
    pass(100).await;
    assert!(scene.ear.events().is_empty());
    scene.lose_hints(false);
    let heard = scene.send("m2").await;
    pass(50).await;
    assert_eq!(scene.ear.events(), [lost, heard]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_last_hint_is_healed_by_the_repeat_of_the_head() {
    let scene = Scene::new().await;
    // Past the looks that follow the begin of an interest.
    pass(2_000).await;
    scene.lose_hints(true);
    let lost = scene.send("m1").await;
    pass(1_500).await;
    assert!(scene.ear.events().is_empty(), "all words so far were lost");
    scene.lose_hints(false);
    pass(3_000).await;
    assert_eq!(scene.ear.events(), [lost]);
}

#[tokio::test(start_paused = true)]
async fn when_every_hint_is_lost_a_round_of_looks_is_the_last_net() {
    let scene = Scene::new().await;
    pass(2_000).await;
    scene.lose_hints(true);
    let lost = scene.send("m1").await;
    pass(62_000).await;
    assert_eq!(scene.ear.events(), [lost]);
}

#[tokio::test(start_paused = true)]
async fn what_a_node_appended_but_died_before_telling_is_found_when_it_is_missed() {
    let mut town = Town::new(3).await;
    let name = town.room_of(0);
    town.create(0, &name, &["bob"]).await;
    let (_session, ear) = town.join(1, "bob", &name).await;
    pass(2_000).await;
    Switches::set(&town.switches(0).no_hints, true);
    let untold = town.send(0, &name, "ada", "m1").await.expect("sent").0;
    town.kill(0);
    // Two seconds until it is missed, and a look within the time that looks are spread over.
    pass(6_500).await;
    assert_eq!(ear.events(), [untold]);
}
