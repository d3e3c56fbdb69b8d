//! A node of a later version among others: what they do not understand of it costs nothing but what it would have said.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actors::bus::frame::{self, Beat, Frame, Outcome};
use actors::bus::{
    Bus, BusEvent, BusLimits, Inbox, LocalBus, Message, Reply, Subject, Token, Traces,
};
use actors::cluster::placement::Placement;
use actors::ids::EntityId;
use bytes::Bytes;

use super::counts::Counts;
use super::town::{Town, node, pass, room};

const UNREADABLE: &str = "mussikon_bus_dropped_total{unreadable}";

/// It understands no wish of the others, and they have their own word for that.
#[derive(Default)]
pub struct Later(pub AtomicUsize);

impl Inbox for Later {
    fn hint(&self, _: Subject, _: Message) {}

    fn request(&self, _: Message, reply: Reply) {
        self.0.fetch_add(1, Ordering::Relaxed);
        let answer = Frame::Answer(Outcome::NotUnderstood);
        reply(frame::encode(&answer, frame::OLDEST, &node(2)));
    }

    fn changed(&self, _: BusEvent) {}
}

/// Its sign of life, with two fields more than are known here.
pub fn beat() -> Bytes {
    let beat = Beat {
        node: node(2),
        incarnation: 7,
        draining: false,
        writes: frame::OLDEST,
        reads: frame::NEWEST + 1,
        awake: 0,
    };
    let mut bytes = frame::encode(&Frame::Beat(beat), frame::OLDEST, &node(2)).to_vec();
    // Format, kind, number of fields.
    bytes[2] += 2;
    bytes.extend_from_slice(&[0x07, 0xc3]);
    bytes.into()
}

#[tokio::test(start_paused = true)]
async fn what_a_later_version_says_is_understood_as_far_as_it_can_be_and_the_rest_is_counted() {
    let counts = Counts::default();
    let _counted = metrics::set_default_local_recorder(&counts);
    let town = Town::new(2).await;
    let with = Placement::new([0, 1, 2].map(node));
    let mut names = (0..).map(|n| format!("hall-{n}"));
    let name = names.find(|name| with.owner(&EntityId::room(&room(name))) == Some(&node(2)));
    let name = name.expect("one of many");
    town.create(0, &name, &["bob"]).await;
    let (_bob, ear) = town.join(1, "bob", &name).await;
    pass(1_000).await;

    let bus = LocalBus::new(town.exchange.clone(), node(2), BusLimits::default());
    let (later, traces) = (Arc::new(Later::default()), Traces::new(9));
    bus.attach(later.clone());
    let entity = Subject::Entity(Token::of(&EntityId::room(&room(&name))));
    let mut sent = Vec::new();
    for turn in 0..4 {
        bus.publish(Subject::Nodes, traces.begin(), beat());
        // A kind and a format that nobody knows yet.
        for unknown in [&[1, 200, 0x90][..], &[frame::NEWEST + 1, 1, 0x90]] {
            bus.publish(entity, traces.begin(), Bytes::copy_from_slice(unknown));
        }
        pass(400).await;
        let one = town.send(0, &name, "ada", &format!("m{turn}")).await;
        sent.push(one.expect("carried out by whoever was asked").0);
    }
    for hub in 0..2 {
        let known = town.hub(hub).peers().expect("a cluster").others();
        assert_eq!(known, 2, "its sign of life was understood by {hub}");
    }
    assert!(
        later.0.load(Ordering::Relaxed) >= 4,
        "it was asked as the owner"
    );
    // Bob's node hears the room.
    assert_eq!(counts.of(UNREADABLE), 8);
    pass(1_000).await;
    assert_eq!(ear.events(), sent);

    // And a request of a kind that is unknown here is refused in words that it knows.
    let wish = Bytes::from_static(&[1, 200, 0x90]);
    let asked = bus.request(
        &node(0),
        traces.begin(),
        wish,
        std::time::Duration::from_secs(1),
    );
    let answer = frame::decode(&asked.await.expect("an answer")).expect("readable");
    assert_eq!(answer.0, Frame::Answer(Outcome::NotUnderstood));
}
