//! Unread counts: what others said since, and never one's own messages.

use actors::ids::Sequence;

use super::stage::{Stage, pass, room, user};

/// How far a user has read the band, and what is unread.
async fn unread(stage: &Stage, name: &str) -> (Sequence, u64) {
    let page = stage.hub.my_rooms(&user(name), None, 10).await;
    let rooms = page.expect("listed").rooms;
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    (rooms[0].read_up_to, rooms[0].unread)
}

async fn say(stage: &Stage, name: &str, id: &str) -> Sequence {
    let sent = stage.send("band", name, id).await;
    sent.expect("accepted").sequence
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_has_read_up_to_the_own_message_at_once_and_for_good() {
    let stage = Stage::new(|_| {}).await;
    stage.create("band", &["bob"]).await.expect("created");
    say(&stage, "ada", "m1").await;
    say(&stage, "ada", "m2").await;
    assert_eq!(unread(&stage, "bob").await, (Sequence::ZERO, 2));
    let own = say(&stage, "bob", "m3").await;
    assert_eq!(unread(&stage, "bob").await, (own, 0));
    let last = say(&stage, "ada", "m4").await;
    assert_eq!(
        unread(&stage, "bob").await,
        (own, 1),
        "before it is written"
    );
    pass(6_000).await;
    assert_eq!(unread(&stage, "bob").await, (own, 1), "once it is written");
    assert_eq!(unread(&stage, "ada").await, (last, 0));
    // An earlier mark changes nothing.
    let (band, bob) = (room("band"), user("bob"));
    let marked = stage.hub.mark_read(&band, &bob, Sequence(1)).await;
    assert_eq!(marked.expect("marked").up_to, own);
    // Another node finds what was written.
    let store = stage.store.clone();
    stage.hub.drain().await;
    let other = Stage::on(store, |_| {}).await;
    assert_eq!(unread(&other, "bob").await, (own, 1));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_has_no_room_to_wait_costs_the_sender_a_count_and_nobody_a_message() {
    let stage = Stage::new(|limits| limits.fanout.pending_cursors = 1).await;
    stage.create("band", &["bob"]).await.expect("created");
    say(&stage, "ada", "m1").await;
    let own = say(&stage, "bob", "m2").await;
    assert_eq!(unread(&stage, "bob").await, (own, 0), "it is the last one");
    say(&stage, "ada", "m3").await;
    assert_eq!(unread(&stage, "bob").await, (Sequence::ZERO, 3));
    pass(1_500).await;
    let own = say(&stage, "bob", "m4").await;
    say(&stage, "ada", "m5").await;
    assert_eq!(unread(&stage, "bob").await, (own, 1), "there is room again");
}
