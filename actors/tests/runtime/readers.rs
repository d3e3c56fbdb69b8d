//! Fan-out: what a subscription shows, and when.

use actors::delivery::{Delivery, Outlet};
use actors::ids::Sequence;
use actors::machines::room::{Role, RoomCommand};
use actors::testing::reader::Reader;

use super::stage::{Stage, pass, room, user};

async fn band(messages: usize) -> Stage {
    let stage = Stage::new(|limits| {
        limits.runtime.snapshot_records = 4;
        limits.runtime.snapshot_ratio = 0;
        limits.fanout.page_records = 2;
        limits.fanout.recent_events = 3;
    })
    .await;
    stage.create("band", &["bob"]).await.expect("created");
    for number in 0..messages {
        let sent = stage.send("band", "ada", &format!("m{number}")).await;
        assert!(sent.is_ok());
    }
    stage
}

#[tokio::test(start_paused = true)]
async fn a_join_shows_what_follows_the_position_then_what_comes() {
    let stage = band(3).await;
    let bob = stage.connect("bob", 100);
    let (all, new) = (
        stage.join(&bob, "band", Some(Sequence::ZERO)).await,
        stage.connect("bob", 100),
    );
    let new_view = stage.join(&new, "band", None).await;
    pass(50).await;
    stage.send("band", "ada", "live").await.expect("accepted");
    pass(50).await;
    bob.1.read(100);
    new.1.read(100);
    assert_eq!(stage.seen(all), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(stage.seen(new_view), [7], "only what is new");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_shown_before_the_answer_to_the_join_is_out() {
    let stage = band(3).await;
    stage.create("duo", &["bob"]).await.expect("created");
    let bob = stage.connect("bob", 100);
    let joined = bob
        .0
        .join(&room("band"), Some(Sequence::ZERO))
        .await
        .expect("joined");
    // Catching up in another room must not drag this one along.
    let duo = stage.join(&bob, "duo", Some(Sequence::ZERO)).await;
    stage
        .send("band", "ada", "meanwhile")
        .await
        .expect("accepted");
    pass(500).await;
    let view = stage.view(&bob.0, "band", Some(Sequence::ZERO), joined.view.head);
    bob.1.joined(room("band"), view, None);
    joined.starting.begin();
    pass(500).await;
    bob.1.read(100);
    assert_eq!(stage.seen(duo), [1, 2, 3]);
    assert_eq!(
        stage.seen(view),
        [1, 2, 3, 4, 5, 6, 7],
        "all of it after the answer"
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_loses_nothing_and_its_queue_stays_bounded() {
    let stage = band(0).await;
    let bob = stage.connect("bob", 4);
    let view = stage.join(&bob, "band", Some(Sequence::ZERO)).await;
    for number in 0..200 {
        let sent = stage.send("band", "ada", &format!("m{number}")).await;
        assert!(sent.is_ok());
    }
    for _ in 0..400 {
        bob.1.read(1);
        pass(10).await;
    }
    assert_eq!(stage.seen(view), (1..=203).collect::<Vec<i64>>());
    let gauge = stage.history.lock().gauges[0].clone();
    assert_eq!(gauge.highest, 4, "full, and never fuller");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_to_many_rooms_at_once_is_shown_all_of_each() {
    let stage = band(0).await;
    let bob = stage.connect("bob", 4);
    let (mut begun, mut views) = (Vec::new(), Vec::new());
    for number in 0..20 {
        let name = format!("room-{number}");
        stage.create(&name, &["bob"]).await.expect("created");
        let sent = stage.send(&name, "ada", "before").await;
        assert!(sent.is_ok());
        let joined = bob.0.join(&room(&name), Some(Sequence::ZERO)).await;
        let joined = joined.expect("joined");
        views.push(stage.view(&bob.0, &name, Some(Sequence::ZERO), joined.view.head));
        bob.1.read(100);
        bob.1.joined(room(&name), views[number], None);
        begun.push(joined.starting);
    }
    for starting in begun {
        starting.begin();
    }
    pass(10).await;
    let behind = |name| {
        let report = stage.hub.report(Some(&room(name)));
        report.room.expect("of the room").readers_behind
    };
    assert_eq!((behind("room-0"), behind("room-9")), (0, 1));
    // One falls behind again, and one is left, while others still wait for their turn.
    let sent = stage.send("room-0", "ada", "meanwhile").await;
    assert!(sent.is_ok());
    assert_eq!(behind("room-0"), 1);
    assert!(bob.0.leave(&room("room-9")));
    read_slowly(&bob.1).await;
    for (number, view) in views.into_iter().enumerate() {
        let shown: &[i64] = match number {
            0 => &[1, 2, 3, 4, 5],
            9 => &[],
            _ => &[1, 2, 3, 4],
        };
        assert_eq!(stage.seen(view), shown, "room-{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_position_beyond_the_head_is_reset_even_if_the_queue_is_full_just_then() {
    let stage = band(3).await;
    let bob = stage.connect("bob", 1);
    let noise = Delivery::new(actors::delivery::Payload::Typing {
        room: room("band"),
        user: user("ada"),
        typing: true,
    });
    let _ = bob.1.push(&noise);
    let view = stage.join(&bob, "band", Some(Sequence(999))).await;
    for _ in 0..50 {
        pass(20).await;
        bob.1.read(1);
    }
    assert_eq!(stage.seen(view), [-1, 1, 2, 3, 4, 5, 6]);
}

/// A node that keeps events for a second, and reads so many at once.
async fn forgetful(page_records: usize) -> Stage {
    keeping(1_000, page_records).await
}

async fn keeping(retention_ms: u64, page_records: usize) -> Stage {
    let stage = Stage::new(|limits| {
        limits.runtime.snapshot_records = 4;
        limits.runtime.snapshot_ratio = 0;
        limits.runtime.retention_ms = retention_ms;
        limits.fanout.recent_events = 0;
        limits.fanout.page_records = page_records;
    })
    .await;
    stage.create("band", &["bob"]).await.expect("created");
    stage
}

fn remove_bob() -> RoomCommand {
    RoomCommand::Remove {
        by: user("ada"),
        user: user("bob"),
    }
}

/// Ada says something every half second.
async fn talk(stage: &Stage, messages: std::ops::Range<u64>) {
    talk_in(stage, "band", messages).await;
}

async fn read_slowly(reader: &Reader) {
    for _ in 0..100 {
        reader.read(1);
        pass(20).await;
    }
}

async fn talk_in(stage: &Stage, room: &str, messages: std::ops::Range<u64>) {
    for number in messages {
        pass(500).await;
        let sent = stage.send(room, "ada", &format!("m{number}")).await;
        assert!(sent.is_ok());
    }
}

/// What a connection shows that reads again: where the reset leads, and what came behind it.
async fn after_reset(stage: &Stage, (reader, view): (&Reader, usize)) -> (i64, Vec<i64>) {
    read_slowly(reader).await;
    let seen = stage.seen(view);
    let reset = seen.iter().position(|number| *number < 0).expect("a reset");
    (-seen[reset], seen[reset + 1..].to_vec())
}

#[tokio::test(start_paused = true)]
async fn events_trimmed_under_a_reader_are_answered_with_a_reset() {
    let stage = forgetful(8).await;
    let bob = stage.connect("bob", 1);
    let view = stage.join(&bob, "band", Some(Sequence::ZERO)).await;
    talk(&stage, 0..12).await;
    let (from, seen) = after_reset(&stage, (&bob.1, view)).await;
    assert!(from > 4, "something was trimmed: {from}");
    assert_eq!(seen, (from..=15).collect::<Vec<i64>>());
}

#[tokio::test(start_paused = true)]
async fn whose_removal_was_trimmed_sees_nothing_after_it_unless_added_again() {
    // When bob is removed, when added again, and from where on bob may read what is kept, if at all.
    for (removed, added, readable) in [
        (2, None, None),
        (2, Some(3), Some(0)),
        (2, Some(11), Some(16)),
    ] {
        let stage = forgetful(8).await;
        let bob = stage.connect("bob", 1);
        let view = stage.join(&bob, "band", Some(Sequence::ZERO)).await;
        talk(&stage, 0..removed).await;
        assert!(stage.hub.room(&room("band"), remove_bob()).await.is_ok());
        talk(&stage, removed..added.unwrap_or(12)).await;
        if let Some(added) = added {
            let (by, user) = (user("ada"), user("bob"));
            let add = RoomCommand::Invite { by, user };
            let answered = stage.hub.room(&room("band"), add).await;
            assert!(answered.is_ok());
            talk(&stage, added..12).await;
        }
        let (from, seen) = after_reset(&stage, (&bob.1, view)).await;
        assert!(from > 8, "the removal was trimmed: {from}");
        match readable {
            None => assert_eq!(seen, [] as [i64; 0]),
            Some(0) => assert_eq!(seen, (from..=17).collect::<Vec<i64>>()),
            Some(least) => assert_eq!((from, seen), (least, vec![least, 17])),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_behind_a_gap_is_shown_to_whoever_was_a_member_then() {
    let (by, user) = (user("ada"), user("bob"));
    let role = Role::Moderator;
    let promote = RoomCommand::SetRole { by, user, role };
    // What happens to bob, and whether the message after it is shown; it is beyond the first page that is read, or on it.
    for (happens, last) in [(remove_bob(), 16), (promote, 17)] {
        for page_records in [1, 8] {
            let stage = forgetful(page_records).await;
            let bob = stage.connect("bob", 1);
            let view = stage.join(&bob, "band", Some(Sequence::ZERO)).await;
            talk(&stage, 0..12).await;
            let answered = stage.hub.room(&room("band"), happens.clone()).await;
            assert!(answered.is_ok());
            let sent = stage.send("band", "ada", "secret").await;
            assert!(sent.is_ok());
            let (from, seen) = after_reset(&stage, (&bob.1, view)).await;
            assert!(from > 4, "something was trimmed: {from}");
            assert_eq!(seen, (from..=last).collect::<Vec<i64>>());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_joined_as_a_member_sees_all_that_is_kept_of_before() {
    let stage = keeping(4_000, 1).await;
    stage.create("club", &["eve"]).await.expect("created");
    talk_in(&stage, "club", 0..8).await;
    let (by, user) = (user("ada"), user("bob"));
    let invite = RoomCommand::Invite { by, user };
    assert!(stage.hub.room(&room("club"), invite).await.is_ok());
    let invited = stage.head("club").await.expect("a head").0 as i64;
    let bob = stage.connect("bob", 1);
    let view = stage.join(&bob, "club", Some(Sequence::ZERO)).await;
    talk_in(&stage, "club", 8..12).await;
    read_slowly(&bob.1).await;
    let seen = stage.seen(view);
    let last = seen.iter().rposition(|number| *number < 0).expect("resets");
    let from = -seen[last];
    assert!(
        last > 0 && from < invited,
        "trimmed again, before {invited}: {seen:?}"
    );
    assert_eq!(seen[last + 1..], (from..=invited + 4).collect::<Vec<i64>>());
}

#[tokio::test(start_paused = true)]
async fn whoever_is_removed_sees_the_removal_and_nothing_after_it() {
    let stage = band(1).await;
    let (bob, behind) = (stage.connect("bob", 100), stage.connect("bob", 1));
    let live = stage.join(&bob, "band", Some(Sequence::ZERO)).await;
    let slow = stage.join(&behind, "band", Some(Sequence::ZERO)).await;
    pass(50).await;
    // All in one row: the removal and what follows it.
    stage.store.hold();
    let first = stage.spawn_send("band", "first".into());
    pass(5).await;
    let hub = stage.hub.clone();
    let remove = tokio::spawn(async move { hub.room(&room("band"), remove_bob()).await });
    pass(5).await;
    let secret = stage.spawn_send("band", "secret".into());
    pass(5).await;
    stage.store.release();
    assert!(first.await.expect("answered").is_ok());
    assert!(remove.await.expect("answered").is_ok());
    assert_eq!(
        secret.await.expect("answered").expect("accepted").sequence,
        Sequence(7)
    );
    for _ in 0..30 {
        bob.1.read(1);
        behind.1.read(1);
        pass(50).await;
    }
    assert_eq!(
        stage.seen(live),
        [1, 2, 3, 4, 5, 6],
        "up to the removal at 6"
    );
    assert_eq!(
        stage.seen(slow),
        [1, 2, 3, 4, 5, 6],
        "also from the journal"
    );
    assert!(!bob.0.session().is_subscribed(&room("band")));
}

#[tokio::test(start_paused = true)]
async fn a_second_join_moves_the_position_and_the_first_one_shows_nothing_more() {
    let stage = band(20).await;
    let bob = stage.connect("bob", 2);
    let first = stage.join(&bob, "band", Some(Sequence::ZERO)).await;
    bob.1.read(1);
    let second = stage.join(&bob, "band", Some(Sequence(20))).await;
    for _ in 0..60 {
        bob.1.read(1);
        pass(20).await;
    }
    let shown = stage.seen(first);
    assert_eq!(shown, (1..=shown.len() as i64).collect::<Vec<_>>());
    assert!(shown.len() < 23, "cut off by the second join: {shown:?}");
    assert_eq!(stage.seen(second), [21, 22, 23]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_rooms_that_nobody_reads() {
    let stage = band(1).await;
    let bob = stage.connect("bob", 10);
    stage.join(&bob, "band", None).await;
    assert_eq!(stage.hub.load().1, 1);
    drop(bob);
    let eve = stage.connect("eve", 10);
    assert!(
        eve.0.join(&room("band"), None).await.is_err(),
        "not a member"
    );
    pass(5_000).await;
    assert_eq!(
        stage.hub.load().1,
        0,
        "no feed, not even of the refused join"
    );
}
