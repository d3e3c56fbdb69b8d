//! Listening to something that is no room: from a position on any node, through lost words and dead nodes.

use actors::ids::{EntityKind, Sequence};

use super::notes::of;
use super::town::{Town, pass, user};
use super::wire::Switches;

async fn notes(town: &Town, on: usize, name: &str, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        town.note(on, name, number).await.expect("taken down");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_resumes_on_another_node_sees_what_was_missed_and_then_what_comes() {
    let town = Town::with_notes(3).await;
    let (session, ear) = town.listen(0, "ada", None).await;
    notes(&town, 1, "ada", 1..=3).await;
    pass(50).await;
    assert_eq!(ear.events(), [1, 2, 3]);
    drop(session);
    notes(&town, 1, "ada", 4..=700).await;
    let (_session, resumed) = town.listen(2, "ada", Some(3)).await;
    let (_other, fresh) = town.listen(2, "ada", None).await;
    notes(&town, 0, "ada", 701..=702).await;
    pass(100).await;
    assert_eq!(resumed.events(), (4..=702).collect::<Vec<_>>());
    assert_eq!(fresh.events(), [701, 702]);
    let (_all, all) = town.listen(1, "ada", Some(0)).await;
    pass(100).await;
    assert_eq!(all.events(), (1..=702).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_position_beyond_the_head_is_reset_to_the_beginning() {
    let town = Town::with_notes(2).await;
    notes(&town, 0, "ada", 1..=3).await;
    let (session, ear) = town.listen(1, "ada", Some(99)).await;
    pass(100).await;
    assert_eq!(ear.news(), ["reset 1"]);
    assert_eq!(ear.events(), [1, 2, 3]);
    // Anew from a position that is there: the later one counts.
    let starting = session.attach(&of("ada"), Some(Sequence(2))).await;
    let starting = starting.expect("attached");
    assert_eq!(starting.head(), Sequence(3));
    starting.begin();
    pass(100).await;
    assert_eq!(ear.events(), [1, 2, 3, 3]);
    assert_eq!(ear.news(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn lost_words_are_healed_by_the_next_one_and_by_the_repeat_of_the_head() {
    let town = Town::with_notes(2).await;
    let name = town.somebody_of(0);
    let (_session, ear) = town.listen(1, &name, None).await;
    pass(2_000).await;
    let lose = |lost| Switches::set(&town.switches(0).no_hints, lost);
    lose(true);
    notes(&town, 0, &name, 1..=1).await;
    pass(50).await;
    assert_eq!(ear.events(), [] as [u64; 0]);
    lose(false);
    notes(&town, 0, &name, 2..=2).await;
    pass(50).await;
    assert_eq!(ear.events(), [1, 2], "a gap is filled");
    pass(5_000).await;
    lose(true);
    notes(&town, 0, &name, 3..=3).await;
    pass(1_500).await;
    assert_eq!(ear.events(), [1, 2], "all words so far were lost");
    lose(false);
    pass(3_000).await;
    assert_eq!(ear.events(), [1, 2, 3], "the head is said again");
    lose(true);
    notes(&town, 0, &name, 4..=4).await;
    pass(62_000).await;
    assert_eq!(ear.events(), [1, 2, 3, 4], "a look is the last net");
}

#[tokio::test(start_paused = true)]
async fn what_a_node_took_down_but_died_before_telling_is_found_when_it_is_missed() {
    let mut town = Town::with_notes(3).await;
    let name = town.somebody_of(0);
    let (_session, ear) = town.listen(1, &name, None).await;
    pass(2_000).await;
    Switches::set(&town.switches(0).no_hints, true);
    notes(&town, 0, &name, 1..=1).await;
    town.kill(0);
    pass(6_500).await;
    assert_eq!(ear.events(), [1]);
    notes(&town, 2, &name, 2..=2).await;
    pass(100).await;
    assert_eq!(ear.events(), [1, 2], "another node owns it");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_what_nobody_listens_to_any_more() {
    let town = Town::with_notes(2).await;
    let (session, ear) = town.listen(0, "ada", None).await;
    let (_other, _) = town.listen(0, "bob", None).await;
    assert!(session.is_attached(&of("ada")) && !session.is_attached(&of("bob")));
    pass(1_000).await;
    assert_eq!(town.hub(0).subscribed(EntityKind::Inbox), 2);
    assert!(session.detach(&of("ada")) && !session.detach(&of("ada")));
    pass(1_000).await;
    assert_eq!(town.hub(0).subscribed(EntityKind::Inbox), 1);
    notes(&town, 1, "ada", 1..=1).await;
    pass(100).await;
    assert_eq!(ear.events(), [] as [u64; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_session_has_a_bounded_number_of_subscriptions_of_all_kinds_together() {
    let town = Town::with_notes(1).await;
    let (session, _) = town.connect(0, "ada");
    let all = 1_000;
    for number in 0..all {
        let someone = of(&format!("someone-{number}"));
        let starting = session.attach(&someone, None).await;
        starting.expect("attached").begin();
    }
    town.create(0, "band", &[]).await;
    let refused = session.join(&super::town::room("band"), None).await;
    let refused = refused.err().map(|error| error.to_string());
    assert_eq!(
        refused.as_deref(),
        Some("a connection may have 1000 subscriptions")
    );
    session.detach(&of("someone-7"));
    assert!(session.join(&super::town::room("band"), None).await.is_ok());
    assert_eq!(session.user(), &user("ada"));
}
