//! Lost hints heal: by the next one, by repeats of the last position, and by looking.

use super::town::{Town, pass};
use super::wire::Switches;

#[tokio::test(start_paused = true)]
async fn a_lost_hint_is_healed_by_the_next_one() {
    let town = Town::new(2).await;
    town.create(0, "band", &["bob"]).await;
    let (owner, other) = (town.owner("band"), 1 - town.owner("band"));
    let (_session, ear) = town.join(other, "bob", "band").await;
    Switches::set(&town.switches(owner).no_hints, true);
    let lost = town.send(owner, "band", "ada", "m1").await.expect("sent").0;
    pass(100).await;
    assert!(ear.events().is_empty());
    Switches::set(&town.switches(owner).no_hints, false);
    let heard = town.send(owner, "band", "ada", "m2").await.expect("sent").0;
    pass(50).await;
    assert_eq!(ear.events(), [lost, heard]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_last_hint_is_healed_by_the_repeat_of_the_head() {
    let town = Town::new(2).await;
    town.create(0, "band", &["bob"]).await;
    let (owner, other) = (town.owner("band"), 1 - town.owner("band"));
    let (_session, ear) = town.join(other, "bob", "band").await;
    // Past the looks that follow the begin of an interest.
    pass(2_000).await;
    Switches::set(&town.switches(owner).no_hints, true);
    let lost = town.send(owner, "band", "ada", "m1").await.expect("sent").0;
    pass(1_500).await;
    assert!(ear.events().is_empty(), "all words so far were lost");
    Switches::set(&town.switches(owner).no_hints, false);
    pass(3_000).await;
    assert_eq!(ear.events(), [lost]);
}

#[tokio::test(start_paused = true)]
async fn when_every_hint_is_lost_a_round_of_looks_is_the_last_net() {
    let town = Town::new(2).await;
    town.create(0, "band", &["bob"]).await;
    let (owner, other) = (town.owner("band"), 1 - town.owner("band"));
    let (_session, ear) = town.join(other, "bob", "band").await;
    pass(2_000).await;
    Switches::set(&town.switches(owner).no_hints, true);
    let lost = town.send(owner, "band", "ada", "m1").await.expect("sent").0;
    pass(62_000).await;
    assert_eq!(ear.events(), [lost]);
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
