//! Listening to something that is no room: from a position on any node, through lost words and dead nodes.

use std::sync::Arc;

use actors::bus::frame::{self, Frame};
use actors::bus::{Bus, BusEvent, BusLimits, Inbox, LocalBus, Message, Reply, Subject, Token};
use actors::ids::{EntityId, EntityKind, Sequence};
use actors::machines::inbox::InboxCommand;
use actors::machines::request::Change;
use actors::machines::terms::PlatformRole;
use actors::machines::user::{ProfileInput, UserCommand};
use actors::testing::{Mutation, mutate};
use parking_lot::Mutex;

use super::mail::{caller, gig, of};
use super::town::{Town, node, pass, user};
use super::wire::Switches;

#[tokio::test(start_paused = true)]
async fn whoever_resumes_on_another_node_sees_what_was_missed_and_then_what_comes() {
    let town = Town::new(3).await;
    let (session, ear) = town.listen(0, "ada", None).await;
    town.notify_all(1, "ada", 1..=3).await;
    pass(50).await;
    assert_eq!(ear.events(), [1, 2, 3]);
    drop(session);
    town.notify_all(1, "ada", 4..=700).await;
    let (_session, resumed) = town.listen(2, "ada", Some(3)).await;
    let (_other, fresh) = town.listen(2, "ada", None).await;
    town.notify_all(0, "ada", 701..=702).await;
    pass(100).await;
    assert_eq!(resumed.events(), (4..=702).collect::<Vec<_>>());
    assert_eq!(fresh.events(), [701, 702]);
    let (_all, all) = town.listen(1, "ada", Some(0)).await;
    pass(100).await;
    assert_eq!(all.events(), (1..=702).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_position_beyond_the_head_is_reset_to_the_beginning() {
    let town = Town::new(2).await;
    town.notify_all(0, "ada", 1..=3).await;
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
    let town = Town::new(2).await;
    let name = town.somebody_of(0);
    let (_session, ear) = town.listen(1, &name, None).await;
    pass(2_000).await;
    let lose = |lost| Switches::set(&town.switches(0).no_hints, lost);
    lose(true);
    town.notify_all(0, &name, 1..=1).await;
    pass(50).await;
    assert_eq!(ear.events(), [] as [u64; 0]);
    lose(false);
    town.notify_all(0, &name, 2..=2).await;
    pass(50).await;
    assert_eq!(ear.events(), [1, 2], "a gap is filled");
    pass(5_000).await;
    lose(true);
    town.notify_all(0, &name, 3..=3).await;
    pass(1_500).await;
    assert_eq!(ear.events(), [1, 2], "all words so far were lost");
    lose(false);
    pass(3_000).await;
    assert_eq!(ear.events(), [1, 2, 3], "the head is said again");
    lose(true);
    town.notify_all(0, &name, 4..=4).await;
    pass(62_000).await;
    assert_eq!(ear.events(), [1, 2, 3, 4], "a look is the last net");
}

/// What a listener on another node sees of a word that was lost, and of what came before it, with a mistake in the code.
async fn seen_with(mistake: Option<Mutation>) -> Vec<u64> {
    mutate(mistake);
    let town = Town::new(2).await;
    let name = town.somebody_of(0);
    town.notify_all(0, &name, 1..=2).await;
    let (_session, ear) = town.listen(1, &name, Some(0)).await;
    pass(2_000).await;
    Switches::set(&town.switches(0).no_hints, true);
    town.notify_all(0, &name, 3..=3).await;
    pass(1_500).await;
    Switches::set(&town.switches(0).no_hints, false);
    pass(3_000).await;
    mutate(None);
    ear.events()
}

#[tokio::test(start_paused = true)]
async fn the_mistakes_that_would_show_with_rooms_show_here_as_well() {
    assert_eq!(seen_with(None).await, [1, 2, 3]);
    assert_eq!(seen_with(Some(Mutation::SkipTails)).await, [1, 2]);
    assert_eq!(seen_with(Some(Mutation::TrustToldHead)).await, [1, 2]);
    assert_eq!(seen_with(Some(Mutation::SpliceLate)).await, [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_a_node_took_in_but_died_before_telling_is_found_when_it_is_missed() {
    let mut town = Town::new(3).await;
    let name = town.somebody_of(0);
    let (_session, ear) = town.listen(1, &name, None).await;
    pass(2_000).await;
    Switches::set(&town.switches(0).no_hints, true);
    town.notify_all(0, &name, 1..=1).await;
    town.kill(0);
    pass(6_500).await;
    assert_eq!(ear.events(), [1]);
    town.notify_all(2, &name, 2..=2).await;
    pass(100).await;
    assert_eq!(ear.events(), [1, 2], "another node owns it");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_what_nobody_listens_to_any_more() {
    let town = Town::new(2).await;
    let (session, ear) = town.listen(0, "ada", None).await;
    let (_other, _) = town.listen(0, "bob", None).await;
    assert!(session.is_attached(&of("ada")) && !session.is_attached(&of("bob")));
    pass(1_000).await;
    assert_eq!(town.hub(0).subscribed(EntityKind::Inbox), 2);
    assert!(session.detach(&of("ada")) && !session.detach(&of("ada")));
    pass(1_000).await;
    assert_eq!(town.hub(0).subscribed(EntityKind::Inbox), 1);
    town.notify_all(1, "ada", 1..=1).await;
    pass(100).await;
    assert_eq!(ear.events(), [] as [u64; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_session_has_a_bounded_number_of_subscriptions_of_all_kinds_together() {
    let town = Town::new(1).await;
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

#[tokio::test(start_paused = true)]
async fn whoever_watches_a_request_sees_each_step_from_wherever_it_is_made() {
    let town = Town::new(3).await;
    let gala = EntityId::request(&gig("gala"));
    town.draft(0, "gala").await.expect("drafted");
    let (session, ear) = town.attach(1, "org", &gala, None).await;
    let (_other, all) = town.attach(2, "org", &gala, Some(0)).await;
    let reason = || "The hall burnt down.".to_owned();
    let cancel = Change::Cancel { reason: reason() };
    let cancelled = town.change(2, "gala", cancel).await.expect("cancelled");
    pass(100).await;
    assert_eq!(ear.events(), [cancelled]);
    assert_eq!(all.events(), (1..=cancelled).collect::<Vec<_>>());
    assert_eq!(ear.shown(), ["draft to cancelled"]);
    assert_eq!(all.shown(), ["draft to draft", "draft to cancelled"]);
    assert_eq!(ear.news(), [] as [&str; 0]);
    assert!(session.detach(&gala));
}

#[tokio::test(start_paused = true)]
async fn what_was_put_away_is_shown_without_its_words_wherever_it_comes_from() {
    let town = Town::new(2).await;
    let name = town.somebody_of(0);
    town.notify_all(0, &name, 1..=2).await;
    let (_early, early) = town.listen(1, &name, Some(0)).await;
    pass(100).await;
    assert_eq!(early.shown(), ["a notice", "a notice"]);
    let put_away = InboxCommand::Dismiss {
        target: Sequence(1),
    };
    let put_away = town.hub(1).inbox(&user(&name), put_away).await;
    put_away.expect("put away");
    pass(100).await;
    assert_eq!(early.shown(), ["gone 1"]);
    for on in 0..2 {
        let (_late, late) = town.listen(on, &name, Some(0)).await;
        pass(100).await;
        assert_eq!(late.shown(), ["an empty notice", "a notice", "gone 1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_becomes_durable_of_a_user_is_told_to_nobody() {
    let town = Town::new(2).await;
    let spy = Arc::new(Spy::default());
    let bus = LocalBus::new(town.exchange.clone(), node(9), BusLimits::default());
    bus.attach(spy.clone());
    for entity in [EntityId::user(&user("ada")), of("ada")] {
        bus.subscribe(Token::of(&entity));
    }
    let set = UserCommand::SetProfile {
        by: caller("ada", PlatformRole::User),
        key: None,
        expected: None,
        profile: ProfileInput {
            name: "Ada".into(),
            ..ProfileInput::default()
        },
    };
    town.hub(0).user(&user("ada"), set).await.expect("set");
    pass(10_000).await;
    assert_eq!(*spy.0.lock(), [] as [EntityId; 0]);
    town.notify(0, "ada", 1).await.expect("taken in");
    pass(10_000).await;
    // The row, and its head again a few times.
    let heard = std::mem::take(&mut *spy.0.lock());
    assert_eq!(heard, vec![of("ada"); 6]);
}

/// Keeps of which journals it hears.
#[derive(Default)]
struct Spy(Mutex<Vec<EntityId>>);

impl Inbox for Spy {
    fn hint(&self, _: Subject, message: Message) {
        if let Ok((Frame::Row { entity, .. } | Frame::Head { entity, .. }, _)) =
            frame::decode(&message.payload)
        {
            self.0.lock().push(entity);
        }
    }

    fn request(&self, _: Message, _: Reply) {}

    fn changed(&self, _: BusEvent) {}
}
