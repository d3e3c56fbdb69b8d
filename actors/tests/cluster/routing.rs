//! Commands from any node reach one owner; what happens when it is gone, silent, draining or out of reach.

use actors::hub::HubError;
use actors::ids::Sequence;
use actors::machines::room::{RoomCommand, RoomReply};
use actors::runtime::AskError;
use tokio::time::Instant;

use super::town::{Town, message, pass, room, user};
use super::wire::Switches;

#[tokio::test(start_paused = true)]
async fn commands_from_any_node_meet_in_one_actor_and_all_readers_see_one_order() {
    let town = Town::new(3).await;
    town.create(0, "band", &["bob", "cid"]).await;
    let names = ["ada", "bob", "cid"];
    let mut readers = Vec::new();
    for (number, name) in names.iter().enumerate() {
        readers.push(town.join(number, name, "band").await);
    }
    let first = town.head("band").await;
    let mut sends = Vec::new();
    for turn in 0..20 {
        for (number, name) in names.iter().enumerate() {
            let hub = town.hub(number).clone();
            let command = message(name, &format!("{name}-{turn}"));
            sends.push(tokio::spawn(async move {
                hub.room(&room("band"), command).await.expect("sent");
            }));
        }
    }
    for send in sends {
        send.await.expect("no panic");
    }
    pass(100).await;
    let expected: Vec<u64> = (first + 1..=first + 60).collect();
    for (_, ear) in &readers {
        assert_eq!(ear.events(), expected);
    }
    let awake: Vec<usize> = (0..3).map(|n| town.hub(n).load().0).collect();
    assert_eq!(awake.iter().sum::<usize>(), 1, "{awake:?}");
    assert_eq!(awake[town.owner("band")], 1, "{awake:?}");
    let repeat = town.send(1, "band", "bob", "bob-3").await.expect("known");
    assert!(repeat.0 <= first + 60, "a second message: {repeat}");
}

