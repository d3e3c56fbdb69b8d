//! What holds of rooms holds of other kinds of entity: one owner, one order, nothing lost on the way to those who listen.

use std::sync::atomic::Ordering;

use actors::cluster::RouteError;
use actors::ids::{EntityId, EntityKind, NodeId};
use actors::runtime::AskError;
use actors::testing::notes::{NotesCommand, NotesReply, TooGreat};

use super::counts::Counts;
use super::notes::{GREATEST, of};
use super::town::{Town, node, pass, room, user};
use super::wire::Switches;

#[tokio::test(start_paused = true)]
async fn wishes_from_any_node_meet_in_one_entity_and_all_who_listen_see_one_order() {
    let town = Town::with_notes(3).await;
    let mut ears = Vec::new();
    for on in 0..3 {
        ears.push(town.listen(on, "ada", None).await);
    }
    for number in 0..20 {
        let asked = (0..3).map(|on| town.note(on, "ada", number * 3 + on as u64));
        for answer in futures_util::future::join_all(asked).await {
            answer.expect("taken down");
        }
    }
    pass(100).await;
    for (_, ear) in &ears {
        assert_eq!(ear.events(), (1..=60).collect::<Vec<_>>());
        assert_eq!(ear.news(), [] as [&str; 0], "nobody is present there");
    }
    let awake: Vec<usize> = (0..3).map(|n| town.hub(n).load().0).collect();
    assert_eq!(awake.iter().sum::<usize>(), 1, "{awake:?}");
    assert_eq!(awake[town.owner_of(&of("ada"))], 1, "{awake:?}");
    // A query and a refusal find their way back, too.
    for on in 0..3 {
        let count = town.ask_notes(on, "ada", NotesCommand::Count).await;
        assert_eq!(count, Ok(NotesReply::Count(60)));
        let refused = town.note(on, "ada", GREATEST + 1).await;
        let too_great = TooGreat { greatest: GREATEST };
        assert_eq!(refused, Err(AskError::Rejected(too_great)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_owner_is_asked_again_where_a_repeat_is_known_for_one_and_else_is_not() {
    let town = Town::with_notes(3).await;
    let name = town.somebody_of(2);
    town.note(0, &name, 1).await.expect("taken down");
    Switches::set(&town.switches(2).no_answers, true);
    Switches::set(&town.switches(2).no_beats, true);
    assert_eq!(town.note(0, &name, 2).await, Ok(2), "once");
    let asked = town.switches(2).requests.load(Ordering::Relaxed);
    assert!(asked >= 2, "asked {asked} times");
    Switches::set(&town.switches(2).no_beats, false);
    pass(600).await;
    let again = town.ask_notes(0, &name, NotesCommand::AddAgain(2)).await;
    assert_eq!(again, Err(RouteError::Ask(AskError::OutcomeUnknown)));
    pass(3_000).await;
    Switches::set(&town.switches(2).no_answers, false);
    assert_eq!(town.note(1, &name, 3).await, Ok(4), "it happened once");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_run_such_entities_says_so_and_the_one_that_asked_does_it() {
    let town = Town::new(3).await;
    town.host_notes(&[0, 1]).await;
    let name = town.somebody_of(2);
    let (_session, ear) = town.listen(1, &name, None).await;
    assert_eq!(town.note(0, &name, 1).await, Ok(1));
    assert_eq!(town.note(1, &name, 2).await, Ok(2), "they take turns");
    assert_eq!(town.note(0, &name, 2).await, Ok(2));
    assert!(matches!(
        town.note(2, &name, 3).await,
        Err(AskError::Unavailable { .. })
    ));
    assert_eq!(town.hub(2).load().0, 0);
    pass(1_000).await;
    assert_eq!(ear.events(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn all_kinds_are_read_ahead_by_the_next_owners_of_a_node_that_drains() {
    let counts = Counts::default();
    let _counted = metrics::set_default_local_recorder(&counts);
    let town = Town::with_notes(3).await;
    let names: Vec<String> = (0..200).map(|n| format!("n-{n}")).collect();
    let mine = |name: &&String| town.owner_of(&of(name)) == 1;
    let names: Vec<&String> = names.iter().filter(mine).take(6).collect();
    for name in &names {
        town.note(0, name, 1).await.expect("taken down");
    }
    let band = town.room_of(1);
    town.create(0, &band, &[]).await;
    let awake = town.hub(1).load().0;
    assert_eq!(awake, names.len() + 1, "rooms and notes");
    let before = counts.of("mussikon_first_commands_total{asleep}");
    let told = counts.of("mussikon_handoffs_total");
    let seen = town.hub(0).peers().expect("a cluster").outlook();
    let beat = seen.others.iter().find(|other| other.beat.node == node(1));
    pass(1_000).await;
    assert!(beat.is_some());

    town.hub(1).drain().await;
    assert_eq!(town.hub(1).load().0, 0, "everything sleeps there");
    assert_eq!(counts.of("mussikon_handoffs_total") - told, awake as u64);
    for name in &names {
        assert_eq!(town.note(0, name, 2).await, Ok(2));
    }
    town.send(0, &band, "ada", "m").await.expect("sent");
    let ready = counts.of("mussikon_first_commands_total{ready}");
    assert_eq!(ready, awake as u64, "read ahead before the first command");
    assert_eq!(counts.of("mussikon_first_commands_total{asleep}"), before);
    assert_eq!(counts.of("mussikon_append_conflicts_total"), 0);
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_and_reports_count_all_kinds() {
    let town = Town::with_notes(2).await;
    let (name, band) = (town.somebody_of(1), town.room_of(1));
    town.note(0, &name, 1).await.expect("taken down");
    town.create(0, &band, &["bob"]).await;
    let (_ada, _ear) = town.listen(0, "ada", None).await;
    let (_bob, _ear) = town.join(0, "bob", &band).await;
    pass(1_000).await;
    let peers = town.hub(0).peers().expect("a cluster");
    let awake: Vec<u64> = peers
        .outlook()
        .others
        .iter()
        .map(|o| o.beat.awake)
        .collect();
    assert_eq!(awake, [2]);
    let reports: Vec<(NodeId, u64)> = peers
        .reports(None)
        .await
        .into_iter()
        .map(|(node, report)| (node, report.expect("an answer").entities_awake))
        .collect();
    assert_eq!(reports, [(node(1), 2)]);
    let here = town.hub(0).report(None);
    assert_eq!((here.rooms_subscribed, here.inboxes_subscribed), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nobody_listens_to_rooms_or_users_without_being_asked_who_they_are() {
    let town = Town::with_notes(1).await;
    town.create(0, "band", &[]).await;
    let (session, ear) = town.connect(0, "eve");
    let band = EntityId::room(&room("band"));
    for entity in [band, EntityId::user(&user("ada"))] {
        assert!(session.attach(&entity, None).await.is_err());
    }
    pass(1_000).await;
    assert_eq!(
        town.hub(0).subscribed(EntityKind::Room),
        0,
        "no feed is left"
    );
    assert_eq!(ear.events(), [] as [u64; 0]);
}
