//! What alarms in the store bring about: rows that a dead writer left out, and nobody else's delay.

use actors::ids::{Sequence, Timestamp};
use actors::journal::Wakeups;
use tokio::runtime::{Builder, Runtime};

use super::stage::{Paused, Stage, entity, pass, room, user};
use super::store::Held;

/// One life of a node: dropping it is a crash.
fn life() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    builder.build().expect("a runtime")
}

/// Rooms that the lists say a user is in.
async fn listed(stage: &Stage, name: &str) -> usize {
    let page = stage.hub.my_rooms(&user(name), None, 10).await;
    page.expect("listed").rooms.len()
}

async fn alarms(store: &Held) -> Vec<Timestamp> {
    let due = store.inner.due(Timestamp(u64::MAX), None, 100).await;
    due.expect("read").into_iter().map(|(_, at)| at).collect()
}

#[test]
fn a_row_that_its_writer_died_over_is_in_the_lists_within_five_seconds() {
    let store = Held::not_atomic();
    store.tear(true);
    let first = life();
    first.block_on(async {
        let stage = Stage::on(store.clone(), |_| {}).await;
        tokio::spawn(async move { stage.create("band", &["bob"]).await });
        pass(200).await;
    });
    drop(first);
    store.tear(false);
    life().block_on(async {
        // The clock of a life begins anew; the alarm was armed in the first moments of the first one.
        let stage = Stage::on(store.clone(), |_| {}).await;
        assert_eq!(listed(&stage, "bob").await, 0);
        pass(5_000).await;
        assert_eq!(listed(&stage, "bob").await, 1);
        let now = actors::clock::Clock::now(&Paused::default());
        let left = alarms(&store).await;
        assert!(
            matches!(left[..], [late] if late.since(now) > 30_000),
            "the append might have landed later: {left:?}"
        );
        pass(45_000).await;
        assert_eq!(alarms(&store).await, []);
    });
}

#[tokio::test(start_paused = true)]
async fn an_append_whose_writer_lives_leaves_no_alarm_behind() {
    let store = Held::not_atomic();
    let stage = Stage::on(store.clone(), |_| {}).await;
    stage.create("band", &["bob"]).await.expect("created");
    stage.send("band", "ada", "m1").await.expect("accepted");
    pass(100).await;
    assert_eq!(alarms(&store).await, []);
}

#[tokio::test(start_paused = true)]
async fn an_entity_that_cannot_be_roused_holds_up_nothing_else() {
    let stage = Stage::new(|_| {}).await;
    stage.create("band", &["bob"]).await.expect("created");
    stage.create("stuck", &["cy"]).await.expect("created");
    let sent = stage.send("band", "ada", "m1").await.expect("accepted");
    stage.store.stall(Some(entity("stuck")));
    let now = actors::clock::Clock::now(&Paused::default());
    let armed = stage.store.inner.arm(&entity("stuck"), now).await;
    armed.expect("armed");
    pass(1_500).await;
    let marked = stage
        .hub
        .mark_read(&room("band"), &user("bob"), sent.sequence)
        .await;
    marked.expect("marked");
    pass(1_500).await;
    // Another node finds what was written.
    let other = Stage::on(stage.store.clone(), |_| {}).await;
    let page = other.hub.my_rooms(&user("bob"), None, 10).await;
    let rooms = page.expect("listed").rooms;
    let read: Vec<Sequence> = rooms.iter().map(|room| room.read_up_to).collect();
    assert!(read.contains(&sent.sequence), "{read:?}");
}
