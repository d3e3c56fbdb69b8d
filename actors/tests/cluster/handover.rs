//! Nodes come and go by plan: whoever is next has read what will be its own before the first command comes to it.

use std::time::Duration;

use actors::bus::BusLimits;
use tokio::time::Instant;

use super::counts::Counts;
use super::slow::{RECOVERY, Slow};
use super::town::{Town, pass};

const ROOMS: usize = 12;
/// What a send may take while its room changes hands; without, it takes an append.
const LITTLE: Duration = Duration::from_millis(200);
const READY: &str = "mussikon_first_commands_total{ready}";
const ASLEEP: &str = "mussikon_first_commands_total{asleep}";
const CONFLICTS: &str = "mussikon_append_conflicts_total";

/// Names of rooms that this node owns while all live.
fn rooms_of(town: &Town, number: usize) -> Vec<String> {
    let names = (0..).map(|n| format!("hall-{n}"));
    let owned = names.filter(|name| town.owner(name) == number);
    owned.take(ROOMS).collect()
}

/// Sends into all rooms in turn until told to end, by way of a node; the longest that one took, and how many there were.
async fn talk(
    town: &Town,
    on: usize,
    rooms: &[String],
    mut goes_on: impl FnMut() -> bool,
) -> (Duration, usize) {
    let (mut longest, mut count) = (Duration::ZERO, 0);
    while goes_on() {
        let name = &rooms[count % rooms.len()];
        let begun = Instant::now();
        let sent = town
            .send(
                on,
                name,
                "ada",
                &format!("at-{on}-{count}-{name}-{begun:?}")
                    .replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
            )
            .await;
        sent.expect("no send fails while nodes come and go");
        longest = longest.max(begun.elapsed());
        count += 1;
    }
    (longest, count)
}

/// Every room moved; `asleep` had been woken by a command before that.
fn all_were_read_ahead(counts: &Counts, asleep: u64) {
    assert_eq!(counts.of(READY), ROOMS as u64);
    assert_eq!(counts.of(ASLEEP), asleep, "nobody was woken by a command");
    assert_eq!(
        counts.of(CONFLICTS),
        0,
        "nobody met the old owner's appends"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_drains_serves_until_the_next_owners_have_read_all_it_has() {
    let counts = Counts::default();
    let _counted = metrics::set_default_local_recorder(&counts);
    let paced = BusLimits {
        handoffs_per_second: 4,
        handoffs_at_once: 2,
        ..BusLimits::default()
    };
    let town = Town::with(3, paced, Slow::way).await;
    let rooms = rooms_of(&town, 1);
    for name in &rooms {
        town.create(0, name, &["bob"]).await;
    }
    assert_eq!(town.hub(1).load().0, ROOMS);
    let hub = town.hub(1).clone();
    let drained = tokio::spawn(async move { hub.drain().await });
    pass(1_500).await;
    let elsewhere = town.hub(0).load().0 + town.hub(2).load().0;
    assert!((2..ROOMS).contains(&elsewhere), "{elsewhere} after a while");
    assert_eq!(town.hub(1).load().0, ROOMS, "the old owner has all of them");
    let (before, ready) = (counts.of(ASLEEP), counts.of(READY));
    assert_eq!(ready, 0, "nobody was asked there yet");

    let (longest, sent) = talk(&town, 0, &rooms, || !drained.is_finished()).await;
    assert!(
        sent > 50 && longest < LITTLE,
        "{sent} sends, up to {longest:?}"
    );
    // The store needs longer than that to give a state from its beginning.
    assert!(RECOVERY > 2 * LITTLE);
    let mut left = 2 * ROOMS;
    let (longest, _) = talk(&town, 0, &rooms, || {
        left -= 1;
        left > 0
    })
    .await;
    assert!(longest < LITTLE, "{longest:?} after the drain");
    assert_eq!(town.hub(1).load().0, 0, "everything sleeps there");
    all_were_read_ahead(&counts, before);
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_a_bounded_time_and_what_was_asked_last_goes_first() {
    let hasty = BusLimits {
        handoffs_per_second: 2,
        handoffs_at_once: 1,
        handoff_ms: 2_000,
        ..BusLimits::default()
    };
    let town = Town::with(2, hasty, Slow::way).await;
    let rooms = rooms_of(&town, 1);
    for name in &rooms {
        town.create(0, name, &[]).await;
    }
    let (last, begun) = (rooms[3].clone(), Instant::now());
    town.send(0, &last, "ada", "m").await.expect("sent");
    let hub = town.hub(1).clone();
    let drained = tokio::spawn(async move { hub.drain().await });
    pass(300 + RECOVERY.as_millis() as u64).await;
    assert_eq!(town.hub(0).load().0, 2, "the first, and the next is begun");
    drained.await.expect("no panic");
    assert!(
        begun.elapsed() < Duration::from_millis(3_500),
        "{:?}",
        begun.elapsed()
    );
    let (longest, _) = talk(&town, 0, &[last], {
        let mut once = true;
        move || std::mem::replace(&mut once, false)
    })
    .await;
    assert!(longest < LITTLE, "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_comes_reads_what_will_be_its_own_while_the_others_serve() {
    let counts = Counts::default();
    let _counted = metrics::set_default_local_recorder(&counts);
    let mut town = Town::with(3, BusLimits::default(), Slow::way).await;
    let rooms = rooms_of(&town, 2);
    town.kill(2);
    pass(3_000).await;
    for name in &rooms {
        town.create(0, name, &["bob"]).await;
    }
    assert_eq!(town.hub(0).load().0 + town.hub(1).load().0, ROOMS);
    let before = counts.of(ASLEEP);
    town.start(2).await;
    let until = Instant::now() + Duration::from_millis(4_000);
    let (longest, sent) = talk(&town, 0, &rooms, || Instant::now() < until).await;
    assert!(
        sent > 100 && longest < LITTLE,
        "{sent} sends, up to {longest:?}"
    );
    assert_eq!(town.hub(2).load().0, ROOMS, "they moved");
    assert_eq!(town.hub(0).load().0 + town.hub(1).load().0, 0);
    all_were_read_ahead(&counts, before);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_begin_together_or_alone_take_entities_at_once() {
    for nodes in [1, 3] {
        let town = Town::with(nodes, BusLimits::default(), Slow::way).await;
        let outlook = |n: usize| town.hub(n).peers().expect("a cluster").outlook();
        for number in 0..nodes {
            assert_eq!(outlook(number).part, actors::cluster::nodes::Part::Taking);
        }
    }
}
