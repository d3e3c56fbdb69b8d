//! What holds of rooms holds of other kinds of entity: one owner, one order, and nodes that come, go and fall silent.

use std::sync::atomic::Ordering;

use actors::bus::frame::{self, Frame, Outcome};
use actors::bus::{Bus, BusLimits, LocalBus, Traces};
use actors::cluster::placement::Placement;
use actors::hub::HubError;
use actors::ids::{EntityId, EntityKind, Sequence};
use actors::machines::inbox::{InboxCommand, InboxRejection, InboxReply};
use actors::machines::request::RequestRejection;
use actors::machines::terms::PlatformRole;
use actors::machines::user::{ProfileInput, UserCommand, UserReply};
use actors::runtime::AskError;

use super::counts::Counts;
use super::mail::{caller, gig, notice, of};
use super::stranger::{Later, beat};
use super::town::{Town, node, pass, room, user};
use super::wire::Switches;

#[tokio::test(start_paused = true)]
async fn wishes_from_any_node_meet_in_one_entity_and_all_who_listen_see_one_order() {
    let town = Town::new(3).await;
    let mut ears = Vec::new();
    for on in 0..3 {
        ears.push(town.listen(on, "ada", None).await);
    }
    for number in 0..20 {
        let asked = (0..3).map(|on| town.notify(on, "ada", number * 3 + on as u64));
        for answer in futures_util::future::join_all(asked).await {
            answer.expect("taken in");
        }
    }
    pass(3_000).await;
    for (_, ear) in &ears {
        assert_eq!(ear.events(), (1..=60).collect::<Vec<_>>());
        assert_eq!(ear.news(), [] as [&str; 0], "nobody is present there");
    }
    let awake: Vec<usize> = (0..3).map(|n| town.hub(n).load().0).collect();
    assert_eq!(awake.iter().sum::<usize>(), 1, "{awake:?}");
    assert_eq!(awake[town.owner_of(&of("ada"))], 1, "{awake:?}");
    // A query and a refusal find their way back, too.
    let ada = user("ada");
    for on in 0..3 {
        let ask = |command| town.hub(on).inbox(&ada, command);
        let unread = ask(InboxCommand::UnreadCount).await;
        assert!(matches!(unread, Ok(InboxReply::Unread { unread: 60, .. })));
        let target = Sequence(99);
        let refused = ask(InboxCommand::MarkRead { target }).await.err();
        let unknown = InboxRejection::NotificationNotFound(target);
        let expected = HubError::Inbox(AskError::Rejected(unknown));
        assert_eq!(refused, Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn users_and_requests_are_asked_from_any_node_as_well() {
    let town = Town::new(3).await;
    let by = caller("ada", PlatformRole::Musician);
    for (on, name) in ["Ada", "Ada L.", "Lady Ada"].into_iter().enumerate() {
        let profile = ProfileInput {
            name: name.into(),
            ..ProfileInput::default()
        };
        let set = UserCommand::SetProfile {
            by: by.clone(),
            key: Some((on as u64) << 32),
            expected: None,
            profile,
        };
        town.hub(on).user(&user("ada"), set).await.expect("set");
        let view = UserCommand::View { by: by.clone() };
        let view = town.hub((on + 1) % 3).user(&user("ada"), view).await;
        let Ok(UserReply::View(view)) = view else {
            panic!("no view: {view:?}");
        };
        assert_eq!(view.profile.name, name);
    }
    assert_eq!(town.draft(0, "gala").await, Ok(1));
    assert_eq!(town.draft(1, "gala").await, Ok(1), "the same again");
    let stranger = caller("eve", PlatformRole::User);
    for on in 0..3 {
        let view = town.hub(on).request_view(&gig("gala"), &stranger).await;
        let refused = HubError::Request(AskError::Rejected(RequestRejection::NotFound));
        assert_eq!(view.err(), Some(refused), "a draft is its organizer's");
    }
    let awake: usize = (0..3).map(|n| town.hub(n).load().0).sum();
    assert_eq!(awake, 2, "one actor each");
}

#[tokio::test(start_paused = true)]
async fn a_silent_owner_is_asked_again_where_a_repeat_is_known_for_one_and_else_is_not() {
    let town = Town::new(3).await;
    let name = town.somebody_of(2);
    town.notify(0, &name, 1).await.expect("taken in");
    Switches::set(&town.switches(2).no_answers, true);
    Switches::set(&town.switches(2).no_beats, true);
    assert_eq!(town.notify(0, &name, 2).await, Ok(2), "once");
    let asked = town.switches(2).requests.load(Ordering::Relaxed);
    assert!(asked >= 2, "asked {asked} times");
    Switches::set(&town.switches(2).no_beats, false);
    pass(600).await;
    let post = InboxCommand::Post {
        by: caller("root", PlatformRole::Admin),
        notice: notice(),
        key: None,
    };
    let unknown = town.hub(0).inbox(&user(&name), post).await.err();
    assert_eq!(unknown, Some(HubError::Inbox(AskError::OutcomeUnknown)));
    pass(3_000).await;
    Switches::set(&town.switches(2).no_answers, false);
    assert_eq!(town.notify(1, &name, 3).await, Ok(4), "it happened once");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_understood_by_the_owner_does_it_itself() {
    let town = Town::new(2).await;
    let with = Placement::new([0, 1, 2].map(node));
    let mut names = (0..).map(|n| format!("somebody-{n}"));
    let name = names.find(|name| with.owner(&of(name)) == Some(&node(2)));
    let name = name.expect("one of many");
    let (_session, ear) = town.listen(1, &name, None).await;
    let bus = LocalBus::new(town.exchange.clone(), node(2), BusLimits::default());
    let (later, traces) = (std::sync::Arc::new(Later::default()), Traces::new(9));
    bus.attach(later.clone());
    for turn in 1..=4 {
        bus.publish(actors::bus::Subject::Nodes, traces.begin(), beat());
        pass(400).await;
        assert_eq!(town.notify(turn as usize % 2, &name, turn).await, Ok(turn));
    }
    assert!(later.0.load(Ordering::Relaxed) >= 4, "it was asked");
    pass(1_000).await;
    assert_eq!(ear.events(), [1, 2, 3, 4]);

    // And so it is said here of what nobody here knows: a wish, or a kind of wish for that kind of entity.
    let of_a_room = rmp_serde::to_vec_named("Nothing").expect("written");
    for kind in EntityKind::ALL {
        let wish = Frame::Command {
            entity: EntityId::new(kind, "ada").expect("valid"),
            command: of_a_room.clone().into(),
        };
        let wish = frame::encode(&wish, frame::NEWEST, &node(2));
        let asked = bus.request(
            &node(0),
            traces.begin(),
            wish,
            std::time::Duration::from_secs(1),
        );
        let answer = frame::decode(&asked.await.expect("an answer")).expect("readable");
        assert_eq!(answer.0, Frame::Answer(Outcome::NotUnderstood), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_kinds_are_read_ahead_by_the_next_owners_of_a_node_that_drains() {
    let counts = Counts::default();
    let _counted = metrics::set_default_local_recorder(&counts);
    let town = Town::new(3).await;
    let names = (0..).map(|n| format!("n-{n}"));
    let mine = |name: &String| town.owner_of(&of(name)) == 1;
    let names: Vec<String> = names.filter(mine).take(6).collect();
    for name in &names {
        town.notify(0, name, 1).await.expect("taken in");
    }
    let band = town.room_of(1);
    town.create(0, &band, &[]).await;
    let mut gigs = (0..).map(|n| format!("gig-{n}"));
    let gala = gigs.find(|name| town.owner_of(&EntityId::request(&gig(name))) == 1);
    let gala = gala.expect("one of many");
    town.draft(0, &gala).await.expect("drafted");
    let awake = town.hub(1).load().0;
    assert_eq!(awake, names.len() + 2, "a room, a request and inboxes");
    let before = counts.of("mussikon_first_commands_total{asleep}");

    town.hub(1).drain().await;
    assert_eq!(town.hub(1).load().0, 0, "everything sleeps there");
    assert_eq!(counts.of("mussikon_handoffs_total"), awake as u64);
    for name in &names {
        assert_eq!(town.notify(0, name, 2).await, Ok(2));
    }
    town.send(0, &band, "ada", "m").await.expect("sent");
    town.draft(0, &gala).await.expect("known");
    let ready = counts.of("mussikon_first_commands_total{ready}");
    assert_eq!(ready, awake as u64, "read ahead before the first command");
    assert_eq!(counts.of("mussikon_first_commands_total{asleep}"), before);
    assert_eq!(counts.of("mussikon_append_conflicts_total"), 0);
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_and_reports_count_all_kinds() {
    let town = Town::new(2).await;
    let (name, band) = (town.somebody_of(1), town.room_of(1));
    town.notify(0, &name, 1).await.expect("taken in");
    town.create(0, &band, &["bob"]).await;
    let (_ada, _ear) = town.listen(0, "ada", None).await;
    let (_bob, _ear) = town.join(0, "bob", &band).await;
    let gala = EntityId::request(&gig("gala"));
    let (_org, _ear) = town.attach(0, "org", &gala, None).await;
    pass(1_000).await;
    let peers = town.hub(0).peers().expect("a cluster");
    let outlook = peers.outlook();
    let awake: Vec<u64> = outlook.others.iter().map(|o| o.beat.awake).collect();
    assert_eq!(awake, [2]);
    let reports = peers.reports(None).await;
    let awake: Vec<Option<u64>> = reports
        .iter()
        .map(|(_, report)| report.as_ref().map(|r| r.entities_awake))
        .collect();
    assert_eq!(awake, [Some(2)]);
    let here = town.hub(0).report(None);
    let subscribed = [
        here.rooms_subscribed,
        here.inboxes_subscribed,
        here.requests_subscribed,
    ];
    assert_eq!(subscribed, [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn nobody_listens_to_users_or_goes_past_the_members_of_a_room() {
    let town = Town::new(1).await;
    town.create(0, "band", &[]).await;
    let (session, ear) = town.connect(0, "eve");
    let band = EntityId::room(&room("band"));
    for entity in [band, EntityId::user(&user("ada"))] {
        assert!(session.attach(&entity, None).await.is_err());
    }
    pass(1_000).await;
    assert_eq!(town.hub(0).subscribed(EntityKind::Room), 0, "no feed");
    assert_eq!(ear.events(), [] as [u64; 0]);
}