#[tokio::test(start_paused = true)]
async fn rejections_travel_with_their_words() {
    let town = Town::new(2).await;
    let name = town.room_of(1);
    town.create(0, &name, &[]).await;
    let refused = |by: &str| {
        let command = RoomCommand::Rename {
            by: user(by),
            name: "x".repeat(10_000),
        };
        let hub = town.hub(0).clone();
        let name = room(&name);
        async move { hub.room(&name, command).await.err().map(|e| e.to_string()) }
    };
    let text = refused("ada").await.expect("too long");
    assert!(text.starts_with("name "), "{text}");
    let text = refused("eve").await.expect("a stranger");
    assert!(text.contains("member"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_owner_is_replaced_at_once_and_a_dead_readers_room_goes_on_elsewhere() {
    let mut town = Town::new(3).await;
    let name = town.room_of(2);
    town.create(0, &name, &["bob"]).await;
    let (_session, ear) = town.join(1, "bob", &name).await;
    town.send(0, &name, "ada", "before").await.expect("sent");
    town.kill(2);
    let begun = Instant::now();
    let after = town.send(0, &name, "ada", "after").await.expect("sent");
    assert!(begun.elapsed().as_millis() < 100, "{:?}", begun.elapsed());
    pass(100).await;
    assert_eq!(ear.events().last(), Some(&after.0));
    let outlook = town.hub(0).peers().expect("a cluster").outlook();
    let suspected: Vec<bool> = outlook.others.iter().map(|other| other.suspected).collect();
    assert_eq!(suspected, [false, true]);
    let seen = town
        .hub(1)
        .whereabouts(&room(&name))
        .await
        .expect("readable");
    assert_eq!(
        (seen.head, seen.position, seen.subscribed),
        (after, Some(after), 1)
    );
    pass(2_500).await;
    assert_eq!(town.hub(0).peers().expect("a cluster").others(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_owner_costs_time_and_no_message_is_there_twice() {
    let town = Town::new(3).await;
    let name = town.room_of(2);
    town.create(0, &name, &["bob"]).await;
    // It does what it is asked, says nothing, and is then taken for dead.
    Switches::set(&town.switches(2).no_answers, true);
    Switches::set(&town.switches(2).no_beats, true);
    let begun = Instant::now();
    let sent = town.send(0, &name, "ada", "once").await.expect("sent");
    assert!(begun.elapsed().as_millis() < 4_000, "{:?}", begun.elapsed());
    assert_eq!(town.head(&name).await, sent.0, "nothing after it");
    assert_eq!(town.records(&name).await as u64, sent.0);
    let asked = town
        .switches(2)
        .requests
        .load(std::sync::atomic::Ordering::Relaxed);
    assert!(asked >= 2, "asked {asked} times");

    // A wish that must not be repeated is of unknown outcome instead.
    Switches::set(&town.switches(2).no_beats, false);
    pass(600).await;
    let edit = RoomCommand::Edit {
        by: user("ada"),
        target: sent,
        text: "edited".into(),
    };
    let unknown = town.hub(0).room(&room(&name), edit).await.err();
    assert_eq!(unknown, Some(HubError::Room(AskError::OutcomeUnknown)));
    assert_eq!(town.head(&name).await, sent.0 + 1, "it happened once");
}

/// Three nodes, the last of which owns a room and has just taken a message for it from the first, which it does not answer;
/// with the room's name, when the message was sent, and what becomes of it.
async fn taken_by_the_third() -> (Town, String, Instant, Sending) {
    let town = Town::new(3).await;
    let name = town.room_of(2);
    town.create(0, &name, &["bob"]).await;
    Switches::set(&town.switches(2).no_answers, true);
    let hub = town.hub(0).clone();
    let (to, begun) = (room(&name), Instant::now());
    let sent = tokio::spawn(async move { hub.room(&to, message("ada", "once")).await });
    pass(100).await;
    (town, name, begun, sent)
}

type Sending = tokio::task::JoinHandle<Result<RoomReply, HubError>>;

#[tokio::test(start_paused = true)]
async fn a_wish_that_the_dead_had_taken_waits_no_longer_than_it_takes_to_see_that_nobody_is_there()
{
    let (mut town, name, begun, sent) = taken_by_the_third().await;
    town.kill(2);
    assert!(sent.await.expect("no panic").is_ok());
    assert!(begun.elapsed().as_millis() < 500, "{:?}", begun.elapsed());
    assert_eq!(town.head(&name).await, town.records(&name).await as u64);
    let again = town.send(1, &name, "ada", "once").await.expect("known");
    assert_eq!(town.head(&name).await, again.0, "it is there once");
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_an_earlier_life_had_taken_is_given_up_once_the_next_one_speaks() {
    let (mut town, name, begun, sent) = taken_by_the_third().await;
    // Nobody asks in vain meanwhile: it is back before the next question.
    town.kill(2);
    town.start(2).await;
    assert!(sent.await.expect("no panic").is_ok());
    assert!(begun.elapsed().as_millis() < 900, "{:?}", begun.elapsed());
    assert_eq!(town.head(&name).await, town.records(&name).await as u64);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_never_answers_is_done_without_in_the_end() {
    let town = Town::new(2).await;
    let name = town.room_of(1);
    town.create(0, &name, &[]).await;
    Switches::set(&town.switches(1).deaf, true);
    // It says that it is there and answers nothing: in the end this node does it, and the store decides.
    let begun = Instant::now();
    let sent = town.send(0, &name, "ada", "m").await.expect("sent");
    assert!(begun.elapsed().as_millis() < 4_500, "{:?}", begun.elapsed());
    Switches::set(&town.switches(1).deaf, false);
    let again = town.send(0, &name, "ada", "m").await;
    assert_eq!((again, town.head(&name).await), (Ok(sent), sent.0));
}

#[tokio::test(start_paused = true)]
async fn nodes_that_do_not_know_of_each_other_are_slow_but_agree() {
    let town = Town::new(2).await;
    town.create(0, "band", &["bob"]).await;
    for number in 0..2 {
        Switches::set(&town.switches(number).no_beats, true);
    }
    pass(3_000).await;
    let (_a, one) = town.join(0, "ada", "band").await;
    let (_b, other) = town.join(1, "bob", "band").await;
    let first = town.head("band").await;
    let mut sends = Vec::new();
    for turn in 0..30 {
        for (number, name) in ["ada", "bob"].into_iter().enumerate() {
            let hub = town.hub(number).clone();
            let command = message(name, &format!("{name}-{turn}"));
            sends.push(tokio::spawn(async move {
                hub.room(&room("band"), command).await.expect("sent");
            }));
        }
        pass(3).await;
    }
    for send in sends {
        send.await.expect("no panic");
    }
    pass(5_000).await;
    let expected: Vec<u64> = (first + 1..=first + 60).collect();
    assert_eq!(one.events(), expected);
    assert_eq!(other.events(), expected);
    let awake: Vec<usize> = (0..2).map(|n| town.hub(n).load().0).collect();
    assert_eq!(awake, [1, 1], "both believe that they own it");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_cut_off_reads_serves_its_own_and_refuses_what_it_would_forward() {
    let town = Town::new(2).await;
    let (own, others) = (town.room_of(0), town.room_of(1));
    for name in [&own, &others] {
        town.create(0, name, &["bob"]).await;
    }
    let (_session, ear) = town.join(0, "bob", &others).await;
    let (_session, far) = town.join(1, "bob", &own).await;
    town.exchange.cut(&super::town::node(0), true);
    pass(3_000).await;
    let refused = town.send(0, &others, "ada", "m1").await.err();
    assert_eq!(refused, Some(HubError::CutOff));
    let mine = town.send(0, &own, "ada", "m2").await.expect("its own");
    let theirs = town.send(1, &others, "ada", "m3").await.expect("there");
    let view = town.hub(0).view(&room(&others), &user("ada")).await;
    assert_eq!(view.expect("readable").head, theirs);
    // It hears nothing, so it looks.
    pass(4_500).await;
    assert_eq!(ear.events(), [theirs.0]);

    town.exchange.cut(&super::town::node(0), false);
    pass(5_000).await;
    assert_eq!(far.events(), [mine.0]);
    let sent = town
        .send(0, &others, "ada", "m1")
        .await
        .expect("joined again");
    assert_eq!(sent, Sequence(theirs.0 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_draining_node_takes_nothing_and_its_rooms_go_on_elsewhere() {
    let town = Town::new(3).await;
    let name = town.room_of(1);
    town.create(0, &name, &["bob"]).await;
    let (_session, ear) = town.join(2, "bob", &name).await;
    let first = town.head(&name).await;
    let hub = town.hub(1).clone();
    let drained = tokio::spawn(async move { hub.drain().await });
    for turn in 0..20 {
        let sent = town.send(0, &name, "ada", &format!("m{turn}")).await;
        assert_eq!(sent, Ok(Sequence(first + 1 + turn)));
        pass(50).await;
    }
    drained.await.expect("no panic");
    let expected: Vec<u64> = (first + 1..=first + 20).collect();
    assert_eq!(ear.events(), expected);
    assert_eq!(town.hub(1).load().0, 0, "it sleeps there");
    assert_eq!(town.hub(0).load().0 + town.hub(2).load().0, 1);
}
