//! Who is here, who types, who read what and who was added: the same news on every node.

use std::sync::Arc;

use super::ear::Ear;
use super::town::{Town, node, pass, room, user};
use super::wire::Switches;
use actors::hub::HubSession;
use actors::machines::room::RoomCommand;

#[tokio::test(start_paused = true)]
async fn whoever_comes_and_goes_on_one_node_is_seen_on_the_others() {
    let town = Town::new(3).await;
    town.create(0, "band", &["bob"]).await;
    let (_ada, ear) = town.join(0, "ada", "band").await;
    pass(1_000).await;
    ear.news();
    let (bob, _) = town.join(1, "bob", "band").await;
    pass(600).await;
    assert_eq!(ear.news(), ["bob came, 2"]);
    let joined = bob.join(&room("band"), None).await.expect("joined");
    assert_eq!(joined.present, Some(vec![user("ada"), user("bob")]));
    joined.starting.begin();

    // A second device elsewhere: nobody comes, and nobody goes when the first one does.
    let (again, _) = town.join(2, "bob", "band").await;
    drop(bob);
    pass(4_000).await;
    assert_eq!(ear.news(), [] as [&str; 0]);
    drop(again);
    pass(4_000).await;
    assert_eq!(ear.news(), ["bob went, 1"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_was_on_a_node_that_died_is_gone_within_five_seconds_and_whoever_came_back_is_not()
{
    let mut town = Town::new(3).await;
    town.create(0, "band", &["bob", "cid"]).await;
    let (_ada, ear) = town.join(0, "ada", "band").await;
    let (bob, _) = town.join(1, "bob", "band").await;
    let (cid, _) = town.join(1, "cid", "band").await;
    pass(1_000).await;
    ear.news();
    town.kill(1);
    drop((bob, cid));
    pass(500).await;
    let _cid = town.join(2, "cid", "band").await;
    pass(4_500).await;
    assert_eq!(ear.news(), ["bob went, 2"]);
    let (band, ada) = (room("band"), user("ada"));
    let members = town.hub(2).members(&band, &ada, None, 10);
    let online: Vec<bool> = members
        .await
        .expect("members")
        .iter()
        .map(|m| m.1)
        .collect();
    assert_eq!(online, [true, false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_word_of_presence_is_said_again_and_a_node_that_was_silent_says_all_of_it() {
    let town = Town::new(2).await;
    town.create(0, "band", &["bob"]).await;
    let (_ada, ear) = town.join(0, "ada", "band").await;
    pass(1_000).await;
    ear.news();
    Switches::set(&town.switches(1).no_hints, true);
    let _bob = town.join(1, "bob", "band").await;
    pass(3_000).await;
    assert_eq!(ear.news(), [] as [&str; 0], "lost");
    Switches::set(&town.switches(1).no_hints, false);
    pass(31_000).await;
    assert_eq!(ear.news(), ["bob came, 2"]);

    // Silent for a while: gone for others, and back with all it has.
    for silent in [true, false] {
        Switches::set(&town.switches(1).no_beats, silent);
        Switches::set(&town.switches(1).no_hints, silent);
        pass(5_000).await;
        let news = if silent { "bob went, 1" } else { "bob came, 2" };
        assert_eq!(ear.news(), [news]);
    }
}

/// Nobody looks at a feed without readers again, so its last word is the only one.
#[tokio::test(start_paused = true)]
async fn a_lost_farewell_is_said_again_unless_somebody_came_back() {
    let town = Town::new(2).await;
    town.create(0, "band", &["bob"]).await;
    let (_ada, ear) = town.join(0, "ada", "band").await;
    for comes_back in [false, true] {
        let (bob, _) = town.join(1, "bob", "band").await;
        pass(1_000).await;
        ear.news();
        drop(bob);
        Switches::set(&town.switches(1).no_hints, true);
        pass(3_600).await;
        assert_eq!(ear.news(), [] as [&str; 0], "lost");
        Switches::set(&town.switches(1).no_hints, false);
        let back = match comes_back {
            true => Some(town.join(1, "bob", "band").await),
            false => None,
        };
        pass(4_500).await;
        let expected: &[&str] = match comes_back {
            true => &[],
            false => &["bob went, 1"],
        };
        assert_eq!(ear.news(), expected);
        drop(back);
    }
}

/// Ada hears of Bob and Cem, who are on other nodes; then all nodes are cut off from each other.
async fn cut_off(town: &Town) -> (Vec<HubSession>, Arc<Ear>) {
    town.create(0, "band", &["bob", "cem"]).await;
    let (ada, ear) = town.join(0, "ada", "band").await;
    let (bob, _) = town.join(1, "bob", "band").await;
    let (cem, _) = town.join(2, "cem", "band").await;
    pass(1_000).await;
    ear.news();
    cut(town, true);
    (vec![ada, bob, cem], ear)
}

fn cut(town: &Town, off: bool) {
    (0..3).for_each(|number| town.exchange.cut(&node(number), off));
}

/// The farewell is said into an outage that is longer than it is repeated, and nobody is declared gone in one.
#[tokio::test(start_paused = true)]
async fn whoever_left_in_an_outage_is_gone_soon_after_it_and_whoever_stayed_never_left() {
    let town = Town::new(3).await;
    let (mut sessions, ear) = cut_off(&town).await;
    drop(sessions.remove(1));
    pass(12_000).await;
    // A moment in which not everything can be said is not enough.
    cut(&town, false);
    pass(500).await;
    cut(&town, true);
    pass(12_000).await;
    assert_eq!(ear.news(), [] as [&str; 0], "cut off");
    cut(&town, false);
    pass(16_000).await;
    assert_eq!(ear.news(), ["bob went, 2"]);
    pass(120_000).await;
    assert_eq!(ear.news(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_after_an_outage_is_asked_for_again() {
    let town = Town::new(3).await;
    let (_sessions, ear) = cut_off(&town).await;
    pass(12_000).await;
    Switches::set(&town.switches(2).no_hints, true);
    cut(&town, false);
    pass(3_000).await;
    Switches::set(&town.switches(2).no_hints, false);
    pass(120_000).await;
    assert_eq!(ear.news(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn typing_is_seen_on_other_nodes_and_ends_with_its_connection() {
    let town = Town::new(2).await;
    town.create(0, "band", &["bob"]).await;
    let (_ada, ear) = town.join(0, "ada", "band").await;
    let (bob, own) = town.join(1, "bob", "band").await;
    pass(1_000).await;
    ear.news();
    own.news();
    bob.typing(&room("band"), true).await.expect("a member");
    pass(50).await;
    assert_eq!(ear.news(), ["bob types"]);
    bob.typing(&room("band"), false).await.expect("a member");
    bob.typing(&room("band"), true).await.expect("a member");
    pass(50).await;
    assert_eq!(ear.news(), ["bob rests", "bob types"]);
    drop(bob);
    pass(50).await;
    assert_eq!(ear.news(), ["bob rests"]);
    assert_eq!(own.news(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn marks_and_memberships_reach_the_other_nodes() {
    let town = Town::new(3).await;
    town.create(0, "band", &["bob"]).await;
    let (_ada, ear) = town.join(0, "ada", "band").await;
    let sent = town.send(2, "band", "ada", "m1").await.expect("sent");
    let (_cid, news) = town.connect(2, "cid");
    pass(1_000).await;
    ear.news();
    let marked = town
        .hub(1)
        .mark_read(&room("band"), &user("bob"), sent)
        .await;
    marked.expect("marked");
    pass(1_500).await;
    assert_eq!(ear.news(), [format!("bob read {sent}")]);

    let invite = RoomCommand::Invite {
        by: user("ada"),
        user: user("cid"),
    };
    town.hub(1)
        .room(&room("band"), invite)
        .await
        .expect("invited");
    pass(100).await;
    assert_eq!(news.news(), ["added to band"]);
}

/// Whether each member of a room is online, as one node says.
async fn online(town: &Town, on: usize, name: &str) -> Vec<bool> {
    let members = town
        .hub(on)
        .members(&room(name), &user("ada"), None, 1_000)
        .await;
    members.expect("members").iter().map(|m| m.1).collect()
}

#[tokio::test(start_paused = true)]
async fn a_node_without_subscribers_of_a_room_says_of_its_members_who_is_online() {
    let town = Town::new(3).await;
    town.create(0, "band", &["bob", "cid"]).await;
    assert_eq!(online(&town, 2, "band").await, [false, false, false]);
    let _ada = town.join(0, "ada", "band").await;
    let (bob, _) = town.join(1, "bob", "band").await;
    for asked in 0..3 {
        assert_eq!(online(&town, asked, "band").await, [true, true, false]);
    }
    drop(bob);
    assert_eq!(online(&town, 2, "band").await, [true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn in_a_room_too_big_for_names_each_member_is_marked_all_the_same() {
    let town = Town::new(2).await;
    let names: Vec<String> = (0..80).map(|n| format!("u{n:02}")).collect();
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    town.create(0, "hall", &members).await;
    let mut sessions = Vec::new();
    for name in &names[..60] {
        sessions.push(town.join(1, name, "hall").await);
    }
    pass(1_000).await;
    let marked = online(&town, 0, "hall").await;
    let expected = (0..81).map(|n| (1..=60).contains(&n));
    assert_eq!(
        marked,
        expected.collect::<Vec<_>>(),
        "ada is first and away"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_answer_costs_a_bounded_time_and_its_last_word_holds() {
    let town = Town::new(3).await;
    town.create(0, "band", &["bob", "cid"]).await;
    let _ada = town.join(0, "ada", "band").await;
    let _bob = town.join(1, "bob", "band").await;
    pass(1_000).await;
    Switches::set(&town.switches(1).deaf, true);
    let name = town.owner("band");
    if name == 1 {
        // The room itself would not answer; its members are asked of the next owner then.
        Switches::set(&town.switches(1).no_beats, true);
    }
    let begun = tokio::time::Instant::now();
    assert_eq!(online(&town, 0, "band").await, [true, true, false]);
    let most = if name == 1 { 4_600 } else { 600 };
    assert!(begun.elapsed().as_millis() < most, "{:?}", begun.elapsed());
}
